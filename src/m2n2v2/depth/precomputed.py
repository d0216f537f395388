"""Depth computed elsewhere, as an array."""

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.depth.base import matching, normalized_inverse
from m2n2v2.errors import DepthError


class Precomputed:
    """A depth source that returns the inverse depth it was given, normalised to [0, 1].

    Args:
        inverse: inverse depth `H x W`, larger nearer, finite, in any unit: an array or a tensor.
        name: what to record as its origin.

    Raises:
        DepthError: not two-dimensional, not numbers, or not finite.
    """

    def __init__(
        self,
        inverse: Shaped[np.ndarray, "..."] | Shaped[Tensor, "..."],
        *,
        name: str = "precomputed",
    ) -> None:
        self.name = name
        tensor = torch.as_tensor(inverse)
        if tensor.ndim != 2 or tensor.numel() == 0 or tensor.is_complex():
            raise DepthError(
                f"depth has shape {tuple(tensor.shape)} and dtype {tensor.dtype}",
                cure="give one real number per pixel, H x W",
            )
        self._depth = normalized_inverse(tensor)

    def estimate(self, image: Image) -> DepthMap:
        return matching(self._depth, image)
