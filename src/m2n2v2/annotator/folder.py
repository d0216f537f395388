"""The images of the folder: which there are, what they contain, and nothing outside it.

Names are paths inside the folder, with forward slashes. An image is known by its content: the
hash of the bytes that were decoded. Files are listed without being opened.
"""

import hashlib
import io
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.errors import FolderError, ImageError
from m2n2v2.grid import Size
from m2n2v2.images import decode_image, opened_image

OURS = ".m2n2v2"
"""Our own folder inside it."""

SUFFIXES = frozenset(
    f".{kind}" for kind in ("bmp", "gif", "jfif", "jpeg", "jpg", "pgm", "png", "pnm", "ppm")
) | {".tif", ".tiff", ".webp"}
"""Of the files we list."""

MAX_BYTES = 1 << 29
"""Larger files are not read."""


_FORBIDDEN = frozenset("\\\0:" if os.name == "nt" else "\\\0")
"""Characters that could make a name a path of another kind."""


_BROWSERS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Media types of what browsers show as it is."""

_ORIENTATION = 0x0112
"""EXIF's tag; 1 is upright."""


@dataclass(frozen=True)
class Content:
    """An image's content, decoded from the bytes that were hashed."""

    image: Image
    sha256: str

    @property
    def size(self) -> Size:
        return Size(*self.image.shape[:2])


@dataclass(frozen=True)
class _Seen:
    """A file as it was when it was hashed."""

    stamp: tuple[int, int, int]
    sha256: str


class Folder:
    """A folder of images.

    Raises:
        FolderError: it is not there, or no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            raise FolderError(f"{root} is no folder", cure="give one that holds images")
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def names(self) -> list[str]:
        """Every image, in the order people count in (`9.jpg` before `10.jpg`)."""
        return sorted(self._walk(self.root, ""), key=_counting)

    def path(self, name: str) -> Path:
        """Where `name` is, if that is inside the folder, links followed.

        Raises:
            FolderError: it would be outside, or is no name of an image.
        """
        pure = PurePosixPath(name)
        plain = (
            name == str(pure)
            and not pure.is_absolute()
            and not {"..", "."} & set(pure.parts)
            and not set(name) & _FORBIDDEN
            and name.isprintable()
            and not any(part.startswith(".") for part in pure.parts)
            and pure.suffix.lower() in SUFFIXES
        )
        if plain:
            path = self.root.joinpath(*pure.parts)
            if path.resolve().is_relative_to(self.root):
                return path
        raise FolderError("that is no name of an image in this folder", cure="use one of the list")

    def data(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            ImageError: it is gone, too large, or cannot be read.
        """
        try:
            with self.path(name).open("rb") as file:
                stat = os.fstat(file.fileno())
                if stat.st_size > MAX_BYTES:
                    raise ImageError(f"{name} has over {MAX_BYTES >> 20} MiB", cure="reduce it")
                data = file.read(MAX_BYTES)
        except FileNotFoundError as error:
            raise ImageError(f"{name} is no longer in the folder", cure="put it back") from error
        except OSError as error:
            raise ImageError(
                f"{name} cannot be read ({error.strerror})", cure="check its permissions"
            ) from error
        self._note(name, _stamp(stat), hashlib.sha256(data).hexdigest())
        return data

    def content(self, name: str) -> Content:
        """An image, decoded.

        Raises:
            ImageError: it is gone, or no image that can be decoded.
        """
        data = self.data(name)
        return Content(decode_image(data, name), hashlib.sha256(data).hexdigest())

    def picture(self, name: str, max_side: int | None = None) -> tuple[bytes, str]:
        """An image as browsers show it, upright, and its media type.

        The file itself where that is just what is seen; else decoded and encoded again.

        Args:
            max_side: reduced so that its longer side is at most this.

        Raises:
            ImageError: it is gone, or no image that can be decoded.
        """
        data = self.data(name)
        with opened_image(io.BytesIO(data), name) as file:
            kind = str(file.format)
            plain = (
                kind in _BROWSERS
                and file.mode in ("RGB", "L")
                and not file.has_transparency_data
                and getattr(file, "n_frames", 1) == 1
                and file.getexif().get(_ORIENTATION, 1) == 1
            )
            if plain and (max_side is None or max(file.size) <= max_side):
                return data, _BROWSERS[kind]
        size = (image := decode_image(data, name)).shape[:2]
        picture = PILImage.fromarray(image)
        encoded = io.BytesIO()
        if max_side is not None and max(size) > max_side:
            picture.thumbnail((max_side, max_side), PILImage.Resampling.BOX)
            picture.save(encoded, "JPEG", quality=88)
            return encoded.getvalue(), "image/jpeg"
        if kind == "JPEG":
            picture.save(encoded, "JPEG", quality=95)
            return encoded.getvalue(), "image/jpeg"
        picture.save(encoded, "PNG", compress_level=1)
        return encoded.getvalue(), "image/png"

    def sha256(self, name: str) -> str:
        """The hash of a file's bytes now; read again only if the file was touched.

        Raises:
            ImageError: it is gone, or cannot be read.
        """
        with self._lock:
            seen = self._seen.get(name)
        try:
            stamp = _stamp(self.path(name).stat())
        except OSError as error:
            raise ImageError(f"{name} is no longer in the folder", cure="put it back") from error
        if seen is not None and seen.stamp == stamp:
            return seen.sha256
        return hashlib.sha256(self.data(name)).hexdigest()

    def _note(self, name: str, stamp: tuple[int, int, int], sha256: str) -> None:
        with self._lock:
            self._seen[name] = _Seen(stamp, sha256)

    def _walk(self, folder: Path, prefix: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return  # one that may not be looked into holds nothing for us
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.isprintable():
                continue
            name = prefix + entry.name
            if entry.is_symlink() and not self._inside(entry.path):
                continue
            if os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                if entry.is_file() and not set(entry.name) & _FORBIDDEN:
                    yield name
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path), name + "/")

    def _inside(self, path: str) -> bool:
        return Path(path).resolve().is_relative_to(self.root)


def _stamp(stat: os.stat_result) -> tuple[int, int, int]:
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _counting(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]
