"""Balancing: two scaling vectors against a new matrix for every half round."""

from typing import Any

import torch

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison
from benchmarks.inputs import Case
from m2n2v2.attention import DenseAttention
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import doubly_stochastic

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
    return {f"transition, {rounds} rounds": row, "transition, to 1e-3": _to_tolerance(case, effort)}


def _to_tolerance(case: Case, effort: Effort) -> dict[str, Any]:
    """Both until every column sums to 1 within 1e-3; at side 128 the textbook's first rounds, and
    in proportion to how many it takes."""
    temperature = Settings.paper().temperature
    dense = DenseAttention(case.attention)
    most = 1000 if case.side == 64 else ROUNDS[128]
    matrix, done = textbook.balanced(case.attention, temperature, most=most)
    found = doubly_stochastic(dense, temperature)
    needed = done
    if done == most:  # as many as plain rounds on two vectors take
        sums, needed = torch.full((1,), torch.inf), 0
        sharp = dense.sharpened(temperature)
        columns = torch.ones(len(sharp.matrix))
        while needed == 0 or float((sums - 1).abs().max()) > 1e-3:
            rows = 1 / sharp.right(columns)
            before, sums = columns, sharp.left(rows[None])[0]
            sums, columns = before * sums, 1 / sums
            needed += 1
        needed -= 1
    del matrix
    row = comparison(
        lambda: doubly_stochastic(dense, temperature),
        lambda: textbook.balanced(case.attention, temperature, most=most),
        Agreement("largest distance of a column's sum from 1", found.residual, 1e-3),
        ours_repetitions=effort.long,
        textbook_repetitions=2,
        note=f"{found.rounds} rounds; the textbook {needed}",
    )
    if needed != done:
        row["textbook"]["median_ms"] *= needed / done
        row["textbook"]["extrapolated_from_rounds"] = done
        row["ratio"] = round(row["textbook"]["median_ms"] / row["ours"]["median_ms"], 2)
    return row
