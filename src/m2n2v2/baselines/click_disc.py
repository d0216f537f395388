"""A control that sees no image: discs around clicks. Any method must beat it."""

from dataclasses import dataclass

import numpy as np

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask
from m2n2v2.grid import Size
from m2n2v2.prompts import Click


@dataclass(frozen=True)
class ClickDisc:
    """A pixel is object if its nearest click is, and lies within `radius`.

    Args:
        radius: as a share of the image's shorter side.
    """

    radius: float = 0.2

    @property
    def name(self) -> str:
        return f"click-disc(radius={self.radius})"

    def start(self, image: Image, depth: DepthMap | None = None) -> "Discs":
        return Discs(Size(*image.shape[:2]), self.radius * min(image.shape[:2]))


class Discs:
    def __init__(self, size: Size, radius: float) -> None:
        self._size, self._radius = size, radius
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, "click-disc")
        self._nearest = np.full(self._size.shape, np.inf)  # squared distance to the nearest click
        self._mask = np.zeros(self._size.shape, bool)

    def click(self, click: Click) -> Mask:
        y, x = np.ogrid[: self._size.height, : self._size.width]
        distance = (x - click.x) ** 2 + (y - click.y) ** 2
        nearer = distance < self._nearest
        self._nearest = np.where(nearer, distance, self._nearest)
        self._mask = np.where(nearer, click.positive & (distance <= self._radius**2), self._mask)
        return self._mask.copy()
