"""The minimax fill: Dijkstra with the maximum in place of the sum, on a bucket queue."""

import numpy as np
from numba import njit

BUCKETS = 1 << 14


@njit(inline="always")
def _push(keys, items, count, key, item):  # type: ignore[no-untyped-def]
    i = count
    while i > 0:
        parent = (i - 1) >> 1
        if keys[parent] <= key:
            break
        keys[i], items[i] = keys[parent], items[parent]
        i = parent
    keys[i], items[i] = key, item


@njit(inline="always")
def _pop(keys, items, count):  # type: ignore[no-untyped-def]
    """Close the hole that taking the root leaves; `count` is the number of items left."""
    key, item = keys[count], items[count]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= count:
            break
        if child + 1 < count and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[i], items[i] = keys[child], items[child]
        i = child
    keys[i], items[i] = key, item


@njit(nogil=True, cache=True)
def fill(cost, start, out, order):  # type: ignore[no-untyped-def]
    """Smallest possible maximum of `cost` over 4-connected paths from `start`, per pixel.

    A pixel's value is final when it is first seen: from a pixel of value v it is
    `max(v, cost)`, and pixels are expanded in order of v. Those with cost <= v join the plain
    queue, which is `order` itself; the others wait in buckets by cost. Only the active bucket is
    a heap, so the order, and with it the result, is exact whatever the number of buckets.
    `order` ends as all pixels sorted by their value.
    """
    height, width = cost.shape
    n = height * width
    cost = cost.reshape(n)
    out = out.reshape(n)
    largest = cost.max()
    scale = (BUCKETS - 1) / largest if largest > 0 else 0.0
    head = np.full(BUCKETS, -1, np.int32)
    following = np.empty(n, np.int32)
    seen = np.zeros(n, np.bool_)
    keys = np.empty(n, cost.dtype)
    items = np.empty(n, np.int32)
    waiting = 0  # in the heap of the active bucket
    active = 0

    level = cost[start]
    seen[start] = True
    out[start] = level
    order[0] = start
    done, known = 0, 1
    while known < n or done < known:
        if done == known:
            while waiting == 0:
                active += 1
                at = head[active]
                while at >= 0:
                    _push(keys, items, waiting, cost[at], at)
                    waiting += 1
                    at = following[at]
            level = keys[0]
            at = items[0]
            waiting -= 1
            _pop(keys, items, waiting)
            out[at] = level
            order[known] = at
            known += 1
        at = order[done]
        done += 1
        x = at % width
        for side in range(4):
            if side == 0:
                if x == 0:
                    continue
                to = at - 1
            elif side == 1:
                if x == width - 1:
                    continue
                to = at + 1
            elif side == 2:
                to = at - width
                if to < 0:
                    continue
            else:
                to = at + width
                if to >= n:
                    continue
            if seen[to]:
                continue
            seen[to] = True
            if cost[to] <= level:
                out[to] = level
                order[known] = to
                known += 1
            else:
                bucket = int(cost[to] * scale)
                if bucket <= active:
                    _push(keys, items, waiting, cost[to], to)
                    waiting += 1
                else:
                    following[to] = head[bucket]
                    head[bucket] = to
