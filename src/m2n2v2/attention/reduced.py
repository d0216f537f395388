"""A transition kept as few numbers: a small basis that walks, and the largest of what it misses.

The chain forgets quickly what does not lie in the span of A's slow left vectors. With an
orthonormal basis L of that span, `A = W L + E`, `W = A L^T`: rows of W are the exact projections of
A's rows, and E is what is left, of which each row's largest entries are kept. From then on the
walk is `c <- c T` with `T = L W` of a few hundred numbers, whatever the number of cells.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Self

import torch
from jaxtyping import Float, Float16, Float32, Int, Int64
from torch import Tensor

from m2n2v2.attention import _reduced as kernel
from m2n2v2.attention.base import array, as_tensor, cells_of
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size

LEAD = 32
"""Directions that a file keeps in 32 bits."""

POWERS = 7
"""On a device the walk is known for 1, 2, 4 ... 64 steps at once."""


class ReducedAttention:
    """A matrix `W L + E`, most of it rounded to 16 bits; made by `reduction.subspace.reduced`.

    Args:
        cells: the grid, n cells.
        basis: L, orthonormal rows, the slowest first.
        weights: W.
        rest_cell, rest: column and value of the entries of E that are kept, k for each row.
        error: `(mean, 99 %)` of the distances between saturation times with it and with the
            matrix it stands for, in parts of the largest time, over some clicks.

    Raises:
        AttentionError: the arrays do not fit each other, or have NaN or infinite values.
    """

    def __init__(
        self,
        cells: Size,
        basis: Float[Tensor, "m n"],
        weights: Float[Tensor, "n m"],
        rest_cell: Int[Tensor, "n k"],
        rest: Float[Tensor, "n k"],
        error: tuple[float, float] = (float("nan"), float("nan")),
    ) -> None:
        n, m = weights.shape
        fits = n == cells.area and tuple(basis.shape) == (m, n) and m > 0
        if not fits or rest.shape != rest_cell.shape or len(rest) != n:
            raise AttentionError(
                f"reduced arrays of shapes {tuple(basis.shape)}, {tuple(weights.shape)}, "
                f"{tuple(rest_cell.shape)}, {tuple(rest.shape)} came for a grid of {cells}",
                cure="give the arrays that arrays() gave",
            )
        inside = rest.numel() == 0 or (int(rest_cell.min()) >= 0 and int(rest_cell.max()) < n)
        finite = all(bool(torch.isfinite(array).all()) for array in (basis, weights, rest))
        if not inside or not finite:
            raise AttentionError(
                "the reduced arrays have NaN or infinite entries, or cells outside the grid",
                cure="the file may be damaged; prepare the image again",
            )
        self.cells = cells
        self.error = error
        # in memory cell by cell, as a click reads it
        self.basis: Float32[Tensor, "m n"] = _rounded(basis).T.contiguous().T
        self.weights: Float32[Tensor, "n m"] = _rounded(weights.T).T.contiguous()
        self.rest_cell = rest_cell.to(torch.int16 if n <= 2**15 else torch.int32)
        self.rest = rest.to(torch.float16)
        self.walk: Float32[Tensor, "m m"] = self.basis @ self.weights

    @cached_property
    def powers(self) -> Float32[Tensor, "p m m"]:
        """`T^(2^i)`; taken in double precision where there is one."""
        precise = torch.float32 if self.device.type == "mps" else torch.float64
        powers = [self.basis.to(precise) @ self.weights.to(precise)]
        for _ in range(POWERS - 1):
            powers.append(powers[-1] @ powers[-1])
        return torch.stack(powers).to(torch.float32)

    @property
    def device(self) -> torch.device:
        return self.basis.device

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    def first(self, p: Float[Tensor, "k n"]) -> tuple[Float[Tensor, "k m"], Float[Tensor, "k n"]]:
        """One step from each row of `p`: its coefficients, which are exact, and what they miss."""
        return _times(p, self.weights), self._missed(p)

    def second(
        self, walked: Float[Tensor, "k m"], missed: Float[Tensor, "k n"]
    ) -> tuple[Float[Tensor, "k m"], Float[Tensor, "k n"]]:
        """One step more. What the first missed is orthogonal to the basis; its entries that were
        kept are not quite, and that part is taken off."""
        inside = walked - _times(missed, self.basis.T)
        return _times(inside, self.walk) + _times(missed, self.weights), self._missed(missed)

    def _missed(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        """`p E`."""
        out = torch.zeros_like(p)
        if p.device.type == "cpu":
            half = self.rest.view(torch.int16).numpy()
            kernel.scatter(p.contiguous().numpy(), self.rest_cell.numpy(), half, out.numpy())
            return out
        cell, rest = self._rest(0, len(self.rest))
        return out.index_add_(1, cell.flatten(), (p[:, :, None] * rest).flatten(1))

    def _rest(self, start: int, stop: int) -> tuple[Int64[Tensor, "r k"], Float32[Tensor, "r k"]]:
        return self.rest_cell[start:stop].to(torch.int64), self.rest[start:stop].to(torch.float32)

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        return p @ self.weights @ self.basis + self._missed(p)

    def right(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        cell, rest = self._rest(0, len(v))
        columns = v.reshape(len(v), -1)
        product = self.weights @ (self.basis @ columns)
        for entry in range(cell.shape[1]):
            product += rest[:, entry, None] * columns[cell[:, entry]]
        return product.reshape(v.shape)

    def rows(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        cell, rest = self._rest(start, stop)
        return (self.weights[start:stop] @ self.basis).scatter_add_(1, cell, rest)

    def to(self, device: torch.device | str) -> "ReducedAttention":
        basis, weights = self.basis.to(device), self.weights.to(device)
        cell, rest = self.rest_cell.to(device), self.rest.to(device)
        return ReducedAttention(self.cells, basis, weights, cell, rest, self.error)

    def sharpened(self, temperature: float) -> "ReducedAttention":
        """Itself at temperature 1: a power of the entries cannot be taken on the parts.

        Raises:
            AttentionError: the temperature is not 1.
        """
        if temperature != 1:
            raise AttentionError(
                f"temperature is {temperature:g}, and a reduced attention has no powers",
                cure="sharpen before reducing",
            )
        return self

    def arrays(self) -> dict[str, Tensor]:
        lead, follow = _parted(self.basis)
        weights = _parted(self.weights.T)
        return {
            "cells": as_tensor(self.cells),
            "error": torch.tensor(self.error, dtype=torch.float64),
            "basis": lead,
            "basis_half": follow,
            "weights": weights[0],
            "weights_half": weights[1],
            "rest_cell": self.rest_cell,
            "rest": self.rest,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        cells, error = cells_of(arrays), array(arrays, "error").flatten().tolist()
        cell, rest = array(arrays, "rest_cell"), array(arrays, "rest")
        bases = []
        for name in ("basis", "weights"):
            lead, follow = array(arrays, name), array(arrays, f"{name}_half")
            if any(part.ndim != 2 or part.shape[1] != cells.area for part in (lead, follow)):
                raise AttentionError(
                    f"the reduced array {name!r} does not fit a grid of {cells}",
                    cure="give the arrays that arrays() gave",
                )
            bases.append(torch.cat([lead.to(torch.float32), follow.to(torch.float32)]))
        paired = cell.ndim == 2 and cell.shape == rest.shape and len(cell) == cells.area
        if len(error) != 2 or not paired or cell.is_floating_point():
            raise AttentionError(
                "the reduced arrays have shapes or kinds that do not belong to them",
                cure="give the arrays that arrays() gave",
            )
        return cls(cells, bases[0], bases[1].T, cell, rest, (error[0], error[1]))


def _times(p: Float[Tensor, "k n"], rows: Float[Tensor, "n m"]) -> Float[Tensor, "k m"]:
    """`p rows`, on the CPU only where p has something: a click's has little."""
    if p.device.type != "cpu":
        return p @ rows
    out = torch.zeros(len(p), rows.shape[1])
    kernel.combine(p.contiguous().numpy(), rows.numpy(), out.numpy())
    return out


def _parted(
    rows: Float32[Tensor, "m n"],
) -> tuple[Float32[Tensor, "q n"], Float16[Tensor, "r n"]]:
    """The slow directions in 32 bits, the others in 16: errors of the slow ones add up."""
    return rows[:LEAD].contiguous(), rows[LEAD:].to(torch.float16)


def _rounded(rows: Float[Tensor, "m n"]) -> Float32[Tensor, "m n"]:
    """As it comes back from a file."""
    lead, follow = _parted(rows.to(torch.float32))
    return torch.cat([lead, follow.to(torch.float32)])
