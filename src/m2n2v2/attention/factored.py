"""An attention held as factors: heads `P G P^T`, averaged; the n x n matrix is never formed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor
from torch.nn import functional

from m2n2v2.attention import _factored as kernel
from m2n2v2.attention.base import FEW, DenseAttention, array, as_tensor, cells_of
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size


@dataclass(frozen=True)
class Head:
    """One head: cells attend to each other through m segments, `A ~ P G P^T`.

    Attributes:
        cell, segment, share: the entries of P (n x m), sorted by cell: which share of a cell a
            segment covers, over 0.
        affinity: G, what segments give each other, the same both ways, 0 or more.
    """

    cell: Int64[Tensor, " e"]
    segment: Int64[Tensor, " e"]
    share: Float[Tensor, " e"]
    affinity: Float[Tensor, "m m"]

    def to(self, device: torch.device | str) -> "Head":
        """This head on a device."""
        return Head(*(getattr(self, name).to(device) for name in _HEAD))


_HEAD = tuple(Head.__dataclass_fields__)


class FactoredAttention:
    """The mean of heads `D^-1 P G P^T`, D the sums of each head's own rows.

    A product costs as many operations as G has entries (a million) where the matrix has n^2
    (seventeen million at 64 x 64 cells), and so does keeping it.

    Args:
        cells: the grid, n cells.
        heads: at least one; every cell has a share in each.

    Raises:
        AttentionError: no head came, a head's indices do not fit, a cell has no share in a head,
            or a value is negative, NaN or infinite.
    """

    def __init__(self, cells: Size, heads: Sequence[Head]) -> None:
        if not heads:
            raise AttentionError("a factored attention came without heads", cure="give one or more")
        self.cells = cells
        self.heads = tuple(heads)
        for head in self.heads:
            _check(cells, head)
        self._shares = tuple(_Share(cells.area, head) for head in self.heads)
        self._scales = tuple(self._row_scale(i) for i in range(len(heads)))

    def _row_scale(self, index: int) -> Float[Tensor, " n 1"]:
        ones = torch.ones(self.cells.area, 1, dtype=self.dtype, device=self.device)
        share = self._shares[index]
        sums = share.spread(self.heads[index].affinity @ share.gather(ones))
        if not bool((torch.isfinite(sums) & (sums > 0)).all()):
            raise AttentionError(
                "a row of a head vanishes or overflows", cure="give every cell a positive affinity"
            )
        return 1 / (sums * len(self.heads))

    @property
    def device(self) -> torch.device:
        return self.heads[0].affinity.device

    @property
    def dtype(self) -> torch.dtype:
        return self.heads[0].affinity.dtype

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        if p.device.type == "cpu" and len(p) <= FEW:
            out = torch.empty_like(p, memory_format=torch.contiguous_format)
            for given, total in zip(p.contiguous().numpy(), out.numpy(), strict=True):
                kernel.product(given, total, *self.packed.leftwards)
            return out
        columns = p.T
        total = torch.zeros_like(columns)
        for head, share, scale in zip(self.heads, self._shares, self._scales, strict=True):
            total += share.spread(head.affinity.T @ share.gather(columns * scale))
        return total.T

    def right(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        if v.device.type == "cpu" and v.ndim == 1:
            out = torch.empty_like(v, memory_format=torch.contiguous_format)
            kernel.product(v.contiguous().numpy(), out.numpy(), *self.packed.rightwards)
            return out
        columns = v.reshape(len(v), -1)
        total = torch.zeros_like(columns)
        for head, share, scale in zip(self.heads, self._shares, self._scales, strict=True):
            total += scale * share.spread(head.affinity @ share.gather(columns))
        return total.reshape(v.shape)

    @cached_property
    def packed(self) -> "Packed":
        """The heads one after the other, as the loops over single vectors read them."""
        return Packed.of(self.cells.area, self.heads, self._scales)

    def rows(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        chosen = torch.zeros(stop - start, self.cells.area, dtype=self.dtype, device=self.device)
        chosen.diagonal(start).fill_(1)
        return self.left(chosen)

    def to(self, device: torch.device | str) -> "FactoredAttention":
        return FactoredAttention(self.cells, [head.to(device) for head in self.heads])

    def sharpened(self, temperature: float) -> "FactoredAttention":
        """Itself at temperature 1: a power of the entries cannot be taken on the factors.

        Raises:
            AttentionError: the temperature is not 1.
        """
        if temperature != 1:
            raise AttentionError(
                f"temperature is {temperature:g}, and an attention kept as factors has no powers",
                cure="use temperature=1 (Settings.offline()), or its dense() matrix",
            )
        return self

    def arrays(self) -> dict[str, Tensor]:
        """Of every affinity the lower triangle, row by row: the rest is the same again."""
        tensors = {"cells": as_tensor(self.cells)}
        for index, head in enumerate(self.heads):
            small = max(self.cells.area, len(head.affinity)) <= 2**15
            kind = torch.int16 if small else torch.int32
            tensors |= {
                f"{index}.cell": head.cell.to(kind),
                f"{index}.segment": head.segment.to(kind),
                f"{index}.share": head.share,
                f"{index}.triangle": _triangle(head.affinity),
            }
        return tensors

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        count = len({name.partition(".")[0] for name in arrays} - {"cells"})
        heads = []
        for index in range(count):
            cell, segment, share, triangle = (
                array(arrays, f"{index}.{name}")
                for name in ("cell", "segment", "share", "triangle")
            )
            if cell.is_floating_point() or segment.is_floating_point():
                raise AttentionError(
                    "a head's indices are no whole numbers",
                    cure="give the arrays that arrays() gave",
                )
            heads.append(Head(cell.long(), segment.long(), share, _square(triangle)))
        return cls(cells_of(arrays), heads)

    def dense(self) -> DenseAttention:
        """The matrix itself: n^2 numbers, for looking at and for other temperatures."""
        h, w = self.cells.shape
        identity = torch.eye(self.cells.area, dtype=self.dtype, device=self.device)
        return DenseAttention(self.left(identity).reshape(h, w, h, w))


@dataclass(frozen=True)
class Packed:
    """All heads one after the other, for `_factored.product`.

    Attributes:
        leftwards, rightwards: its arguments after the vector and the result, for `p A` and `A v`.
    """

    leftwards: tuple[Shaped[np.ndarray, "..."], ...]
    rightwards: tuple[Shaped[np.ndarray, "..."], ...]

    @classmethod
    def of(cls, n: int, heads: Sequence[Head], scales: Sequence[Float[Tensor, "n 1"]]) -> Self:
        """Of n cells; a head's rows are multiplied by its scale."""
        counts = torch.tensor([len(head.affinity) for head in heads])
        firsts = counts.cumsum(0) - counts
        cell = torch.cat([head.cell for head in heads])
        pairs = zip(heads, firsts.tolist(), strict=True)
        segment = torch.cat([head.segment + first for head, first in pairs])
        share = torch.cat([head.share for head in heads])
        scaled = torch.cat(
            [h.share * scale[h.cell, 0] for h, scale in zip(heads, scales, strict=True)]
        )
        inwards, outwards = (torch.argsort(ends, stable=True) for ends in (segment, cell))
        triangles = torch.cat([_triangle(head.affinity) for head in heads])
        into = _bounds(segment[inwards], int(counts.sum())), cell[inwards].int()
        onto = _bounds(cell[outwards], n), segment[outwards].int()

        def arranged(gathering: Tensor, spreading: Tensor) -> tuple[np.ndarray, ...]:
            parts = (triangles, counts, *into, gathering[inwards], *onto, spreading[outwards])
            return tuple(part.numpy() for part in parts)

        return cls(arranged(scaled, share), arranged(share, scaled))


