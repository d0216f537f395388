"""The few most alike cells in a window, kept while similarities pass by."""

import numpy as np

from m2n2v2.compiled.kernels import kernel


@kernel()
def keep_best(similar, first_row, width, row, column, radius, offset, value, index):  # type: ignore[no-untyped-def]
    """Insert one context's cells of a window into the lists of the best, for one row of cells.

    Args:
        similar: f4 (w, m), of the row's cells to all cells of some rows of the context.
        first_row: the first of these rows.
        width: cells in a row of the context.
        row, column: f4 (w,), where each window has its centre.
        radius: half the window's side, in cells.
        offset: the number of the context's first cell.
        value: f4 (w, k), descending, in and out.
        index: i4 (w, k), likewise.
    """
    cells, keep = value.shape
    rows = similar.shape[1] // width
    for x in range(cells):
        top = max(int(np.ceil(row[x] - radius)), first_row)
        bottom = min(int(np.floor(row[x] + radius)), first_row + rows - 1)
        left = max(int(np.ceil(column[x] - radius)), 0)
        right = min(int(np.floor(column[x] + radius)), width - 1)
        least = value[x, keep - 1]
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                s = similar[x, (i - first_row) * width + j]
                if s <= least:
                    continue
                place = keep - 1
                while place > 0 and value[x, place - 1] < s:
                    value[x, place] = value[x, place - 1]
                    index[x, place] = index[x, place - 1]
                    place -= 1
                value[x, place] = s
                index[x, place] = offset + i * width + j
                least = value[x, keep - 1]
