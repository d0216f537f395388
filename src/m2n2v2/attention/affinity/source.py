"""From a photograph to the weight-free attention."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from m2n2v2.arrays import Image
from m2n2v2.attention.affinity.cues import measured
from m2n2v2.attention.affinity.graph import manifold_ranking, weights
from m2n2v2.attention.affinity.parameters import AffinityParameters
from m2n2v2.attention.affinity.partitions import Labels, partitioned, shares
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.boundaries import analysed
from m2n2v2.grid import Size


class Affinity:
    """An attention source that needs no weights: superpixels, boundaries, manifold ranking.

    Deterministic. Use it with `Settings.offline()`: it has no temperature.

    Args:
        parameters: its constants.
    """

    def __init__(self, parameters: AffinityParameters | None = None) -> None:
        self.parameters = parameters or AffinityParameters()
        others = [f"{name} {value}" for name, value in self.parameters.changed().items()]
        self.name = ", ".join(["affinity (no weights)", *others])

    def extract(self, image: Image) -> FactoredAttention:
        """The attention of `image` over a square grid, whatever the image's shape."""
        return joined(image, self.parameters)


Likeness = Callable[[Labels], Float[np.ndarray, "m m"]]
"""From a partition to a factor in (0, 1] for the link of each pair of its segments."""


def joined(
    image: Image,
    parameters: AffinityParameters,
    likeness: Likeness | None = None,
) -> FactoredAttention:
    """The attention of `image`, one head a partition.

    Args:
        likeness: what else says how alike segments are; None for nothing else.
    """
    analysis = analysed(image, parameters.pixels, parameters.boundary_sigma)
    lab, strength = analysis.lab, analysis.strength
    channels = lab / 100
    cells = Size(parameters.grid, parameters.grid)
    heads = []
    for partition in parameters.partitions:
        labels = partitioned(lab, partition)
        graph = weights(measured(labels, channels, strength), parameters)
        if likeness is not None:
            graph *= likeness(labels)
        heads.append(_head(labels, cells, manifold_ranking(graph, parameters.ranking)))
    return FactoredAttention(cells, heads)


def _head(labels: Labels, cells: Size, affinity: Float[np.ndarray, "m m"]) -> Head:
    cell, segment, share = shares(labels, cells)
    return Head(
        torch.from_numpy(cell),
        torch.from_numpy(segment),
        torch.from_numpy(share),
        torch.from_numpy(affinity.astype(np.float32)),
    )
