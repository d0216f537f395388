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


BLOCK = 32
"""Pixels of a row that are looked at together: mostly they are of one set."""


@kernel()
def outlines(member, strength, free, lowest, sums):  # type: ignore[no-untyped-def]
    """Of each of the nested sets `member <= k`: the pixels just outside it, the strength over
    them, its pixels on the image's frame, and those of its pixels that are free.

    `sums` is float64 `K + 1, 4`. `lowest`, i4 (W), is a workspace: of each pixel and its neighbours
    the first set that holds one.
    """
    height, width = member.shape
    for k in range(len(sums)):
        for i in range(4):
            sums[k, i] = 0
    for y in range(height):
        here, above, below = member[y], member[max(y - 1, 0)], member[min(y + 1, height - 1)]
        for x in range(width):
            lowest[x] = min(here[x], min(above[x], below[x]))
        before, after, east = lowest[: width - 1], lowest[1:], here[1:]
        for x in range(width - 1):
            before[x] = min(before[x], east[x])
        for x in range(width - 1):
            after[x] = min(after[x], here[x])
        for start in range(0, width, BLOCK):
            part = slice(start, start + BLOCK)
            own, first, new, strong = here[part], lowest[part], free[y, part], strength[y, part]
            borders, count, now = False, 0, own[0]
            for x in range(len(own)):
                borders |= first[x] < own[x]
                count += new[x]
            if not borders:  # all of one set
                sums[now, 3] += count
                continue
            count = 0
            for x in range(len(own)):
                if own[x] != now:
                    sums[now, 3] += count
                    now, count = own[x], 0
                count += new[x]
                if first[x] < own[x]:
                    sums[first[x], 0] += 1
                    sums[first[x], 1] += strong[x]
                    sums[own[x], 0] -= 1
                    sums[own[x], 1] -= strong[x]
            sums[now, 3] += count
        for x in range(0, width, 1 if y in (0, height - 1) else max(width - 1, 1)):
            sums[here[x], 2] += 1
    for k in range(1, len(sums)):
        for i in range(4):
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
