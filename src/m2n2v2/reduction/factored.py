"""The walk of a factored chain: its first steps one by one, then by what it has not forgotten.

A step forgets all but some dozens of directions: of 9216 only 75 keep a tenth of what they had
(docs/decisions/fast-chain.md). After the first steps, a state is its coefficients on these
to within the rounding of the steps themselves, and every click makes sure of that with one of them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float32, Float64
from scipy import sparse

from m2n2v2.arrays import CellMaps
from m2n2v2.attention import _factored as kernel
from m2n2v2.attention.factored import FactoredAttention
from m2n2v2.method.transition import Transition
from m2n2v2.reduction.ordering import slowest_first

DIRECTIONS = 96
"""Kept; fewer take more steps before they tell the next one."""

PRODUCTS = 6
"""With the matrix, on the way to them."""

FEWEST_CELLS = 2048
"""Smaller grids are walked step by step: building costs more than some clicks gain."""


@dataclass(frozen=True)
class SlowDirections:
    """What a chain forgets last.

    Attributes:
        basis: orthonormal rows, the slowest first; their span walks into itself, nearly.
        turn: coefficients on them times this are those a step later.
    """

    basis: Float32[np.ndarray, "m n"]
    turn: Float64[np.ndarray, "m m"]

    @classmethod
    def none(cls, cells: int) -> Self:
        """Every step is taken."""
        return cls(np.empty((0, cells), np.float32), np.empty((0, 0)))

    @classmethod
    def of(cls, transition: Transition, attention: FactoredAttention) -> Self:
        """By subspace iteration (docs/decisions/fast-chain.md), or none of a small grid.

        Args:
            attention: the transition's, on the CPU.
        """
        n = attention.cells.area
        if n < FEWEST_CELLS or attention.dtype != torch.float32:
            return cls.none(n)
        step = _Step(transition, attention)
        basis = np.random.default_rng(0).standard_normal((n, DIRECTIONS), np.float32)
        basis[:, 0] = 1
        for number in range(1, PRODUCTS + 1):
            basis = step(basis)
            if number % 2 == 0:
                basis = np.linalg.qr(basis)[0]
        turn = (step(basis).T @ basis).astype(np.float64)
        order = slowest_first(turn)
        rows = np.ascontiguousarray((basis @ order.astype(np.float32)).T)
        return cls(rows, np.ascontiguousarray(order.T @ turn @ order))


@dataclass(frozen=True)
class FactoredWalk:
    """`markov_map.saturation_time` of one transition, whose slow directions are known.

    Attributes:
        transition: over a factored attention, on the CPU.
        slow: its slow directions.
    """

    transition: Transition
    slow: SlowDirections

    def __call__(
        self, transition: Transition, start: CellMaps, *, threshold: float, max_steps: int
    ) -> CellMaps:
        """As `markov_map.saturation_time`; of another transition every step is taken."""
        slow = self.slow if transition is self.transition else None
        attention = transition.attention
        assert isinstance(attention, FactoredAttention)
        return factored_saturation_time(
            transition, attention, start, threshold=threshold, max_steps=max_steps, slow=slow
        )


class _Step:
    """`p A` of many states at once, a state in each column."""

    def __init__(self, transition: Transition, attention: FactoredAttention) -> None:
        n = attention.cells.area
        _, _, starts, cells, gathering, stops, segments, spreading = attention.packed.leftwards
        shape = len(starts) - 1, n
        rows, columns = transition.rows.numpy(), transition.columns.numpy()
        self._gather = sparse.csr_array((gathering * rows[cells], cells, starts), shape)
        shares = spreading * np.repeat(columns, np.diff(stops))
        self._spread = sparse.csr_array((shares, segments, stops), shape[::-1])
        self._affinities = [head.affinity.numpy() for head in attention.heads]

    def __call__(self, states: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n k"]:
        gathered, first = self._gather @ states, 0
        for affinity in self._affinities:
            last = first + len(affinity)
            gathered[first:last] = affinity @ gathered[first:last]
            first = last
        walked: Float32[np.ndarray, "n k"] = self._spread @ gathered
        return walked


def factored_saturation_time(
    transition: Transition,
    attention: FactoredAttention,
    start: CellMaps,
    *,
    threshold: float,
    max_steps: int,
    slow: SlowDirections | None = None,
) -> CellMaps:
    """`markov_map.saturation_time` of a factored attention on the CPU, one click after another.

    Args:
        attention: the transition's.
        start, threshold, max_steps: as of `markov_map.saturation_time`.
        slow: the transition's, if known; every step is taken without.

    Returns:
        Times in steps, in [0, max_steps], `k h w`.
    """
    states = start.numpy().reshape(len(start), -1)
    times = np.where(states > threshold, 0, np.inf).astype(states.dtype)
    rows, columns = transition.rows.numpy(), transition.columns.numpy()
    limit = rows.dtype.type(threshold)
    known = slow or SlowDirections.none(attention.cells.area)
    packed = (known.basis, known.turn, *attention.packed.leftwards)
    for state, waiting in zip(states, times, strict=True):
        kernel.walk(state.copy(), rows, columns, limit, max_steps, waiting, *packed)
    times[np.isinf(times)] = max_steps
    return torch.from_numpy(times).reshape(start.shape)
