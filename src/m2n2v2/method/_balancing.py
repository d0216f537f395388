"""One round of Sinkhorn's balancing in one read of the matrix."""

from m2n2v2.compiled.kernels import FAST, kernel


@kernel(fastmath=FAST, error_model="numpy")
def one_round(start, stop, matrix, columns, rows, sums):  # type: ignore[no-untyped-def]
    """`rows = 1 / (matrix columns)` for rows start to stop, and what they add to `rows matrix`.

    A row's scale is known once the row is read, and then the row is still in the cache: the
    second product costs no second read. `sums` has one line per band of rows (`threads.bands`).
    """
    count, width = matrix.shape
    band = (start * len(sums) + count - 1) // count
    total = sums[band]
    total[:] = 0
    for i in range(start, stop):
        row = matrix[i]
        product = matrix.dtype.type(0)
        for j in range(width):
            product += row[j] * columns[j]
        scale = matrix.dtype.type(1) / product
        rows[i] = scale
        for j in range(width):
            total[j] += row[j] * scale
