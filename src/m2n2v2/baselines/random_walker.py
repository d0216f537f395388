"""The random walker (Grady 2006) as scikit-image has it, on a reduced photograph."""

import warnings
from dataclasses import dataclass

import numpy as np

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask, refused
from m2n2v2.baselines.seeds import BACKGROUND, OBJECT, Reduced, seeds, share_of_side
from m2n2v2.prompts import Box, Click, Scribble


@dataclass(frozen=True)
class RandomWalker:
    """The pixel belongs to the class whose seeds a random walker reaches first.

    Args:
        beta: how strongly differences of colour hold the walker back (scikit-image's default).
        radius: of the seeds around clicks, as a share of the shorter side.
        max_short_side: the photograph is reduced to this, in pixels: the linear system is slow.
    """

    beta: float = 130.0
    radius: float = 0.01
    max_short_side: int = 256

    @property
    def name(self) -> str:
        return (
            f"random-walker(beta={self.beta}, radius={self.radius}, "
            f"max_short_side={self.max_short_side})"
        )

    def start(self, image: Image, depth: DepthMap | None = None) -> "Walking":
        return Walking(image, self)


class Walking:
    def __init__(self, image: Image, settings: RandomWalker) -> None:
        self._reduced = Reduced(image, settings.max_short_side)
        self._settings = settings
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, "the random walker")
        self._clicks: list[tuple[tuple[int, int], bool]] = []

    def begin(self, first: Box | Scribble) -> Mask:
        if not isinstance(first, Scribble):
            raise refused(first, "the random walker")
        pixels = first.pixels(self._reduced.full, self._reduced.size).tolist()
        self._clicks += [((x, y), first.positive) for x, y in pixels]
        return self._walked()

    def click(self, click: Click) -> Mask:
        self._clicks.append((self._reduced.point(click), click.positive))
        return self._walked()

    def _walked(self) -> Mask:
        from skimage.segmentation import random_walker

        size = self._reduced.size
        labels = seeds(size, self._clicks, share_of_side(size, self._settings.radius))
        if not (labels == OBJECT).any() or not (labels == BACKGROUND).any():
            return np.full(self._reduced.full.shape, bool((labels == OBJECT).any()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about solvers that are not installed
            probability = random_walker(
                self._reduced.image,
                labels,
                beta=self._settings.beta,
                mode="bf",
                channel_axis=2,
                return_full_prob=True,
            )
        return self._reduced.enlarged(probability[0] - probability[1])
