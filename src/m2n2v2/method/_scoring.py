"""Passes over the pixels behind the score terms."""

import numpy as np

from m2n2v2.compiled.kernels import inlined, kernel


@kernel(fastmath=True)
def sobel(start, stop, values, magnitude):  # type: ignore[no-untyped-def]
    """Magnitude of the 3x3 Sobel gradient, border mirrored about its pixels."""
    height, width = values.shape
    for y in range(start, stop):
        above = values[y - 1 if y > 0 else min(1, height - 1)]
        here = values[y]
        below = values[y + 1 if y < height - 1 else max(height - 2, 0)]
        out = magnitude[y]
        for x in range(0, width, max(width - 1, 1)):  # the ends
            west = x - 1 if x > 0 else min(1, width - 1)
            east = x + 1 if x < width - 1 else max(width - 2, 0)
            out[x] = _magnitude(above, here, below, west, x, east)
        inner = out[1:]
        for x in range(width - 2):
            inner[x] = _magnitude(above, here, below, x, x + 1, x + 2)


@inlined
def _magnitude(above, here, below, west, x, east):  # type: ignore[no-untyped-def]
    gx = (above[east] - above[west]) + (below[east] - below[west])
    gx += here.dtype.type(2) * (here[east] - here[west])
    gy = (below[west] - above[west]) + (below[east] - above[east])
    gy += here.dtype.type(2) * (below[x] - above[x])
    return np.sqrt(gx * gx + gy * gy)


COUNT = 27
"""Bits of a sum that count pixels; those above sum their strength. Of 2^26 pixels, 10 bits each,
neither overflows."""


@kernel()
def edge_scores(level, magnitude, to_steps, steps, sums, edge):  # type: ignore[no-untyped-def]
    """Mean strength, of `steps`, over the pixels just outside each level set; 0 where none are.

    The strength of a pixel is `magnitude * to_steps`, cut to whole numbers. A pixel borders the
    sets from its lowest neighbour's level up to, but without, its own: it is added at the one and
    taken off at the other, and a running sum does the rest.

    `sums`, int64 `L`, is a workspace for strength and number of pixels together: the levels of a
    row jump, and half the memory misses the cache half as often.
    """
    height, width = level.shape
    last = width - 1
    for i in range(len(sums)):
        sums[i] = 0
    for y in range(height):
        above, below = level[max(y - 1, 0)], level[min(y + 1, height - 1)]
        here, strength = level[y], magnitude[y]
        for x in range(width):
            own = here[x]
            across = min(here[max(x - 1, 0)], here[min(x + 1, last)])
            lowest = min(across, min(above[x], below[x]))
            if lowest < own:
                both = np.int64(strength[x] * to_steps) << COUNT | 1
                sums[np.uint32(lowest)] += both
                sums[np.uint32(own)] -= both
    total = np.int64(0)
    for i in range(len(sums)):
        total += sums[i]
        sums[i] = total
    for i in range(len(edge)):  # a division does not wait for the one before
        total = sums[i]
        edge[i] = (total >> COUNT) / (max(total & ((1 << COUNT) - 1), 1) * steps)


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
