"""The only owner of coordinates: pixels of the photograph, pixels of the working size, cells.

A pixel or cell `i` covers `[i, i + 1)` and has its centre at `i + 0.5` (half-pixel convention),
so mirroring commutes with the functions here (but for `rescaled_pixel` where a centre falls
exactly on an edge between two pixels, and for the `corner` placement).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int32

Placement = Literal["half-pixel", "corner"]


@dataclass(frozen=True)
class Size:
    """Height and width, in pixels or in cells."""

    height: int
    width: int

    @property
    def area(self) -> int:
        return self.height * self.width

    @property
    def shape(self) -> tuple[int, int]:
        return (self.height, self.width)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def limited(size: Size, max_short_side: int | None) -> Size:
    """The working size: `size` reduced so that its shorter side is at most `max_short_side`."""
    short = min(size.shape)
    if max_short_side is None or short <= max_short_side:
        return size
    scale = max_short_side / short
    return Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))


def of_area(size: Size, pixels: int) -> Size:
    """`size`, reduced to an area of about `pixels` if it is larger."""
    scale = math.sqrt(pixels / size.area)
    if scale >= 1:
        return size
    return Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))


def rescaled_pixel(x: int, y: int, source: Size, target: Size) -> tuple[int, int]:
    """The pixel of `target` that contains the centre of pixel (x, y) of `source`."""
    return (
        min(int((x + 0.5) * target.width / source.width), target.width - 1),
        min(int((y + 0.5) * target.height / source.height), target.height - 1),
    )


def cell_coordinates(
    x: int, y: int, image: Size, cells: Size, placement: Placement = "half-pixel"
) -> tuple[float, float]:
    """Continuous cell coordinates (column, row) of pixel (x, y); cell centres are integers.

    `half-pixel` clamps to the outermost centres, as bilinear upsampling does. `corner` is
    M2N2's placement `(cells - 1) * x / W`, half a cell off at the right edge and kept only so
    that its results can be compared (method notes, section 4).
    """
    if placement == "corner":
        return (
            (cells.width - 1) * x / image.width,
            (cells.height - 1) * y / image.height,
        )
    return (
        min(max((x + 0.5) * cells.width / image.width - 0.5, 0.0), cells.width - 1.0),
        min(max((y + 0.5) * cells.height / image.height - 0.5, 0.0), cells.height - 1.0),
    )


def linear_taps(pixels: int, cells: int) -> tuple[Int32[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Bilinear interpolation of `cells` samples at `pixels` centres, along one axis.

    Returns the left cell of each pixel and the weight of the cell right of it; where the right
    cell would lie outside, its weight is 0.
    """
    centre = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    centre = np.clip(centre, 0, cells - 1)
    left = np.floor(centre).astype(np.int32)
    return left, centre - left


def overlaps(
    pixels: int, cells: int
) -> tuple[Int32[np.ndarray, " e"], Int32[np.ndarray, " e"], Float[np.ndarray, " e"]]:
    """Which pixels make up which cells, along one axis, whether there are more of these or those.

    Returns, for every pixel and cell that overlap, both their numbers and the share of the cell
    that the pixel covers; the shares of a cell sum to 1.
    """
    edges = np.union1d(np.arange(pixels + 1) * cells, np.arange(cells + 1) * pixels)
    start, length = edges[:-1], np.diff(edges)
    return (start // cells).astype(np.int32), (start // pixels).astype(np.int32), length / pixels
