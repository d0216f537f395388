"""The walk of a factored chain: all its steps in one compiled loop, by the same rule.

A click takes some fifteen steps of it, a third of a millisecond for each; handing every one of them
to and from torch took as long again.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import CellMaps
from m2n2v2.attention import _factored as kernel
from m2n2v2.attention.factored import FactoredAttention
from m2n2v2.method.transition import Transition


def factored_saturation_time(
    transition: Transition,
    attention: FactoredAttention,
    start: CellMaps,
    *,
    threshold: float,
    max_steps: int,
) -> CellMaps:
    """`markov_map.saturation_time` of a factored attention on the CPU, one click after another.

    Args:
        attention: the transition's.
        start, threshold, max_steps: as of `markov_map.saturation_time`.

    Returns:
        Times in steps, in [0, max_steps], `k h w`.
    """
    states: Float[Tensor, "k n"] = start.flatten(1)
    times = torch.where(states > threshold, 0.0, float("inf")).to(start)
    rows, columns = transition.rows.numpy(), transition.columns.numpy()
    limit = rows.dtype.type(threshold)
    packed = attention.packed.leftwards
    for state, waiting in zip(states.numpy(), times.numpy(), strict=True):
        kernel.walk(state.copy(), rows, columns, limit, max_steps, waiting, *packed)
    return times.masked_fill(times.isinf(), float(max_steps)).reshape(start.shape)
