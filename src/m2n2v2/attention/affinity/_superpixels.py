"""Passes over pixels behind simple linear iterative clustering, and over a graph of segments."""

import numpy as np

from m2n2v2.compiled.kernels import inlined, kernel


@kernel(fastmath=True)
def assign(start, stop, lab, centres, place_weight, labels):  # type: ignore[no-untyped-def]
    """Give every pixel the nearest of the 3 x 3 centres around it, the first on ties.

    `centres` is (rows, columns, 5): L, a, b, y, x of each, seeded on a grid of equal cells.
    """
    height, width = labels.shape
    rows, columns = centres.shape[:2]
    for y in range(start, stop):
        home_row = (2 * y + 1) * rows // (2 * height)
        first_row, last_row = max(home_row - 1, 0), min(home_row + 1, rows - 1)
        for x in range(width):
            home = (2 * x + 1) * columns // (2 * width)
            first, last = max(home - 1, 0), min(home + 1, columns - 1)
            best, nearest = np.float32(np.inf), 0
            for i in range(first_row, last_row + 1):
                for j in range(first, last + 1):
                    c = centres[i, j]
                    dl, da, db = lab[y, x, 0] - c[0], lab[y, x, 1] - c[1], lab[y, x, 2] - c[2]
                    dy, dx = y - c[3], x - c[4]
                    d = dl * dl + da * da + db * db + place_weight * (dy * dy + dx * dx)
                    if d < best:
                        best, nearest = d, i * columns + j
            labels[y, x] = nearest


@kernel()
def update(lab, labels, centres, total):  # type: ignore[no-untyped-def]
    """Move every centre to the mean of its pixels; one without pixels stays.

    `centres` are (segments, 5); `total`, float64 (segments, 6), is a workspace.
    """
    for i in range(len(total)):
        for j in range(6):
            total[i, j] = 0
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            for c in range(3):
                total[own, c] += lab[y, x, c]
            total[own, 3] += y
            total[own, 4] += x
            total[own, 5] += 1
    for i in range(len(total)):
        if total[i, 5] > 0:
            for j in range(5):
                centres[i, j] = total[i, j] / total[i, 5]


@kernel()
def connected(labels, components, queue):  # type: ignore[no-untyped-def]
    """Number the 4-connected components of equal labels in row-major order; returns how many.

    `queue`, int32 (H * W), is a workspace.
    """
    height, width = labels.shape
    components[:] = -1
    count = 0
    for y in range(height):
        for x in range(width):
            if components[y, x] >= 0:
                continue
            own = labels[y, x]
            components[y, x] = count
            queue[0] = y * width + x
            done, known = 0, 1
            while done < known:
                v, u = queue[done] // width, queue[done] % width
                done += 1
                if u > 0 and components[v, u - 1] < 0 and labels[v, u - 1] == own:
                    components[v, u - 1] = count
                    queue[known] = v * width + u - 1
                    known += 1
                if u < width - 1 and components[v, u + 1] < 0 and labels[v, u + 1] == own:
                    components[v, u + 1] = count
                    queue[known] = v * width + u + 1
                    known += 1
                if v > 0 and components[v - 1, u] < 0 and labels[v - 1, u] == own:
                    components[v - 1, u] = count
                    queue[known] = (v - 1) * width + u
                    known += 1
                if v < height - 1 and components[v + 1, u] < 0 and labels[v + 1, u] == own:
                    components[v + 1, u] = count
                    queue[known] = (v + 1) * width + u
                    known += 1
            count += 1
    return count


@kernel()
def absorb(pairs, start, colour, area, least, root):  # type: ignore[no-untyped-def]
    """Join components smaller than `least` pixels to the neighbour of the nearest colour.

    `pairs` lists neighbours, both ways, sorted; those of i are numbers `start[i]` to
    `start[i + 1]`. `root` returns each component's representative; colours and areas of
    representatives are kept up to date.
    """
    count = len(area)
    for i in range(count):
        root[i] = i
    changed = True
    while changed:
        changed = False
        for i in range(count):
            own = _find(root, i)
            if area[own] >= least:
                continue
            best, target = np.inf, -1
            for at in range(start[i], start[i + 1]):
                other = _find(root, pairs[at, 1])
                if other == own:
                    continue
                d = 0.0
                for channel in range(3):
                    d += (colour[own, channel] - colour[other, channel]) ** 2
                if d < best:
                    best, target = d, other
            if target >= 0:
                total = area[own] + area[target]
                for channel in range(3):
                    mixed = (
                        colour[own, channel] * area[own] + colour[target, channel] * area[target]
                    )
                    colour[target, channel] = mixed / total
                area[target] = total
                root[own] = target
                changed = True
    for i in range(count):
        root[i] = _find(root, i)


@inlined
def _find(root, i):  # type: ignore[no-untyped-def]
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@kernel()
def two_rings(start, end, strength, best):  # type: ignore[no-untyped-def]
    """`best[i, j]`: smallest, over ways of one or two steps, of the larger strength on the way.

    The neighbours of segment i are `end[start[i] : start[i + 1]]`, over boundaries `strength`.
    """
    for middle in range(len(start) - 1):
        for one in range(start[middle], start[middle + 1]):
            i = end[one]
            best[middle, i] = min(best[middle, i], strength[one])
            for other in range(start[middle], start[middle + 1]):
                j = end[other]
                best[i, j] = min(best[i, j], max(strength[one], strength[other]))
