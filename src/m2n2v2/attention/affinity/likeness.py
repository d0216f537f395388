"""The graph of the weight-free attention, its links weighed by what a network finds alike.

A network without labels (DINOv2) knows what belongs together across colours, the photograph knows
where things end: every link of the graph is multiplied by `exp((cosine - 1) / temperature)`, the
cosine between what the network makes of its two segments. See docs/decisions/likeness.md.
"""

from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy import sparse

from m2n2v2.arrays import Image
from m2n2v2.attention.affinity.parameters import AffinityParameters
from m2n2v2.attention.affinity.partitions import Labels, shares
from m2n2v2.attention.affinity.source import joined
from m2n2v2.attention.featured import FeaturedAttention
from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import Kind, VisionTransformer

SIDE = 37
"""Patches along each edge: what the network was trained at."""

TEMPERATURE = 0.1
"""Anything from 0.05 to 0.2 does."""

KIND: Kind = "keys"
"""What of the last block is compared."""

DIRECTIONS = 64
"""Principal directions of the features that are kept for the clicks; more change nothing."""

PARAMETERS = AffinityParameters(grid=96)
"""Finer cells than without a network: what they keep apart is then worth it."""


class LikenessAffinity:
    """An attention source: segments, boundaries and manifold ranking, joined by a network.

    Use it with the settings of the preset `dinov2-graph`: it has no temperature of that kind.

    Args:
        network: a DINOv2.
        side: patches along each edge of what the network sees, 1 or more; the photograph is
            stretched to a square.
        temperature: of the likeness, over 0; smaller cuts more links.
        parameters: the graph's constants.
        network_name: what to record as the network's origin.

    Raises:
        SettingsError: a value is out of its range.
    """

    def __init__(
        self,
        network: VisionTransformer,
        *,
        side: int = SIDE,
        temperature: float = TEMPERATURE,
        parameters: AffinityParameters | None = None,
        network_name: str = "dinov2",
    ) -> None:
        if side < 1:
            raise SettingsError(f"likeness side is {side}", cure="use 1 or more, for example 37")
        if not 0 < temperature < float("inf"):
            raise SettingsError(
                f"likeness temperature is {temperature}", cure="use a finite number over 0"
            )
        self.network = network
        self.cells = Size(side, side)
        self.temperature = temperature
        self.parameters = parameters or PARAMETERS
        sharp = [] if temperature == TEMPERATURE else [f"temperature {temperature:g}"]
        others = [f"{name} {value}" for name, value in self.parameters.changed().items()]
        self.name = ", ".join(
            [f"affinity with the likeness of {network_name}", f"side {side}", *sharp, *others]
        )

    @classmethod
    def load(
        cls,
        model: str = "dinov2-small",
        loading: Loading | None = None,
        *,
        side: int | None = None,
    ) -> Self:
        """From weights: the cache, a folder as transformers saves it, or one `.safetensors` file.

        Raises:
            WeightsError, BackendError, DeviceError, SettingsError: they cannot be loaded, or not
                here.
        """
        network, located = VisionTransformer.load(model, loading or Loading())
        return cls(network, side=side or SIDE, network_name=located.name)

    def extract(self, image: Image) -> FeaturedAttention:
        """The attention of `image` over a square grid, whatever the image's shape, and its
        features in their principal directions.

        Raises:
            DeviceError: it does not fit in memory.
        """
        features = self._features(image)

        def likeness(labels: Labels) -> Float[np.ndarray, "m m"]:
            alike = cosines(of_segments(features, self.cells, labels))
            return np.exp((alike - 1) / self.temperature)

        attention = joined(image, self.parameters, likeness)
        kept = torch.from_numpy(principal(features, DIRECTIONS).astype(np.float16))
        return FeaturedAttention(
            attention.cells, attention.heads, kept.reshape(*self.cells.shape, -1)
        )

    def _features(self, image: Image) -> Float32[np.ndarray, "n c"]:
        """What the network compares, a row for each cell, its mean over the image taken off."""
        with out_of_memory_named(
            f"DINOv2 at side {self.cells.height}", "use a smaller side, for example dinov2-graph@24"
        ):
            pixels = self.network.pixels(image, self.cells)
            features = self.network.features(pixels, {-1: frozenset({KIND})})
        (values,) = features.values()
        rows = values.flatten(0, 1).to("cpu", torch.float32)
        rows = torch.nn.functional.normalize(rows - rows.mean(0), dim=1)
        return rows.numpy()


def principal(features: Float32[np.ndarray, "n c"], count: int) -> Float32[np.ndarray, "n d"]:
    """The features along the directions of their largest squares, at most `count`."""
    _, directions = np.linalg.eigh(features.T @ features)
    return np.ascontiguousarray(features @ directions[:, ::-1][:, :count])


def of_segments(
    features: Float32[np.ndarray, "n c"], cells: Size, labels: Labels
) -> Float32[np.ndarray, "m c"]:
    """Mean of the features over each segment, bilinear between the centres of cells."""
    cell, segment, share = shares(labels, cells)

    return (
        sparse.csr_array((share, (segment, cell)), (int(labels.max()) + 1, cells.area)) @ features
    )


def cosines(features: Float32[np.ndarray, "m c"]) -> Float[np.ndarray, "m m"]:
    """Of all pairs; 1 with a row of zeros, of which nothing is known."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    known = length[:, 0] > 0
    unit = np.divide(features, length, out=np.zeros_like(features), where=length > 0)
    alike = (unit @ unit.T).astype(np.float64)
    alike[~known] = alike[:, ~known] = 1
    return np.clip(alike, -1, 1, out=alike)
