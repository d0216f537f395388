"""Products of one vector with heads `P G P^T`, and the chain they walk, on one thread.

They are small, and a click takes dozens one after the other: handing parts of them to other threads
costs more than it brings, and many times as much where those threads are busy.
"""

import numpy as np

from m2n2v2.compiled.kernels import FAST, inlined, kernel


@inlined
def _row(triangle, i):  # type: ignore[no-untyped-def]
    start = i * (i + 1) // 2
    return triangle[start : start + i + 1]


@kernel(fastmath=FAST)
def symmetric(triangle, v, out):  # type: ignore[no-untyped-def]
    """`G v` into `out`: of the symmetric G the lower triangle row by row, so that every entry is
    read once. Four rows together share what they read of `v` and add to `out`.
    """
    m = len(v)
    out[:] = 0
    for i in range(0, m, 4):
        last = min(i + 4, m)
        if last == i + 4:
            a, b = _row(triangle, i)[:i], _row(triangle, i + 1)[:i]
            c, d = _row(triangle, i + 2)[:i], _row(triangle, i + 3)[:i]
            va, vb, vc, vd = v[i], v[i + 1], v[i + 2], v[i + 3]
            ta = tb = tc = td = v.dtype.type(0)
            for j in range(i):
                ta += a[j] * v[j]
                tb += b[j] * v[j]
                tc += c[j] * v[j]
                td += d[j] * v[j]
                out[j] += va * a[j] + vb * b[j] + vc * c[j] + vd * d[j]
            out[i], out[i + 1], out[i + 2], out[i + 3] = ta, tb, tc, td
        first = i if last == i + 4 else 0
        for r in range(i, last):
            row = _row(triangle, r)
            total = row[r] * v[r]
            for j in range(first, r):
                total += row[j] * v[j]
                out[j] += row[j] * v[r]
            out[r] += total


@kernel(fastmath=FAST)
def product(  # type: ignore[no-untyped-def]
    v,
    out,  # (n)
    triangles,  # of the heads, one after the other
    counts,  # i8 (heads): segments of a head
    starts,  # i8: where the entries of a segment begin, by head and segment, and their end
    cells,  # i4: of an entry
    gathering,  # its share on the way in
    stops,  # i8: where the entries of a cell begin, and their end
    segments,  # i4: of an entry, counted through all heads
    spreading,  # its share on the way out
):
    """The sum over heads of `P' G P^T v`, into `out`.

    Indices have no sign: whether one counts from the end is then not asked, which takes as long as
    the rest.
    """
    gathered, passed = np.empty(len(starts) - 1, v.dtype), np.empty(len(starts) - 1, v.dtype)
    for s in range(len(gathered)):
        total = v.dtype.type(0)
        for e in range(np.uint64(starts[s]), np.uint64(starts[s + 1])):
            total += gathering[e] * v[np.uint32(cells[e])]
        gathered[s] = total
    first, corner = 0, 0
    for m in counts:
        size = m * (m + 1) // 2
        triangle = triangles[corner : corner + size]
        symmetric(triangle, gathered[first : first + m], passed[first : first + m])
        first, corner = first + m, corner + size
    for c in range(len(out)):
        total = v.dtype.type(0)
        for e in range(np.uint64(stops[c]), np.uint64(stops[c + 1])):
            total += spreading[e] * passed[np.uint32(segments[e])]
        out[c] = total


FIRST, EVERY = 8, 4
"""Steps before the slow directions are tried, and between one try and the next."""

TRUSTED = 1e-5
"""They are walked on where no cell's relative probability is farther than this from the step's."""

NEGLIGIBLE = 1e-6
"""Slow directions are dropped when no cell's relative probability can feel it by more."""


@kernel(fastmath=FAST, error_model="numpy")
def walk(  # type: ignore[no-untyped-def]
    p,  # (n): relative probabilities, the largest 1; overwritten
    rows,  # (n)
    columns,  # (n)
    threshold,
    most,
    times,  # (n): infinite where a cell waits
    basis,  # (m, n): orthonormal, the slowest first; m is 0, or a multiple of 4
    turn,  # f8 (m, m): coefficients on them, one step later
    triangles,  # this and the rest as of `product`
    counts,
    starts,
    cells,
    gathering,
    stops,
    segments,
    spreading,
):
    """Steps `p diag(rows) A diag(columns)` until no cell waits, `most` at most; `times` as of
    `markov_map.saturation_time`. From where the slow directions tell a step, they walk on.

    Returns the step from which they did; 0 if they never did.
    """
    scaled, after, told = np.empty_like(p), np.empty_like(p), np.empty_like(p)
    one, zero, m = p.dtype.type(1), p.dtype.type(0), len(basis)
    now, then = np.empty(m), np.empty(m)
    known, since, kept = False, 0, m
    for step in range(1, most + 1):
        if known:
            for j in range(kept):
                then[j] = 0
            for i in range(kept):
                for j in range(kept):
                    then[j] += now[i] * turn[i, j]
            for c in range(len(p)):
                told[c] = 0
            for i in range(0, kept, 4):  # four share what they read and write
                first, second, third, fourth = basis[i], basis[i + 1], basis[i + 2], basis[i + 3]
                a, b = p.dtype.type(then[i]), p.dtype.type(then[i + 1])
                d, e = p.dtype.type(then[i + 2]), p.dtype.type(then[i + 3])
                for c in range(len(p)):
                    told[c] += a * first[c] + b * second[c] + d * third[c] + e * fourth[c]
            largest = zero
            for c in range(len(p)):
                largest = max(largest, told[c])
            for j in range(kept):
                now[j] = then[j] / largest
        if since == 0:
            for c in range(len(p)):
                scaled[c] = p[c] * rows[c]
            product(
                scaled,
                after,
                triangles,
                counts,
                starts,
                cells,
                gathering,
                stops,
                segments,
                spreading,
            )
            most_exact = zero
            for c in range(len(p)):
                after[c] *= columns[c]
                most_exact = max(most_exact, after[c])
            if known:
                apart, scale, by = zero, one / most_exact, one / largest
                for c in range(len(p)):
                    apart = max(apart, abs(told[c] * by - after[c] * scale))
                known = apart <= TRUSTED
                since = step if known else 0
            largest = most_exact
        else:
            after, told = told, after
        scale, at, waiting = one / largest, p.dtype.type(step), 0
        for c in range(len(p)):
            current = after[c] * scale
            rise = current - p[c] if step > 1 else one - threshold
            crossing = at - (current - threshold) / rise
            waits = times[c] == np.inf
            times[c] = crossing if waits and current > threshold else times[c]
            waiting += waits and current <= threshold
            p[c] = current
        if waiting == 0:
            break
        if since > 0:
            beyond = 0.0
            for i in range(m - 1, -1, -1):
                beyond += now[i] ** 2 if i < kept else 0.0
                if beyond > NEGLIGIBLE**2:
                    kept = min(kept, (i + 4) // 4 * 4)
                    break
        elif m > 0 and step >= FIRST and step % EVERY == 0:
            known = True
            for i in range(m):
                direction, total = basis[i], zero
                for c in range(len(p)):
                    total += direction[c] * p[c]
                now[i] = total
    return since
