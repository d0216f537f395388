"""A folder of tracked masks, written frame by frame, so that a run that died goes on.

track.json     what was followed, in which clip, by what
masks/*.png    the object of each pixel, 0 for none, under the frame's name
frames.jsonl   a line for each frame: how sure its masks are, and which are a person's
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Int32
from PIL import Image as PILImage

from m2n2v2.errors import OutputError, TrackError
from m2n2v2.files import whole_file
from m2n2v2.images import opened_image
from m2n2v2.tracking.drawing import palette
from m2n2v2.tracking.tracks import Labels, Tracked

FORMAT = 1
HEADER, MASKS, LINES = "track.json", "masks", "frames.jsonl"


@dataclass(frozen=True)
class TrackFolder:
    """The results of following one clip.

    Attributes:
        root: the folder.
        names: of the frames.
    """

    root: Path
    names: tuple[str, ...]

    @classmethod
    def opened(
        cls, root: Path, names: tuple[str, ...], facts: dict[str, Any], *, overwrite: bool = False
    ) -> Self:
        """A folder to go on in, or a new one.

        Args:
            facts: all that the results depend on; a folder of other facts is refused.
            overwrite: begin anew there, whatever it holds.

        Raises:
            TrackError: the folder holds another run's results.
            OutputError: it cannot be written.
        """
        header = json.loads(json.dumps({"format": FORMAT, **facts}))  # as it is read: no tuples
        path = root / HEADER
        try:
            (root / MASKS).mkdir(parents=True, exist_ok=True)
            if path.is_file() and not overwrite:
                there = json.loads(path.read_text("utf-8"))
                if there != header:
                    other = sorted(k for k in header | there if header.get(k) != there.get(k))
                    raise TrackError(
                        f"{root} holds the results of another run, which differs in "
                        f"{', '.join(other)}",
                        cure="choose another folder, or --overwrite",
                    )
                return cls(root, names)
            (root / LINES).unlink(missing_ok=True)
            for old in (root / MASKS).glob("*.png"):
                old.unlink()
        except json.JSONDecodeError as error:
            raise TrackError(
                f"{path} is no header of a run ({error})", cure="choose another folder"
            ) from error
        except OSError as error:
            raise OutputError(
                f"cannot write to {root} ({error.strerror})", cure="choose another folder"
            ) from error
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(header, indent=2), "utf-8")
        return cls(root, names)

    def put(self, index: int, tracked: Tracked) -> None:
        """Keep a frame's answer: first its masks, then its line, so that a line has its masks.

        Raises:
            OutputError: it cannot be written.
        """
        write_labels(self._mask(index), tracked.labels)
        line = {
            "frame": index,
            "name": self.names[index],
            "confidence": {str(n): round(c, 4) for n, c in tracked.confidence.items()},
            "by_person": sorted(tracked.by_person),
        }
        try:
            with (self.root / LINES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(
                f"cannot write {self.root / LINES} ({error.strerror})", cure="make room on the disk"
            ) from error

    def known(self) -> dict[int, Tracked]:
        """All that is there; lines and masks cut off by a kill do not count."""
        known: dict[int, Tracked] = {}
        path = self.root / LINES
        if not path.is_file():
            return known
        text = path.read_text("utf-8", "replace")
        for line in text.splitlines():
            try:
                said = json.loads(line)
                index = int(said["frame"])
                confidence = {int(n): float(c) for n, c in said["confidence"].items()}
                labels = read_labels(self._mask(index))
            except (ValueError, KeyError, IndexError, AttributeError, TypeError):
                continue  # cut off, or its masks are
            known[index] = Tracked.of(labels, confidence, frozenset(said["by_person"]))
        if text and not text.endswith("\n"):  # the next line must not be glued to half of one
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
        return known

    def _mask(self, index: int) -> Path:
        return self.root / MASKS / f"{self.names[index]}.png"


def write_labels(path: Path, labels: Labels) -> Path:
    """An index file: with a palette up to object 255, of 16 bits beyond.

    Raises:
        OutputError: it cannot be written.
    """
    if labels.max() < 256:
        file = PILImage.fromarray(labels.astype(np.uint8))
        file.putpalette(palette())
    else:
        file = PILImage.fromarray(labels.astype(np.uint16))
    with whole_file(path) as temporary:
        file.save(temporary, format="PNG")
    return path


def read_labels(path: Path) -> Int32[np.ndarray, "H W"]:
    """What `write_labels` wrote.

    Raises:
        ImageError: it is damaged.
    """
    with opened_image(path, path.name, ("PNG",)) as file:
        return np.asarray(file).astype(np.int32)
