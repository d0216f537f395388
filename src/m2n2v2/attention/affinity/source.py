"""From a photograph to the weight-free attention."""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from skimage.color import rgb2lab

from m2n2v2.arrays import Image
from m2n2v2.attention.affinity.cues import boundary_strength, measured
from m2n2v2.attention.affinity.graph import manifold_ranking, weights
from m2n2v2.attention.affinity.parameters import AffinityParameters
from m2n2v2.attention.affinity.partitions import Labels, partitioned, shares
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.grid import Size
from m2n2v2.images import resized


class Affinity:
    """An attention source that needs no weights: superpixels, boundaries, manifold ranking.

    Deterministic. Use it with `Settings.offline()`: it has no temperature.

    Args:
        parameters: its constants.
    """

    def __init__(self, parameters: AffinityParameters | None = None) -> None:
        self.parameters = parameters or AffinityParameters()

    @property
    def name(self) -> str:
        return "affinity (no weights)"

    def extract(self, image: Image) -> FactoredAttention:
        """The attention of `image` over a square grid, whatever the image's shape."""
        lab = rgb2lab(_reduced(image, self.parameters.pixels)).astype(np.float32)
        strength = boundary_strength(lab, self.parameters.boundary_sigma)
        cells = Size(self.parameters.grid, self.parameters.grid)
        heads = []
        for partition in self.parameters.partitions:
            labels = partitioned(lab, partition)
            graph = weights(measured(labels, lab, strength), self.parameters)
            heads.append(_head(labels, cells, manifold_ranking(graph, self.parameters.ranking)))
        return FactoredAttention(cells, heads)


def _reduced(image: Image, pixels: int) -> UInt8[np.ndarray, "rows columns 3"]:
    height, width = image.shape[:2]
    scale = math.sqrt(pixels / (height * width))
    if scale >= 1:
        return image
    return resized(image, Size(max(1, round(height * scale)), max(1, round(width * scale))))


def _head(labels: Labels, cells: Size, affinity: Float[np.ndarray, "m m"]) -> Head:
    cell, segment, share = shares(labels, cells)
    return Head(
        torch.from_numpy(cell),
        torch.from_numpy(segment),
        torch.from_numpy(share),
        torch.from_numpy(affinity.astype(np.float32)),
    )
