"""Build and apply the joint bilateral upsampling operator."""

import numba
import numpy as np

from m2n2v2.compiled.exponential import exp2_minus
from m2n2v2.compiled.kernels import kernel

BLOCK = 64
"""Pixels of a row that are taken together: a fixed number, so that every loop over them becomes
vector instructions without a rest."""


@kernel(fastmath=True)
def build(  # type: ignore[no-untyped-def]
    start,
    stop,
    guide,  # f4 (4, H, 2 * C + padded W): range channels, scaled so that 2 ** -distance^2 weighs
    reach,  # i4 (2 * R + 1): half width of the window in each of its rows
    row_exponent,  # f4 (R + 1): of the spatial weight, base 2, per row distance
    column_exponent,  # f4 (2 * C + 1): the same per column offset
    top,  # i4 (H): first cell row of each pixel row's patch
    row_cell,  # i4 (H): bilinear taps
    row_weight,  # f4 (H)
    position,  # f4 (2 * C + 1, padded W): where in the pixel's patch the column at an offset lies
    lowest,  # i4 (blocks, 2 * C + 1): first and last tap that a block needs at an offset
    highest,
    weights,  # f4 (H, W, taps_y, taps_x), out
):
    """The weights of each pixel over its patch of cells.

    For each offset of the window, a block of neighbouring pixels is taken at once. Rows above the
    same pair of cell rows are summed before the sum is split between cells.
    """
    height, width, taps_y, taps_x = weights.shape
    radius, centre = len(row_exponent) - 1, len(column_exponent) // 2
    patch = np.empty((taps_y + 1, taps_x, BLOCK), np.float32)
    flat = np.empty(BLOCK, np.float32)
    sloped = np.empty(BLOCK, np.float32)
    total = np.empty(BLOCK, np.float32)
    one = np.float32(1)
    for y in range(start, stop):
        first_row, last_row = max(0, y - radius), min(height - 1, y + radius)
        for block in range(len(lowest)):
            x = block * BLOCK
            patch[:] = 0
            total[:] = 0
            own = x + centre
            m0, m1 = guide[0, y, own : own + BLOCK], guide[1, y, own : own + BLOCK]
            m2, m3 = guide[2, y, own : own + BLOCK], guide[3, y, own : own + BLOCK]
            row = first_row
            while row <= last_row:
                cell, end = row_cell[row], row
                while end <= last_row and row_cell[end] == cell:
                    end += 1
                ty = cell - top[y]
                for offset in range(2 * centre + 1):
                    if lowest[block, offset] > highest[block, offset]:
                        continue
                    for i in range(BLOCK):
                        flat[i] = 0
                        sloped[i] = 0
                    at = x + offset
                    for other in range(row, end):
                        if abs(offset - centre) > reach[other - y + radius]:
                            continue
                        away = column_exponent[offset] + row_exponent[abs(other - y)]
                        slope = row_weight[other]
                        c0, c1 = guide[0, other, at : at + BLOCK], guide[1, other, at : at + BLOCK]
                        c2, c3 = guide[2, other, at : at + BLOCK], guide[3, other, at : at + BLOCK]
                        for i in range(BLOCK):
                            d0, d1, d2, d3 = (
                                c0[i] - m0[i],
                                c1[i] - m1[i],
                                c2[i] - m2[i],
                                c3[i] - m3[i],
                            )
                            w = exp2_minus(away + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3)
                            flat[i] += w
                            sloped[i] += w * slope
                    where = position[offset, x : x + BLOCK]
                    for i in range(BLOCK):
                        total[i] += flat[i]
                        flat[i] -= sloped[i]
                    for tx in range(lowest[block, offset], highest[block, offset] + 1):
                        upper, lower = patch[ty, tx], patch[ty + 1, tx]
                        for i in range(BLOCK):
                            share = max(np.float32(0), one - abs(where[i] - np.float32(tx)))
                            upper[i] += flat[i] * share
                            lower[i] += sloped[i] * share
                row = end
            for i in range(min(BLOCK, width - x)):
                scale = one / total[i]
                pixel = weights[y, x + i]
                for ty in range(taps_y):
                    for tx in range(taps_x):
                        pixel[ty, tx] = patch[ty, tx, i] * scale


@kernel(fastmath=True)
def apply(start, stop, weights, top, left, cells, out):  # type: ignore[no-untyped-def]
    """`out[k, y, x]`: the weighted sum over the patch of cells of each pixel, for each map k."""
    height, width, taps_y, taps_x = weights.shape
    taps = taps_y * taps_x
    rows = weights.reshape(height, width * taps)
    patch = np.empty(taps, cells.dtype)
    for y in range(start, stop):
        row = rows[y]
        for k in range(len(cells)):
            at = -1
            for x in range(width):
                if left[x] != at:
                    at = left[x]
                    for j in range(taps_y):
                        for i in range(taps_x):
                            patch[j * taps_x + i] = cells[k, top[y] + j, at + i]
                own = x * taps
                value = numba.float32(0)
                for i in range(taps):
                    value += row[own + i] * patch[i]
                out[k, y, x] = value
