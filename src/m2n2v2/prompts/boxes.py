"""Boxes: an object is inside, or nothing inside belongs to it."""

import math
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np

from m2n2v2.errors import PromptError
from m2n2v2.grid import Size
from m2n2v2.prompts.clicks import Pixels, label_of, number_of, rows_of


@dataclass(frozen=True, init=False)
class Box:
    """A rectangle by two opposite corners, in any order, as SAM's: (x0, y0, x1, y1).

    Positive, it says that the object is inside and everything outside is background; negative,
    that nothing inside belongs to the object. It covers every pixel that it touches, and what
    of it lies beyond the photograph is cut off.

    Args:
        x0, y0: one corner, in pixels of the photograph; pixel i covers [i, i + 1).
        x1, y1: the opposite one.
        positive: labels are those of a `Click`.

    Raises:
        PromptError: a coordinate is no finite number, or the box has no area.
        ClickError: the label is of another kind.
    """

    left: float
    top: float
    right: float
    bottom: float
    positive: bool

    def __init__(
        self,
        x0: SupportsFloat,
        y0: SupportsFloat,
        x1: SupportsFloat,
        y1: SupportsFloat,
        positive: object = True,
    ) -> None:
        corners = [number_of(value) for value in (x0, y0, x1, y1)]
        if any(value is None or not math.isfinite(value) for value in corners):
            raise PromptError(
                f"box ({x0!r}, {y0!r}, {x1!r}, {y1!r}) has a corner that is no finite number",
                cure="give x0, y0, x1, y1 in pixels",
            )
        (left, right), (top, bottom) = sorted(corners[::2]), sorted(corners[1::2])  # type: ignore[type-var]
        if left == right or top == bottom:
            raise PromptError(
                f"box ({x0}, {y0}, {x1}, {y1}) is empty",
                cure="give two opposite corners, x0, y0, x1, y1",
            )
        for name, value in zip(
            ("left", "top", "right", "bottom"), (left, top, right, bottom), strict=True
        ):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "positive", label_of(positive))

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in pixels."""
        return self.left, self.top, self.right, self.bottom

    @property
    def place(self) -> tuple[str, tuple[float, float, float, float], bool]:
        """What its map depends on, beside the image: its label, too."""
        return "box", self.corners, self.positive

    def inside(self, size: Size) -> "Box":
        """This box, if some of it lies in an image of `size`; else a `PromptError`."""
        if not (
            self.left < size.width and self.right > 0 and self.top < size.height and self.bottom > 0
        ):
            raise PromptError(
                f"box {self.corners} lies outside the {size} image",
                cure=f"use 0 <= x <= {size.width} and 0 <= y <= {size.height} (x to the right)",
            )
        return self

    def window(self, source: Size, target: Size) -> tuple[slice, slice]:
        """Its rows and columns in an image of `target`: every pixel touched, one at least.

        Args:
            source: of the photograph, in whose pixels the box is.
        """
        return (
            _touched(self.top, self.bottom, source.height, target.height),
            _touched(self.left, self.right, source.width, target.width),
        )

    def pixels(self, source: Size, target: Size) -> Pixels:
        """The pixels that have its label for certain: all inside of a negative box, else none."""
        if self.positive:
            return np.zeros((0, 2), np.int64)
        rows, columns = self.window(source, target)
        y, x = np.mgrid[rows, columns]
        return np.stack([x.ravel(), y.ravel()], axis=1)


def boxes_from_array(box: object, positive: object = True) -> tuple[Box, ...]:
    """Boxes from SAM's array, `4` or `N x 4` of (x0, y0, x1, y1).

    Raises:
        PromptError: it has another shape, or a box is malformed.
    """
    rows: list[Any] = rows_of("box", box)
    if rows and not isinstance(rows[0], list | tuple) and not hasattr(rows[0], "tolist"):
        rows = [rows]
    corners = [
        rows_of("box", row) if isinstance(row, list | tuple) or hasattr(row, "tolist") else [row]
        for row in rows
    ]
    if not rows or any(len(row) != 4 for row in corners):
        raise PromptError(f"box is {box!r}", cure="give x0, y0, x1, y1, or N x 4 of them")
    return tuple(Box(x0, y0, x1, y1, positive) for x0, y0, x1, y1 in corners)


def _touched(low: float, high: float, source: int, target: int) -> slice:
    scale = target / source
    first = min(max(math.floor(low * scale), 0), target - 1)
    return slice(first, max(min(math.ceil(high * scale), target), first + 1))
