"""Clicks: what a person says about one pixel."""

import math
import numbers
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Int

from m2n2v2.errors import ClickError
from m2n2v2.grid import Size, rescaled_pixel

Pixels = Int[np.ndarray, "_ 2"]
"""Pixels (x, y)."""


@dataclass(frozen=True, init=False)
class Click:
    """One click at pixel (x, y), x to the right and y down, from 0.

    Args:
        x: column, in pixels of the photograph; a fraction falls into the pixel that contains it.
        y: row, likewise.
        positive: True on the object, False on the background. `True`, `1` and `np.True_` mean
            the same; anything but a bool, 0 or 1 is refused.

    Raises:
        ClickError: a coordinate is not a finite number >= 0, or the label is of another kind.
    """

    x: int
    y: int
    positive: bool

    def __init__(self, x: SupportsFloat, y: SupportsFloat, positive: object = True) -> None:
        object.__setattr__(self, "x", _pixel("x", x))
        object.__setattr__(self, "y", _pixel("y", y))
        object.__setattr__(self, "positive", label_of(positive))

    @property
    def place(self) -> tuple[int, int]:
        """Its pixel: what its Markov-map depends on, beside the image."""
        return self.x, self.y

    def pixels(self, source: Size, target: Size) -> Pixels:
        """Its pixel (x, y) in an image of `target`, in which the photograph has size `source`."""
        return np.array([rescaled_pixel(self.x, self.y, source, target)])

    def inside(self, size: Size) -> "Click":
        """This click, if it lies in an image of `size`; else a `ClickError`."""
        if self.x >= size.width or self.y >= size.height:
            raise ClickError(
                f"click ({self.x}, {self.y}) lies outside the {size} image",
                cure=f"use 0 <= x < {size.width} and 0 <= y < {size.height} (x to the right)",
            )
        return self


def clicks_from_arrays(point_coords: object, point_labels: object) -> tuple[Click, ...]:
    """Clicks from SAM's two arrays: `N x 2` of (x, y) and `N` of 1 / 0.

    Lists, tuples, numpy arrays and tensors are taken. Order is kept: it is the order of clicking.

    Raises:
        ClickError: shapes differ from `N x 2` and `N`, N is 0, or a value is not valid.
    """
    points = rows_of("point_coords", point_coords)
    labels = rows_of("point_labels", point_labels)
    if len(points) != len(labels):
        raise ClickError(
            f"{len(points)} points came with {len(labels)} labels", cure="give one label per point"
        )
    if not points:
        raise ClickError("no clicks came", cure="give at least one point and its label")
    clicks = []
    for point, label in zip(points, labels, strict=True):
        pair = rows_of("point", point)
        if len(pair) != 2:
            raise ClickError(f"point {point!r} is no pair", cure="give each point as (x, y)")
        clicks.append(Click(pair[0], pair[1], label))
    return tuple(clicks)


def rows_of(name: str, values: Any) -> list[Any]:
    """A list, tuple, array or tensor as a list."""
    tolist = getattr(values, "tolist", None)
    if callable(tolist):
        values = tolist()
    if not isinstance(values, list | tuple):
        raise ClickError(f"{name} is {values!r}", cure="give a list, tuple, array or tensor")
    return list(values)


def _pixel(name: str, value: object) -> int:
    number = number_of(value)
    if number is None or not (math.isfinite(number) and number >= 0):
        raise ClickError(
            f"click {name} is {value!r}", cure="use a finite number of pixels, 0 or more"
        )
    return math.floor(number)


def label_of(value: object) -> bool:
    """The one meaning of `True`, `1` and `np.True_`, and of their opposites."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    number = number_of(value)
    if number not in (0.0, 1.0):
        raise ClickError(
            f"click label is {value!r}",
            cure="use True or 1 for object, False or 0 for background",
        )
    return bool(number)


def number_of(value: object) -> float | None:
    """A real number as float; None for anything else, bools included."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return None
    return float(value)
