"""A few vectors times a large matrix, in one read of it."""

from m2n2v2.compiled.kernels import FAST, kernel

TILE = 1024
"""Columns whose sums stay in the first-level cache."""


@kernel(fastmath=FAST)
def left(start, stop, p, matrix, sums):  # type: ignore[no-untyped-def]
    """What rows start to stop add to `p matrix`, for each row of `p` (k, n).

    Four rows at a time: a sum is loaded and stored once for four products, and the rows are read
    again for the next vector from the cache. `sums` (bands, k, n) has one plane per band of rows
    (`threads.bands`).
    """
    count, width = matrix.shape
    total = sums[(start * len(sums) + count - 1) // count]
    fours = stop - (stop - start) % 4
    for first in range(0, width, TILE):
        last = min(first + TILE, width)
        total[:, first:last] = 0
        for i in range(start, fours, 4):
            r0, r1 = matrix[i, first:last], matrix[i + 1, first:last]
            r2, r3 = matrix[i + 2, first:last], matrix[i + 3, first:last]
            for k in range(len(p)):
                p0, p1, p2, p3 = p[k, i], p[k, i + 1], p[k, i + 2], p[k, i + 3]
                out = total[k, first:last]
                for j in range(len(out)):
                    out[j] += (p0 * r0[j] + p1 * r1[j]) + (p2 * r2[j] + p3 * r3[j])
        for i in range(fours, stop):
            row = matrix[i, first:last]
            for k in range(len(p)):
                share, out = p[k, i], total[k, first:last]
                for j in range(len(out)):
                    out[j] += share * row[j]
