"""What a backbone gives the method: an attention, which is something one can multiply with."""

from collections.abc import Mapping
from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from m2n2v2.arrays import Image
from m2n2v2.attention import _dense as kernel
from m2n2v2.compiled.threads import bands, over_rows
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size


@runtime_checkable
class Attention(Protocol):
    """A row-stochastic matrix A over the cells of a grid, given by its products.

    A dense tensor is one kind (`DenseAttention`); a product of factors is another. The chain and
    Sinkhorn's balancing use nothing but the two products.
    """

    @property
    def cells(self) -> Size:
        """The grid; `n = h * w`, cells in row-major order."""
        ...

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        """`p A`, one row per click: where probability goes in one step."""
        ...

    def right(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        """`A v`, for a vector or for columns."""
        ...

    def rows(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        """Rows of the matrix, which may be a view."""
        ...

    def to(self, device: torch.device | str) -> "Attention":
        """This attention on a device."""
        ...

    def sharpened(self, temperature: float) -> "Attention":
        """An attention proportional, row by row, to `A ** (1 / temperature)`.

        Rows need not sum to 1 any more: Sinkhorn's balancing follows.
        """
        ...

    def arrays(self) -> dict[str, Tensor]:
        """All that it holds, by name: for a file. `from_arrays` makes it again."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        """The attention that `arrays` was called on.

        Raises:
            AttentionError: an array is missing, or they do not fit each other.
        """
        ...


@runtime_checkable
class AttentionSource(Protocol):
    """A backbone: from a photograph to its attention.

    A source may have an attribute `gives_away`: True says that what `extract` returns is nobody
    else's, and its memory may be used for what is made of it.
    """

    @property
    def name(self) -> str:
        """What made the attention: backbone, weights and revision, and whatever of its options
        changes what it gives. Recorded with every result; attention is cached by it."""
        ...

    def extract(self, image: Image) -> Attention:
        """The self-attention of `image`, aggregated over heads and layers (Eq. 1)."""
        ...


FLOOR = 1e-12
"""Attention below this is raised to it: every cell stays reachable and balancing converges."""


FEW = 8
"""Vectors that loops of our own take; torch's products are for more."""


class DenseAttention:
    """An attention held as one `n x n` matrix.

    Args:
        tensor: `h w h w`; `[i, j, k, l]` is what query cell (i, j) gives to key cell (k, l);
            every row sums to 1 within 1e-3. Zeros are raised to 1e-12.

    Raises:
        AttentionError: the tensor is not square, not finite, negative, or a row does not sum to 1.
    """

    def __init__(self, tensor: Shaped[Tensor, "..."]) -> None:
        if tensor.ndim != 4 or tensor.shape[:2] != tensor.shape[2:] or tensor.numel() == 0:
            raise AttentionError(
                f"attention has shape {tuple(tensor.shape)}",
                cure="give a tensor of shape (h, w, h, w), rows over the last two axes",
            )
        if not tensor.is_floating_point():
            raise AttentionError(
                f"attention has dtype {tensor.dtype}", cure="give floating-point values"
            )
        self.cells = Size(int(tensor.shape[0]), int(tensor.shape[1]))
        self.matrix: Float[Tensor, "n n"] = tensor.reshape(self.cells.area, self.cells.area)
        low, sums = float(self.matrix.min()), self.matrix.sum(1, dtype=torch.float32)
        if not bool(torch.isfinite(sums).all()):
            raise AttentionError(
                "attention has NaN or infinite entries",
                cure="extract it again in float32 (half precision overflows in some layers)",
            )
        if low < 0:
            raise AttentionError(
                f"attention has a negative entry ({low:g})",
                cure="give probabilities, after the softmax",
            )
        worst = int((sums - 1).abs().argmax())
        if abs(float(sums[worst]) - 1) > 1e-3:
            raise AttentionError(
                f"row {worst} of the attention sums to {float(sums[worst]):g}",
                cure="divide every row by its sum, or pass normalize=True to Precomputed",
            )

    @property
    def device(self) -> torch.device:
        return self.matrix.device

    @property
    def dtype(self) -> torch.dtype:
        return self.matrix.dtype

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        matrix = self.matrix
        alike = p.dtype == matrix.dtype and p.dtype in (torch.float32, torch.float64)
        if p.device.type != "cpu" or len(p) > FEW or not alike or not matrix.is_contiguous():
            return p @ matrix
        sums = np.empty((bands(len(matrix)), *p.shape), p.numpy().dtype)
        over_rows(kernel.left, len(matrix), p.contiguous().numpy(), matrix.numpy(), sums)
        return torch.from_numpy(sums.sum(0))

    def right(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        return self.matrix @ v

    def rows(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        return self.matrix[start:stop]

    def to(self, device: torch.device | str) -> "DenseAttention":
        return self._with_matrix(self.matrix.to(device))

    def sharpened(self, temperature: float, *, overwrite: bool = False) -> "DenseAttention":
        """`A ** (1 / temperature)`, each row divided by its largest entry.

        Args:
            overwrite: do it in the matrix itself, which is then another.
        """
        sharp = self.matrix.clamp_min_(FLOOR) if overwrite else self.matrix.clamp_min(FLOOR)
        sharp /= sharp.amax(1, keepdim=True)
        if temperature != 1:
            sharp.pow_(1 / temperature)
        return self._with_matrix(sharp)

    def arrays(self) -> dict[str, Tensor]:
        return {"cells": as_tensor(self.cells), "matrix": self.matrix}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        """A matrix after `sharpened` has rows of any sum, so theirs is not asked for here."""
        cells, matrix = cells_of(arrays), array(arrays, "matrix")
        if tuple(matrix.shape) != (cells.area, cells.area):
            raise AttentionError(
                f"a matrix of shape {tuple(matrix.shape)} came for a grid of {cells}",
                cure="give the arrays that arrays() gave",
            )
        if not bool(torch.isfinite(matrix.sum(1)).all()) or float(matrix.min()) < 0:
            raise AttentionError(
                "the matrix has NaN, infinite or negative entries",
                cure="the file may be damaged; prepare the image again",
            )
        other = object.__new__(cls)
        other.cells, other.matrix = cells, matrix
        return other

    def _with_matrix(self, matrix: Float[Tensor, "n n"]) -> "DenseAttention":
        other = object.__new__(DenseAttention)
        other.cells, other.matrix = self.cells, matrix
        return other


def as_tensor(cells: Size) -> Int64[Tensor, " 2"]:
    """A grid's height and width as an array."""
    return torch.tensor(cells.shape)


def cells_of(arrays: Mapping[str, Tensor]) -> Size:
    """The grid that `as_tensor` wrote."""
    shape = array(arrays, "cells").flatten().tolist()
    if len(shape) != 2 or min(shape) < 1:
        raise AttentionError(
            f"a grid of {shape} cells came", cure="give the arrays that arrays() gave"
        )
    return Size(*map(int, shape))


def array(arrays: Mapping[str, Tensor], name: str) -> Tensor:
    """One of the arrays, or an error that says it is missing."""
    if name not in arrays:
        raise AttentionError(
            f"the array {name!r} is missing among {sorted(arrays)}",
            cure="give the arrays that arrays() gave",
        )
    return arrays[name]
