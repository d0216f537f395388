"""Can the reduced chain's error be bounded rather than measured? And do four clicks measure it?

    python -m experiments.error_bound

Five minutes. Two attentions at side 64, as in `experiments.fast_chain`.

The bound: a doubly stochastic matrix lengthens no vector, so the error of a state is at most the
sum of what each step leaves outside the basis, which is known without the matrix. The first table
sets it beside the error itself: the largest over the cells, in parts of the largest probability
there is, medians of eight clicks. The second sets the error over 64 other clicks, in thousandths of
the largest time, beside the one that four clicks gave at preparation.
"""

import numpy as np
import torch
from benchmarks.inputs import Case, synthetic_attention
from torch import Tensor

from m2n2v2.attention import Affinity, DenseAttention
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.reduction.chain import reduced_saturation_time
from m2n2v2.reduction.subspace import reduced, reduced_attention

SIDE = 64
STEPS = (3, 10, 50, 200)


def starts(count: int, seed: int) -> Tensor:
    generator = np.random.default_rng(seed)
    points = [tuple(map(float, generator.uniform(0, SIDE - 1, 2))) for _ in range(count)]
    return start_state([(x, y) for x, y in points], Size(SIDE, SIDE))


def bounds(transition: Transition, attention: ReducedAttention) -> dict[int, tuple[float, float]]:
    """After some steps: the bound and the error, over the largest probability; medians."""
    matrix, basis = transition.dense().double(), attention.basis.double()
    walk = basis @ attention.weights.double()
    left_out = basis @ matrix - walk @ basis
    start = starts(8, 0).flatten(1)
    walked, missed = attention.second(*attention.first(start))
    coefficients = walked.double()
    exact = start.double() @ matrix @ matrix
    # the first two steps are taken at their true error: the bound is no tighter than this
    bound = (exact - coefficients @ basis - missed.double()).norm(dim=1)
    bound += (missed.double() @ matrix).norm(dim=1)
    found = {}
    for step in range(3, max(STEPS) + 1):
        bound += (coefficients @ left_out).norm(dim=1)
        coefficients, exact = coefficients @ walk, exact @ matrix
        if step in STEPS:
            state = coefficients @ basis
            largest = state.amax(1)
            apart = (exact - state).abs().amax(1)
            found[step] = float((bound / largest).median()), float((apart / largest).median())
    return found


def main() -> None:
    photograph, _ = Case(Size(480, 854), SIDE).photograph
    transitions = {
        "offline": doubly_stochastic(Affinity().extract(photograph).dense(), 0.65),
        "synthetic": doubly_stochastic(DenseAttention(synthetic_attention(photograph, SIDE)), 0.65),
    }
    print("| bound / error after steps |" + "".join(f" {step} |" for step in STEPS))
    print("| --- |" + " --- |" * len(STEPS))
    for name, transition in transitions.items():
        for dimensions in (256, 512):
            found = bounds(transition, reduced_attention(transition, dimensions))
            cells = [f"{bound:.2g} / {error:.1g}" for bound, error in found.values()]
            print(f"| {name}, {dimensions} dimensions | {' | '.join(cells)} |", flush=True)

    print("\n| error | recorded: mean, 99 % | 64 clicks: mean, 99 % | mean of the worst click |")
    print("| --- | --- | --- | --- |")
    for name, transition in transitions.items():
        attention = reduced(transition).attention
        assert isinstance(attention, ReducedAttention)
        start = starts(64, 1)
        times = saturation_time(transition, start)
        walked = reduced_saturation_time(
            attention, start, threshold=Settings.chain_threshold, max_steps=Settings.chain_steps
        )
        apart = (walked - times).abs().flatten(1)
        apart = 1e3 * apart / times.flatten(1).amax(1, keepdim=True)
        mean, most = (1e3 * share for share in attention.error)
        print(
            f"| {name} | {mean:.2f}, {most:.2f} | {float(apart.mean()):.2f}, "
            f"{float(np.quantile(apart.numpy(), 0.99)):.2f} | {float(apart.mean(1).max()):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
