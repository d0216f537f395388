"""The attention of every cell to every cell alike."""

from collections.abc import Mapping
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.attention.base import array, as_tensor, cells_of
from m2n2v2.grid import Size


class UniformAttention:
    """The matrix with every entry `1 / n`, never formed."""

    def __init__(self, cells: Size, device: torch.device | str = "cpu") -> None:
        self.cells = cells
        self.device = torch.device(device)
        self.dtype = torch.float32

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        return (p.sum(1, keepdim=True) / self.cells.area).expand_as(p)

    def right(self, v: Float[Tensor, "n *k"]) -> Float[Tensor, "n *k"]:
        return (v.sum(0) / self.cells.area).expand_as(v)

    def rows(self, start: int, stop: int) -> Float[Tensor, "r n"]:
        return torch.full((stop - start, self.cells.area), 1 / self.cells.area, device=self.device)

    def to(self, device: torch.device | str) -> "UniformAttention":
        return UniformAttention(self.cells, device)

    def sharpened(self, temperature: float) -> "UniformAttention":
        return self

    def arrays(self) -> dict[str, Tensor]:
        return {"cells": as_tensor(self.cells)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        return cls(cells_of(arrays), array(arrays, "cells").device)
