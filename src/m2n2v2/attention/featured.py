"""A factored attention, and what a network made of the photograph that it was computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Shaped
from torch import Tensor

from m2n2v2.attention.base import array
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size
from m2n2v2.prompts.clicks import Pixels


@dataclass(frozen=True, eq=False)
class Looks:
    """What patches of a photograph look like, as a linear model of it reads them.

    Attributes:
        grid: of the patches.
        design: a row for each patch: its features, and a one.
    """

    grid: Size
    design: Float64[np.ndarray, "n d"]

    @classmethod
    def of(cls, features: Float[Tensor, "y x d"]) -> "Looks":
        """Those of the features of a grid of patches."""
        rows, columns, count = features.shape
        design = np.ones((rows * columns, count + 1))
        design[:, :count] = features.reshape(-1, count).cpu().double().numpy()
        return cls(Size(rows, columns), design)

    @cached_property
    def moments(self) -> Float64[np.ndarray, "d d"]:
        """The design's columns, times one another."""
        return self.design.T @ self.design

    @cached_property
    def directions(self) -> Float64[np.ndarray, "n c"]:
        """Features less their mean over the photograph, of length 1; nothing where they are it."""
        centred = self.design[:, :-1] - self.design[:, :-1].mean(0)
        length = np.sqrt(np.square(centred).sum(1, keepdims=True))
        return np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-9)

    def under(self, pixels: Pixels, height: int, width: int) -> Int64[np.ndarray, " p"]:
        """The patches that hold some of these pixels (x, y), each once, ascending."""
        rows, columns = self.grid.shape
        x, y = pixels.T
        return np.unique(y * rows // height * columns + x * columns // width)

    def likeness(self, patches: Int64[np.ndarray, " p"]) -> Float64[np.ndarray, "y x"]:
        """How much every patch looks like some of them: the mean cosine of their directions."""
        towards = self.directions[patches].mean(0)
        return np.einsum("nc,c->n", self.directions, towards).reshape(self.grid.shape)

    def towards(self, target: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " d"]:
        """The design's columns, times a value for each patch."""
        return np.einsum("nd,n->d", self.design, target)

    def along(self, coefficients: Float64[np.ndarray, " d"]) -> Float64[np.ndarray, " n"]:
        """What a linear model says of each patch."""
        return np.einsum("nd,d->n", self.design, coefficients)


class FeaturedAttention(FactoredAttention):
    """The mean of heads `P G P^T`, with features that say what things look like to a network.

    Args:
        cells, heads: as of `FactoredAttention`.
        features: a row of numbers for each patch of a grid of the network's own, over the whole
            photograph.

    Raises:
        AttentionError: as of `FactoredAttention`, or a feature is NaN or infinite.
    """

    def __init__(self, cells: Size, heads: Sequence[Head], features: Shaped[Tensor, "..."]) -> None:
        super().__init__(cells, heads)
        if features.ndim != 3 or features.numel() == 0 or not bool(features.isfinite().all()):
            raise AttentionError(
                f"features of shape {tuple(features.shape)} came, or some that are not finite",
                cure="give finite numbers, rows x columns x features",
            )
        self.features: Float[Tensor, "y x d"] = features

    @cached_property
    def looks(self) -> Looks:
        """The features, as a linear model reads them."""
        return Looks.of(self.features)

    def to(self, device: torch.device | str) -> "FeaturedAttention":
        heads = [head.to(device) for head in self.heads]
        return FeaturedAttention(self.cells, heads, self.features.to(device))

    def arrays(self) -> dict[str, Tensor]:
        return super().arrays() | {"features": self.features}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        rest = {name: value for name, value in arrays.items() if name != "features"}
        plain = FactoredAttention.from_arrays(rest)
        return cls(plain.cells, plain.heads, array(arrays, "features"))
