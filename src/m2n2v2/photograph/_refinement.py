"""Passes over the band of pixels around an outline."""

import numpy as np

from m2n2v2.compiled.exponential import exp2_minus
from m2n2v2.compiled.kernels import inlined, kernel


@kernel()
def distances(mask, window, reach, distance):  # type: ignore[no-untyped-def]
    """City-block distance of each pixel to the other class, less a half, up to `reach + 1`.

    It is measured inside the window alone: rows from, to, columns from, to. Down, up, then along
    the rows: the last is the slow one, as every pixel waits for the one before, and is left out
    where nothing is near.
    """
    top, bottom, left, right = window
    width = right - left
    far, half, one = np.float32(reach + 1), np.float32(0.5), np.float32(1)
    for y in range(top, bottom):
        before = max(y - 1, top)
        here, out = mask[y, left:right], distance[y, left:right]
        above, over = mask[before, left:right], distance[before, left:right]
        for x in range(width):
            out[x] = far if y == top else min(far, half if above[x] != here[x] else over[x] + one)
        for x in range(1, width):
            if here[x] != here[x - 1]:
                out[x] = out[x - 1] = half
    for y in range(bottom - 2, top - 1, -1):
        here, out = mask[y, left:right], distance[y, left:right]
        below, under = mask[y + 1, left:right], distance[y + 1, left:right]
        for x in range(width):
            out[x] = min(out[x], half if below[x] != here[x] else under[x] + one)
    for y in range(top, bottom):
        out = distance[y, left:right]
        for x in range(1, width):
            if out[x - 1] < reach:
                out[x] = min(out[x], out[x - 1] + one)
        for x in range(width - 2, -1, -1):
            if out[x + 1] < reach:
                out[x] = min(out[x], out[x + 1] + one)


