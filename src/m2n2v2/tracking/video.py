"""The frames of a video file, by PyAV; turned upright, read by number, never all in memory."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from m2n2v2.arrays import Image
from m2n2v2.errors import BackendError, FrameError
from m2n2v2.grid import Size
from m2n2v2.kept import by_bytes

BYTES = 192 << 20
"""Of decoded frames that are kept, so that going backward decodes a stretch once."""


def pyav() -> Any:
    """PyAV, if it is here.

    Raises:
        BackendError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BackendError(
            "reading and writing videos needs PyAV", cure="pip install 'm2n2v2[video]'"
        ) from error
    return av


class VideoFrames:
    """The frames of a video, in the order in which they are shown, whatever time lies between.

    Args:
        path: the file.
        times: when each frame is shown, in the stream's units, ascending.
        keys: those of these that can be decoded without others before them.
        unit: of the times, in seconds.
    """

    def __init__(self, path: Path, times: list[int], keys: list[int], unit: float) -> None:
        self.path, self._times, self._keys, self._unit = path, times, keys, unit
        self._place = {time: index for index, time in enumerate(times)}
        self._kept: LRUCache[int, Image] = by_bytes(BYTES, lambda image: int(image.nbytes))
        self._decoding: tuple[int, Iterator[tuple[int, Image]], Any] | None = None
        self._broken: set[int] = set()
        self._size = Size(*self.read(0).shape[:2])

    @classmethod
    def of(cls, path: Path) -> "VideoFrames":
        """Look through a video without decoding it.

        Raises:
            FrameError: it is no video, or has no frames.
            BackendError: PyAV is not installed.
        """
        av = pyav()
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise FrameError(f"{path} has no pictures", cure="give a video or a folder")
                stream = container.streams.video[0]
                shown = [
                    (packet.pts, packet.is_keyframe)
                    for packet in container.demux(stream)
                    if packet.pts is not None and packet.size
                ]
                unit = float(stream.time_base or 0)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if isinstance(error, FrameError):
                raise
            raise FrameError(
                f"{path} cannot be read as a video ({error})",
                cure="give a video file, or a folder of frames",
            ) from error
        if not shown:
            raise FrameError(f"{path} holds no frames", cure="give a whole video")
        times = sorted({time for time, _ in shown})
        return cls(path, times, sorted({time for time, key in shown if key}), unit)

    @property
    def size(self) -> Size:
        return self._size

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{index:06d}" for index in range(len(self._times)))

    @property
    def notes(self) -> tuple[str, ...]:
        steps = np.diff(self._times)
        if len(steps) and steps.max() > 1.5 * steps.min():
            shortest, longest = steps.min() * self._unit, steps.max() * self._unit
            return (
                f"frames follow one another after {shortest:.3f} to {longest:.3f} s (a variable "
                "frame rate); they are taken as neighbours, and their times are kept",
            )
        return ()

    def identity(self) -> str:
        stat = self.path.stat()
        facts = f"{self.path.name} {stat.st_size} {stat.st_mtime_ns} {len(self._times)}"
        return hashlib.sha256(facts.encode()).hexdigest()

    def seconds(self, index: int) -> float | None:
        return (self._times[index] - self._times[0]) * self._unit

    def read(self, index: int) -> Image:
        """One frame; reading on in order, or backward, decodes nothing twice in vain."""
        if index in self._kept:
            return self._kept[index]
        if index in self._broken:
            raise self._unreadable(index)
        av = pyav()
        try:
            if self._decoding is None or not self._begun_before(index):
                self._begin(index)
            assert self._decoding is not None
            for at, image in self._decoding[1]:
                self._decoding = (at + 1, *self._decoding[1:])
                self._kept[at] = image
                if at == index:
                    return image
                if at > index:
                    break
        except (av.error.FFmpegError, OSError) as error:
            self.close()
            self._broken.add(index)
            raise self._unreadable(index) from error
        self._broken.add(index)
        raise self._unreadable(index)

    def close(self) -> None:
        """Let the file go; reading opens it again."""
        if self._decoding is not None:
            self._decoding[2].close()
            self._decoding = None

    def _begun_before(self, index: int) -> bool:
        """Does decoding on from where it stands reach a frame no later than beginning anew?"""
        assert self._decoding is not None
        return self._place[self._key(index)] <= self._decoding[0] <= index

    def _key(self, index: int) -> int:
        before = [key for key in self._keys if key <= self._times[index]]
        return before[-1] if before else self._times[0]

    def _begin(self, index: int) -> None:
        self.close()
        container = pyav().open(str(self.path))
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        key = self._key(index)
        container.seek(key, stream=stream, backward=True)
        self._decoding = (self._place[key], self._decoded(container, stream), container)

    def _decoded(self, container: Any, stream: Any) -> Iterator[tuple[int, Image]]:
        for frame in container.decode(stream):
            at = self._place.get(frame.pts)
            if at is not None:
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                yield at, np.ascontiguousarray(turned)

    def _unreadable(self, index: int) -> FrameError:
        return FrameError(
            f"frame {index} of {self.path.name} cannot be decoded", cure="convert the video again"
        )
