"""A map from the numbers of its levels."""

from m2n2v2.compiled.kernels import kernel


@kernel()
def look_up(start, stop, table, level, out):  # type: ignore[no-untyped-def]
    """`out = table[level]`."""
    for y in range(start, stop):
        for x in range(level.shape[1]):
            out[y, x] = table[level[y, x]]
