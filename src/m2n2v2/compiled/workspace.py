"""Memory for intermediate arrays, lent and taken back.

A fresh array of a few megabytes costs more in page faults than most compiled loops take.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

KEPT = 2
"""Buffers kept for later, whatever the number of threads."""

LARGEST = 1 << 26
"""Bytes of the largest buffer kept: together they stay under 128 MiB."""

_ALIGNMENT = 64

_kept: list[np.ndarray[Any, np.dtype[np.uint8]]] = []


@contextmanager
def workspace(*wanted: tuple[int | tuple[int, ...], DTypeLike]) -> Iterator[list[Any]]:
    """Uninitialised arrays of the shapes and dtypes wanted, valid inside the block only."""
    shapes = [((shape,) if isinstance(shape, int) else shape) for shape, _ in wanted]
    dtypes = [np.dtype(dtype) for _, dtype in wanted]
    sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in zip(shapes, dtypes, strict=True)]
    rounded = [-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes]
    buffer = _taken(sum(rounded))
    arrays, at = [], 0
    for shape, dtype, size, step in zip(shapes, dtypes, sizes, rounded, strict=True):
        arrays.append(buffer[at : at + size].view(dtype).reshape(shape))
        at += step
    yield arrays
    if len(_kept) < KEPT and buffer.nbytes <= LARGEST:
        _kept.append(buffer)


def _taken(size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A kept buffer, or a new one where none is left or large enough."""
    try:
        buffer = _kept.pop()
    except IndexError:
        return np.empty(size, np.uint8)
    return buffer if buffer.nbytes >= size else np.empty(size, np.uint8)
