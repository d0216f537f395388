"""Markov-maps at the attention's resolution: how soon the chain reaches each cell (Eq. 2-3)."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import CellMaps
from m2n2v2.attention import _reduced as kernel
from m2n2v2.attention.reduced import POWERS, ReducedAttention
from m2n2v2.compiled.threads import over_rows
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings


@runtime_checkable
class Chain(Protocol):
    """What one step of a Markov chain is; `transition.Transition` is one."""

    def step(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        """`p A`, one row per click."""
        ...


def start_state(
    points: Sequence[tuple[float, float]],
    cells: Size,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> CellMaps:
    """Splat each point bilinearly on the grid and divide by the maximum.

    Args:
        points: (column, row) in cell coordinates (`grid.cell_coordinates`), inside the grid.
        cells: the grid.

    Returns:
        One map per point, `k h w`, largest value 1.
    """
    xy = torch.tensor(points, dtype=dtype, device=device).reshape(-1, 2)
    column = torch.arange(cells.width, dtype=dtype, device=device)
    row = torch.arange(cells.height, dtype=dtype, device=device)
    across = (1 - (column - xy[:, :1]).abs()).clamp_min(0)
    down = (1 - (row - xy[:, 1:]).abs()).clamp_min(0)
    splat = down[:, :, None] * across[:, None, :]
    return splat / splat.amax((1, 2), keepdim=True)


def saturation_time(
    transition: Chain,
    start: CellMaps,
    *,
    threshold: float = Settings.chain_threshold,
    max_steps: int = Settings.chain_steps,
) -> CellMaps:
    """The chain step at which each cell's relative probability first exceeds a threshold.

    The chain is `p <- p A`, divided by its maximum after each step. The time is a fraction:
    linear between the two steps around the crossing. For the first step M2N2 counts a rise of
    `1 - threshold`, and so do we. Start cells above the threshold get 0; cells that are not
    reached within `max_steps` get `max_steps` (Eq. 3).

    Args:
        transition: doubly stochastic over n cells.
        start: one start state per click, largest value 1.
        threshold: tau_M, in (0, 1).
        max_steps: the most steps to take.

    Returns:
        Times in steps, in [0, max_steps], `k h w`.
    """
    previous: Float[Tensor, "k n"] = start.flatten(1)
    times = torch.where(previous > threshold, 0.0, float("inf")).to(start)
    pending, active = times, torch.arange(len(previous), device=start.device)
    # index_select and index_copy_, since `x[i]` wakes torch's threads however small x is
    for step in range(1, max_steps + 1):
        current, _ = _relative(transition.step(previous))
        rise = current - previous if step > 1 else 1 - threshold
        pending = _crossed(pending, step, current, rise, threshold)
        waiting = pending.isinf().any(1)
        if not bool(waiting.all()):
            times.index_copy_(0, active, pending)
            left = waiting.nonzero()[:, 0]
            if len(left) == 0:
                break
            active, current, pending = (x.index_select(0, left) for x in (active, current, pending))
        previous = current
    else:
        times.index_copy_(0, active, pending)
    return times.masked_fill(times.isinf(), float(max_steps)).reshape(start.shape)


FIRST_BLOCK, LAST_BLOCK = 8, 1 << (POWERS - 1)
"""Steps evaluated at once: so many, then twice as many, up to the last."""

NEGLIGIBLE = 1e-5
"""Slow directions are dropped when no cell's relative probability can feel it by more."""


def reduced_saturation_time(
    attention: ReducedAttention,
    start: CellMaps,
    *,
    threshold: float = Settings.chain_threshold,
    max_steps: int = Settings.chain_steps,
) -> CellMaps:
    """`saturation_time` where the chain was reduced: the same rule, many steps in one product.

    The first two steps take the entries kept beside the basis along. Then the state is its
    coefficients on the basis, and a block of b steps is one product of b x m with m x n numbers.

    Args:
        attention: the doubly stochastic matrix itself, reduced.
        start, threshold, max_steps: as of `saturation_time`.

    Returns:
        Times in steps, in [0, max_steps], `k h w`.
    """
    previous: Float[Tensor, "k n"] = start.flatten(1)
    times = torch.where(previous > threshold, 0.0, float("inf")).to(previous)
    follow, seen, look = _COMPILED if start.device.type == "cpu" else _VECTORISED
    walked, missed = attention.first(previous)
    current, largest = _relative(seen(attention, walked) + missed)
    done = 1
    times = _crossed(times, done, current, 1 - threshold, threshold)
    if max_steps > 1:
        walked, missed = attention.second(walked, missed)
        previous = current
        current, largest = _relative(seen(attention, walked) + missed)
        done = 2
        times = _crossed(times, done, current, current - previous, threshold)
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


def _relative(p: Float[Tensor, "k n"]) -> tuple[Float[Tensor, "k n"], Float[Tensor, "k 1"]]:
    largest = p.amax(1, keepdim=True)
    return p / largest, largest


def _crossed(
    times: Float[Tensor, "k n"],
    step: int,
    current: Float[Tensor, "k n"],
    rise: Float[Tensor, "k n"] | float,
    threshold: float,
) -> Float[Tensor, "k n"]:
    """`times` with those cells filled in that a step takes over the threshold."""
    crossing = step - (current - threshold) / rise
    return torch.where((current > threshold) & times.isinf(), crossing, times)


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
    here, last = (each.gather(0, step[None])[0] for each in (relative, before))
    crossing = done + step + 1 - (here - threshold) / (here - last)
    times.copy_(torch.where(over.any(0) & times.isinf(), crossing, times))
    previous.copy_(relative[-1])
    return bool(times.isinf().any()), largest[-1, 0]


_COMPILED = _follow_compiled, _seen_compiled, _look_compiled
_VECTORISED = _follow_vectorised, _seen_vectorised, _look_vectorised
