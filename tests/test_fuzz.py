"""A few thousand hostile and odd files; `benchmarks/fuzz.py` runs as many as wanted."""

import pytest
from benchmarks.fuzz import TARGETS, run

EACH = 250


@pytest.mark.parametrize("target", TARGETS)
def test_right_or_refused_in_words(target: str) -> None:
    outcomes, broken = run(target, seed=0, places=range(EACH))
    assert not broken, broken[0][1]
    assert outcomes["read"] + outcomes["refused"] == EACH
    assert outcomes["read"] > EACH // 20, "nothing is read: the inputs are all of one kind"
