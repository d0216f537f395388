"""Balancing: two scaling vectors against a new matrix for every half round."""

from typing import Any

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison
from benchmarks.inputs import Case
from m2n2v2.attention import DenseAttention
from m2n2v2.settings import Settings
from m2n2v2.transition import doubly_stochastic

ROUNDS = {64: 200, 128: 10}
"""M2N2's number; at side 128 both run fewer, since the time is proportional to them."""


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    temperature = Settings.paper().temperature
    rounds = ROUNDS[case.side]
    dense = DenseAttention(case.attention)

    def ours() -> object:
        return doubly_stochastic(dense, temperature, rounds=rounds)

    def slow() -> object:
        return textbook.doubly_stochastic(case.attention, temperature, rounds)

    expected = textbook.doubly_stochastic(case.attention, temperature, rounds)
    difference = doubly_stochastic(dense, temperature, rounds=rounds).dense().sub_(expected)
    agreement = Agreement("largest difference of an entry", float(difference.abs_().max()), 1e-5)
    del expected, difference
    row = comparison(
        ours,
        slow,
        agreement,
        ours_repetitions=effort.long,
        textbook_repetitions=effort.long,
        note=f"{rounds} rounds on both sides",
    )
    return {f"transition, {rounds} rounds": row}
