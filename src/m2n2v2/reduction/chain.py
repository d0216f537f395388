"""The walk of a reduced chain: many steps in one product (docs/decisions/fast-chain.md)."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import CellMaps
from m2n2v2.attention import _reduced as kernel
from m2n2v2.attention.factored import FactoredAttention
from m2n2v2.attention.reduced import POWERS, ReducedAttention
from m2n2v2.compiled.threads import over_rows
from m2n2v2.method.markov_map import crossed, relative, saturation_time
from m2n2v2.method.transition import Transition
from m2n2v2.method.values import SaturationTime
from m2n2v2.reduction.factored import FactoredWalk, SlowDirections, factored_saturation_time

FIRST_BLOCK, LAST_BLOCK = 8, 1 << (POWERS - 1)
"""Steps evaluated at once: so many, then twice as many, up to the last."""

NEGLIGIBLE = 1e-5
"""Slow directions are dropped when no cell's relative probability can feel it by more."""


def shortest_saturation_time(
    transition: Transition, start: CellMaps, *, threshold: float, max_steps: int
) -> CellMaps:
    """`markov_map.saturation_time`, by loops of its own for reduced and factored attention."""
    attention = transition.attention
    if isinstance(attention, ReducedAttention):
        return reduced_saturation_time(attention, start, threshold=threshold, max_steps=max_steps)
    if isinstance(attention, FactoredAttention) and start.device.type == "cpu":
        return factored_saturation_time(
            transition, attention, start, threshold=threshold, max_steps=max_steps
        )
    return saturation_time(transition, start, threshold=threshold, max_steps=max_steps)


def walk_of(transition: Transition) -> SaturationTime:
    """What walks this transition soonest: `shortest_saturation_time`, knowing beforehand what the
    chain of a factored attention forgets last."""
    attention = transition.attention
    if isinstance(attention, FactoredAttention) and attention.device.type == "cpu":
        return FactoredWalk(transition, SlowDirections.of(transition, attention))
    return shortest_saturation_time


def reduced_saturation_time(
    attention: ReducedAttention,
    start: CellMaps,
    *,
    threshold: float,
    max_steps: int,
) -> CellMaps:
    """`markov_map.saturation_time` of a reduced chain: the same rule, many steps in one product.

    The first two steps take the entries kept beside the basis along. Then the state is its
    coefficients on the basis, and a block of b steps is one product of b x m with m x n numbers.

    Args:
        attention: the doubly stochastic matrix itself, reduced.
        start, threshold, max_steps: as of `markov_map.saturation_time`.

    Returns:
        Times in steps, in [0, max_steps], `k h w`.
    """
    previous: Float[Tensor, "k n"] = start.flatten(1)
    times = torch.where(previous > threshold, 0.0, float("inf")).to(previous)
    follow, seen, look = _COMPILED if start.device.type == "cpu" else _VECTORISED
    walked, missed = attention.first(previous)
    current, largest = relative(seen(attention, walked) + missed)
    done = 1
    times = crossed(times, done, current, 1 - threshold, threshold)
    if max_steps > 1:
        walked, missed = attention.second(walked, missed)
        previous = current
        current, largest = relative(seen(attention, walked) + missed)
        done = 2
        times = crossed(times, done, current, current - previous, threshold)
    for k in range(len(times)):
        coefficient, size, at = walked[k], FIRST_BLOCK, done
        waiting, scale = True, largest[k, 0]
        while waiting and at < max_steps:
            size = min(size, max_steps - at)
            block = follow(attention, coefficient[: _kept(coefficient, scale)], size)
            waiting, scale = look(seen(attention, block), at, current[k], times[k], threshold)
            coefficient, at = block[-1], at + size
            size = min(2 * size, LAST_BLOCK)
    times.masked_fill_(times.isinf(), float(max_steps))
    return times.clamp(0, max_steps).reshape(start.shape)


def _kept(coefficient: Float[Tensor, " m"], scale: Float[Tensor, ""]) -> int:
    """How many directions still matter. No cell gets more of a unit vector than 1."""
    if coefficient.device.type != "cpu":  # asking would wait for the device
        return len(coefficient)
    below = coefficient.square().flip(0).cumsum(0).flip(0).sqrt() > NEGLIGIBLE * scale
    return max(1, int(below.sum()))


def _follow_compiled(
    attention: ReducedAttention, coefficient: Float[Tensor, " m"], steps: int
) -> Float[Tensor, "b m"]:
    """The coefficients after 1, 2, ... steps, one by one."""
    block = np.empty((steps, len(coefficient)), np.float32)
    kernel.follow(coefficient.contiguous().numpy(), attention.walk.numpy(), block)
    return torch.from_numpy(block)


def _follow_vectorised(
    attention: ReducedAttention, coefficient: Float[Tensor, " m"], steps: int
) -> Float[Tensor, "b m"]:
    """The same on a device, in few products: twice as many steps with each."""
    m = len(coefficient)
    states = coefficient[None] @ attention.powers[0, :m, :m]
    power = 0
    while len(states) < steps:
        more = states[: steps - len(states)] @ attention.powers[power, :m, :m]
        states = torch.cat([states, more])
        power += 1
    return states


def _seen_compiled(
    attention: ReducedAttention, block: Float[Tensor, "b m"]
) -> Float[Tensor, "b n"]:
    """The probabilities of coefficients, up to a factor.

    Torch would hand each of a click's dozens of small products to its threads and wait for the
    last of them: fast on a machine that does nothing else, many times slower on one that does.
    """
    out = np.empty((len(block), attention.cells.area), np.float32)
    of_cells = attention.basis.T.numpy()
    over_rows(kernel.evaluate, len(of_cells), block.contiguous().numpy(), of_cells, out)
    return torch.from_numpy(out)


def _seen_vectorised(
    attention: ReducedAttention, block: Float[Tensor, "b m"]
) -> Float[Tensor, "b n"]:
    return block @ attention.basis[: block.shape[1]]


def _look_compiled(
    block: Float[Tensor, "b n"],
    done: int,
    previous: Float[Tensor, " n"],
    times: Float[Tensor, " n"],
    threshold: float,
) -> tuple[bool, Float[Tensor, ""]]:
    """Find the crossings of the steps `done + 1, ...`: `attention._reduced.cross`."""
    waiting, largest = kernel.cross(
        block.numpy(), done, previous.numpy(), times.numpy(), np.float32(threshold)
    )
    return waiting > 0, torch.tensor(largest)


def _look_vectorised(
    block: Float[Tensor, "b n"],
    done: int,
    previous: Float[Tensor, " n"],
    times: Float[Tensor, " n"],
    threshold: float,
) -> tuple[bool, Float[Tensor, ""]]:
    """The same on a device, all steps at once; it is asked once per block whether cells wait."""
    largest = block.amax(1, keepdim=True)
    relative = block / largest
    before = torch.cat([previous[None], relative[:-1]])
    over = relative > threshold
    step = over.to(torch.int8).argmax(0)  # the first, where there is one
    here, last = (values.gather(0, step[None])[0] for values in (relative, before))
    crossing = done + step + 1 - (here - threshold) / (here - last)
    times.copy_(torch.where(over.any(0) & times.isinf(), crossing, times))
    previous.copy_(relative[-1])
    return bool(times.isinf().any()), largest[-1, 0]


_COMPILED = _follow_compiled, _seen_compiled, _look_compiled
_VECTORISED = _follow_vectorised, _seen_vectorised, _look_vectorised
