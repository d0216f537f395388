"""Between pixels and patches, in one pass over the photograph."""

import numpy as np

from m2n2v2.compiled.kernels import kernel


@kernel()
def covered(margin, out):  # type: ignore[no-untyped-def]
    """The share of the area of patches that is over 0 in a margin: f8 (rows, columns), exact.

    With a pixel being as high as there are rows of patches and a patch as high as there are rows
    of pixels, all edges are whole numbers, and so are the areas they cut out.
    """
    height, width = margin.shape
    rows, columns = out.shape
    line = np.empty(columns, np.int64)
    for i in range(rows):
        for j in range(columns):
            out[i, j] = 0
    for y in range(height):
        here = margin[y]
        for j in range(columns):
            left, right = j * width, (j + 1) * width
            first, last = left // columns, (right - 1) // columns
            part, inside = here[first : last + 1], 0
            for x in range(len(part)):
                inside += part[x] > 0
            total = inside * columns
            if here[first] > 0:
                total -= left - first * columns
            if here[last] > 0:
                total -= (last + 1) * columns - right
            line[j] = total
        top, bottom = y * rows, (y + 1) * rows
        for i in range(top // height, (bottom - 1) // height + 1):
            share = min(bottom, (i + 1) * height) - max(top, i * height)
            for j in range(columns):
                out[i, j] += share * line[j]
    for i in range(rows):
        for j in range(columns):
            out[i, j] /= height * width


@kernel()
def believed(belief, steepness, weight, margin, out):  # type: ignore[no-untyped-def]
    """A margin with `weight` times the belief of its patch added, both cut to [-1, 1]: f4 (H, W).

    The belief, f4 (rows, columns), is interpolated between the centres of patches; a half adds
    nothing.
    """
    height, width = margin.shape
    rows, columns = belief.shape
    half, one = np.float32(0.5), np.float32(1)
    first = np.zeros(columns + 1, np.int64)  # the first pixel beside or beyond each patch's centre
    share, line = np.empty(width, np.float32), np.empty(columns, np.float32)
    for x in range(width):
        place = max((x + 0.5) * columns / width - 0.5, 0.0)
        share[x] = place - int(place)
        first[int(place) + 1] = x + 1
    for j in range(1, columns + 1):
        first[j] = max(first[j], first[j - 1])
    for y in range(height):
        place = max((y + 0.5) * rows / height - 0.5, 0.0)
        upper = int(place)
        lower, down = min(upper + 1, rows - 1), np.float32(place - upper)
        for j in range(columns):
            value = belief[upper, j] + down * (belief[lower, j] - belief[upper, j]) - half
            line[j] = steepness * value
        for j in range(columns):
            west, rise = line[j], line[min(j + 1, columns - 1)] - line[j]
            part = slice(first[j], first[j + 1])
            before, after, along = margin[y, part], out[y, part], share[part]
            for x in range(len(before)):
                added = weight * min(max(west + along[x] * rise, -one), one)
                after[x] = min(max(before[x] + added, -one), one)
