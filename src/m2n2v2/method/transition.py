"""From attention to a doubly stochastic transition matrix (section 3.1).

M2N2 rewrites the full matrix in each of 200 rounds. Balancing needs only two vectors: if
`diag(r) B diag(c)` is doubly stochastic then `c = 1 / (r B)` and `r = 1 / (B c)`, so a round is
two matrix-vector products and the matrix itself never changes (Sinkhorn and Knopp 1967). A round is
a fixed-point step, and a few of the last ones tell where it leads (Anderson 1965; Walker and Ni
2011): that takes a seventh of the rounds where balancing is slow (docs/decisions/balancing.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.attention.base import Attention, DenseAttention, array
from m2n2v2.attention.kinds import attention_arrays, attention_from_arrays
from m2n2v2.compiled.threads import bands, over_rows
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size
from m2n2v2.method import _balancing as kernel
from m2n2v2.method.settings import Settings

MAX_ROUNDS = 1000

MEMORY = 6
"""Rounds that the extrapolation looks back on; more gain nothing (docs/decisions/balancing.md)."""


@dataclass(frozen=True)
class Transition:
    """The doubly stochastic matrix `diag(rows) B diag(columns)`, given by its action.

    Attributes:
        attention: B, after temperature.
        rows, columns: Sinkhorn's two scaling vectors, over 0.
        rounds: how many rounds were run.
        residual: the largest distance of a column's sum from 1; rows sum to 1 exactly.
    """

    attention: Attention
    rows: Float[Tensor, " n"]
    columns: Float[Tensor, " n"]
    rounds: int
    residual: float

    @property
    def cells(self) -> Size:
        return self.attention.cells

    def step(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        """`p A`: one step of the chain from each row of `p` (Eq. 2)."""
        return self.attention.left(p * self.rows) * self.columns

    def step_back(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        """`A v`."""
        along = (len(v), *(1 for _ in v.shape[1:]))
        return self.attention.right(v * self.columns.reshape(along)) * self.rows.reshape(along)

    def rows_of(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        """Rows of A, in memory of their own."""
        return self.attention.rows(start, stop) * self.rows[start:stop, None] * self.columns

    def dense(self) -> Float[Tensor, "n n"]:
        """The matrix itself, n^2 numbers: for looking at, not for clicking."""
        return self.step(torch.eye(len(self.rows), dtype=self.rows.dtype, device=self.rows.device))

    def arrays(self) -> dict[str, Tensor]:
        """All that it holds, as named tensors: for a file. `from_arrays` makes it again."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "rounds": torch.tensor(self.rounds),
            "residual": torch.tensor(self.residual, dtype=torch.float64),
            **attention_arrays(self.attention),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        """The transition that `arrays` was called on, its tensors used as they are.

        Raises:
            AttentionError: an array is missing, damaged, or does not fit the others.
        """
        attention = attention_from_arrays(arrays)
        rows, columns = array(arrays, "rows"), array(arrays, "columns")
        for name, scale in (("rows", rows), ("columns", columns)):
            fits = tuple(scale.shape) == (attention.cells.area,) and scale.dtype == attention.dtype
            if not fits or not bool((torch.isfinite(scale) & (scale > 0)).all()):
                raise AttentionError(
                    f"the array {name!r} does not scale a grid of {attention.cells}",
                    cure="the file may be damaged; prepare the image again",
                )
        rounds, residual = (array(arrays, name).item() for name in ("rounds", "residual"))
        return cls(attention, rows, columns, int(rounds), float(residual))


