"""Passes over the band of pixels around an outline."""

import numpy as np

from m2n2v2.compiled.exponential import exp2_minus
from m2n2v2.compiled.kernels import inlined, kernel


@kernel()
def outline(mask, column):  # type: ignore[no-untyped-def]
    """The window of the pixels that have a 4-neighbour of the other class: rows from, to, columns
    from, to. `column`, b1 (2, W), is a workspace."""
    height, width = mask.shape
    top, bottom, left, right = height, 0, width, 0
    below, beside = column[0], column[1]
    for x in range(width):
        below[x] = beside[x] = False
    for y in range(height):
        here, under = mask[y], mask[min(y + 1, height - 1)]
        west, east = here[: width - 1], here[1:]
        down = across = False
        for x in range(width):
            below[x] |= here[x] != under[x]
            down |= here[x] != under[x]
        for x in range(width - 1):
            beside[x] |= west[x] != east[x]
            across |= west[x] != east[x]
        if down or across:
            top, bottom = min(top, y), y + 2 if down else y + 1
    for x in range(width):
        if below[x] or beside[x]:
            left, right = min(left, x), x + 2 if beside[x] else max(right, x + 1)
    return top, bottom, left, right


@kernel(error_model="numpy")
def distances(mask, window, reach, distance, line, other):  # type: ignore[no-untyped-def]
    """City-block distance of each pixel to the other class, up to `reach + 1`: i2 (H, W).

    It is measured inside the window alone: rows from, to, columns from, to. Down, up, then along
    the rows, by steps of 1, 2, 4 and so on pixels up to `reach` in sum: no pixel waits for the one
    before. `line` and `other`, i2, are workspaces, that sum longer at either end than a row.
    """
    top, bottom, left, right = window
    far, one = np.int16(reach + 1), np.int16(1)
    for i in range(len(line)):
        line[i] = other[i] = far
    edge = (len(line) - (right - left)) // 2
    for y in range(top, bottom):
        before = max(y - 1, top)
        here, out = mask[y, left:right], distance[y, left:right]
        above, over = mask[before, left:right], distance[before, left:right]
        for x in range(len(out)):
            out[x] = far if y == top else one if above[x] != here[x] else min(over[x] + one, far)
        for x in range(1, len(out)):
            if here[x] != here[x - 1]:
                out[x] = out[x - 1] = one
    for y in range(bottom - 2, top - 1, -1):
        here, out = mask[y, left:right], distance[y, left:right]
        below, under = mask[y + 1, left:right], distance[y + 1, left:right]
        for x in range(len(out)):
            out[x] = min(out[x], one if below[x] != here[x] else under[x] + one)
    for y in range(top, bottom):
        out, step = distance[y, left:right], 1
        near = False
        for x in range(len(out)):
            near |= out[x] < reach
        if not near:
            continue
        for x in range(len(out)):
            line[np.uint64(edge + x)] = out[x]
        while step <= edge:
            here, then = line[edge : edge + len(out)], other[edge : edge + len(out)]
            west, east = line[edge - step :], line[edge + step :]
            for x in range(len(then)):
                then[x] = min(here[x], min(west[x], east[x]) + np.int16(step))
            line, other, step = other, line, 2 * step
        here = line[edge : edge + len(out)]
        for x in range(len(out)):
            out[x] = here[x]