def _bounds(ascending: Int64[Tensor, " e"], count: int) -> Int64[Tensor, " s"]:
    """Where every number begins, and the end."""
    return torch.cat([_starts(ascending, count), torch.tensor([len(ascending)])])


def _triangle(affinity: Float[Tensor, "m m"]) -> Float[Tensor, " t"]:
    """Its lower triangle, row by row."""
    row, column = torch.tril_indices(*affinity.shape, device=affinity.device)
    return affinity[row, column]


def _square(triangle: Float[Tensor, "..."]) -> Float[Tensor, "m m"]:
    """The symmetric matrix of a lower triangle.

    Raises:
        AttentionError: there is no triangle of so many numbers.
    """
    m = math.isqrt(2 * triangle.numel())
    if triangle.ndim != 1 or m * (m + 1) // 2 != len(triangle):
        raise AttentionError(
            f"an array of shape {tuple(triangle.shape)} is no triangle of an affinity",
            cure="give the arrays that arrays() gave",
        )
    row, column = torch.tril_indices(m, m, device=triangle.device)
    square = triangle.new_empty(m, m)
    square[row, column] = square[column, row] = triangle
    return square


class _Share:
    """P and its transpose as ragged sums of rows, in an order that never changes."""

    def __init__(self, cells: int, head: Head) -> None:
        by_segment = torch.argsort(head.segment, stable=True)
        self._segments, self._cell_share = head.segment, head.share
        self._cell_start = _starts(head.cell, cells)
        self._cells, self._segment_share = head.cell[by_segment], head.share[by_segment]
        self._segment_start = _starts(head.segment[by_segment], len(head.affinity))

    def gather(self, columns: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
        """`P^T columns`."""
        return _sums(self._cells, columns, self._segment_start, self._segment_share)

    def spread(self, columns: Float[Tensor, "m k"]) -> Float[Tensor, "n k"]:
        """`P columns`."""
        return _sums(self._segments, columns, self._cell_start, self._cell_share)


def _sums(
    index: Int64[Tensor, " e"],
    rows: Float[Tensor, "r k"],
    starts: Int64[Tensor, " s"],
    weights: Float[Tensor, " e"],
) -> Float[Tensor, "s k"]:
    out: Float[Tensor, "s k"] = functional.embedding_bag(
        index, rows.contiguous(), starts, mode="sum", per_sample_weights=weights
    )
    return out


def _starts(ascending: Int64[Tensor, " e"], count: int) -> Int64[Tensor, " s"]:
    return torch.searchsorted(ascending, torch.arange(count, device=ascending.device))


def _check(cells: Size, head: Head) -> None:
    m = len(head.affinity)
    for name, index, size in (("cell", head.cell, cells.area), ("segment", head.segment, m)):
        if len(index) == 0 or int(index.min()) < 0 or int(index.max()) >= size:
            raise AttentionError(
                f"a head's {name} indices do not fit {size} {name}s", cure="count them from 0"
            )
    if not bool((head.cell[1:] >= head.cell[:-1]).all()):
        raise AttentionError("a head's entries are in disorder", cure="sort them by cell")
    if len(torch.unique_consecutive(head.cell)) != cells.area:
        raise AttentionError("a cell has no share in a head", cure="let segments cover every cell")
    if not torch.equal(head.affinity, head.affinity.T) and not head.affinity.isnan().any():
        raise AttentionError(
            "a head's affinity is not symmetric", cure="give segments the same both ways"
        )
    for name in ("share", "affinity"):
        values = getattr(head, name)
        if not bool((torch.isfinite(values) & (values >= 0)).all()):
            raise AttentionError(
                f"a head's {name} has a negative, NaN or infinite entry", cure="compute it again"
            )
