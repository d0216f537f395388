"""Scribbles: a stroke of the hand, which is one prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from m2n2v2.errors import PromptError
from m2n2v2.grid import Size, rescaled_pixel
from m2n2v2.prompts.clicks import Pixels, label_of, number_of, rows_of

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, init=False)
class Scribble:
    """One stroke through points (x, y), straight between them; a single point is a click.

    It may cross itself and leave the photograph: every pixel that it crosses inside counts once.

    Args:
        points: in pixels of the photograph, one or more; pixel i covers [i, i + 1).
        positive: True on the object, False on the background; labels are those of a `Click`.

    Raises:
        PromptError: there is no point, or one is no pair of finite numbers.
        ClickError: the label is of another kind.
    """

    points: Points
    positive: bool

    def __init__(self, points: object, positive: object = True) -> None:
        object.__setattr__(self, "points", _points(points))
        object.__setattr__(self, "positive", label_of(positive))

    @property
    def place(self) -> tuple[str, Points]:
        """What its Markov-map depends on, beside the image: not its label."""
        return "scribble", self.points

    def inside(self, size: Size) -> "Scribble":
        """This stroke, if some of it lies in an image of `size`; else a `PromptError`."""
        if not len(_crossed(self.points, size)):
            raise PromptError(
                f"a scribble from {_named(self.points[0])} to {_named(self.points[-1])} lies "
                f"outside the {size} image",
                cure=f"use 0 <= x < {size.width} and 0 <= y < {size.height} (x to the right)",
            )
        return self

    def pixels(self, source: Size, target: Size) -> Pixels:
        """The distinct pixels (x, y) it crosses, in an image of `target`, row by row.

        Args:
            source: of the photograph, in whose pixels the points are.
        """
        crossed = _crossed(self.points, source)
        if source == target:
            return crossed
        rescaled = [rescaled_pixel(x, y, source, target) for x, y in crossed.tolist()]
        return _distinct(np.array(rescaled, np.int64).reshape(-1, 2), target)


FARTHEST = 10**9
"""Pixels; points beyond are taken to lie there."""

AT_ONCE = 4096
"""Segments of a stroke drawn together."""


def _crossed(points: Points, size: Size) -> Pixels:
    """The pixels of an image that a stroke crosses, from pixel centre to pixel centre.

    In whole numbers, and both pixels where the line passes between two: mirroring or reversing a
    stroke mirrors its pixels.
    """
    ends = np.floor(np.clip(np.array(points, np.float64), -FARTHEST, FARTHEST)).astype(np.int64)
    crossed = [_distinct(ends, size)]
    for first in range(0, len(ends) - 1, AT_ONCE):
        part = ends[first : first + AT_ONCE + 1]
        crossed.append(_distinct(_lines(part[:-1], part[1:], size), size))
    return _distinct(np.concatenate(crossed), size)


def _lines(start: Pixels, stop: Pixels, size: Size) -> Pixels:
    """The pixels of straight lines, a step along the longer axis for each, inside nearly all."""
    move = stop - start
    axis = np.abs(move).argmax(axis=1)
    lines = np.arange(len(move))
    length, begin = np.abs(move[lines, axis]), start[lines, axis]
    forward = np.where(move[lines, axis] >= 0, 1, -1)
    extent = np.where(axis == 0, size.width, size.height)
    enters = np.where(forward > 0, -begin, begin - extent + 1)
    leaves = np.where(forward > 0, extent - 1 - begin, begin)
    low, high = np.maximum(enters, 0), np.minimum(leaves, length)
    count = np.maximum(high - low + 1, 0)
    line = np.repeat(lines, count)
    step = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count) + low[line]
    n = np.maximum(length, 1)[line]
    twice = 2 * step * move[line, 1 - axis[line]] + n  # the other axis: rounded in whole numbers
    across = twice // (2 * n) + start[line, 1 - axis[line]]
    tied = twice % (2 * n) == 0
    along = begin[line] + forward[line] * step
    pixels = np.where(
        (axis[line] == 0)[:, None], np.stack([along, across], 1), np.stack([across, along], 1)
    )
    other = np.where((axis[line] == 0)[:, None], [[0, 1]], [[1, 0]])
    return np.concatenate([pixels, (pixels - other)[tied]])


def _distinct(pixels: Pixels, size: Size) -> Pixels:
    x, y = pixels.T
    within = (x >= 0) & (y >= 0) & (x < size.width) & (y < size.height)
    flat = np.unique(y[within] * size.width + x[within])
    return np.stack([flat % size.width, flat // size.width], axis=1)


def _points(values: object) -> Points:
    array = _as_numbers(values)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise PromptError(
            f"a scribble has points of shape {array.shape}",
            cure="give one or more points (x, y), N x 2",
        )
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise PromptError(
            f"a scribble has the point {_named(tuple(array[bad][0].tolist()))}",
            cure="use finite numbers of pixels",
        )
    return tuple(map(tuple, array.tolist()))


def _as_numbers(values: object) -> Float[np.ndarray, "..."]:
    rows = [rows_of("a scribble's point", row) for row in rows_of("a scribble", values)]
    numbers = [[number_of(value) for value in row] for row in rows]
    if any(None in row for row in numbers) or len({len(row) for row in numbers}) > 1:
        raise PromptError(
            "a scribble's points are no pairs of numbers", cure="give points (x, y), N x 2"
        )
    return np.array(numbers, np.float64)


def _named(point: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in point)})"
