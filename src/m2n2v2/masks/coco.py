"""COCO's codings of a mask: column-major run lengths, their string, and polygons.

Numpy only, and the same to the pixel and the byte as pycocotools (the tests compare).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64

from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.corners import corners
from m2n2v2.masks.runs import Runs

Counts = Int64[np.ndarray, " n"]
MOST_DIGITS = 7
"""Of five bits in one number of the string: 34 bits and a sign."""
FINE = 5
"""Polygons are drawn on a grid this many times finer than the pixels."""


def compressed(runs: Runs) -> str:
    """The string in `segmentation.counts`: each number less the last but one, in base 32."""
    numbers = column_major(runs)
    numbers[3:] -= numbers[1:-2].copy()
    digits = np.empty((len(numbers), MOST_DIGITS), np.uint8)
    used = np.zeros((len(numbers), MOST_DIGITS), bool)
    going_on = np.ones(len(numbers), bool)
    for place in range(MOST_DIGITS):
        used[:, place] = going_on
        digit = numbers & 31
        numbers = numbers >> 5
        going_on = np.where(digit & 16, numbers != -1, numbers != 0)
        digits[:, place] = digit + 48 + 32 * going_on
        going_on = going_on & used[:, place]
    return digits[used].tobytes().decode("ascii")


def expanded(text: str) -> Counts:
    """The run lengths in such a string.

    Raises:
        FormatError: it is no such string.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if not text.isascii() or ((codes < 0) | (codes > 63)).any() or (len(codes) and codes[-1] & 32):
        raise FormatError(
            f"run lengths {text[:20]!r} are no COCO string", cure="export the file again"
        )
    lasts = np.flatnonzero(codes < 32)
    firsts = np.concatenate([[0], lasts[:-1] + 1]) if len(lasts) else lasts
    lengths = lasts - firsts + 1
    if len(lasts) and int(lengths.max()) > MOST_DIGITS:
        raise FormatError("a run length is too long for an image", cure="export the file again")
    places = np.arange(len(codes)) - np.repeat(firsts, lengths)
    values = np.add.reduceat((codes & 31) << (5 * places), firsts) if len(lasts) else codes
    negative = (codes[lasts] & 16) != 0
    values = values - (negative.astype(np.int64) << (5 * lengths))
    for first in (1, 2):  # each number is stored less the last but one, from the fourth on
        values[first::2] = np.cumsum(values[first::2])
    return values


def column_major(runs: Runs) -> Counts:
    """Run lengths down the columns, beginning with background (0 if there is none)."""
    transposed = Runs.of(np.ascontiguousarray(runs.mask.T))
    return transposed.counts.astype(np.int64)


def from_column_major(counts: Sequence[int] | Counts, size: Size) -> Runs:
    """The mask with these run lengths.

    Raises:
        FormatError: they do not fill an image of that size.
    """
    numbers = np.asarray(counts)
    fits = numbers.ndim == 1 and numbers.dtype.kind == "i" and len(numbers) > 0
    if not fits or numbers.min() < 0 or numbers.max() > size.area or numbers.sum() != size.area:
        raise FormatError(
            f"run lengths do not fill a {size} image", cure="check the size in the file"
        )
    inside = np.arange(len(numbers)) % 2 == 1
    return Runs.of(np.repeat(inside, numbers).reshape(size.width, size.height).T)


def rasterised(polygons: Sequence[Sequence[float]], size: Size) -> Runs:
    """The union of polygons `[x, y, x, y, ...]`, drawn as COCO's own tools draw them.

    Corners are rounded to a fifth of a pixel. A column's pixels change sides where an edge
    crosses the middle of the column (even-odd).

    Raises:
        FormatError: a polygon has under three corners, or one far outside the image.
    """
    mask = np.zeros(size.shape, bool)
    for polygon in polygons:
        mask |= _drawn(_corners(polygon, size), size)
    return Runs.of(mask)


def _corners(polygon: Sequence[float], size: Size) -> Float[np.ndarray, "k 2"]:
    corner_points = corners(polygon, size)
    if len(corner_points) < 3:
        raise FormatError(f"a polygon has {len(corner_points)} corners", cure="give three or more")
    return corner_points


def _drawn(points: Float[np.ndarray, "k 2"], size: Size) -> Mask:
    fine = np.trunc(points * FINE + 0.5).astype(np.int64)
    start, stop = fine, np.roll(fine, -1, axis=0)
    apart = (start != stop).any(axis=1)
    start, stop = start[apart], stop[apart]
    steep = np.abs(stop - start)[:, 0] < np.abs(stop - start)[:, 1]
    columns, rows = zip(
        _crossings(*_upright(start[~steep], stop[~steep], axis=0), swapped=False),
        _crossings(*_upright(start[steep], stop[steep], axis=1), swapped=True),
        strict=True,
    )
    column, row = np.concatenate(columns), np.concatenate(rows)
    middle = FINE // 2
    seen = (column % FINE == middle) & (column >= 0) & (column < FINE * size.width)
    x = column[seen] // FINE
    y = np.ceil(np.clip((row[seen] + 0.5) / FINE - 0.5, 0, size.height)).astype(np.int64)
    changes = np.bincount(x * size.height + y, minlength=size.area + 1)[: size.area]
    inside: Bool[np.ndarray, " n"] = np.cumsum(changes) % 2 == 1
    return inside.reshape(size.width, size.height).T


def _upright(
    start: Int64[np.ndarray, "k 2"], stop: Int64[np.ndarray, "k 2"], axis: int
) -> tuple[Int64[np.ndarray, "k 2"], Int64[np.ndarray, "k 2"]]:
    """The edges so that they run upward along an axis."""
    falling = (start[:, axis] > stop[:, axis])[:, None]
    return np.where(falling, stop, start), np.where(falling, start, stop)


def _crossings(
    start: Int64[np.ndarray, "k 2"], stop: Int64[np.ndarray, "k 2"], *, swapped: bool
) -> tuple[Counts, Counts]:
    """Where edges pass from one fine column to the next: the left one, and the upper row there.

    Args:
        swapped: the edges run along y, and are walked in rows instead of columns.
    """
    along, across = (1, 0) if swapped else (0, 1)
    lengths = stop[:, along] - start[:, along]
    slopes = (stop[:, across] - start[:, across]) / np.maximum(lengths, 1)
    edge = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths, lengths)

    def at(steps: Counts) -> Counts:
        exact = start[edge, across] + slopes[edge] * steps + 0.5
        return np.trunc(exact).astype(np.int64)

    before, after, position = at(step), at(step + 1), start[edge, along] + step
    if swapped:
        moved = before != after
        return np.minimum(before, after)[moved], position[moved]
    return position, np.minimum(before, after)
