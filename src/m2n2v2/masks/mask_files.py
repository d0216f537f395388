"""Mask files: which are, and the one reader of them.

Pillow decodes; here is which of a file's channels is the mask. What its values mean is `marked`'s.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Shaped
from PIL import Image as PILImage
from PIL import ImageFile

from m2n2v2.errors import ImageError, MaskError
from m2n2v2.images import opened_image, upright
from m2n2v2.masks.conventions import CURE, Convention, Marked, marked

SUFFIXES = frozenset(
    f".{kind}"
    for kind in (
        *("bmp", "dib", "gif", "j2k", "jp2", "pbm", "pcx", "pgm", "png", "pnm", "ppm"),
        *("qoi", "sgi", "tga", "tif", "tiff", "webp"),
    )
)
"""Of the files that folders of masks are searched for; all may be without loss."""

FORMATS = (
    *("BMP", "DIB", "GIF", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
"""Pillow's names of the formats that may be without loss."""

LOSSY = ("JPEG", "MPO", "AVIF", "HEIF")
TIFF_LOSSY = frozenset({"jpeg", "tiff_jpeg", "webp", "tiff_jp2k"})


@dataclass(frozen=True, eq=False)
class Channel:
    """The channel of a file that is the mask: its values, the full scale, and if they are indices
    into a palette of colours."""

    values: Shaped[np.ndarray, "H W"]
    full: float = 255
    palette: bool = False


def read_mask(
    source: Path | bytes,
    convention: Convention = "auto",
    *,
    void: int | None = None,
    name: str | None = None,
) -> Marked:
    """A mask file, read as its convention says; as itself leaves no doubt, if none is declared.

    Args:
        source: the file, or its bytes.
        void: a value that is void, whatever the convention; None for none.
        name: what errors call it; its path if not given.

    Raises:
        MaskError: it cannot be read, is not stored without loss, or fits two readings.
    """
    name = name or (f"mask {source}" if isinstance(source, Path) else "the mask")
    data = _bytes(source, name)
    try:
        with opened_image(io.BytesIO(data), name) as file:
            _check_lossless(file, data, name)
            channel = _channel(file, convention, name)
    except MaskError:
        raise
    except ImageError as error:
        raise MaskError(error.what, cure=error.cure) from error
    except Exception as error:  # decoders of damaged files raise anything
        raise MaskError(
            f"{name} cannot be read ({type(error).__name__}: {error})", cure="save it again, as PNG"
        ) from error
    return marked(
        channel.values, convention, void=void, full=channel.full, palette=channel.palette, name=name
    )


