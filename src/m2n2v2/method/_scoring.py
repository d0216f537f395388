"""Passes over the pixels behind the score terms."""

import numpy as np

from m2n2v2.compiled.kernels import kernel


@kernel(fastmath=True)
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


@kernel()
def edge_scores(level, magnitude, to_steps, steps, sums, edge):  # type: ignore[no-untyped-def]
    """Mean strength, of `steps`, over the pixels just outside each level set; 0 where none are.

    The strength of a pixel is `magnitude * to_steps`, cut to whole numbers. A pixel borders the
    sets from its lowest neighbour's level up to, but without, its own: it is added at the one and
    taken off at the other, and a running sum does the rest.

    `sums`, int64 `L 2`, is a workspace for strength and number of pixels.
    """
    height, width = level.shape
    sums[:] = 0
    for y in range(height):
        above, below = level[max(y - 1, 0)], level[min(y + 1, height - 1)]
        here = level[y]
        for x in range(width):
            own = here[x]
            across = min(here[max(x - 1, 0)], here[min(x + 1, width - 1)])
            lowest = min(across, min(above[x], below[x]))
            if lowest < own:
                strength = np.int64(magnitude[y, x] * to_steps)
                sums[lowest, 0] += strength
                sums[lowest, 1] += 1
                sums[own, 0] -= strength
                sums[own, 1] -= 1
    total, length = np.int64(0), np.int64(0)
    for i in range(len(edge)):
        total += sums[i, 0]
        length += sums[i, 1]
        edge[i] = total / (max(length, 1) * steps)


@kernel()
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
