"""Geodesic distance to the clicks (after Bai and Sapiro 2009), on a reduced photograph."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask
from m2n2v2.baselines.seeds import BACKGROUND, OBJECT, Reduced, seeds
from m2n2v2.prompts import Click


@dataclass(frozen=True)
class Geodesic:
    """The pixel belongs to the class whose seeds are nearer, along paths that pay for edges.

    Args:
        edge_cost: the price of a gradient of 1 (colours in [0, 1]), in pixels walked.
        max_short_side: the photograph is reduced to this, in pixels.
    """

    edge_cost: float = 100.0
    max_short_side: int = 256

    @property
    def name(self) -> str:
        return f"geodesic(edge_cost={self.edge_cost}, max_short_side={self.max_short_side})"

    def start(self, image: Image, depth: DepthMap | None = None) -> "Geodesics":
        return Geodesics(image, self)


class Geodesics:
    def __init__(self, image: Image, settings: Geodesic) -> None:
        self._reduced = Reduced(image, settings.max_short_side)
        self._cost = 1 + settings.edge_cost * _gradient(self._reduced.image)
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, "geodesic distance")
        self._clicks: list[tuple[tuple[int, int], bool]] = []

    def click(self, click: Click) -> Mask:
        self._clicks.append((self._reduced.point(click), click.positive))
        labels = seeds(self._reduced.size, self._clicks, radius=0)
        objects, others = labels == OBJECT, labels == BACKGROUND
        if not objects.any() or not others.any():
            return np.full(self._reduced.full.shape, bool(objects.any()))
        return self._reduced.enlarged(self._distance(others) - self._distance(objects))

    def _distance(self, starts: Mask) -> Float[np.ndarray, "h w"]:
        from skimage.graph import MCP_Geometric

        distance: Float[np.ndarray, "h w"] = MCP_Geometric(self._cost).find_costs(
            np.argwhere(starts)
        )[0]
        return distance


def _gradient(image: Image) -> Float[np.ndarray, "h w"]:
    from scipy import ndimage

    colours = image / 255
    steps = [ndimage.sobel(colours, axis=axis, mode="nearest") / 8 for axis in (0, 1)]
    return np.sqrt(sum((step**2).sum(axis=2) for step in steps))
