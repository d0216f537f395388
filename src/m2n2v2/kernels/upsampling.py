"""Build and apply the joint bilateral upsampling operator."""

import numba
import numpy as np
from numba import njit

_LIMIT = 40.0
"""Exponents beyond this (weights under 5e-18) count as this."""


@njit(inline="always")
def _exp_minus(e):  # type: ignore[no-untyped-def]
    """`exp(-e)`, e >= 0, in operations that vectorise: a polynomial at e / 64, squared six times.

    Relative error under 1e-7 for e < 8, under 5e-4 at the limit.
    """
    t = -min(e, np.float32(_LIMIT)) * np.float32(1 / 64)
    p = np.float32(1 / 720)
    p = p * t + np.float32(1 / 120)
    p = p * t + np.float32(1 / 24)
    p = p * t + np.float32(1 / 6)
    p = p * t + np.float32(0.5)
    p = p * t + np.float32(1)
    p = p * t + np.float32(1)
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p


@njit(nogil=True, fastmath=True, cache=True)
def build(  # type: ignore[no-untyped-def]
    start,
    stop,
    guide,  # f4 (4, H, W): range channels, already divided by sqrt(2) range sigma
    reach,  # i4 (2 * R + 1): half width of the window in each of its rows
    row_exponent,  # f4 (R + 1): dy^2 / (2 sigma^2) per row distance
    column_exponent,  # f4 (2 * C + 1): dx^2 / (2 sigma^2), centre at C
    top,  # i4 (H): first cell row of each pixel row's patch
    left,  # i4 (W): first cell column of each pixel column's patch
    row_cell,  # i4 (H): bilinear taps
    row_weight,  # f4 (H)
    column_cell,  # i4 (W)
    column_weight,  # f4 (W)
    weights,  # f4 (H, W, taps_y, taps_x), out
):
    height, width = guide.shape[1:]
    taps_y, taps_x = weights.shape[2:]
    radius = len(row_exponent) - 1
    centre = len(column_exponent) // 2
    flat = np.empty(len(column_exponent), np.float32)
    sloped = np.empty(len(column_exponent), np.float32)
    for y in range(start, stop):
        first_row, last_row = max(0, y - radius), min(height - 1, y + radius)
        for x in range(width):
            first, last = max(0, x - centre), min(width - 1, x + centre)
            g0, g1, g2, g3 = guide[0, y, x], guide[1, y, x], guide[2, y, x], guide[3, y, x]
            patch = weights[y, x]
            patch[:] = 0
            total = np.float32(0)
            row = first_row
            while row <= last_row:
                # all rows above the same pair of cell rows: sum them before splitting columns
                cell = row_cell[row]
                flat[: last - first + 1] = 0
                sloped[: last - first + 1] = 0
                while row <= last_row and row_cell[row] == cell:
                    half = reach[row - y + radius]
                    begin, end = max(first, x - half), min(last, x + half) + 1
                    offset, span = begin - first, end - begin
                    c0, c1 = guide[0, row, begin:end], guide[1, row, begin:end]
                    c2, c3 = guide[2, row, begin:end], guide[3, row, begin:end]
                    across = column_exponent[begin - x + centre : end - x + centre]
                    a, b = flat[offset : offset + span], sloped[offset : offset + span]
                    down, slope = row_exponent[abs(row - y)], row_weight[row]
                    for i in range(span):
                        d0, d1, d2, d3 = c0[i] - g0, c1[i] - g1, c2[i] - g2, c3[i] - g3
                        w = _exp_minus(d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 + across[i] + down)
                        a[i] += w
                        b[i] += w * slope
                    row += 1
                ty = cell - top[y]
                below = ty + 1 < taps_y
                for i in range(last - first + 1):
                    tx = column_cell[first + i] - left[x]
                    f = column_weight[first + i]
                    lower = sloped[i]
                    upper = flat[i] - lower
                    total += flat[i]
                    patch[ty, tx] += upper * (1 - f)
                    if below:
                        patch[ty + 1, tx] += lower * (1 - f)
                    if tx + 1 < taps_x:
                        patch[ty, tx + 1] += upper * f
                        if below:
                            patch[ty + 1, tx + 1] += lower * f
            patch /= total


@njit(nogil=True, fastmath=True, cache=True)
def apply(start, stop, weights, top, left, cells, out):  # type: ignore[no-untyped-def]
    """`out[k, y, x]`: the weighted sum over the patch of cells of each pixel, for each map k."""
    width, taps_y, taps_x = weights.shape[1:]
    taps = taps_y * taps_x
    patch = np.empty(taps, cells.dtype)
    for y in range(start, stop):
        for k in range(len(cells)):
            at = -1
            for x in range(width):
                if left[x] != at:
                    at = left[x]
                    for j in range(taps_y):
                        for i in range(taps_x):
                            patch[j * taps_x + i] = cells[k, top[y] + j, at + i]
                pixel = weights[y, x].reshape(taps)
                value = numba.float32(0)
                for i in range(taps):
                    value += pixel[i] * patch[i]
                out[k, y, x] = value
