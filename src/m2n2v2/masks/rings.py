"""Rings of corners back to pixels: what a polygon covers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from m2n2v2.arrays import Mask

Ring = Float[np.ndarray, "_ 2"]


def filled(rings: Sequence[Ring], shape: tuple[int, ...]) -> Mask:
    """The pixels whose middles lie inside closed rings, by the even-odd rule over all of them.

    Pixel (x, y) covers [x, x + 1) x [y, y + 1). A middle on an edge is on the side to the right of
    it. What lies outside the image is cut off.

    Args:
        rings: corners (x, y), not closed.
        shape: height, width.
    """
    height, width = shape
    changes = np.zeros((height, width + 1), np.int32)
    for ring in rings:
        start, stop = ring, np.roll(ring, -1, axis=0)
        falls = start[:, 1] > stop[:, 1]
        low, high = np.where(falls[:, None], stop, start), np.where(falls[:, None], start, stop)
        first = np.clip(np.ceil(low[:, 1] - 0.5), 0, height).astype(np.int64)
        last = np.clip(np.ceil(high[:, 1] - 0.5), 0, height).astype(np.int64)
        count = last - first
        edge = np.repeat(np.arange(len(ring)), count)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        down = high[edge, 1] - low[edge, 1]
        along = (row + 0.5 - low[edge, 1]) / np.where(down > 0, down, 1)
        crossing = low[edge, 0] + along * (high[edge, 0] - low[edge, 0])
        column = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
        np.add.at(changes, (row, column), 1)
    return np.cumsum(changes[:, :width], axis=1) % 2 == 1
