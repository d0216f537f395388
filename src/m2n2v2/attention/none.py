"""No attention at all: the paper's depth-only row (Table 2, `- | DA2`).

Every cell attends to every cell alike, so one step of the chain reaches everything at once and
each saturation time is 0: the Markov-map says nothing, and what the flood fill spreads over is
depth alone. The colours count no more, either: upsampling a constant gives the constant.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import Image
from m2n2v2.grid import Size


class UniformAttention:
    """The matrix with every entry `1 / n`, never formed."""

    def __init__(self, cells: Size, device: torch.device | str = "cpu") -> None:
        self.cells = cells
        self.device = torch.device(device)
        self.dtype = torch.float32

    def left(self, p: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        return (p.sum(1, keepdim=True) / self.cells.area).expand_as(p)

    def right(self, v: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return (v.sum() / self.cells.area).expand_as(v)

    def to(self, device: torch.device | str) -> "UniformAttention":
        return UniformAttention(self.cells, device)

    def sharpened(self, temperature: float) -> "UniformAttention":
        return self


class NoAttention:
    """An attention source that does not look at the image."""

    name = "none"

    def extract(self, image: Image) -> UniformAttention:
        return UniformAttention(Size(32, 32))
