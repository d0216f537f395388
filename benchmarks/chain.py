"""The chain: reduced, and exactly, against one product with the full matrix per click and step."""

from typing import Any

import torch
from torch import Tensor

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison, timing
from benchmarks.inputs import Case
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.method.markov_map import saturation_time
from m2n2v2.method.settings import Settings
from m2n2v2.reduction.chain import reduced_saturation_time
from m2n2v2.reduction.subspace import reduced


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    attention = case.state.transition.attention
    assert isinstance(attention, ReducedAttention)
    dense = case.exact.dense()
    for clicks in (1, len(case.clicks)) if case.side == 64 else (1,):
        start = case.start[:clicks]

        def ours(start: Tensor = start) -> Tensor:
            return reduced_saturation_time(
                attention,
                start,
                threshold=Settings.chain_threshold,
                max_steps=Settings.chain_steps,
            )

        def exactly(start: Tensor = start) -> Tensor:
            return saturation_time(case.exact, start)

        def slow(start: Tensor = start) -> Tensor:
            return torch.stack([textbook.saturation_time(dense, one) for one in start])

        expected = slow()
        largest = expected.flatten(1).amax(1)[:, None, None]
        name = f"{clicks} click{'s' * (clicks > 1)}"
        rows[f"chain, {name}"] = comparison(
            ours,
            slow,
            Agreement(
                "mean difference, in parts of the largest time",
                float(((ours() - expected).abs() / largest).mean()),
                5e-3,
            ),
            ours_repetitions=effort.short,
            textbook_repetitions=effort.long,
            note=f"{int(expected.max())} steps to the last cell",
        )
        rows[f"chain, exact, {name}"] = comparison(
            exactly,
            slow,
            Agreement(
                "largest difference, in steps", float((exactly() - expected).abs().max()), 5e-2
            ),
            ours_repetitions=effort.long,
            textbook_repetitions=effort.long,
        )
    again = timing(lambda: reduced(case.exact), 2)
    arrays = attention.arrays().values()
    rows["chain, reducing it"] = {
        "ours": again,
        "error_mean": attention.error[0],
        "error_99": attention.error[1],
        "bytes": sum(array.numel() * array.element_size() for array in arrays),
        "note": "once per image, with the clicks that measure the error",
    }
    return rows
