"""Markov-maps at the attention's resolution: how soon the chain reaches each cell (Eq. 2-3)."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import CellMap, CellMaps
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
    down, across = _shares(points, cells, dtype)
    splat = down[:, :, None] * across[:, None, :]
    return torch.from_numpy(splat / splat.max((1, 2), keepdims=True)).to(device, dtype)


def scribble_start_state(
    points: Sequence[tuple[float, float]],
    cells: Size,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> CellMap:
    """The mean of the points' splats, divided by its maximum: one start for a whole stroke.

    The chain is linear, so its state is at every step the mean of what the points would have
    one by one. Of a single point it is `start_state`'s.

    Args:
        points, cells, dtype, device: as of `start_state`.
    """
    shares = _shares(points, cells, dtype)
    down, across = (torch.from_numpy(share).to(device, dtype) for share in shares)
    total = down.T @ across
    return total / total.max()


def _shares(
    points: Sequence[tuple[float, float]], cells: Size, dtype: torch.dtype
) -> tuple[Float[np.ndarray, "k h"], Float[np.ndarray, "k w"]]:
    """How much of each point falls on each row, and on each column, of cells: by numpy, whose
    operations on so few numbers begin sooner than torch's."""
    kind: np.dtype[Any] = np.dtype(np.float64 if dtype == torch.float64 else np.float32)
    x, y = np.array(points, kind).reshape(-1, 2).T
    column, row = np.arange(cells.width, dtype=kind), np.arange(cells.height, dtype=kind)
    across = np.maximum(1 - np.abs(column - x[:, None]), 0)
    down = np.maximum(1 - np.abs(row - y[:, None]), 0)
    return down, across


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
        current, _ = relative(transition.step(previous))
        rise = current - previous if step > 1 else 1 - threshold
        pending = crossed(pending, step, current, rise, threshold)
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


def relative(p: Float[Tensor, "k n"]) -> tuple[Float[Tensor, "k n"], Float[Tensor, "k 1"]]:
    """States over their largest probabilities, and those."""
    largest = p.amax(1, keepdim=True)
    return p / largest, largest


def crossed(
    times: Float[Tensor, "k n"],
    step: int,
    current: Float[Tensor, "k n"],
    rise: Float[Tensor, "k n"] | float,
    threshold: float,
) -> Float[Tensor, "k n"]:
    """`times` with those cells filled in that a step takes over the threshold."""
    crossing = step - (current - threshold) / rise
    return torch.where((current > threshold) & times.isinf(), crossing, times)
