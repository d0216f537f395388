"""Passes over the band of pixels around an outline."""

import numpy as np
from numba import njit

from m2n2v2.compiled.exponential import exp2_minus


@njit(nogil=True, cache=True)
def distances(mask, reach, distance):  # type: ignore[no-untyped-def]
    """City-block distance of each pixel to the other class, less a half, up to `reach + 1`."""
    height, width = mask.shape
    far, half, one = np.float32(reach + 1), np.float32(0.5), np.float32(1)
    for y in range(height):
        for x in range(width):
            d = far
            if y > 0:
                d = min(d, half if mask[y - 1, x] != mask[y, x] else distance[y - 1, x] + one)
            if x > 0:
                d = min(d, half if mask[y, x - 1] != mask[y, x] else distance[y, x - 1] + one)
            distance[y, x] = d
    for y in range(height - 1, -1, -1):
        for x in range(width - 1, -1, -1):
            d = distance[y, x]
            if y < height - 1:
                d = min(d, half if mask[y + 1, x] != mask[y, x] else distance[y + 1, x] + one)
            if x < width - 1:
                d = min(d, half if mask[y, x + 1] != mask[y, x] else distance[y, x + 1] + one)
            distance[y, x] = d


@njit(nogil=True, cache=True)
def colour_ratio(mask, distance, reach, colours, kinds, tile, prior, ratio):  # type: ignore[no-untyped-def]
    """Log likelihood ratio, object over background, of the colour of each pixel in the band.

    Histograms of both classes, over the 3 x 3 tiles around the pixel's; those of the whole image
    count as `prior` more pixels, and a share of a pixel lies in every bin.
    """
    height, width = mask.shape
    rows, columns = (height + tile - 1) // tile, (width + tile - 1) // tile
    local = np.zeros((rows, columns, 2, kinds), np.float32)
    wanted = np.zeros((rows, columns), np.bool_)
    for y in range(height):
        for x in range(width):
            local[y // tile, x // tile, int(mask[y, x]), colours[y, x]] += 1
            if distance[y, x] <= reach:
                wanted[y // tile, x // tile] = True
    whole = np.zeros((2, kinds), np.float32)
    for i in range(rows):
        for j in range(columns):
            whole += local[i, j]
    for label in range(2):
        whole[label] /= max(whole[label].sum(), np.float32(1))
    floor = np.float32(0.02)
    around = np.empty((2, kinds), np.float32)
    for i in range(rows):
        for j in range(columns):
            if not wanted[i, j]:
                continue
            around[:] = floor + prior * whole
            for a in range(max(i - 1, 0), min(i + 2, rows)):
                for b in range(max(j - 1, 0), min(j + 2, columns)):
                    around += local[a, b]
            offset = np.log(around[1].sum() / around[0].sum())
            for y in range(i * tile, min((i + 1) * tile, height)):
                for x in range(j * tile, min((j + 1) * tile, width)):
                    if distance[y, x] <= reach:
                        kind = colours[y, x]
                        ratio[y, x] = np.log(around[1, kind] / around[0, kind]) - offset


@njit(inline="always")
def _tanh(x):  # type: ignore[no-untyped-def]
    """Within 1e-6, and not half as long to wait for as the usual; updates wait for one another."""
    e = exp2_minus(abs(x) * np.float32(2.8853901))  # 2 / log 2
    t = (np.float32(1) - e) / (np.float32(1) + e)
    return t if x > 0 else -t


@njit(nogil=True, cache=True)
def relax(  # type: ignore[no-untyped-def]
    lab,
    mask,
    distance,
    reach,
    ratio,
    fixed,  # i1 (H, W): 1 object, -1 background, 0 free
    colour_weight,
    place_weight,
    smoothness,
    contrast,  # squared Lab distance at which smoothness falls to 1/e
    rounds,
    belief,  # f4 (H, W): in [-1, 1], out
):
    """Mean-field relaxation of a binary field on the band, Gauss-Seidel, back and forth."""
    height, width = mask.shape
    stride = width + 2
    field = np.zeros((height + 2) * stride, np.float32)  # `belief`, with a border of nothing
    count = 0
    for y in range(height):
        at = (y + 1) * stride + 1
        for x in range(width):
            field[at + x] = 1 if mask[y, x] else -1
            if fixed[y, x] != 0:
                field[at + x] = fixed[y, x]
            elif distance[y, x] <= reach:
                count += 1
    number = np.full((height, width), -1, np.int32)  # of the free pixels seen so far
    place = np.empty(count, np.int64)
    unary = np.empty(count, np.float32)
    links = np.zeros((count, 8), np.float32)
    limit = np.float32(3)
    at = 0
    for y in range(height):
        for x in range(width):
            if fixed[y, x] != 0 or distance[y, x] > reach:
                continue
            place[at] = (y + 1) * stride + x + 1
            away = distance[y, x] / reach
            unary[at] = colour_weight * min(max(ratio[y, x], -limit), limit)
            unary[at] += place_weight * away * away * (1 if mask[y, x] else -1)
            link = 0
            for v in range(y - 1, y + 2):
                for u in range(x - 1, x + 2):
                    if v == y and u == x:
                        continue
                    if link < 4 and v >= 0 and 0 <= u < width and number[v, u] >= 0:
                        links[at, link] = links[number[v, u], 7 - link]  # the same, from there
                    elif 0 <= v < height and 0 <= u < width:
                        squared = np.float32(0)
                        for c in range(3):
                            squared += (lab[y, x, c] - lab[v, u, c]) ** 2
                        length = np.sqrt(np.float32((v - y) * (v - y) + (u - x) * (u - x)))
                        links[at, link] = smoothness * np.exp(-squared / contrast) / length
                    link += 1
            number[y, x] = at
            at += 1
    for turn in range(rounds):
        for i in range(count):
            at = i if turn % 2 == 0 else count - 1 - i
            here, link = place[at], links[at]
            above, below = here - stride, here + stride
            others = link[0] * field[above - 1] + link[1] * field[above]
            others += link[2] * field[above + 1] + link[5] * field[below - 1]
            others += link[6] * field[below] + link[7] * field[below + 1]
            total = unary[at] + others  # what the last update changed comes last
            field[here] = _tanh(total + link[3] * field[here - 1] + link[4] * field[here + 1])
    for y in range(height):
        at = (y + 1) * stride + 1
        belief[y] = field[at : at + width]
