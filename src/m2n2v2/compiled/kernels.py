"""The one way in which loops become machine code: `kernel` for what is called, `inlined` for parts.

Numba compiles for the processor it runs on, once; the result is kept (`compiled.keeping`). A
kernel that names the types it is called with can be compiled ahead of its first call
(`compiled.ahead`), and is then compiled for these alone.
"""

from collections.abc import Callable, Collection
from typing import Any

from numba import njit

from m2n2v2.compiled.keeping import keep

Kernel = Any
"""A compiled function, as numba makes it."""

KERNELS: dict[str, Kernel] = {}
"""Every kernel of the modules imported so far, by `module.function`."""

_TYPES: dict[str, Any] = {}

FAST = frozenset({"contract", "reassoc", "nsz"})
"""Sums may be taken in any order; NaN and infinity stay what they are."""


def kernel(
    types: str | tuple[Any, ...] | None = None,
    *,
    fastmath: bool | Collection[str] = False,
    error_model: str = "python",
) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile a function that releases the GIL; its code is kept between runs where possible.

    Args:
        types: of its arguments, as numba writes them (`"(i8, f4[:, ::1])"`), to compile it ahead;
            None: it is compiled when it is first called.
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
        name = f"{function.__module__}.{function.__name__}"
        KERNELS[name] = compiled
        if types is not None:
            _TYPES[name] = types
        return compiled

    return made


inlined = njit(inline="always")
"""A part of kernels, written into each; it is not compiled on its own."""


def compile_ahead(name: str) -> None:
    """Compile a kernel for the types it names; nothing where that was done."""
    if name in _TYPES:
        KERNELS[name].compile(_TYPES[name])


def of_modules(*modules: str) -> list[str]:
    """The names of the kernels in some modules of ours that can be compiled ahead."""
    return [name for name in _TYPES if name.rpartition(".")[0].removeprefix("m2n2v2.") in modules]
