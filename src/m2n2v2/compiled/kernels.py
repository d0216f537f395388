"""The one way in which loops become machine code: `kernel` for what is called, `inlined` for parts.

Numba compiles for the processor it runs on, once, and the result is kept (`compiled.keeping`).
What takes compiling long: arrays made inside, slices that are added or assigned whole (they bring
numba's messages on shapes along) and second signatures. Arrays are handed in, loops are written
out, and arguments have one type (docs/decisions/compiling.md).
"""

import gc
from collections.abc import Callable, Collection
from typing import Any

from numba import njit
from numba.core import event

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


class _Uncollected(event.Listener):
    """No search for garbage while numba compiles: it keeps almost all that it makes until then, and
    every search looks at all of that and at every module besides. Numba compiles one function at a
    time, whatever the threads, and those called by it inside."""

    def __init__(self) -> None:
        self._depth, self._collects = 0, True

    def on_start(self, event: Any) -> None:
        if self._depth == 0:
            self._collects = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        if self._depth == 0 and self._collects:
            gc.enable()


event.register("numba:compile", _Uncollected())  # type: ignore[no-untyped-call]


inlined = njit(inline="always")
"""A part of kernels, written into each; it is not compiled on its own."""
