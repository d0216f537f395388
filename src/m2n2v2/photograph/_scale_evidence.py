"""Passes over pixels behind the evidence for a scale."""

import numpy as np

from m2n2v2.compiled.kernels import inlined, kernel


@kernel()
def first_set(start, stop, values, thresholds, member):  # type: ignore[no-untyped-def]
    """Number of the first threshold, ascending, not under each value; their count if none.

    It is looked for from the last pixel's: mostly it is the same."""
    count, first = len(thresholds), 0
    for y in range(start, stop):
        for x in range(values.shape[1]):
            value = values[y, x]
            while first > 0 and thresholds[first - 1] >= value:
                first -= 1
            while first < count and thresholds[first] < value:
                first += 1
            member[y, x] = first


@kernel()
def outlines(member, strength, sums):  # type: ignore[no-untyped-def]
    """Of each of the nested sets `member <= k`: the pixels just outside it, the strength over
    them, and its pixels on the image's frame. `sums` is float64 `K + 1, 3`."""
    height, width = member.shape
    sums[:] = 0
    for y in range(height):
        for x in range(width):
            own = member[y, x]
            lowest = own
            if y > 0:
                lowest = min(lowest, member[y - 1, x])
            if y < height - 1:
                lowest = min(lowest, member[y + 1, x])
            if x > 0:
                lowest = min(lowest, member[y, x - 1])
            if x < width - 1:
                lowest = min(lowest, member[y, x + 1])
            if lowest < own:
                sums[lowest, 0] += 1
                sums[lowest, 1] += strength[y, x]
                sums[own, 0] -= 1
                sums[own, 1] -= strength[y, x]
            if y == 0 or x == 0 or y == height - 1 or x == width - 1:
                sums[own, 2] += 1
    for k in range(1, len(sums)):
        for i in range(3):
            sums[k, i] += sums[k - 1, i]


@kernel()
def depths(member, free, x, y, depth, share):  # type: ignore[no-untyped-def]
    """For the sets `free & (member <= k)`, k up to `len(share) - 1`: how deep inside the pixel
    (x, y), which may be outside the image, lies, as a share of the deepest pixel.

    From the largest set down, inside the window of the one before: all around it is outside for
    good. `depth` is a workspace, f4 (H, W).
    """
    height, width = member.shape
    half = np.float32(0.5)
    top, bottom, left, right = 0, height, 0, width
    for k in range(len(share) - 1, -1, -1):
        top, bottom, left, right, deepest = _depth(member, free, k, top, bottom, left, right, depth)
        own = np.float32(0)
        for v in range(max(y - 1, 0), min(y + 2, height)):
            for u in range(max(x - 1, 0), min(x + 2, width)):
                own = max(own, depth[v, u])
        share[k] = (own + half) / (deepest + half)


@inlined
def _depth(member, free, k, top, bottom, left, right, depth):  # type: ignore[no-untyped-def]
    """Chamfer distances to the outside (sides 1, diagonals sqrt 2), the frame being outside.

    Returns the window of the set (rows from, to, columns from, to), and the deepest."""
    height, width = member.shape
    one, diagonal = np.float32(1), np.float32(1.4142135)
    first, last, west, east = bottom, top, right, left
    for v in range(top, bottom):
        for u in range(left, right):
            if not free[v, u] or member[v, u] > k:
                depth[v, u] = 0
                continue
            d = one
            if v > 0 and 0 < u < width - 1:
                d = min(depth[v - 1, u], depth[v, u - 1]) + one
                d = min(d, min(depth[v - 1, u - 1], depth[v - 1, u + 1]) + diagonal)
            depth[v, u] = d
            first, last = min(first, v), v + 1
            west, east = min(west, u), max(east, u + 1)
    deepest = np.float32(0)
    for v in range(last - 1, first - 1, -1):
        for u in range(east - 1, west - 1, -1):
            d = depth[v, u]
            if d > 0:
                if v == height - 1 or u == 0 or u == width - 1:
                    d = one
                else:
                    d = min(d, min(depth[v + 1, u], depth[v, u + 1]) + one)
                    d = min(d, min(depth[v + 1, u - 1], depth[v + 1, u + 1]) + diagonal)
                depth[v, u] = d
                deepest = max(deepest, d)
    return first, max(first, last), west, max(west, east), deepest
