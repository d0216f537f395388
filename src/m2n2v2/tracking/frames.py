"""The frames of a clip: a folder of images, or a video file; read one at a time."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

from m2n2v2.arrays import Image
from m2n2v2.errors import FrameError, ImageError
from m2n2v2.files import counting
from m2n2v2.grid import Size
from m2n2v2.images import photographs, read_image, size_of


@runtime_checkable
class Frames(Protocol):
    """The frames of a clip, by their index from 0."""

    @property
    def size(self) -> Size:
        """Of every frame, upright."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """What each frame's results are called; no two are alike."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is strange about the clip, a line each, for people."""
        ...

    def identity(self) -> str:
        """A digest that changes when the clip does."""
        ...

    def seconds(self, index: int) -> float | None:
        """When the frame is shown, from the clip's begin; None where nobody knows."""
        ...

    def read(self, index: int) -> Image:
        """One frame.

        Raises:
            FrameError: it is broken.
        """
        ...


def open_frames(path: Path, stride: int = 1) -> Frames:
    """The frames of a folder of images, or of a video file (needs the extra `video`).

    Args:
        stride: only every so manieth frame, from the first.

    Raises:
        FrameError: there are none, they differ in size, or the file is no video.
        BackendError: it is a video, and PyAV is not installed.
    """
    if stride < 1:
        raise FrameError(f"stride is {stride}", cure="use 1 or more")
    if path.is_dir():
        frames: Frames = FolderFrames.of(path)
    elif path.is_file():
        from m2n2v2.tracking.video import VideoFrames

        frames = VideoFrames.of(path)
    else:
        raise FrameError(f"there is no {path}", cure="give a folder of frames or a video file")
    return frames if stride == 1 else Strided(frames, stride)


def common_size(files: Iterable[tuple[str, Path]]) -> tuple[Size | None, dict[str, str]]:
    """The size of all frames, and what is wrong with those that cannot be opened.

    Args:
        files: each frame's name, for people, and its file.

    Returns:
        The size, None if no frame can be opened; and by name why one cannot be.

    Raises:
        FrameError: two frames differ in size.
    """
    first: tuple[str, Size] | None = None
    broken = {}
    for name, path in files:
        try:
            size = size_of(path)
        except ImageError as error:
            broken[name] = error.what
            continue
        first = first or (name, size)
        if size != first[1]:
            raise FrameError(
                f"frame {name} is {size}, {first[0]} is {first[1]}",
                cure="bring all frames to one size, or leave those of another one out",
            )
    return first and first[1], broken


@dataclass(frozen=True)
class FolderFrames:
    """Image files of one size, in the order of the numbers in their names.

    Attributes:
        paths: the files.
    """

    paths: tuple[Path, ...]
    size: Size
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Path) -> "FolderFrames":
        """The frames of a folder (`images.photographs`); what lies beside them has a note.

        A file that cannot be opened is a broken frame, which has its place and its note.

        Raises:
            FrameError: there is no frame that can be opened, two differ in size, or two have the
                same name but for the suffix.
        """
        listing = photographs(folder, deep=False)
        paths = sorted((folder / name for name in listing.names), key=lambda p: counting(p.stem))
        by_stem = {path.stem: path for path in reversed(paths)}
        for path in paths:
            if by_stem[path.stem] != path:
                raise FrameError(
                    f"{path.name} and {by_stem[path.stem].name} would be one frame",
                    cure="take one of them away",
                )
        notes = [*gaps(paths), *([listing.said] if listing.said else [])]
        size, broken = common_size((path.name, path) for path in paths)
        notes += [f"{name} is broken ({why}); its masks are empty" for name, why in broken.items()]
        if size is None:
            raise FrameError(f"{folder} holds no frames", cure="give a folder of images")
        return cls(tuple(paths), size, tuple(notes))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.stem for path in self.paths)

    def identity(self) -> str:
        stamps = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in self.paths]
        return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()

    def seconds(self, index: int) -> float | None:
        return None

    def read(self, index: int) -> Image:
        path = self.paths[index]
        try:
            image = read_image(path)
        except ImageError as error:
            raise FrameError(
                f"frame {path.name} is broken: {error.what}", cure=error.cure
            ) from error
        if image.shape[:2] != self.size.shape:
            raise FrameError(f"frame {path.name} has changed its size", cure="begin anew")
        return image


@dataclass(frozen=True)
class Strided:
    """Every `stride`-th frame of a clip."""

    whole: Frames
    stride: int

    @property
    def size(self) -> Size:
        return self.whole.size

    @property
    def names(self) -> tuple[str, ...]:
        return self.whole.names[:: self.stride]

    @property
    def notes(self) -> tuple[str, ...]:
        return self.whole.notes

    def identity(self) -> str:
        return f"{self.whole.identity()}/{self.stride}"

    def seconds(self, index: int) -> float | None:
        return self.whole.seconds(index * self.stride)

    def read(self, index: int) -> Image:
        return self.whole.read(index * self.stride)


def gaps(paths: list[Path]) -> list[str]:
    """A note for each gap in the numbers at the end of the names, where these are regular."""
    matches = [re.fullmatch(r"(.*?)(\d+)", path.stem) for path in paths]
    numbers = [(m[1], int(m[2])) for m in matches if m]
    if len(numbers) < len(paths) or len({prefix for prefix, _ in numbers}) != 1:
        return []
    steps = [b - a for (_, a), (_, b) in pairwise(numbers)]
    usual = min(steps, default=1)
    return [
        f"between {before.name} and {after.name} frames are missing; they are taken as neighbours"
        for before, after, step in zip(paths, paths[1:], steps, strict=False)
        if step != usual
    ]
