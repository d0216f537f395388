"""What a click's evidence and the refinement ask of a photograph, measured once per image."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import skimage
import torch
from jaxtyping import Float32, Int32

from m2n2v2.arrays import Image
from m2n2v2.boundaries import analysed
from m2n2v2.compiled.threads import over_rows
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.photograph import _refinement as kernel

ANALYSED = 200_000
"""Pixels at which boundaries are measured; larger photographs are reduced to these."""

SIGMA = 2.8
"""Width of the histograms compared across a boundary, in pixels of that size."""

BINS = (16, 14, 14)
"""Of L, a and b in the colour models of the refinement."""

CHROMA = 40.0
"""Values of a and b beyond this count as this."""

TILES = 5
"""Along the shorter side; colour models are of the 3 x 3 tiles around a pixel."""

CONTRAST = 3.0
"""Times the mean squared difference of neighbours: where smoothness falls to 1/e."""


@dataclass(frozen=True)
class Photograph:
    """A photograph at working size.

    Attributes:
        lab: in CIE Lab.
        strength: of the boundary at each pixel (`boundaries.boundary_strength`).
        colours: the number of each pixel's colour bin, 0 to `kinds - 1`.
        kinds: how many bins are in use.
        contrast: mean squared Lab distance between 4-neighbours, over 0.
    """

    lab: Float32[np.ndarray, "H W 3"]
    strength: Float32[np.ndarray, "H W"]
    colours: Int32[np.ndarray, "H W"]
    kinds: int
    contrast: float

    @classmethod
    def of(cls, image: Image, *, boundaries: bool = True) -> Self:
        """Measure a photograph.

        Args:
            boundaries: measure their strength; it is 0 if not, which is all that refining asks.
        """
        size = Size(*image.shape[:2])
        if not boundaries:
            lab = skimage.color.rgb2lab(image).astype(np.float32)
            colours, kinds = _bins(lab)
            return cls(lab, np.zeros(size.shape, np.float32), colours, kinds, _contrast(lab))
        analysis = analysed(image, ANALYSED, SIGMA)
        if analysis.strength.shape == size.shape:
            lab, strength = analysis.lab, analysis.strength
        else:
            lab = skimage.color.rgb2lab(image).astype(np.float32)
            full = resized_map(torch.from_numpy(analysis.strength), size)
            strength = np.ascontiguousarray(full.numpy())
        colours, kinds = _bins(lab)
        return cls(lab, strength, colours, kinds, _contrast(lab))

    @cached_property
    def likeness(self) -> Float32[np.ndarray, "H W 4"]:
        """Of a pixel and its neighbours to the right, below left, below and below right: in (0, 1],
        over their distance; 0 outside. Measured when the refinement first asks."""
        out = np.empty((*self.lab.shape[:2], 4), np.float32)
        contrast = np.float32(CONTRAST * self.contrast)
        over_rows(kernel.likeness, len(out), self.lab, contrast, out)
        return out

    @property
    def tile(self) -> int:
        """Pixels along the side of a tile."""
        return max(16, round(min(self.colours.shape) / TILES))

    @cached_property
    def tiles(self) -> Float32[np.ndarray, "rows columns 2 k"]:
        """`colours_of_tiles`; counted when the refinement first asks."""
        return colours_of_tiles(self.colours, self.kinds, self.tile)


def colours_of_tiles(
    colours: Int32[np.ndarray, "H W"], kinds: int, tile: int
) -> Float32[np.ndarray, "rows columns 2 k"]:
    """How many pixels of each colour are in each tile, all of them background: the first of two
    classes."""
    down, across = (np.arange(side) // tile for side in colours.shape)
    shape = int(down[-1]) + 1, int(across[-1]) + 1, kinds
    number = (down[:, None] * shape[1] + across) * kinds + colours
    tiles = np.zeros((*shape[:2], 2, kinds), np.float32)
    tiles[:, :, 0] = np.bincount(number.ravel(), minlength=math.prod(shape)).reshape(shape)
    return tiles


def _bins(lab: Float32[np.ndarray, "H W 3"]) -> tuple[Int32[np.ndarray, "H W"], int]:
    """Number of each pixel's colour bin among those in use, and how many are."""
    key = np.zeros(lab.shape[:2], np.int64)
    limits = ((0.0, 100.0), (-CHROMA, CHROMA), (-CHROMA, CHROMA))
    for channel, (count, (low, high)) in enumerate(zip(BINS, limits, strict=True)):
        place = ((lab[:, :, channel] - low) * (count / (high - low))).astype(np.int64)
        key = key * count + np.clip(place, 0, count - 1)
    used = np.bincount(key.ravel()) > 0
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return number[key], int(number[-1]) + 1


def _contrast(lab: Float32[np.ndarray, "H W 3"]) -> float:
    squares = [np.square(np.diff(lab, axis=axis)).sum(2) for axis in (0, 1)]
    return sum(float(square.mean()) for square in squares if square.size) + 1e-3
