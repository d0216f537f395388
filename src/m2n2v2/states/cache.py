"""States kept between runs, by what they are made of; bounded, the least recently used dropped.

Any number of processes may share one: a file appears whole, under a name that says all its content
depends on, and one that is dropped while another process reads it stays readable there.
"""

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from m2n2v2.errors import OutputError, SettingsError, StateError
from m2n2v2.files import user_cache
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.source_code import source_digest
from m2n2v2.states.file import FORMAT, SUFFIX, read_state, write_state

FOLDER, LIMIT = "M2N2V2_CACHE", "M2N2V2_CACHE_GIB"
"""Environment variables: where it is, and how large it may be; 0 keeps nothing."""

DEFAULT_GIB = 4.0

LEFT_BEHIND = 3600.0
"""Seconds after which a temporary file belongs to nobody."""


def default_folder() -> Path:
    """The user's cache folder, as the system has it."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser() if given else user_cache() / "states"


def default_limit() -> int:
    """In bytes.

    Raises:
        SettingsError: the environment says something that is no size.
    """
    text = os.environ.get(LIMIT) or str(DEFAULT_GIB)
    try:
        gib = float(text)
        if not 0 <= gib < float("inf"):
            raise ValueError
    except ValueError as error:
        raise SettingsError(
            f"{LIMIT} is {text!r}", cure="use a number of GiB, 0 or more"
        ) from error
    return int(gib * 2**30)


@dataclass(frozen=True)
class StateCache:
    """A folder of exact states; what comes from it is bit for bit what went in.

    Attributes:
        folder: made when it is first written to.
        limit: bytes that all files together may take.
    """

    folder: Path = field(default_factory=default_folder)
    limit: int = field(default_factory=default_limit)

    def find(
        self,
        key: str,
        device: torch.device | str = "cpu",
        *,
        settings: Settings | None = None,
    ) -> ImageState | None:
        """The state of that key, if it is here; a damaged one is removed.

        Args:
            settings: to click with; those of whoever kept it, if not given.
        """
        path = self._path(key)
        try:
            state = read_state(path, settings=settings, device=device)
        except StateError:
            _remove(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the time of last use
        return state

    def put(self, key: str, state: ImageState) -> None:
        """Keep a state, and drop what there is no room for any more.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self.limit == 0:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the cache {self.folder} ({error.strerror})",
                cure=f"set {FOLDER} to a folder of yours, or use --no-cache",
            ) from error
        write_state(self._path(key), state, exact=True)
        self.trim()

    def trim(self) -> None:
        """Drop the least recently used until the rest fits."""
        now, total = time.time(), 0
        for used, size, path in sorted(self._files(), reverse=True):
            total += size
            being_written = path.name.startswith(".")
            if now - used > LEFT_BEHIND if being_written else total > self.limit:
                _remove(path)

    def bytes(self) -> int:
        """How much it takes now."""
        return sum(size for _, size, _ in self._files())

    def __len__(self) -> int:
        """How many states it holds."""
        return sum(not path.name.startswith(".") for _, _, path in self._files())

    def _files(self) -> list[tuple[float, int, Path]]:
        """Time of last use, size and path of each."""
        files = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another process dropped it
                stat = path.stat()
                files.append((stat.st_mtime, stat.st_size, path))
        return files

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"


def cache_key(image_sha256: str, settings: Settings, recipe: str) -> str:
    """Of all that a state depends on: image, settings, sources and their weights, and our code."""
    code = source_digest("m2n2v2.states.preparing")
    facts = [FORMAT, image_sha256, settings.to_dict("preparing"), recipe, code]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
