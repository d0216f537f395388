"""The images of the folder: which there are, what they contain, and nothing outside it.

Names are paths inside the folder, with forward slashes. An image is known by its content: the
hash of the bytes that were decoded. Files are listed without being opened.
"""

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.errors import ConflictError, FolderError, ImageError, M2N2Error, StoreError
from m2n2v2.files import FORBIDDEN, Listing, is_file, proper_name, whole_file
from m2n2v2.grid import Size
from m2n2v2.images import ORIENTATION, decoded, is_photograph, opened_image, photographs

MAX_BYTES = 1 << 29
"""Larger files are not read."""

MAX_PIXELS = 100_000_000
"""Larger images are not decoded."""

MAX_UPLOAD = 64 << 20
"""Bytes of an image that is sent."""

MAX_UPLOAD_PIXELS = 40_000_000
"""Of an image that is sent."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF")
"""Pillow's decoders that files get to, whatever their names say."""


@dataclass(frozen=True)
class Picture:
    """An image in a format that browsers show, and what it was made of."""

    data: bytes
    media_type: str
    sha256: str


_BROWSERS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with further pictures behind the first
    "PNG": "image/png",
    "WEBP": "image/webp",
}
"""Media types of what browsers show as it is."""


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
        self._decoding = threading.BoundedSemaphore(2)

    def listing(self) -> Listing:
        """Every image, and what else the folder holds. Links that lead outside are left out."""
        return photographs(self.root, links_out=False)

    def names(self) -> list[str]:
        """Every image, in the order people count in (`9.jpg` before `10.jpg`)."""
        return list(self.listing().names)

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
            and not set(name) & FORBIDDEN
            and proper_name(name)
            and not any(part.startswith(".") for part in pure.parts)
            and is_photograph(pure.name)
        )
        if plain:
            path = self.root.joinpath(*pure.parts)
            if path.resolve().is_relative_to(self.root):
                return path
        raise FolderError("that is no name of an image in this folder", cure="use one of the list")

    def has(self, name: str) -> bool:
        """Is there a file of that name in the folder?"""
        try:
            return is_file(self.path(name))
        except FolderError:
            return False

    def data(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            ImageError: it is gone, too large, or cannot be read.
        """
        path = self.path(name)
        try:
            with path.open("rb") as file:
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
        with self._opened(data, name) as file:
            return Content(decoded(file, name), hashlib.sha256(data).hexdigest())

    def picture(self, name: str, max_side: int | None = None) -> Picture:
        """An image as browsers show it, upright.

        The file itself where that is just what is seen; else decoded and encoded again.

        Args:
            max_side: reduced so that its longer side is at most this.

        Raises:
            ImageError: it is gone, or no image that can be decoded.
        """
        data = self.data(name)
        sha256 = hashlib.sha256(data).hexdigest()
        with self._opened(data, name) as file:
            reduced = max_side is not None and max(file.size) > max_side
            if _is_plain(file) and not reduced:
                return Picture(data, _BROWSERS[str(file.format)], sha256)
            if max_side is not None and reduced:
                file.draft("RGB", (2 * max_side, 2 * max_side))  # JPEGs need no full decoding
            photograph = str(file.format) in ("JPEG", "MPO")
            upright = PILImage.fromarray(decoded(file, name))
        encoded = io.BytesIO()
        if max_side is not None and reduced:
            upright.thumbnail((max_side, max_side), PILImage.Resampling.BOX)
        if photograph or reduced:
            upright.save(encoded, "JPEG", quality=88 if reduced else 95)
            return Picture(encoded.getvalue(), "image/jpeg", sha256)
        upright.save(encoded, "PNG", compress_level=1)
        return Picture(encoded.getvalue(), "image/png", sha256)

    def add(self, name: str, data: bytes) -> None:
        """Write a new image, whole or not at all; no file is ever replaced.

        Raises:
            FolderError: it is no name of an image in this folder.
            ConflictError: there is one of that name.
            ImageError: it is no image that can be decoded, or has over `MAX_UPLOAD_PIXELS`.
            StoreError: it cannot be written.
        """
        path = self.path(name)
        with self._opened(data, name) as file:
            if file.width * file.height > MAX_UPLOAD_PIXELS:
                raise ImageError(
                    f"{name} has more than {MAX_UPLOAD_PIXELS:,} pixels", cure="reduce it first"
                )
            decoded(file, name)
        if path.exists() or path.is_symlink():
            raise ConflictError(f"there is a {name} already", cure="choose another name")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, lasting=True) as temporary:
                temporary.write_bytes(data)
        except OSError as error:  # an OutputError, too: its text has the path
            raise StoreError(
                f"{name} cannot be written", cure="look at the disk and the folder's permissions"
            ) from error

    def sha256(self, name: str) -> str:
        """The hash of a file's bytes now; read again only if the file was touched.

        Raises:
            ImageError: it is gone, or cannot be read.
        """
        with self._lock:
            seen = self._seen.get(name)
        path = self.path(name)
        try:
            stamp = _stamp(path.stat())
        except OSError as error:
            raise ImageError(f"{name} is no longer in the folder", cure="put it back") from error
        if seen is not None and seen.stamp == stamp:
            return seen.sha256
        return hashlib.sha256(self.data(name)).hexdigest()

    @contextmanager
    def _opened(self, data: bytes, name: str) -> Iterator[PILImage.Image]:
        """An image to decode, few at a time."""
        with self._decoding, _opened(data, name) as file:
            yield file

    def _note(self, name: str, stamp: tuple[int, int, int], sha256: str) -> None:
        with self._lock:
            self._seen[name] = _Seen(stamp, sha256)


def content_of(data: bytes, name: str) -> Content:
    """The bytes of a file from anywhere, decoded; errors call it `name`.

    Raises:
        ImageError: it is no image that can be decoded.
    """
    with _opened(data, name) as file:
        return Content(decoded(file, name), hashlib.sha256(data).hexdigest())


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[PILImage.Image]:
    """An image to decode, in formats we list, whatever its decoder raises."""
    try:
        with opened_image(io.BytesIO(data), name, FORMATS) as file:
            if file.width * file.height > MAX_PIXELS:
                raise ImageError(
                    f"{name} has more than {MAX_PIXELS:,} pixels", cure="reduce it first"
                )
            yield file
    except M2N2Error:
        raise
    except Exception as error:  # decoders of hostile files raise anything
        raise ImageError(
            f"{name} cannot be decoded", cure="the file may be damaged; get it again"
        ) from error


def _stamp(stat: os.stat_result) -> tuple[int, int, int]:
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _is_plain(file: PILImage.Image) -> bool:
    """Would a browser show this file as `decoded` does?"""
    return (
        file.format in _BROWSERS
        and file.mode in ("RGB", "L")
        and not file.has_transparency_data
        and (file.format == "MPO" or getattr(file, "n_frames", 1) == 1)
        and file.getexif().get(ORIENTATION, 1) == 1
    )
