"""Merge scaled maps into nearest neighbours, and those into a margin."""

import numpy as np

from m2n2v2.compiled.kernels import kernel

_TINY = np.finfo(np.float32).tiny


@kernel()
def merge(start, stop, values, scale, positive, inner, outer, mask):  # type: ignore[no-untyped-def]
    """`inner`, `outer`: smallest scaled value per pixel over the positive, negative prompts."""
    width = values.shape[1]
    divisor = scale if scale > 0 else np.float32(1)  # values at most 0 are 0 themselves
    for y in range(start, stop):
        for x in range(width):
            value = values[y, x]
            if value <= scale:
                scaled = value / divisor
                if scaled < inner[y, x] and scaled < outer[y, x]:
                    mask[y, x] = positive
                if positive:
                    inner[y, x] = min(inner[y, x], scaled)
                else:
                    outer[y, x] = min(outer[y, x], scaled)


@kernel()
def margin(start, stop, inner, outer, mask, out):  # type: ignore[no-untyped-def]
    """How much nearer the positive prompts are, in [-1, 1], with the sign that `mask` decides."""
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    for y in range(start, stop):
        for x in range(mask.shape[1]):
            nearer = min(outer[y, x], one) - min(inner[y, x], two)
            nearer = min(max(nearer, -one), one)
            out[y, x] = max(nearer, _TINY) if mask[y, x] else min(nearer, zero)


@kernel(fastmath=True)
def above_zero(  # type: ignore[no-untyped-def]
    start, stop, margin, row_cell, row_weight, column_cell, column_weight, out
):
    """`out[y, x]`: is the margin, interpolated bilinearly at (y, x), over 0?"""
    height, width = margin.shape
    line = np.empty(width + 1, np.float32)
    for y in range(start, stop):
        upper, lower = margin[row_cell[y]], margin[min(row_cell[y] + 1, height - 1)]
        down = row_weight[y]
        for i in range(width):
            line[i] = upper[i] + (lower[i] - upper[i]) * down
        line[width] = line[width - 1]
        for x in range(out.shape[1]):
            left = line[column_cell[x]]
            right = line[column_cell[x] + 1]
            out[y, x] = left + (right - left) * column_weight[x] > 0
