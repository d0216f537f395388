"""A folder of prepared states: find an image's by the image itself."""

import threading
from pathlib import Path

import torch

from m2n2v2.arrays import Image
from m2n2v2.errors import StateError
from m2n2v2.images import pixel_digest
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.states.file import SUFFIX, StateHeader, read_header, read_state
from m2n2v2.telling import Tell, silent


class StateFolder:
    """The states of `m2n2v2 prepare`, looked up by an image's content, whatever its file is called.

    Several threads may ask. Files may be added meanwhile.

    Args:
        root: the folder; its folders are looked into, too.
        settings: to click with; states prepared with another preparing half are refused. None for
            those that each was written with.
        device: where the chain runs.
        tell: called with each reason why a file was not used, once.

    Attributes:
        refused: the files that cannot be used, and why.

    Raises:
        StateError: there is no such folder.
    """

    def __init__(
        self,
        root: Path,
        *,
        settings: Settings | None = None,
        device: torch.device | str = "cpu",
        tell: Tell = silent,
    ) -> None:
        if not root.is_dir():
            raise StateError(f"{root} is no folder", cure="give the --out of `m2n2v2 prepare`")
        self.root = root
        self.refused: dict[Path, str] = {}
        self._settings, self._device, self._tell = settings, device, tell
        self._lock = threading.Lock()
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._headers: dict[Path, StateHeader] = {}

    def find(self, image: Image) -> ImageState | None:
        """The state of an image; None if the folder has none that can be used."""
        wanted = pixel_digest(image)
        for path in self._of(wanted):
            try:
                return read_state(
                    path, image_sha256=wanted, settings=self._settings, device=self._device
                )
            except StateError as error:
                self._refuse(path, error)
        return None

    def __len__(self) -> int:
        """How many images have a state."""
        with self._lock:
            self._look()
            return len({header.image_sha256 for header in self._headers.values()})

    def attentions(self) -> list[str]:
        """What made the states' attention."""
        with self._lock:
            self._look()
            return sorted({header.provenance.attention for header in self._headers.values()})

    def _of(self, wanted: str) -> list[Path]:
        with self._lock:
            self._look()
            return sorted(p for p, header in self._headers.items() if header.image_sha256 == wanted)

    def _look(self) -> None:
        """Read the headers of the files that are new or changed."""
        stamps = {}
        for path in self.root.rglob(f"[!.]*{SUFFIX}"):
            try:
                stat = path.stat()
            except OSError:  # gone since
                continue
            stamps[path] = (stat.st_mtime_ns, stat.st_size)
        for path in self._stamps.keys() - stamps.keys():
            self._headers.pop(path, None)
        for path, stamp in stamps.items():
            if self._stamps.get(path) != stamp:
                self._headers.pop(path, None)
                self.refused.pop(path, None)
                try:
                    self._headers[path] = read_header(path)
                except StateError as error:
                    self._refuse(path, error)
        self._stamps = stamps

    def _refuse(self, path: Path, error: StateError) -> None:
        if self.refused.get(path) != str(error):
            self.refused[path] = str(error)
            self._tell(str(error))