def doubly_stochastic(
    attention: Attention,
    temperature: float = Settings.temperature,
    *,
    tolerance: float = Settings.sinkhorn_tolerance,
    rounds: int | None = None,
    overwrite: bool = False,
) -> Transition:
    """Sharpen an attention and balance it until its columns, too, sum to 1.

    Args:
        attention: rows sum to 1.
        temperature: T in `softmax(log A / T)`.
        tolerance: stop when every column sums to 1 within this.
        rounds: run exactly so many rounds (columns, then rows) instead; M2N2 runs 200.
        overwrite: a dense attention is nobody else's: sharpen it in its own memory, a gigabyte
            less at side 128.

    Returns:
        The transition; `.residual` says how well it is balanced. Where 1000 rounds do not reach
        the tolerance, it is returned as it is.

    Raises:
        AttentionError: an entry overflows or vanishes, so that no scaling exists.
    """
    if overwrite and isinstance(attention, DenseAttention):
        sharp: Attention = attention.sharpened(temperature, overwrite=True)
    else:
        sharp = attention.sharpened(temperature)
    columns = torch.ones(sharp.cells.area, dtype=sharp.dtype, device=sharp.device)
    _, column_sums = _round(sharp, columns)
    proposed = 1 / column_sums
    extrapolation = _Extrapolation()
    residual, done = float("inf"), 0
    for done in range(1, (rounds or MAX_ROUNDS) + 1):
        columns = proposed
        rows, column_sums = _round(sharp, columns)
        proposed = 1 / column_sums
        if rounds is None or done == rounds:
            residual = _distance_from_1(columns * column_sums)
        if rounds is None:
            if residual <= tolerance:
                break
            proposed = extrapolation(columns, proposed, residual)
    if not bool(torch.isfinite(columns).all() and torch.isfinite(rows).all()):
        raise AttentionError(
            "the attention cannot be balanced (a row or column vanishes)",
            cure="extract it in float32, or check the array given",
        )
    return Transition(sharp, rows, columns, done, residual)


def _distance_from_1(sums: Float[Tensor, " n"]) -> float:
    return float((sums - 1).abs().max())


def _round(
    attention: Attention, columns: Float[Tensor, " n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """The scales that make every row sum to 1, and the columns' sums with them."""
    compiled = (torch.float32, torch.float64)
    if not (
        isinstance(attention, DenseAttention)
        and attention.device.type == "cpu"
        and attention.dtype in compiled
    ):
        rows = 1 / attention.right(columns)
        return rows, attention.left(rows[None])[0]
    matrix = attention.matrix.contiguous().numpy()
    row_scales = np.empty(len(matrix), matrix.dtype)
    sums = np.empty((bands(len(matrix)), len(matrix)), matrix.dtype)
    over_rows(kernel.one_round, len(matrix), matrix, columns.numpy(), row_scales, sums)
    return torch.from_numpy(row_scales), torch.from_numpy(sums.sum(0))


class _Extrapolation:
    """Anderson's: the combination of the last rounds that would have changed least.

    In logarithms, since scales are over 0. Where it led astray, it forgets and the plain round is
    taken.
    """

    def __init__(self) -> None:
        self._before: list[Float[Tensor, " n"]] = []
        self._change: list[Float[Tensor, " n"]] = []
        self._best = float("inf")

    def __call__(
        self, given: Float[Tensor, " n"], made: Float[Tensor, " n"], residual: float
    ) -> Float[Tensor, " n"]:
        """What to try next, when a round made `made` of `given`."""
        astray = not residual <= 4 * self._best
        self._best = min(self._best, residual)
        precise = torch.float32 if given.device.type == "mps" else torch.float64
        before, after = given.to(precise).log(), made.to(precise).log()
        change = after - before
        change = change - change.mean()  # a common factor moves from columns to rows
        if astray or not bool(torch.isfinite(change).all()):
            self._before, self._change = [], []
            return made
        self._before = [*self._before[-MEMORY:], before]
        self._change = [*self._change[-MEMORY:], change]
        if len(self._change) == 1:
            return made
        moves = torch.stack(self._before).diff(dim=0)
        turns = torch.stack(self._change).diff(dim=0)
        gram = turns @ turns.T
        gram.diagonal().add_(1e-10 * gram.diagonal().sum())
        share = torch.linalg.solve(gram, turns @ change)
        return (before + change - share @ (moves + turns)).exp().to(given)
