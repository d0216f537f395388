"""Passes over the pixels behind the score terms."""

import numpy as np
from numba import njit


@njit(nogil=True, fastmath=True, cache=True)
def sobel(start, stop, values, magnitude):  # type: ignore[no-untyped-def]
    """Magnitude of the 3x3 Sobel gradient, border mirrored about its pixels."""
    height, width = values.shape
    two = values.dtype.type(2)
    for y in range(start, stop):
        above = values[y - 1 if y > 0 else min(1, height - 1)]
        here = values[y]
        below = values[y + 1 if y < height - 1 else max(height - 2, 0)]
        for x in range(width):
            west = x - 1 if x > 0 else min(1, width - 1)
            east = x + 1 if x < width - 1 else max(width - 2, 0)
            gx = (above[east] - above[west]) + (below[east] - below[west])
            gx += two * (here[east] - here[west])
            gy = (below[west] - above[west]) + (below[east] - above[east])
            gy += two * (below[x] - above[x])
            magnitude[y, x] = np.sqrt(gx * gx + gy * gy)


@njit(nogil=True, cache=True)
def levels(values, order, level, distinct, area):  # type: ignore[no-untyped-def]
    """Number the distinct values in ascending order; `order` sorts the pixels by value.

    Fills `level` (per pixel), `distinct` and `area` (pixels at or below); returns their number.
    """
    flat, level = values.reshape(values.size), level.reshape(values.size)
    count = 0
    for i in range(len(order)):
        value = flat[order[i]]
        if count == 0 or value != distinct[count - 1]:
            distinct[count] = value
            count += 1
        level[order[i]] = count - 1
        area[count - 1] = i + 1
    return count


@njit(nogil=True, cache=True)
def border_sums(level, strength, total, length):  # type: ignore[no-untyped-def]
    """Sum of `strength` over, and number of, the pixels just outside each level set.

    A pixel borders the sets from its lowest neighbour's level up to, but without, its own: it
    is added at the one and taken off at the other, and a running sum does the rest.
    """
    height, width = level.shape
    for y in range(height):
        for x in range(width):
            own = level[y, x]
            lowest = own
            if x > 0:
                lowest = min(lowest, level[y, x - 1])
            if x < width - 1:
                lowest = min(lowest, level[y, x + 1])
            if y > 0:
                lowest = min(lowest, level[y - 1, x])
            if y < height - 1:
                lowest = min(lowest, level[y + 1, x])
            if lowest < own:
                total[lowest] += strength[y, x]
                total[own] -= strength[y, x]
                length[lowest] += 1
                length[own] -= 1
    for i in range(1, len(total)):
        total[i] += total[i - 1]
        length[i] += length[i - 1]


@njit(nogil=True, cache=True)
def nearest_squared(mask, x, y, label):  # type: ignore[no-untyped-def]
    """Squared distance from (x, y) to the nearest pixel of `mask` that equals `label`, or -1."""
    height, width = mask.shape
    best = -1
    for reach in range(max(y, height - 1 - y) + 1):
        if best >= 0 and reach * reach >= best:
            break
        for row in (y - reach, y + reach):
            if row < 0 or row >= height:
                continue
            for column in range(width):
                if mask[row, column] == label:
                    squared = (column - x) * (column - x) + reach * reach
                    if best < 0 or squared < best:
                        best = squared
    return best
