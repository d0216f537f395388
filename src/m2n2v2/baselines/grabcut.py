"""GrabCut (Rother et al. 2004) as OpenCV has it, started from its rectangle, or from discs around
clicks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refused
from m2n2v2.baselines.seeds import disc, share_of_side
from m2n2v2.errors import BackendError
from m2n2v2.grid import Size
from m2n2v2.prompts import Box, Click, Scribble


@dataclass(frozen=True)
class GrabCut:
    """GrabCut whose priors are discs.

    Around each click a small disc is fixed, and a large one around a click on the object is
    probably object; all else is probably what the mask so far says. A box first is its own
    rectangle: outside is background for good.

    Args:
        prior_radius: of the large discs, as a share of the shorter side.
        fixed_radius: of the small ones, likewise.
        rounds: of GrabCut, per click.

    Raises:
        BackendError: OpenCV is not installed.
    """

    prior_radius: float = 0.2
    fixed_radius: float = 0.01
    rounds: int = 5

    def __post_init__(self) -> None:
        try:
            import cv2  # noqa: F401
        except ImportError as error:
            raise BackendError(
                "GrabCut needs OpenCV", cure="pip install 'm2n2v2[evaluation]'"
            ) from error

    @property
    def name(self) -> str:
        return (
            f"grabcut(prior_radius={self.prior_radius}, fixed_radius={self.fixed_radius}, "
            f"rounds={self.rounds})"
        )

    def start(self, image: Image, depth: DepthMap | None = None) -> "Cutting":
        return Cutting(image, self)


class Cutting:
    def __init__(self, image: Image, settings: GrabCut) -> None:
        self._image = np.ascontiguousarray(image[:, :, ::-1])
        self._size = Size(*image.shape[:2])
        self._settings = settings
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        self._clicks: list[Click] = []
        self._outside = np.zeros(self._size.shape, bool)
        self._mask = np.zeros(self._size.shape, bool) if mask is None else mask

    def begin(self, first: Box | Scribble) -> Mask:
        if not isinstance(first, Box):
            raise refused(first, "GrabCut")
        self._mask = np.zeros(self._size.shape, bool)
        self._mask[first.window(self._size, self._size)] = True
        self._outside = ~self._mask
        return self._cut(self._labels())

    def _labels(self) -> UInt8[np.ndarray, "H W"]:
        """Probably what the mask says; certainly background outside a box."""
        import cv2

        labels = np.where(self._mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[self._outside] = cv2.GC_BGD
        return labels

    def click(self, click: Click) -> Mask:
        import cv2

        self._clicks.append(click)
        labels = self._labels()
        prior = share_of_side(self._size, self._settings.prior_radius)
        fixed = share_of_side(self._size, self._settings.fixed_radius)
        if click.positive:
            labels[disc(self._size, (click.x, click.y), prior)] = cv2.GC_PR_FGD
        for placed in self._clicks:
            label = cv2.GC_FGD if placed.positive else cv2.GC_BGD
            labels[disc(self._size, (placed.x, placed.y), fixed)] = label
        for placed in self._clicks:
            labels[placed.y, placed.x] = cv2.GC_FGD if placed.positive else cv2.GC_BGD
        return self._cut(labels)

    def _cut(self, labels: UInt8[np.ndarray, "H W"]) -> Mask:
        import cv2

        objects = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
        if objects.any() and not objects.all():  # else there is nothing to tell apart
            cv2.setRNGSeed(0)
            no_box: Any = None
            models = np.zeros((1, 65)), np.zeros((1, 65))
            rounds, by_mask = self._settings.rounds, cv2.GC_INIT_WITH_MASK
            cv2.grabCut(self._image, labels, no_box, models[0], models[1], rounds, by_mask)
            objects = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
        self._mask = objects
        return self._mask.copy()
