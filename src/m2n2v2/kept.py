"""Results kept in memory or in a folder: as many as fit, and the least recently used dropped."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cachetools import LRUCache

from m2n2v2.errors import OutputError

LEFT_BEHIND = 3600.0
"""Seconds after which a file being written, whose name begins with a dot, belongs to nobody."""

K = TypeVar("K")
V = TypeVar("V")


def by_bytes(limit: int, size: Callable[[V], int]) -> LRUCache[K, V]:
    """A dictionary that drops what was used longest ago when all takes more than a limit.

    The newest always stays, however large it is. Looking something up counts as using it; asking
    whether it is there does not.

    Args:
        limit: bytes that all values take together, at most.
        size: the bytes of a value, read when it is put in; put it in again when they change.
    """
    return LRUCache(limit, getsizeof=lambda value: min(size(value), limit))


@dataclass(frozen=True)
class KeptFolder:
    """A folder of files by key, bounded in bytes.

    Any number of processes may share one: whoever writes gives a file its name when it is whole,
    and one that is dropped while another process reads it stays readable there.

    Attributes:
        folder: made by `make`.
        suffix: of every file.
        limit: bytes that all files together may take.
    """

    folder: Path
    suffix: str
    limit: int

    def path(self, key: str) -> Path:
        """Where the file of a key is, or would be."""
        return self.folder / f"{key}{self.suffix}"

    def make(self, *, cure: str) -> None:
        """See that the folder is there.

        Args:
            cure: what to do where it cannot be made.

        Raises:
            OutputError: it cannot.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the cache {self.folder} ({error.strerror})", cure=cure
            ) from error

    def use(self, key: str) -> None:
        """Note that a file was used now."""
        with contextlib.suppress(OSError):
            os.utime(self.path(key))

    def remove(self, key: str) -> None:
        """Drop a file, if it is there and can be dropped."""
        _remove(self.path(key))

    def trim(self) -> None:
        """Drop the least recently used until the rest fits."""
        now, total = time.time_ns(), 0
        for used, size, path in sorted(self.files(), reverse=True):
            total += size
            being_written = path.name.startswith(".")
            left_behind = now - used > LEFT_BEHIND * 1e9
            if left_behind if being_written else total > self.limit:
                _remove(path)

    def files(self) -> list[tuple[int, int, Path]]:
        """Time of last use in nanoseconds, size and path of every file."""
        files = []
        for path in self.folder.glob(f"*{self.suffix}"):
            with contextlib.suppress(OSError):  # another process dropped it
                stat = path.stat()
                files.append((stat.st_mtime_ns, stat.st_size, path))
        return files


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
