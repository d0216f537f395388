"""Masks in PNG files, as numbers: binary ones, grey ones and those with a palette."""

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
SMOOTH = 64
"""A grey mask with 255 and more values than these is a smoothed one, not one of indices."""


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
        found = [value for value in np.unique(self.values).tolist() if value]
        return [value for value in found if value != VOID or not self.has_void]


def read_index_mask(path: Path, size: Size) -> IndexMask:
    """A mask file of the image's size.

    Raises:
        FormatError: it is none, of another size, in colours, or smoothed.
    """
    try:
        with opened(path, "PNG") as file:
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
        raise FormatError("the mask cannot be read as a PNG", cure="save it again") from error


def _numbers(file: PILImage.Image) -> IndexMask:
    mode = file.mode
    values = np.asarray(file).astype(np.int32)
    if values.ndim == 3 and mode == "RGB" and (values == values[:, :, :1]).all():
        values, mode = values[:, :, 0], "L"
    if values.ndim != 2:
        raise FormatError(
            f"the mask is in colours ({mode})", cure="save it with one channel, or a palette"
        )
    found = np.unique(values)
    several = len(found[found > 0]) > 1
    if mode == "L" and several and found[-1] == VOID and len(found) > SMOOTH:
        raise FormatError(
            f"the mask has {len(found)} grey values, as smoothed ones have",
            cure="save it without smoothing: 0 and 255, or one number per object",
        )
    return IndexMask(values, has_void=several and mode in ("P", "L") and found[-1] == VOID)
