"""Flip augmentation of depth (supplement 9)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import Image

InverseDepth = Callable[[Image], Float[Tensor, "H W"]]
"""From an image to its inverse depth in any unit, larger nearer."""


def flip_averaged(estimate: InverseDepth, image: Image) -> Float[Tensor, "H W"]:
    """The mean of `estimate` on `image` and on its mirror image, mirrored back."""
    mirrored = np.ascontiguousarray(image[:, ::-1])
    return (estimate(image) + estimate(mirrored).flip(1)) / 2
