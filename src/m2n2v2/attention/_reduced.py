"""The reduced chain: its steps, the cells' probabilities, and when they exceed a threshold."""

import numpy as np

from m2n2v2.compiled.kernels import FAST, inlined, kernel


@kernel(fastmath=FAST)
def combine(p, rows, out):  # type: ignore[no-untyped-def]
    """Add `p rows` to `out`: (k, n) times (n, m), of p what is not 0."""
    for k in range(len(p)):
        total = out[k]
        for i in range(len(rows)):
            share, row = p[k, i], rows[i]
            if share != 0:
                for j in range(len(total)):
                    total[j] += share * row[j]


@inlined
def _widened(half):  # type: ignore[no-untyped-def]
    """A number of 16 bits, given as an integer, in 32."""
    bits = np.uint32(half) & np.uint32(0xFFFF)
    sign, exponent = bits >> np.uint32(15), bits >> np.uint32(10) & np.uint32(31)
    fraction = bits & np.uint32(0x3FF)
    if exponent == 0:
        small = np.float32(fraction) * np.float32(2.0**-24)
        return -small if sign else small
    exponent += np.uint32(112)
    whole = sign << np.uint32(31) | exponent << np.uint32(23) | fraction << np.uint32(13)
    return np.uint32(whole).view(np.float32)


@kernel()
def scatter(p, cell, rest, out):  # type: ignore[no-untyped-def]
    """Add `p E` to `out` (k, n): row i of E has the values `rest[i]`, finite numbers of 16 bits as
    integers, at the columns `cell[i]`."""
    for k in range(len(p)):
        for i in range(len(cell)):
            if p[k, i] != 0:
                for entry in range(cell.shape[1]):
                    out[k, cell[i, entry]] += p[k, i] * _widened(rest[i, entry])


@kernel(fastmath=FAST)
def follow(coefficient, walk, block):  # type: ignore[no-untyped-def]
    """`block[s]`: the coefficients after s + 1 steps, each a product with the leading part of
    `walk` (m, m)."""
    steps, m = block.shape
    before = coefficient
    for s in range(steps):
        after = block[s]
        after[:] = 0
        for i in range(m):
            share, row = before[i], walk[i]
            for j in range(m):
                after[j] += share * row[j]
        before = after


TILE = 32
"""Cells whose rows of the basis stay in the second-level cache for all steps of a block."""


@kernel(fastmath=FAST)
def evaluate(start, stop, block, basis, out):  # type: ignore[no-untyped-def]
    """`out[s, j]`: the product of `block[s]` (b, m) and the first m numbers of `basis[j]`, for the
    cells j from start to stop.

    Eight steps share each number of the basis that is read: a load for every multiplication would
    halve the speed.
    """
    steps, m = block.shape
    eights = steps - steps % 8
    for first in range(start, stop, TILE):
        last = min(first + TILE, stop)
        for s in range(0, eights, 8):
            b0, b1, b2, b3 = block[s], block[s + 1], block[s + 2], block[s + 3]
            b4, b5, b6, b7 = block[s + 4], block[s + 5], block[s + 6], block[s + 7]
            for j in range(first, last):
                row = basis[j]
                p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = np.float32(0)
                for k in range(m):
                    value = row[k]
                    p0 += value * b0[k]
                    p1 += value * b1[k]
                    p2 += value * b2[k]
                    p3 += value * b3[k]
                    p4 += value * b4[k]
                    p5 += value * b5[k]
                    p6 += value * b6[k]
                    p7 += value * b7[k]
                out[s, j], out[s + 1, j], out[s + 2, j], out[s + 3, j] = p0, p1, p2, p3
                out[s + 4, j], out[s + 5, j], out[s + 6, j], out[s + 7, j] = p4, p5, p6, p7
        for s in range(eights, steps):
            single = block[s]
            for j in range(first, last):
                row = basis[j]
                p = np.float32(0)
                for k in range(m):
                    p += row[k] * single[k]
                out[s, j] = p


@kernel()
def cross(block, done, previous, times, threshold):  # type: ignore[no-untyped-def]
    """Look at the steps `done + 1, ...` of one chain.

    `block` (b, n) are probabilities up to a factor, `previous` (n) the relative ones of step
    `done` and then of the last step looked at, `times` (n) infinite where a cell waits. Stops
    when none waits. Returns how many wait and the largest probability of the last step.
    """
    steps, n = block.shape
    one = block.dtype.type(1)
    waiting, largest = n, block.dtype.type(0)
    for step in range(steps):
        largest = block[step, 0]
        for j in range(n):
            largest = max(largest, block[step, j])
        scale = one / largest
        at = block.dtype.type(done + step + 1)
        waiting = 0
        for j in range(n):
            current = block[step, j] * scale
            if times[j] == np.inf:
                if current > threshold:
                    times[j] = at - (current - threshold) / (current - previous[j])
                else:
                    waiting += 1
            previous[j] = current
        if waiting == 0:
            break
    return waiting, largest
