"""What the reduced chain loses, by how it is made: the variants in docs/decisions/fast-chain.md.

    python -m experiments.fast_chain

Two minutes. Eight clicks on each of two attentions at side 64, at temperature 0.65: the offline one
of a photograph that comes with scikit-image, as a matrix, and the benchmarks' synthetic one. Mean
and 99th percentile of the difference of saturation times to the exact chain's, in thousandths of
the largest time.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np
import torch
from benchmarks.inputs import Case, synthetic_attention

from m2n2v2.attention import Affinity, DenseAttention, reduced
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.reduction import subspace
from m2n2v2.reduction.chain import reduced_saturation_time
from m2n2v2.reduction.subspace import reduced_attention


def usual(transition: Transition, dimensions: int = 256) -> ReducedAttention:
    return reduced_attention(transition, dimensions)


def spectral(transition: Transition) -> ReducedAttention:
    """Projected along the right slow directions (obliquely), as the invariant subspace has it."""
    left = subspace._slow_directions(transition, 256)
    right = torch.randn(256, len(transition.rows)).T
    for _ in range(subspace.PRODUCTS):
        right = torch.linalg.qr(transition.step_back(right))[0]
    dual = right @ torch.linalg.inv(left @ right)
    weights = transition.step_back(dual)
    rest = subspace._rest(transition, left, weights)
    return ReducedAttention(transition.cells, left, weights, *rest)


@contextmanager
def with_constants(**constants: int) -> Iterator[None]:
    homes = {"LEAD": reduced}
    with ExitStack() as stack:
        for name, value in constants.items():
            stack.enter_context(mock.patch.object(homes.get(name, subspace), name, value))
        yield


def main() -> None:
    photograph, _ = Case(Size(480, 854), 64).photograph
    transitions = [
        doubly_stochastic(Affinity().extract(photograph).dense(), 0.65),
        doubly_stochastic(DenseAttention(synthetic_attention(photograph, 64)), 0.65),
    ]
    generator = np.random.default_rng(0)
    points = [tuple(map(float, generator.uniform(0, 63, 2))) for _ in range(8)]
    start = start_state([(x, y) for x, y in points], Size(64, 64))
    expected = [saturation_time(transition, start) for transition in transitions]
    print("| | offline, mean | 99 % | synthetic, mean | 99 % |\n| --- | --- | --- | --- | --- |")

    def line(name: str, make: Callable[[Transition], ReducedAttention], **constants: int) -> None:
        figures = []
        with with_constants(**constants):
            for transition, times in zip(transitions, expected, strict=True):
                walked = reduced_saturation_time(
                    make(transition),
                    start,
                    threshold=Settings.chain_threshold,
                    max_steps=Settings.chain_steps,
                )
                apart = ((walked - times).abs() / times.amax((1, 2), keepdim=True)).numpy() * 1e3
                figures += [f"{apart.mean():.2f}", f"{np.quantile(apart, 0.99):.2f}"]
        print(f"| {name} | {' | '.join(figures)} |", flush=True)

    line("as it is: 256 dimensions, 6 products, 64 entries", usual)
    for dimensions in (128, 384, 512):
        line(f"{dimensions} dimensions", lambda t, m=dimensions: usual(t, m))
    for products in (2, 4, 8):
        line(f"{products} products", usual, PRODUCTS=products)
    for kept in (1, 16):
        line(f"{kept} entries kept", usual, KEPT=kept)
    line("every direction in 16 bits", usual, LEAD=0)
    line("oblique projection", spectral)


if __name__ == "__main__":
    main()
