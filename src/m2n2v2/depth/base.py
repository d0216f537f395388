"""What a depth source gives the method: normalised inverse depth."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Real
from torch import Tensor

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.errors import DepthError


@runtime_checkable
class DepthSource(Protocol):
    """From a photograph to its depth map."""

    @property
    def name(self) -> str:
        """What made the depth (model, weights, revision, or file), recorded with every result."""
        ...

    def estimate(self, image: Image) -> DepthMap:
        """Normalised inverse depth of `image`, at its size: 0 farthest, 1 nearest."""
        ...


def normalized_inverse(inverse: Real[Tensor, "H W"]) -> DepthMap:
    """Stretch inverse depth to [0, 1], float32; a constant map becomes 0 (guidance off).

    The one place where any source's values become the method's (section 3.2).

    Raises:
        DepthError: a value is NaN or infinite.
    """
    inverse = inverse.to(torch.float32)
    if not bool(torch.isfinite(inverse).all()):
        raise DepthError(
            "the depth map has NaN or infinite values",
            cure="fill them first, or read sensor depth with depth.Measured, which fills holes",
        )
    low, high = inverse.min(), inverse.max()
    if high == low:
        return torch.zeros_like(inverse)
    return (inverse - low) / (high - low)


def matching(depth: Float[Tensor, "rows columns"], image: Image) -> DepthMap:
    """`depth`, if it has the size of `image`.

    Raises:
        DepthError: it has another.
    """
    if depth.shape != image.shape[:2]:
        raise DepthError(
            f"the depth map is {depth.shape[1]}x{depth.shape[0]}, "
            f"the image {image.shape[1]}x{image.shape[0]}",
            cure="give depth of the image's size",
        )
    return depth
