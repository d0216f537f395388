"""A map over the pixels by its distinct values: what the fill finds and the scores need."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Int32

from m2n2v2.arrays import PixelMap
from m2n2v2.compiled.threads import over_rows
from m2n2v2.method import _level_sets as kernel


@dataclass(frozen=True)
class LevelSets:
    """The nested sets `map <= t`, one for each value t of a map.

    Attributes:
        thresholds: the distinct values, ascending.
        area: pixels at or below a threshold, one number for every threshold.
        level: index of every pixel's value in `thresholds`.
    """

    thresholds: Float[np.ndarray, " L"]
    area: Int32[np.ndarray, " L"]
    level: Int32[np.ndarray, "H W"]

    @classmethod
    def of(cls, values: PixelMap) -> Self:
        """The level sets of a map."""
        thresholds, level, count = np.unique(
            values.detach().cpu().numpy(), return_inverse=True, return_counts=True
        )
        level = level.reshape(tuple(values.shape)).astype(np.int32)
        return cls(thresholds, np.cumsum(count, dtype=np.int32), level)

    def pixel_by_pixel(self) -> "LevelSets":
        """One set more for every pixel, equal values row by row: M2N2's candidates.

        `thresholds` then has a value for each pixel, `area` counts from 1 to all of them.
        """
        order = np.argsort(self.level, axis=None, kind="stable")
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        thresholds = self.thresholds[self.level.ravel()[order]]
        area = np.arange(1, len(order) + 1, dtype=np.int32)
        return LevelSets(thresholds, area, rank.reshape(self.level.shape))

    @property
    def values(self) -> PixelMap:
        """The map itself, on the CPU."""
        out = np.empty(self.level.shape, self.thresholds.dtype)
        over_rows(kernel.look_up, len(out), self.thresholds, self.level, out)
        return torch.from_numpy(out)

    def over_maximum(self) -> "LevelSets":
        """The level sets of the map divided by its maximum; of an all-zero map, itself.

        Rounding can make two values one: their sets, too, become one.
        """
        if self.thresholds[-1] <= 0:
            return self
        scaled = self.thresholds / self.thresholds[-1]
        last = np.append(scaled[1:] != scaled[:-1], True)
        if last.all():
            return LevelSets(scaled, self.area, self.level)
        joined = np.cumsum(last, dtype=np.int32) - last
        return LevelSets(scaled[last], self.area[last], joined[self.level])
