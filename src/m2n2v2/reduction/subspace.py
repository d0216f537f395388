"""Reduce a transition to what its chain remembers (docs/decisions/fast-chain.md).

A subspace of a few hundred dimensions, invariant under `p -> p A` but for what decays at once, is
made by randomised subspace iteration (Halko, Martinsson and Tropp 2011). A state is projected on
it orthogonally: the oblique, spectral projection loses where A is far from symmetric. Some clicks
are then walked both ways, and their difference is recorded with the result.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.reduction.chain import reduced_saturation_time
from m2n2v2.reduction.ordering import slowest_first

FEWEST_CELLS = 2048
"""Smaller grids are walked exactly: their whole matrix stays in the processor's cache."""

DIMENSIONS = (256, 384)
"""Tried in turn, until the error is small; a state of side 128 with 384 has 32 MB."""

PRODUCTS = 6
"""With the matrix, on the way to the subspace."""

KEPT = 64
"""Entries of each row kept beside the subspace, for the first two steps."""

SMALL_ERROR = 0.0003
"""Mean difference of saturation times over the largest, up to which no more is tried."""

LARGEST_ERROR = 0.005
"""The same, above which the matrix is kept as it is."""

PROBES, PROBE_STEPS = 4, 128
"""Clicks that are walked both ways, and the steps after which both stop."""

_ROWS = 512


def reduced(transition: Transition, *, threshold: float = Settings.chain_threshold) -> Transition:
    """The same transition, reduced, where that is faster and its error small; else itself.

    Args:
        transition: doubly stochastic.
        threshold: tau_M, for the clicks that measure the error.

    Returns:
        A transition over a `ReducedAttention`, whose `error` says how far its times are from the
        given one's, or the given one.
    """
    n = transition.cells.area
    if n < FEWEST_CELLS or isinstance(transition.attention, ReducedAttention):
        return transition
    start = start_state(
        _probe_points(transition), transition.cells, device=transition.rows.device
    ).to(transition.rows.dtype)
    expected = saturation_time(transition, start, threshold=threshold, max_steps=PROBE_STEPS)
    for dimensions in DIMENSIONS:
        attention = reduced_attention(transition, min(dimensions, n))
        times = reduced_saturation_time(
            attention, start.float(), threshold=threshold, max_steps=PROBE_STEPS
        )
        attention.error = _error(times, expected)
        if attention.error[0] <= SMALL_ERROR:
            break
    if not attention.error[0] <= LARGEST_ERROR:
        return transition
    rows = torch.ones(n, device=attention.device)
    return Transition(attention, rows, rows.clone(), transition.rounds, transition.residual)


def reduced_attention(transition: Transition, dimensions: int) -> ReducedAttention:
    """`W L + E` of the transition's matrix, in so many dimensions."""
    basis = _slow_directions(transition, dimensions)
    weights = transition.step_back(basis.T.contiguous())
    walk = (basis @ weights).double().cpu().numpy()
    order = torch.from_numpy(slowest_first(walk)).to(basis)
    basis, weights = order.T @ basis, weights @ order
    return ReducedAttention(transition.cells, basis, weights, *_rest(transition, basis, weights))


def _slow_directions(transition: Transition, dimensions: int) -> Float[Tensor, "m n"]:
    """An orthonormal basis of what is left after some steps from anywhere; the first is uniform."""
    rows = transition.rows
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(dimensions, len(rows), generator=generator).to(rows)
    basis[0] = 1
    for product in range(1, PRODUCTS + 1):
        basis = transition.step(basis)
        if product % 2 == 0:
            basis = torch.linalg.qr(basis.T)[0].T.contiguous()
    return basis


def _rest(
    transition: Transition, basis: Float[Tensor, "m n"], weights: Float[Tensor, "n m"]
) -> tuple[Tensor, Tensor]:
    """Columns and values of the largest entries of `A - W L`, for each row."""
    n = len(weights)
    cells, values = [], []
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        missed = transition.rows_of(start, stop)
        missed.addmm_(weights[start:stop], basis, alpha=-1)
        cell = missed.abs().topk(min(KEPT, n), dim=1, sorted=False).indices
        cells.append(cell)
        values.append(missed.gather(1, cell))
    return torch.cat(cells), torch.cat(values)


def _probe_points(transition: Transition) -> list[tuple[float, float]]:
    """Spread over the grid, between cells and near the border, the same ones every time."""
    width, height = transition.cells.width - 1, transition.cells.height - 1
    golden = (0.7548776662466927, 0.5698402909980532)  # plastic number: evenly spread in a square
    return [
        (width * ((i + 0.5) * golden[0] % 1), height * ((i + 0.5) * golden[1] % 1))
        for i in range(PROBES)
    ]


def _error(times: Float[Tensor, "k h w"], expected: Float[Tensor, "k h w"]) -> tuple[float, float]:
    apart = (times - expected).abs().flatten(1) / expected.flatten(1).amax(1, keepdim=True)
    return float(apart.mean()), float(np.quantile(apart.cpu().numpy(), 0.99))