@kernel()
def colour_ratio(  # type: ignore[no-untyped-def]
    mask,
    counted,  # b1 (H, W): the mask that is counted, brought up to `mask`
    local,  # f4 (rows, columns, 2, kinds): pixels of either class and each colour in each tile
    colours,
    tile,
    prior,
    window,  # the band's
    distance,  # i2 (H, W), of `distances`
    reach,
    models,  # f4 (2, 2, kinds): a workspace
    known,  # f4 (kinds): a workspace
    ratio,  # f4 (H, W): out, on the band
):
    """Log likelihood ratio, object over background, of the colour of each pixel in the band.

    Histograms of both classes, over the 3 x 3 tiles around the pixel's; those of the whole image
    count as `prior` more pixels, and a share of a pixel lies in every bin.
    """
    rows, columns, _, kinds = local.shape
    floor, one = np.float32(0.02), np.float32(1)
    for y in range(len(mask)):
        for j in range(columns):
            part = slice(j * tile, (j + 1) * tile)
            now, before, bins = mask[y, part], counted[y, part], colours[y, part]
            different = False
            for x in range(len(now)):
                different |= now[x] != before[x]
            if not different:
                continue
            background, foreground = local[y // tile, j, 0], local[y // tile, j, 1]
            for x in range(len(now)):
                if now[x] != before[x]:
                    before[x], more = now[x], one if now[x] else -one
                    foreground[bins[x]] += more
                    background[bins[x]] -= more
    whole, around = models[0], models[1]
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
            all_background, all_foreground = np.float32(0), np.float32(0)
            for label in range(2):
                for kind in range(kinds):
                    around[label, kind] = whole[label, kind]
                for a in range(max(i - 1, 0), min(i + 2, rows)):
                    for b in range(max(j - 1, 0), min(j + 2, columns)):
                        for kind in range(kinds):
                            around[label, kind] += local[a, b, label, kind]
            for kind in range(kinds):
                all_background += around[0, kind]
                all_foreground += around[1, kind]
                known[kind] = np.nan
            offset = np.log(all_foreground / all_background)
            for y in range(first, last):
                away, bins, out = distance[y, west:east], colours[y, west:east], ratio[y, west:east]
                for x in range(len(away)):
                    if away[x] <= reach:
                        kind = bins[x]
                        if np.isnan(known[kind]):
                            known[kind] = np.log(around[1, kind] / around[0, kind]) - offset
                        out[x] = known[kind]


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


BLOCK = 32
"""Pixels of a row that are looked at together, whether any is in the band."""


@kernel()
def free(distance, reach, fixed, window, place):  # type: ignore[no-untyped-def]
    """The pixels of the band whose label is not fixed, row by row, into `place`: their number in
    the window with a border of one pixel around it. Returns how many they are."""
    top, bottom, left, right = window
    stride, count = right - left + 2, 0
    for y in range(top, bottom):
        for start in range(left, right, BLOCK):
            part = slice(start, min(start + BLOCK, right))
            away, label = distance[y, part], fixed[y, part]
            near = False
            for x in range(len(away)):
                near |= away[x] <= reach
            if near:
                at = (y - top + 1) * stride + 1 + start - left
                for x in range(len(away)):
                    if away[x] <= reach and label[x] == 0:
                        place[count] = at + x
                        count += 1
    return count


@kernel(error_model="numpy")
def relax(  # type: ignore[no-untyped-def]
    likeness,  # f4 (H, W, 4), of `likeness`
    mask,
    distance,  # i2 (H, W), of `distances`
    reach,
    ratio,
    fixed,  # i1 (H, W): 1 object, -1 background, 0 free
    window,  # the band's
    place,  # u4: of `free`
    colour_weight,
    place_weight,
    smoothness,
    rounds,
    field,  # f4, and the rest: workspaces; one for each pixel of the window and its border
    turn,  # i4, the same
    first,  # i4, for each turn
    last,
    order,  # i4: for each free pixel
    row,  # i4
    unary,  # f4
    total,  # f4
    links,  # f4 (free pixels, 8)
    belief,  # f4 (H, W): in [-1, 1] where a pixel is free, out
):
    """Mean-field relaxation of a binary field on the band, Gauss-Seidel, back and forth.

    An update waits for its neighbours that come before it, row by row. What waits for equally many
    one after the other has its turn together, which gives the same, and each step of an update is
    done for all of a turn before the next.
    """
    top, bottom, left, right = window
    stride = np.uint64(right - left + 2)
    one, limit, half = np.float32(1), np.float32(3), np.float32(0.5)
    for i in range(len(field)):
        field[i] = 0
        turn[i] = 0
    for i in range(len(first)):
        last[i] = 0
    for y in range(top, bottom):
        start = (y - top + 1) * (right - left + 2) + 1
        now = field[start : start + right - left]
        here, label = mask[y, left:right], fixed[y, left:right]
        for x in range(len(now)):
            now[x] = np.float32(label[x]) if label[x] != 0 else one if here[x] else -one
    west, turns = np.uint64(1), 0
    for at in place:
        above = np.uint64(at) - stride
        before = max(turn[above - west], max(turn[above], turn[above + west]))
        turn[at] = before = max(before, turn[at - west]) + 1
        last[before] += 1
        turns = max(turns, before)
    begin = 0
    for k in range(1, turns + 1):
        first[k] = begin
        begin += last[k]
        last[k] = first[k]
    y, end = top - 2, np.uint64(0)
    for at in place:
        while at >= end:
            y, end = y + 1, end + stride
        slot = last[turn[at]]
        last[turn[at]] = slot + 1
        order[slot], row[slot] = at, y
    for i in range(len(order)):
        y = row[i]
        x = np.int64(order[i]) - (y - top + 1) * np.int64(stride) - 1 + left
        away = (np.float32(distance[y, x]) - half) / reach
        pull = place_weight * away * away
        own = colour_weight * min(max(ratio[y, x], -limit), limit)
        unary[i] = own + (pull if mask[y, x] else -pull)
        link = links[i]
        link[0] = likeness[y - 1, x - 1, 3] if y > 0 and x > 0 else 0
        link[1] = likeness[y - 1, x, 2] if y > 0 else 0
        link[2] = likeness[y - 1, x + 1, 1] if y > 0 and x + 1 < mask.shape[1] else 0
        link[3] = likeness[y, x - 1, 0] if x > 0 else 0
        for k in range(4):
            link[4 + k] = likeness[y, x, k]
        for k in range(8):
            link[k] *= smoothness
    for number in range(rounds):
        for k in range(1, turns + 1):
            now = k if number % 2 == 0 else turns + 1 - k
            for i in range(first[now], last[now]):
                at, link = np.uint64(order[np.uint64(i)]), links[np.uint64(i)]
                above, below = at - stride, at + stride
                others = link[0] * field[above - west] + link[1] * field[above]
                others += link[2] * field[above + west] + link[5] * field[below - west]
                others += link[6] * field[below] + link[7] * field[below + west]
                others += unary[np.uint64(i)]
                others += link[3] * field[at - west]
                total[np.uint64(i)] = others + link[4] * field[at + west]
            together = total[first[now] : last[now]]
            for i in range(len(together)):
                together[i] = _tanh(together[i])
            for i in range(first[now], last[now]):
                field[order[np.uint64(i)]] = total[np.uint64(i)]
    y, end = top - 2, np.uint64(0)
    for at in place:
        while at >= end:
            y, end = y + 1, end + stride
        belief[y, np.int64(at - (end - stride)) - 1 + left] = field[at]