@kernel()
def colour_ratio(  # type: ignore[no-untyped-def]
    mask,
    counted,  # b1 (H, W): the mask that is counted, brought up to `mask`
    changed,  # rows from, to, in which they differ
    local,  # f4 (rows, columns, 2, kinds): pixels of either class and each colour in each tile
    colours,
    tile,
    prior,
    window,  # the band's
    distance,
    reach,
    models,  # f4 (2, 2, kinds): a workspace
    ratio,  # f4 (H, W): out, on the band
):
    """Log likelihood ratio, object over background, of the colour of each pixel in the band.

    Histograms of both classes, over the 3 x 3 tiles around the pixel's; those of the whole image
    count as `prior` more pixels, and a share of a pixel lies in every bin.
    """
    rows, columns, _, kinds = local.shape
    for y in range(changed[0], changed[1]):
        now, before = mask[y], counted[y]
        for x in range(len(now)):
            if now[x] != before[x]:
                before[x] = now[x]
                histogram, kind, label = local[y // tile, x // tile], colours[y, x], int(now[x])
                histogram[label, kind] += 1
                histogram[1 - label, kind] -= 1
    whole, around = models[0], models[1]
    floor, one = np.float32(0.02), np.float32(1)
    for label in range(2):
        total = np.float32(0)
        for kind in range(kinds):
            whole[label, kind] = 0
        for i in range(rows):
            for j in range(columns):
                for kind in range(kinds):
                    whole[label, kind] += local[i, j, label, kind]
        for kind in range(kinds):
            total += whole[label, kind]
        for kind in range(kinds):
            whole[label, kind] = floor + prior * (whole[label, kind] / max(total, one))
    top, bottom, left, right = window
    for i in range(top // tile, (bottom - 1) // tile + 1):
        for j in range(left // tile, (right - 1) // tile + 1):
            first, last = max(i * tile, top), min((i + 1) * tile, bottom)
            west, east, near = max(j * tile, left), min((j + 1) * tile, right), False
            for y in range(first, last):
                away = distance[y, west:east]
                for x in range(len(away)):
                    near |= away[x] <= reach
            if not near:
                continue
            background, foreground = np.float32(0), np.float32(0)
            for label in range(2):
                for kind in range(kinds):
                    around[label, kind] = whole[label, kind]
                for a in range(max(i - 1, 0), min(i + 2, rows)):
                    for b in range(max(j - 1, 0), min(j + 2, columns)):
                        for kind in range(kinds):
                            around[label, kind] += local[a, b, label, kind]
            for kind in range(kinds):
                background += around[0, kind]
                foreground += around[1, kind]
            offset = np.log(foreground / background)
            for y in range(first, last):
                away, bins, out = distance[y, west:east], colours[y, west:east], ratio[y, west:east]
                for x in range(len(away)):
                    if away[x] <= reach:
                        kind = bins[x]
                        out[x] = np.log(around[1, kind] / around[0, kind]) - offset


@kernel()
def likeness(start, stop, lab, contrast, out):  # type: ignore[no-untyped-def]
    """How alike a pixel and its neighbours to the right, below left, below and below right are,
    over their distance: f4 (H, W, 4), 0 outside the image."""
    height, width = lab.shape[:2]
    for y in range(start, stop):
        for x in range(width):
            for k, (v, u) in enumerate(((y, x + 1), (y + 1, x - 1), (y + 1, x), (y + 1, x + 1))):
                out[y, x, k] = 0
                if v < height and 0 <= u < width:
                    squared = np.float32(0)
                    for c in range(3):
                        squared += (lab[y, x, c] - lab[v, u, c]) ** 2
                    length = np.sqrt(np.float32((v - y) * (v - y) + (u - x) * (u - x)))
                    out[y, x, k] = np.exp(-squared / contrast) / length


@inlined
def _tanh(x):  # type: ignore[no-untyped-def]
    """Within 1e-6, and not half as long to wait for as the usual; updates wait for one another."""
    e = exp2_minus(abs(x) * np.float32(2.8853901))  # 2 / log 2
    t = (np.float32(1) - e) / (np.float32(1) + e)
    return t if x > 0 else -t


LANES = 4
"""Rows that are relaxed at once."""


@kernel()
def relax(  # type: ignore[no-untyped-def]
    likeness,  # f4 (H, W, 4), of `likeness`
    mask,
    distance,
    reach,
    ratio,
    fixed,  # i1 (H, W): 1 object, -1 background, 0 free
    colour_weight,
    place_weight,
    smoothness,
    rounds,
    belief,  # f4 (H, W): on the band and where a label is fixed in [-1, 1], out
):
    """Mean-field relaxation of a binary field on the band, Gauss-Seidel, back and forth.

    An update waits for the one before. Rows that follow one another two pixels behind give what
    one row after the other gives, and wait together.
    """
    height, width = mask.shape
    stride = width + 2
    field = np.zeros((height + 2) * stride, np.float32)  # with a border of nothing
    one, count = np.float32(1), 0
    for y in range(height):
        row = field[(y + 1) * stride + 1 : (y + 2) * stride - 1]
        for x in range(width):
            label = np.float32(fixed[y, x])
            row[x] = label if label != 0 else (one if mask[y, x] else -one)
            count += (label == 0) & (distance[y, x] <= reach)
    first = np.empty(height + 1, np.int64)  # of the free pixels of each row
    place = np.empty(count, np.int64)
    unary = np.empty(count, np.float32)
    links = np.zeros((count, 8), np.float32)
    limit = np.float32(3)
    at = 0
    for y in range(height):
        first[y] = at
        for x in range(width):
            if fixed[y, x] != 0:
                belief[y, x] = fixed[y, x]
                continue
            if distance[y, x] > reach:
                continue
            place[at] = (y + 1) * stride + x + 1
            away = distance[y, x] / reach
            unary[at] = colour_weight * min(max(ratio[y, x], -limit), limit)
            unary[at] += place_weight * away * away * (1 if mask[y, x] else -1)
            if y > 0:
                links[at, 0] = likeness[y - 1, x - 1, 3] if x > 0 else 0
                links[at, 1] = likeness[y - 1, x, 2]
                links[at, 2] = likeness[y - 1, x + 1, 1] if x + 1 < width else 0
            links[at, 3] = likeness[y, x - 1, 0] if x > 0 else 0
            for k in range(4):
                links[at, 4 + k] = likeness[y, x, k]
            for k in range(8):
                links[at, k] *= smoothness
            at += 1
    first[height] = at
    now, end = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    for turn in range(rounds):
        step = 1 if turn % 2 == 0 else -1
        behind = step * (stride - 1)  # from a pixel to the last its row may not be ahead of
        for top in range(0, height, LANES):
            left = 0
            for lane in range(LANES):
                y = top + lane if step > 0 else height - 1 - top - lane
                now[lane] = end[lane] = 0
                if 0 <= y < height:
                    now[lane] = first[y] if step > 0 else first[y + 1] - 1
                    end[lane] = first[y + 1] if step > 0 else first[y] - 1
                    left += first[y + 1] - first[y]
            while left > 0:
                for lane in range(LANES - 1, -1, -1):
                    at = now[lane]
                    if at == end[lane]:
                        continue
                    here, link = place[at], links[at]
                    if lane > 0 and now[lane - 1] != end[lane - 1]:
                        before = place[now[lane - 1]]
                        if step * (before - here + behind) <= 0:
                            continue
                    above, below = here - stride, here + stride
                    others = link[0] * field[above - 1] + link[1] * field[above]
                    others += link[2] * field[above + 1] + link[5] * field[below - 1]
                    others += link[6] * field[below] + link[7] * field[below + 1]
                    total = unary[at] + others  # what the last update changed comes last
                    field[here] = _tanh(
                        total + link[3] * field[here - 1] + link[4] * field[here + 1]
                    )
                    now[lane] += step
                    left -= 1
    for y in range(height):
        for at in range(first[y], first[y + 1]):
            belief[y, place[at] - (y + 1) * stride - 1] = field[place[at]]
