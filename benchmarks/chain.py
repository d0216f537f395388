"""The chain: all clicks at once, on scaling vectors, against one by one on the full matrix."""

from typing import Any

import torch

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison
from benchmarks.inputs import Case
from m2n2v2.markov_map import saturation_time

STEPS = {64: 1000, 128: 20}
"""The method's limit, which no cell reaches here; at side 128 both sides stop early."""


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    rows = {}
    transition = case.state.transition
    dense = transition.dense()
    steps = STEPS[case.side]
    for clicks in (1, len(case.clicks)):
        start = case.start[:clicks]

        def ours(start: torch.Tensor = start) -> torch.Tensor:
            return saturation_time(transition, start, max_steps=steps)

        def slow(start: torch.Tensor = start) -> torch.Tensor:
            return torch.stack(
                [textbook.saturation_time(dense, one, max_steps=steps) for one in start]
            )

        difference = float((ours() - slow()).abs().max())
        rows[f"chain, {clicks} click{'s' * (clicks > 1)}"] = comparison(
            ours,
            slow,
            Agreement("largest difference, in steps", difference, 1e-2),
            ours_repetitions=effort.long,
            textbook_repetitions=effort.long,
            note=f"at most {steps} steps",
        )
    return rows
