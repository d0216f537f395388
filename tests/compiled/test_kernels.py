"""How loops are compiled."""

import gc
from typing import Any

import numba
import pytest
from numba.core import event

from m2n2v2.compiled.kernels import kernel


def half(x: int) -> int:
    return x // 2


class _Asked(event.Listener):
    """Whether garbage is collected, whenever a pass of the compiler begins."""

    def __init__(self) -> None:
        self.collected: list[bool] = []

    def on_start(self, event: Any) -> None:
        self.collected.append(gc.isenabled())

    def on_end(self, event: Any) -> None:
        pass


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_before_and_after_but_not_while_a_kernel_is_compiled(
    before: bool,
) -> None:
    inner = numba.njit(half)

    def quarter(x: int) -> int:
        return int(inner(inner(x)))

    outer = kernel()(quarter)
    if not before:
        gc.disable()
    try:
        with event.install_listener("numba:run_pass", _Asked()) as asked:
            assert outer(12) == 3
        assert len(asked.collected) > 10
        assert not any(asked.collected)
        assert gc.isenabled() == before
    finally:
        gc.enable()


def test_garbage_is_collected_again_after_a_kernel_that_cannot_be_compiled() -> None:
    with pytest.raises(numba.TypingError):
        kernel()(lambda x: x.nothing)(1)
    assert gc.isenabled()
