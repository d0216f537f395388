"""What is done to a mask after its clicks: brush, eraser, cleaning, holes filled."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import numpy as np

from m2n2v2.annotator.document import Drawn, FilledHole, PlacedCleaning, Stroke
from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.masks.editing import hole_filled


def painted(mask: Mask, strokes: Iterable[Drawn]) -> Mask:
    """`mask` after the strokes, in order; see `redrawn`."""
    return redrawn(mask, strokes)[0]


def redrawn(mask: Mask, strokes: Iterable[Drawn]) -> tuple[Mask, tuple[Drawn, ...]]:
    """`mask` after the strokes, in order, and they with what they changed now; the mask given stays
    as it is.

    A stroke covers every pixel whose centre is at most its radius away from its way, the line
    from point to point. Pixel (x, y) has its centre at (x + 0.5, y + 0.5) (`grid`).
    """
    drawn, done = mask.copy(), []
    for stroke in strokes:
        match stroke:
            case PlacedCleaning():
                made = stroke.cleaning.of(drawn)
                drawn = made.mask.copy()
                stroke = PlacedCleaning(stroke.cleaning, made.added, made.removed)
            case FilledHole():
                with suppress(MaskError):
                    drawn = hole_filled(drawn, stroke.x, stroke.y)
            case Stroke():
                points = stroke.points if len(stroke.points) > 1 else stroke.points * 2
                for start, end in pairwise(points):
                    _cover(drawn, start, end, stroke.radius, not stroke.erase)
        done.append(stroke)
    return drawn, tuple(done)


def _cover(
    mask: Mask, start: tuple[float, float], end: tuple[float, float], radius: float, value: bool
) -> None:
    """Set the pixels near one straight piece."""
    (x0, y0), (x1, y1) = start, end
    height, width = mask.shape
    left, right = _span(x0, x1, radius, width)
    top, bottom = _span(y0, y1, radius, height)
    if left >= right or top >= bottom:
        return
    x: np.ndarray = np.arange(left, right) + 0.5 - x0
    y: np.ndarray = (np.arange(top, bottom) + 0.5 - y0)[:, None]
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / squared, 0, 1) if squared > 0 else 0.0
    near = np.square(x - along * dx) + np.square(y - along * dy) <= radius * radius
    mask[top:bottom, left:right][near] = value


def _span(a: float, b: float, radius: float, length: int) -> tuple[int, int]:
    """Pixels from first to last that can be reached, within the image."""
    low, high = min(a, b) - radius - 0.5, max(a, b) + radius - 0.5
    return max(int(np.ceil(low)), 0), min(int(np.floor(high)) + 1, length)
