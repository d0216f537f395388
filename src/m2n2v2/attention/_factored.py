"""Products of one vector with a head `P G P^T`, on one thread.

They are small, and a click takes dozens one after the other: handing parts of them to other threads
costs more than it brings, and many times as much where those threads are busy.
"""

import numpy as np
from numba import njit

from m2n2v2.compiled import FAST


@njit(nogil=True, fastmath=FAST, cache=True)
def left(p, scale, cell, segment, share, affinity, out):  # type: ignore[no-untyped-def]
    """Add `p diag(scale) P G P^T` to `out`, for each row of `p` (k, n)."""
    for k in range(len(p)):
        gathered = np.zeros(len(affinity), p.dtype)
        passed = np.zeros(len(affinity), p.dtype)
        for e in range(len(cell)):
            gathered[segment[e]] += share[e] * (p[k, cell[e]] * scale[cell[e], 0])
        for i in range(len(affinity)):
            given, row = gathered[i], affinity[i]
            if given != 0:
                for j in range(len(row)):
                    passed[j] += given * row[j]
        for e in range(len(cell)):
            out[k, cell[e]] += share[e] * passed[segment[e]]


@njit(nogil=True, fastmath=FAST, cache=True)
def right(v, scale, cell, segment, share, affinity, out):  # type: ignore[no-untyped-def]
    """Add `diag(scale) P G P^T v` to `out` (n)."""
    gathered = np.zeros(len(affinity), v.dtype)
    passed = np.zeros(len(affinity), v.dtype)
    for e in range(len(cell)):
        gathered[segment[e]] += share[e] * v[cell[e]]
    for i in range(len(affinity)):
        row, total = affinity[i], v.dtype.type(0)
        for j in range(len(row)):
            total += row[j] * gathered[j]
        passed[i] = total
    for e in range(len(cell)):
        out[cell[e]] += scale[cell[e], 0] * (share[e] * passed[segment[e]])
