"""A fast exponential for loops of many."""

import numpy as np

from m2n2v2.compiled.kernels import inlined

LIMIT = 57.0
"""Exponents beyond this (weights under 1e-17) count as this."""


@inlined
def exp2_minus(e):  # type: ignore[no-untyped-def]
    """`2 ** -e`, e >= 0: a polynomial on [-1/2, 1/2] and the exponent's bits. Relative error under
    3e-7; Chebyshev's polynomial of degree 5."""
    x = -min(e, np.float32(LIMIT))
    whole = np.int32(x - np.float32(0.5))
    f = x - np.float32(whole)
    p = np.float32(0.00134004322)
    p = p * f + np.float32(0.0096760371)
    p = p * f + np.float32(0.0555032721)
    p = p * f + np.float32(0.240221074)
    p = p * f + np.float32(0.693147207)
    p = p * f + np.float32(1.00000008)
    return p * (np.int32((whole + np.int32(127)) << np.int32(23))).view(np.float32)