def _bytes(source: Path | bytes, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except FileNotFoundError as error:
        raise MaskError(f"{name} does not exist", cure="check the folder") from error
    except (OSError, ValueError) as error:
        raise MaskError(f"{name} cannot be read ({error})", cure="check the file") from error


def _check_lossless(file: PILImage.Image, data: bytes, name: str) -> None:
    kind = str(file.format)
    lossy = (
        kind in LOSSY
        or (kind == "TIFF" and file.info.get("compression") in TIFF_LOSSY)
        or (kind == "WEBP" and not _webp_lossless(data))
        or (kind == "JPEG2000" and not _jpeg2000_reversible(data))
    )
    if lossy:
        raise MaskError(
            f"{name} is a {kind} file stored with loss, which smears the values of a mask",
            cure="save the mask from its source again, as PNG",
        )
    if kind not in FORMATS:
        raise MaskError(f"{name} is a {kind} file, which is not read as a mask", cure="save a PNG")
    if getattr(file, "n_frames", 1) > 1:
        raise MaskError(f"{name} holds several pictures", cure="save one mask for each file")


def _webp_lossless(data: bytes) -> bool:
    """Are all pictures of a WebP file of the kind without loss? By the names of its chunks."""
    kinds, at = set(), 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        kinds.add(kind)
        at += 8 + length + length % 2
    return b"VP8L" in kinds and b"VP8 " not in kinds


def _jpeg2000_reversible(data: bytes) -> bool:
    """Is a JPEG 2000 file's wavelet the reversible one (5-3)? By its header's COD segment."""
    at = data.find(b"\xff\x4f\xff\x51") + 2  # start of codestream, size
    while 2 <= at <= len(data) - 14 and data[at] == 0xFF:
        if data[at + 1] == 0x52:
            return data[at + 13] == 1
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _channel(file: PILImage.Image, convention: Convention, name: str) -> Channel:
    scale, full = _full_scale(file)
    kind = file.format
    file, wide = upright(file, name)
    if convention == "alpha" and not file.has_transparency_data:
        raise MaskError(f"{name} has no transparency", cure=CURE)
    if wide is not None:
        return _of_channels(wide, 65535, convention, name)
    mode = file.mode
    if mode == "P":
        return _of_palette(file, kind, convention, name)
    if mode == "F":
        fractions = np.asarray(file)
        return Channel(fractions, 1 if fractions.max() <= 1 else 65535)
    if mode in ("1", "L", "I") or mode.startswith("I;16"):
        values = np.asarray(file)
        return Channel(values if scale == full else np.round(values * (full / scale)), full)
    if mode in ("LA", "La", "PA", "RGBA", "RGBa", "RGB", "RGBX"):
        channels = "RGBA" if file.has_transparency_data else "RGB"
        return _of_channels(np.asarray(file.convert(channels)), 255, convention, name)
    raise MaskError(
        f"{name} is in colours of mode {mode}", cure="save it with one channel, or a palette"
    )


def _full_scale(file: PILImage.Image) -> tuple[int, int]:
    """The largest value as Pillow gives it, and as the file stores it: Pillow scales 2 and 4 bits,
    and what PGM counts up to another number, to 8 or 16."""
    scale = 65535 if file.mode in ("I", "F") or file.mode.startswith("I;16") else 255
    if file.mode == "1":
        return 1, 1
    if not isinstance(file, ImageFile.ImageFile) or not file.tile or file.mode not in ("L", "I"):
        return scale, scale
    codec, _, _, args = file.tile[0]
    args = args if isinstance(args, tuple) else (args,)
    if codec in ("ppm", "ppm_plain") and len(args) > 1 and isinstance(args[1], int):
        return scale, args[1]
    for bits in (2, 4):
        if str(args[0]).startswith(f"L;{bits}"):
            return 255, 2**bits - 1
    return scale, scale


def _of_palette(
    file: PILImage.Image, kind: str | None, convention: Convention, name: str
) -> Channel:
    """The index counts, if what it calls background is what the colours show as black; a palette
    of greys says what it means itself. Where numbers are declared, the index counts.

    A GIF has no other way to store greys than a palette, whose order is its encoder's.
    """
    index = np.asarray(file).astype(np.int32)
    colours = np.asarray(file.convert("RGBA"))
    shown = colours[:, :, 3] > 0
    if convention in ("index", "voc"):
        return Channel(index, palette=True)
    if convention == "alpha" or not shown.all():
        if convention != "alpha" and (shown == (index > 0)).all():
            return Channel(index, palette=True)
        return _of_channels(colours, 255, convention, name)
    brightest = colours[:, :, :3].max(axis=2).astype(np.int32)
    grey = bool((colours[:, :, :3] == colours[:, :, :1]).all())
    agree = bool(((index > 0) == (brightest > 0)).all())
    if not agree and not (grey and kind == "GIF"):
        raise MaskError(
            f"{name} has a palette in which index 0 is not black, or another index is", cure=CURE
        )
    if grey:
        return Channel(brightest)
    return Channel(brightest if convention in ("half", "trimap") else index, palette=True)


def _of_channels(
    pixels: Shaped[np.ndarray, "H W C"], full: int, convention: Convention, name: str
) -> Channel:
    """Of three or four channels those that are the mask."""
    values = pixels.astype(np.int32)
    if values.shape[2] == 3:
        return Channel(_shade(values, full, convention, name), full)
    colours, alpha = values[:, :, :3], values[:, :, 3]
    visible, opaque = alpha > 0, bool((alpha == full).all())
    if convention == "alpha" or (not opaque and _one_colour(colours[visible])):
        return Channel(alpha, full)
    if opaque or ((colours.max(axis=2) > 0) == visible).all():
        seen = np.where(visible[:, :, None], colours, 0)
        return Channel(_shade(seen, full, convention, name), full)
    raise MaskError(
        f"{name} has both colours and transparency, which mark different pixels",
        cure="say that the transparency counts (--mask-values alpha), or save one channel: "
        "0 background, 255 object",
    )


def _one_colour(visible: Int32[np.ndarray, "n 3"]) -> bool:
    """Is all that is visible of one colour, and that not black, as in a cut-out?"""
    return bool(len(visible) and (visible == visible[0]).all() and visible[0].any())


def _shade(
    values: Int32[np.ndarray, "H W 3"], full: int, convention: Convention, name: str
) -> Int32[np.ndarray, "H W"]:
    """Grey in three channels; of colours the brightest, where one colour besides black, or a
    convention, says that all are one object."""
    grey = values[:, :, 0]
    if (values == values[:, :, :1]).all():
        return grey
    brightest: Int32[np.ndarray, "H W"] = values.max(axis=2)
    marks = brightest > 0
    coloured = values[marks]
    if not marks.all() and (coloured == coloured[0]).all():
        return np.where(marks, full, 0).astype(np.int32)
    if convention in ("any", "half"):
        return brightest
    raise MaskError(
        f"{name} is in colours (RGB)",
        cure="save it with one channel, or a palette; or say that all of them are one object "
        "(--mask-values any)",
    )
