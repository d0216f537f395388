"""The one way in which loops become machine code: `kernel` for what is called, `inlined` for parts.

Numba compiles for the processor it runs on, once, and the result is kept (`compiled.keeping`).
What takes compiling long: arrays made inside, slices that are added or assigned whole (they bring
numba's messages on shapes along) and second signatures. Arrays are handed in, loops are written
out, and arguments have one type (docs/decisions/compiling.md).
"""

from collections.abc import Callable, Collection
from typing import Any

from numba import njit

from m2n2v2.compiled.keeping import keep

Kernel = Any
"""A compiled function, as numba makes it."""

KERNELS: dict[str, Kernel] = {}
"""Every kernel of the modules imported so far, by `module.function`."""

FAST = frozenset({"contract", "reassoc", "nsz"})
"""Sums may be taken in any order; NaN and infinity stay what they are."""


def kernel(
    *,
    fastmath: bool | Collection[str] = False,
    error_model: str = "python",
) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile a function that releases the GIL; its code is kept between runs where possible.

    Args:
        fastmath, error_model: as of `numba.njit`.
    """

    def made(function: Callable[..., Any]) -> Kernel:
        options: dict[str, Any] = {
            "nogil": True,
            "fastmath": set(fastmath) if isinstance(fastmath, Collection) else fastmath,
            "error_model": error_model,
            "no_cfunc_wrapper": True,  # nobody calls it from C: not compiled
        }
        compiled = njit(**options)(function)
        keep(compiled)
        KERNELS[f"{function.__module__}.{function.__name__}"] = compiled
        return compiled

    return made


inlined = njit(inline="always")
"""A part of kernels, written into each; it is not compiled on its own."""
