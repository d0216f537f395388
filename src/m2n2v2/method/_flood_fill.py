"""The minimax fill: Dijkstra with the maximum in place of the sum, on a queue of ranks."""

import numpy as np

from m2n2v2.compiled.kernels import kernel
from m2n2v2.compiled.sorting import radix_sort


@kernel()
def distance(start, stop, values, behind, y, x, out):  # type: ignore[no-untyped-def]
    """Euclidean distance of every pixel's pair (value, depth) to that of pixel (x, y)."""
    for row in range(start, stop):
        for column in range(values.shape[1]):
            away = values[row, column] - values[y, x]
            deeper = behind[row, column] - behind[y, x]
            out[row, column] = np.sqrt(away * away + deeper * deeper)


@kernel()
def fill(  # type: ignore[no-untyped-def]
    keys,  # u4 (H, W)
    starts,  # i8: flat indices of the prompt's pixels, distinct, all of the least key
    level,  # i4 (H, W), out: index of each pixel's value in `distinct`
    distinct,  # u4 (H * W), out: the distinct values, ascending
    area,  # i4 (H * W), out: pixels at or below each
    place,  # u4 (H * W), and the rest: workspaces
    pairs,  # u8 (H * W)
    spare,  # u8 (H * W)
    rank,  # u4 ((H + 2) * (W + 1))
    reached,  # b1 (H * W + 1)
    counters,  # i4 (PASSES, 1 << DIGIT), of the sort
):
    """Smallest possible maximum of `keys` over 4-connected paths from the starts, per pixel.

    A pixel's value is final when it is first seen: from a pixel of value v it is `max(v, key)`,
    and pixels are expanded in order of v. All pixels are ranked by key beforehand, so that the
    priority queue is a mark for each rank, and a pointer that only moves up. Pixels below the
    pointer, the filled-up minima, go to a stack and are expanded at once.

    Seen pixels and a border around the image carry marks above every rank in place of one, which
    all stand for the one place in `reached` that is never read: nobody asks whether a neighbour is
    inside and new, and nothing that is read depends on what was written just before.

    Returns the number of distinct values.
    """
    height, width = keys.shape
    n = height * width
    stride = width + 1  # one column of border serves both sides
    for y in range(height):
        for x in range(width):
            place[y * width + x] = (y + 1) * stride + x
    ranked, stack = radix_sort(keys.reshape(n), place, pairs, spare, counters)
    seen, border = np.uint32(n), np.uint32(2 * n)
    rank[:] = border
    for i in range(n):
        rank[np.uint32(ranked[i])] = i

    reached[:] = False
    side, down, one = np.uint64(1), np.uint64(stride), np.uint64(1)
    for start in starts:
        at = np.uint64((start // width + 1) * stride + start % width)
        reached[rank[at]] = True
        rank[at] = seen
    count, done, stacked, last = 0, 0, np.uint64(0), np.uint32(0)
    for current in range(n):
        if not reached[current]:
            continue
        at = ranked[current] & np.uint64(0xFFFFFFFF)
        key = np.uint32(ranked[current] >> np.uint64(32))
        if count == 0 or key != last:
            distinct[count] = last = key
            count += 1
        final = seen + np.uint32(count - 1)
        while True:
            done += 1
            rank[at] = final
            for to in (at - side, at + side, at - down, at + down):
                best = rank[to]
                rank[to] = max(best, seen)
                if best <= current:
                    stack[stacked] = to
                    stacked += one
                else:
                    reached[min(best, seen)] = True
            if stacked == 0:
                break
            stacked -= one
            at = stack[stacked]
        area[count - 1] = done
    for y in range(height):
        for x in range(width):
            level[y, x] = rank[(y + 1) * stride + x] - seen
    return count
