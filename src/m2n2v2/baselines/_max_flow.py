"""Augmenting paths from two growing trees (Boykov and Kolmogorov 2004), on a grid.

Pixels lie in one row with a frame of one pixel around the image, so that a neighbour's place is the
pixel's own plus a constant. Directions come in opposite pairs: that of `d` is `d ^ 1`.
"""

from m2n2v2.compiled.kernels import kernel

FREE, SOURCE, SINK = 0, 1, 2
TERMINAL, ORPHAN, NONE = 8, 9, 10
"""What stands where a direction to the parent would: the root itself, a parent lost, no tree."""


@kernel()
def flow(terminal, arcs, steps, tree, parent, order, queued, stamp, far, orphans):  # type: ignore[no-untyped-def]
    """Push what can be pushed; the pixels in the source's tree are the cut's side of the source.

    Args:
        terminal: (n,) what the source can still give a pixel; below 0, what the sink can take.
        arcs: (8, n) what can still go from a pixel in each direction.
        steps: (8,) from a pixel's place to its neighbour's.
        tree, parent: (n,) `FREE` and `NONE` at first, and all of a frame's arcs 0.
        order: (n,) a ring of pixels whose neighbours are to be looked at; `queued` says which.
        stamp, far: (n,) when a pixel's way to its root was last known, and how long it is.
        orphans: (n,) a stack of pixels that lost their parents.

    Returns:
        The flow that was pushed.
    """
    n = len(terminal)
    first, count, total, clock = 0, 0, 0.0, 1
    for p in range(n):
        if terminal[p] != 0:
            tree[p] = SOURCE if terminal[p] > 0 else SINK
            parent[p], stamp[p], far[p] = TERMINAL, 0, 1
            order[count] = p
            queued[p] = True
            count += 1
    while count:
        p = order[first]
        a, b, across = -1, -1, 0
        if tree[p] != FREE:
            for d in range(8):
                q = p + steps[d]
                left = arcs[d, p] if tree[p] == SOURCE else arcs[d ^ 1, q]
                if left <= 0:
                    continue
                if tree[q] == FREE:
                    tree[q], parent[q] = tree[p], d ^ 1
                    stamp[q], far[q] = stamp[p], far[p] + 1
                    if not queued[q]:
                        order[(first + count) % n] = q
                        queued[q] = True
                        count += 1
                elif tree[q] != tree[p]:
                    if tree[p] == SOURCE:
                        a, b, across = p, q, d
                    else:
                        a, b, across = q, p, d ^ 1
                    break
                elif stamp[q] <= stamp[p] and far[q] > far[p]:
                    parent[q], stamp[q], far[q] = d ^ 1, stamp[p], far[p] + 1
        if a < 0:
            first = (first + 1) % n
            count -= 1
            queued[p] = False
            continue
        clock += 1
        pushed, lost = _augment(terminal, arcs, steps, parent, orphans, a, b, across)
        total += pushed
        while lost:
            lost -= 1
            q = orphans[lost]
            lost, first, count = _adopt(
                arcs, steps, tree, parent, order, queued, stamp, far, orphans, q,
                lost, first, count, clock,
            )  # fmt: skip
    return total


@kernel()
def _augment(terminal, arcs, steps, parent, orphans, a, b, across):  # type: ignore[no-untyped-def]
    """Push along the source's branch to `a`, across, and along the sink's from `b`."""
    least = arcs[across, a]
    p = a
    while parent[p] != TERMINAL:
        d = parent[p]
        p += steps[d]
        least = min(least, arcs[d ^ 1, p])
    least = min(least, terminal[p])
    p = b
    while parent[p] != TERMINAL:
        d = parent[p]
        least = min(least, arcs[d, p])
        p += steps[d]
    least = min(least, -terminal[p])

    lost = 0
    arcs[across, a] -= least
    arcs[across ^ 1, b] += least
    p = a
    while parent[p] != TERMINAL:
        d = parent[p]
        q = p + steps[d]
        arcs[d, p] += least
        arcs[d ^ 1, q] -= least
        if arcs[d ^ 1, q] <= 0:
            parent[p] = ORPHAN
            orphans[lost] = p
            lost += 1
        p = q
    terminal[p] -= least
    if terminal[p] <= 0:
        parent[p] = ORPHAN
        orphans[lost] = p
        lost += 1
    p = b
    while parent[p] != TERMINAL:
        d = parent[p]
        q = p + steps[d]
        arcs[d, p] -= least
        arcs[d ^ 1, q] += least
        if arcs[d, p] <= 0:
            parent[p] = ORPHAN
            orphans[lost] = p
            lost += 1
        p = q
    terminal[p] += least
    if terminal[p] >= 0:
        parent[p] = ORPHAN
        orphans[lost] = p
        lost += 1
    return least, lost


@kernel()
def _adopt(  # type: ignore[no-untyped-def]
    arcs, steps, tree, parent, order, queued, stamp, far, orphans, p, lost, first, count, clock
):
    """A new parent for an orphan, the one nearest to the root; or it is free, its children lost."""
    n = len(tree)
    side = tree[p]
    best, shortest = -1, n
    for d in range(8):
        q = p + steps[d]
        left = arcs[d ^ 1, q] if side == SOURCE else arcs[d, p]
        if tree[q] != side or left <= 0:
            continue
        length = _to_root(steps, parent, stamp, far, q, clock)
        if 0 <= length < shortest:
            best, shortest = d, length
    if best >= 0:
        parent[p], stamp[p], far[p] = best, clock, shortest + 1
        return lost, first, count
    for d in range(8):
        q = p + steps[d]
        if tree[q] != side:
            continue
        left = arcs[d ^ 1, q] if side == SOURCE else arcs[d, p]
        if left > 0 and not queued[q]:
            order[(first + count) % n] = q
            queued[q] = True
            count += 1
        if parent[q] == d ^ 1:
            parent[q] = ORPHAN
            orphans[lost] = q
            lost += 1
    tree[p], parent[p] = FREE, NONE
    return lost, first, count


@kernel()
def _to_root(steps, parent, stamp, far, p, clock):  # type: ignore[no-untyped-def]
    """How far the root is; -1 where an orphan lies between. It is kept for this round."""
    length, q = 0, p
    while True:
        if stamp[q] == clock:
            length += far[q]
            break
        if parent[q] == TERMINAL:
            stamp[q], far[q] = clock, 1
            length += 1
            break
        if parent[q] == ORPHAN or parent[q] == NONE:
            return -1
        length += 1
        q += steps[parent[q]]
    remaining, q = length, p
    while stamp[q] != clock:
        stamp[q], far[q] = clock, remaining
        remaining -= 1
        q += steps[parent[q]]
    return length
