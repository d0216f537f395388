"""Mask files as numbers: binary ones, grey ones, trimaps and those with a palette."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image as PILImage

from m2n2v2.annotator.formats.files import opened
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size

VOID = 255
UNKNOWN = 128
"""Of a trimap, 0, 128 and 255: neither object nor background."""
FORMATS = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF"}
"""Suffixes of the mask files that are read, all without loss, and Pillow's names of them."""


def mask_files(folder: Path) -> list[Path]:
    """Every file under `folder` that may be a mask."""
    return [path for path in folder.rglob("*") if path.suffix.lower() in FORMATS]


@dataclass(frozen=True, eq=False)
class IndexMask:
    """A number for each pixel, 0 for background.

    Attributes:
        has_void: 255 means void, as in PASCAL VOC's palette masks.
    """

    values: Int32[np.ndarray, "H W"]
    has_void: bool

    @cached_property
    def present(self) -> list[int]:
        """The numbers of objects that occur."""
        values = [value for value in np.unique(self.values).tolist() if value]
        return [value for value in values if value != VOID or not self.has_void]


def read_index_mask(path: Path, size: Size) -> IndexMask:
    """A mask file of the image's size.

    Raises:
        FormatError: it is none, of another size, in colours, or smoothed.
    """
    try:
        with opened(path, *sorted(set(FORMATS.values()))) as file:
            if (file.height, file.width) != size.shape:
                raise FormatError(
                    f"the mask is {file.width}x{file.height} and its image {size}",
                    cure="give a mask of the image's size",
                )
            return _numbers(file)
    except FileNotFoundError as error:
        raise FormatError(f"mask {path.name} is not there", cure="copy all files") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError("the mask cannot be read", cure="save it again, as PNG") from error


def _numbers(file: PILImage.Image) -> IndexMask:
    mode = file.mode
    values = np.asarray(file).astype(np.int32)
    if mode == "P":
        colours = np.asarray(file.convert("RGB")).astype(np.int32)
        if (colours == colours[:, :, :1]).all():  # shades of grey say what they are themselves
            values, mode = colours[:, :, 0], "L"
    if values.ndim == 3 and mode in ("RGBA", "LA") and (values[:, :, -1] == 255).all():
        values, mode = values[:, :, :-1], "RGB"
    if values.ndim == 3 and mode == "RGB" and (values == values[:, :, :1]).all():
        values, mode = values[:, :, 0], "L"
    if values.ndim != 2:
        raise FormatError(
            f"the mask is in colours ({mode})", cure="save it with one channel, or a palette"
        )
    numbers = [value for value in np.unique(values).tolist() if value]
    if len(numbers) < 2 or numbers[-1] != VOID or mode not in ("P", "L"):
        return IndexMask(values, has_void=False)
    others = numbers[:-1]
    if mode == "P" or others == list(range(1, len(numbers))):
        return IndexMask(values, has_void=True)
    if others == [UNKNOWN]:
        return IndexMask(np.where(values == VOID, 1, 0).astype(np.int32), has_void=False)
    raise FormatError(
        f"the mask has {len(numbers)} grey values, {', '.join(map(str, numbers[:4]))} ..., which "
        "may be smoothed edges or numbers of objects",
        cure="save it as 0 and 255; as 0, 128 (unknown) and 255; or with a palette, one index "
        "per object",
    )
