"""Photographs in and masks out: the one border where files and arrays are checked."""

import hashlib
import io
import math
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL
import torch
from jaxtyping import Float, Shaped, UInt8, UInt16
from PIL import Image as PILImage
from PIL import ImageFile, ImageOps
from torch import Tensor
from torch.nn import functional

from m2n2v2 import _images as kernel
from m2n2v2.arrays import Image, PixelMap
from m2n2v2.compiled.threads import over_rows
from m2n2v2.errors import ImageError, M2N2Error
from m2n2v2.files import Listing, chosen_files, walk_files, whole_file
from m2n2v2.grid import Size

MAX_PIXELS = 178_956_970
"""Larger files are refused before they are decoded (Pillow's own limit)."""


SUFFIXES = frozenset(
    f".{kind}"
    for kind in (
        *("avif", "bmp", "gif", "j2k", "jfif", "jp2", "jpeg", "jpg"),
        *("pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp"),
    )
)
"""Of the photographs that folders are searched for; a file named by itself may have any."""

HEIF = frozenset({".heic", ".heif", ".hif"})
"""Of the photographs of telephones, which need the extra `heif`."""
HEIF_READERS = ("pillow_heif", "pi_heif")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEIF_CURE = "pip install 'm2n2v2[heif]', or convert it to JPEG"


ORIENTATION = 0x0112
"""The EXIF tag that says how a file is to be turned; 1 is upright."""


def read_image(image: object) -> Image:
    """Any image as `H x W x 3` RGB uint8, or an error that says what came.

    Args:
        image: a path, the bytes of a file, a PIL image, a numpy array or a tensor. Arrays are
            `H x W` or `H x W x C` with C = 1 (grey), 3 (RGB) or 4 (RGBA). Integers in [0, 255],
            floats in [0, 1] and truth values are taken as they are; other numbers, as of 12- and
            16-bit cameras, CT slices and microscopes, are stretched from the image's own range to
            [0, 255], as scientific viewers do. A file and the array of its pixels are read by the
            same rule. Files are turned as their EXIF tag says; transparency is laid over white;
            of several frames the first is read.

    Raises:
        ImageError: the file or array is no image of these kinds.
    """
    if isinstance(image, str | os.PathLike):
        with opened_image(Path(image), str(Path(image))) as file:
            return decoded(file, str(Path(image)))
    if isinstance(image, bytes | bytearray | memoryview):
        with opened_image(io.BytesIO(image), "the image") as file:
            return decoded(file, "the image")
    if isinstance(image, PILImage.Image):
        return decoded(image, "the image")
    if isinstance(image, Tensor):
        return _from_array(_of_tensor(image))
    if isinstance(image, np.ndarray):
        return _from_array(image)
    raise ImageError(
        f"image is of type {type(image).__name__}",
        cure="give a path, the bytes of a file, a PIL image, an array or a tensor",
    )


def _of_tensor(image: Tensor) -> Shaped[np.ndarray, "..."]:
    """A tensor's values; numpy knows neither bfloat16 nor the floats of 8 bits."""
    values = image.detach().cpu()
    if values.is_floating_point() and values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    try:
        array: Shaped[np.ndarray, ...] = values.resolve_conj().numpy()
    except (TypeError, RuntimeError) as error:
        raise ImageError(
            f"image has dtype {image.dtype}", cure="use uint8, or floats in [0, 1]"
        ) from error
    return array


def photographs(root: Path, *, deep: bool = True, links_out: bool = True) -> Listing:
    """The photographs in a folder, and what it holds beside them (see `files.walk_files`)."""
    suffixes, missing = _readable()
    return walk_files(root, suffixes, deep=deep, links_out=links_out, missing=missing)


def photographs_among(names: Iterable[str]) -> Listing:
    """The same of an object store's names, in its folder (see `files.chosen_files`)."""
    suffixes, missing = _readable()
    return chosen_files(names, suffixes, missing=missing)


def _readable() -> tuple[frozenset[str], dict[str, str]]:
    """The suffixes of photographs, and what to do for those that cannot be read here."""
    if _heif_reader() is not None:
        return SUFFIXES | HEIF, {}
    return SUFFIXES, dict.fromkeys(HEIF, HEIF_CURE)


def is_photograph(name: str) -> bool:
    """Is that the name of a file that `photographs` lists, by its suffix?"""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in SUFFIXES or (suffix in HEIF and _heif_reader() is not None)


def _heif_reader() -> str | None:
    """The module that reads HEIC, if it is installed; it is imported only for such a file."""
    return next((name for name in HEIF_READERS if find_spec(name) is not None), None)


