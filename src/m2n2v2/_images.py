"""Exact area averaging of an image, in whole numbers."""

import numpy as np

from m2n2v2.compiled.kernels import kernel


@kernel()
def averaged(start, stop, image, out):  # type: ignore[no-untyped-def]
    """Rows of `out`: each pixel is the mean of `image` over the area it covers, halves up.

    With a pixel of `image` being as high as `out` has rows and a pixel of `out` as high as `image`
    has rows, all edges are whole numbers, and so are the areas they cut out.
    """
    height, width = image.shape[:2]
    rows, columns = out.shape[:2]
    line = np.empty((width, 3), np.int64)
    area = height * width
    for y in range(start, stop):
        line[:] = 0
        top, bottom = y * height, (y + 1) * height
        for i in range(top // rows, (bottom - 1) // rows + 1):
            share = min(bottom, (i + 1) * rows) - max(top, i * rows)
            for j in range(width):
                for c in range(3):
                    line[j, c] += share * image[i, j, c]
        for x in range(columns):
            left, right = x * width, (x + 1) * width
            red, green, blue = np.int64(0), np.int64(0), np.int64(0)
            for j in range(left // columns, (right - 1) // columns + 1):
                share = min(right, (j + 1) * columns) - max(left, j * columns)
                red += share * line[j, 0]
                green += share * line[j, 1]
                blue += share * line[j, 2]
            out[y, x, 0] = (2 * red + area) // (2 * area)
            out[y, x, 1] = (2 * green + area) // (2 * area)
            out[y, x, 2] = (2 * blue + area) // (2 * area)
