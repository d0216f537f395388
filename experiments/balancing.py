"""How many rounds balancing takes to 1e-3: plain, over-relaxed, extrapolated over 1 to 12 rounds.

    python -m experiments.balancing

A minute. Two attentions at side 64: the offline one of a photograph that comes with scikit-image,
as a matrix, and the benchmarks' synthetic one, both at temperature 0.65. The table in
docs/decisions/balancing.md is its output.
"""

import math
from collections.abc import Callable
from unittest import mock

import torch
from benchmarks.inputs import Case, synthetic_attention
from torch import Tensor

from m2n2v2.attention import Affinity, DenseAttention
from m2n2v2.grid import Size
from m2n2v2.method import transition
from m2n2v2.method.transition import doubly_stochastic

Next = Callable[[Tensor, Tensor, float], Tensor]


class OverRelaxed:
    """The optimal factor for the rate seen in the first rounds (Thibault et al. 2017)."""

    def __init__(self) -> None:
        self.rounds, self.factor, self.last = 0, 1.0, torch.zeros(1)

    def __call__(self, given: Tensor, found: Tensor, residual: float) -> Tensor:
        change = found.log() - given.log()
        self.rounds += 1
        if self.rounds == 6:
            rate = float(change.norm() / self.last.norm())
            self.factor = 2 / (1 + math.sqrt(max(1 - rate, 1e-6)))
        self.last = change
        return (given.log() + self.factor * change).exp()


def plain(given: Tensor, found: Tensor, residual: float) -> Tensor:
    return found


def rounds(attention: DenseAttention, variant: Callable[[], Next] | None = None) -> int:
    if variant is None:
        return doubly_stochastic(attention, 0.65).rounds
    with mock.patch.object(transition, "_Extrapolation", variant):
        return doubly_stochastic(attention, 0.65).rounds


def main() -> None:
    photograph, _ = Case(Size(480, 854), 64).photograph
    attentions = {
        "offline": Affinity().extract(photograph).dense(),
        "synthetic": DenseAttention(synthetic_attention(photograph, 64)),
    }
    print("| rounds to 1e-3 | plain | over-relaxed | 1 | 2 | 3 | 6 | 12 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, attention in attentions.items():
        found = [rounds(attention, lambda: plain), rounds(attention, OverRelaxed)]
        for memory in (1, 2, 3, 6, 12):
            with mock.patch.object(transition, "MEMORY", memory):
                found.append(rounds(attention))
        print(f"| {name} | {' | '.join(map(str, found))} |", flush=True)


if __name__ == "__main__":
    main()