def size_of(path: Path) -> Size:
    """The size of a photograph as `read_image` gives it, without its pixels.

    Raises:
        ImageError: it is no image.
    """
    with opened_image(path, str(path)) as file:
        turned = file.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        return Size(file.width, file.height) if turned else Size(file.height, file.width)


def pixel_digest(image: Image) -> str:
    """SHA-256 of an image's size and decoded pixels: the same for a PNG and a TIFF of it."""
    digest = hashlib.sha256(f"{image.shape[1]}x{image.shape[0]} RGB ".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def resized(image: Image, size: Size) -> UInt8[np.ndarray, "h w 3"]:
    """`image` at `size`: each pixel is the mean over the area it covers, rounded, halves up.

    The overlaps are exact, whether an axis is reduced or enlarged, so mirroring an image mirrors
    what it is resized to. OpenCV's INTER_AREA computes the same within rounding where both axes are
    reduced or both enlarged; where one is reduced and the other enlarged it interpolates instead.
    """
    if image.shape[:2] == size.shape:
        return image
    out = np.empty((*size.shape, 3), np.uint8)
    over_rows(kernel.averaged, size.height, np.ascontiguousarray(image), out)
    return out


def resized_map(values: PixelMap, size: Size) -> Float[Tensor, "h w"]:
    """`values` at `size`: bilinear with half-pixel centres, antialiased where it is reduced."""
    if tuple(values.shape) == size.shape:
        return values
    if size.width == 1 < size.height:  # torch 2.13 takes whole pixels there, and averages nothing
        return resized_map(values.T, Size(1, size.height)).T
    return functional.interpolate(
        values[None, None], size.shape, mode="bilinear", align_corners=False, antialias=True
    )[0, 0]


def write_png(path: str | os.PathLike[str], array: Shaped[np.ndarray, "H W *C"]) -> Path:
    """Write a mask (bool, as 0 and 255) or a uint8 image, whole or not at all.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    path = Path(path)
    pixels = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
    with whole_file(path) as temporary:
        PILImage.fromarray(pixels).save(temporary, format="PNG")
    return path


@contextmanager
def opened_image(
    source: Path | io.BytesIO, name: str, formats: tuple[str, ...] | None = None
) -> Iterator[PILImage.Image]:
    """An image file, opened but not decoded; what goes wrong with it inside is an `ImageError`.

    Args:
        name: what errors call it.
        formats: Pillow's names of those tried; all of them if not given.

    Raises:
        ImageError: it is no image, is too large to be decoded, or is damaged.
    """
    try:
        if _is_heif(source):
            _register_heif(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PILImage.DecompressionBombWarning)
            if formats is not None:
                PILImage.init()
                formats = tuple(kind for kind in formats if kind in PILImage.OPEN)
            with PILImage.open(source, formats=formats) as file:
                yield file
    except PILImage.DecompressionBombError as error:
        raise ImageError(
            f"{name} has more than {MAX_PIXELS:,} pixels", cure="reduce it first"
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not an image that Pillow can read", cure="convert it to PNG, JPEG or TIFF"
        ) from error
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist", cure="check the path") from error
    except M2N2Error:
        raise
    except Exception as error:  # decoders of damaged files raise anything
        raise _unreadable(name, error) from error


def _is_heif(source: Path | io.BytesIO) -> bool:
    """A file of boxes of the kind `ftyp`, of a brand of HEIC; AVIF's brands are Pillow's own."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(16)
    else:
        head = source.getvalue()[:16]
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS


def _register_heif(name: str) -> None:
    if "HEIF" in PILImage.OPEN:
        return
    reader = _heif_reader()
    if reader is None:
        raise ImageError(f"{name} is a HEIC file", cure=HEIF_CURE)
    import_module(reader).register_heif_opener()


def _unreadable(name: str, error: Exception) -> ImageError:
    return ImageError(
        f"{name} cannot be read ({error})",
        cure="the file may be cut short or damaged; get it again",
    )


def upright(
    file: PILImage.Image, name: str
) -> tuple[PILImage.Image, UInt16[np.ndarray, "H W C"] | None]:
    """An opened image, decoded and turned as its EXIF tag says; and its values where it holds 16
    bits in several channels, which Pillow cuts to 8 (else None).

    Raises:
        ImageError: it is damaged, or has no pixel; errors call it `name`.
    """
    if 0 in file.size:
        raise ImageError(f"{name} has no pixels", cure="give an image of at least 1x1")
    _check_whole(file, name)
    try:
        low = _low_bytes(file)
        file.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(name, error) from error
    turned = ImageOps.exif_transpose(file)
    if low is None:
        return turned, None
    low.info = file.info
    low.getexif()[ORIENTATION] = file.getexif().get(ORIENTATION, 1)
    low = ImageOps.exif_transpose(low)
    return turned, np.asarray(turned).astype(np.uint16) * np.uint16(256) + np.asarray(low)


def _check_whole(file: PILImage.Image, name: str) -> None:
    """Of a TIFF that holds fewer pixels than its size Pillow makes the others black, silently."""
    if file.format != "TIFF" or not isinstance(file, ImageFile.ImageFile) or not file.tile:
        return
    boxes = [box for _, box, *_ in file.tile if box is not None]
    held = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    if boxes and held < file.width * file.height:
        raise ImageError(
            f"{name} holds {held:,} of the {file.width * file.height:,} pixels of its size",
            cure="the file may be damaged; get it again",
        )


def decoded(file: PILImage.Image, name: str) -> Image:
    """What `read_image` makes of an opened image; errors call it `name`."""
    file, wide = upright(file, name)
    if wide is not None:
        return _from_array(wide)
    if file.mode in ("I", "F") or file.mode.startswith("I;16"):
        return _from_array(np.asarray(file))
    try:
        if file.mode == "La":  # premultiplied, of which Pillow makes nothing but LA
            file = file.convert("LA")
        if file.has_transparency_data:
            return _over_white(np.asarray(file.convert("RGBA")))
        return np.asarray(file.convert("RGB"))
    except ValueError as error:
        raise ImageError(
            f"{name} has mode {file.mode}, which Pillow cannot convert", cure="convert it to RGB"
        ) from error


def _low_bytes(file: PILImage.Image) -> PILImage.Image | None:
    """Of a file of 16 bits in several channels, which Pillow cuts to 8, what it cuts off.

    The file is decoded once more with its bytes in the other order, so that Pillow cuts off the
    other half. None for files of other kinds.
    """
    if not isinstance(file, ImageFile.ImageFile) or not file.tile or file.fp is None:
        return None
    tile = file.tile[0]
    packed = tile[3] if isinstance(tile[3], str) else (tile[3] or [""])[0]
    if not isinstance(packed, str) or not re.fullmatch(r"(RGB|RGBA|RGBX|LA);16[BLN]", packed):
        return None
    place = file.fp.tell()
    file.fp.seek(0)
    again = PILImage.open(io.BytesIO(file.fp.read()), formats=[file.format or ""])
    file.fp.seek(place)
    kind, _, order = packed.partition(";16")
    native = "L" if sys.byteorder == "little" else "B"
    other = "B" if (native if order == "N" else order) == "L" else "L"
    raw = "RGBA" if kind == "LA" else f"{kind};16{other}"
    again.tile = [
        part._replace(args=raw if isinstance(part.args, str) else (raw, *(part.args or ())[1:]))
        for part in again.tile
    ]
    again.load()
    if kind == "LA":  # grey, its low byte, alpha, its low byte
        _, grey, _, alpha = again.split()
        return PILImage.merge("RGBA", (grey, grey, grey, alpha))
    return again


def _from_array(array: Shaped[np.ndarray, "..."]) -> Image:
    shape = "x".join(map(str, array.shape)) or "scalar"
    if array.ndim == 2:
        array = array[:, :, None]
    if array.size == 0:
        raise ImageError(f"image of shape {shape} has no pixels", cure="give at least 1x1")
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        channels_first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        raise ImageError(
            f"image has shape {shape}",
            cure="move the channels last, for example array.transpose(1, 2, 0)"
            if channels_first
            else "give H x W, or H x W x C with C = 1, 3 or 4",
        )
    pixels = _as_bytes(array)
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return _over_white(pixels) if pixels.shape[2] == 4 else np.ascontiguousarray(pixels)


def _as_bytes(array: Shaped[np.ndarray, "H W C"]) -> UInt8[np.ndarray, "H W C"]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise ImageError(f"image has dtype {array.dtype}", cure="use uint8, or floats in [0, 1]")
    low, high = float(array.min()), float(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ImageError(
            f"float image has values from {low:g} to {high:g}",
            cure="put numbers in place of NaN and infinity, for example by numpy.nan_to_num",
        )
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.round(array * 255).astype(np.uint8)
    if array.dtype.kind != "f" and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    span = (high - low) or 1.0
    return np.round((array.astype(np.float64) - low) * (255 / span)).astype(np.uint8)


def _over_white(rgba: UInt8[np.ndarray, "H W 4"]) -> Image:
    alpha: Float[np.ndarray, "H W 1"] = rgba[:, :, 3:].astype(np.float32) / 255
    blended: Image = np.round(rgba[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return blended
