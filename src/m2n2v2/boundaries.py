"""How strong a boundary is at each pixel of a photograph, from colour and texture alone."""

import functools
from dataclasses import dataclass

import numpy as np
import scipy
import skimage
from jaxtyping import Float32

from m2n2v2.arrays import Image
from m2n2v2.grid import Size, of_area
from m2n2v2.images import resized

BINS = (8, 6, 6)
"""Bins of the soft histograms of L, a and b; lightness varies most."""

RANGES = ((0.0, 100.0), (-60.0, 60.0), (-60.0, 60.0))
"""What those bins span; colours beyond count as the last."""


@dataclass(frozen=True)
class Analysed:
    """A photograph reduced for its boundaries, and what was measured on it.

    Attributes:
        lab: in CIE Lab.
        strength: of the boundary at each pixel (`boundary_strength`).
    """

    lab: Float32[np.ndarray, "H W 3"]
    strength: Float32[np.ndarray, "H W"]


def analysed(image: Image, pixels: int, sigma: float) -> Analysed:
    """The colours and boundaries of a photograph, reduced to an area where it is larger.

    The last photographs are remembered by all their pixels: the attention and the evidence ask
    for the same one after another.
    """
    small = resized(image, of_area(Size(*image.shape[:2]), pixels))
    cached = _analysed(small.tobytes(), Size(*small.shape[:2]), sigma)
    return Analysed(cached.lab.copy(), cached.strength.copy())


def forget() -> None:
    """Analyse photographs anew from here on, for timings."""
    _analysed.cache_clear()


@functools.lru_cache(maxsize=2)
def _analysed(pixels: bytes, size: Size, sigma: float) -> Analysed:
    image = np.frombuffer(pixels, np.uint8).reshape(*size.shape, 3)
    lab = skimage.color.rgb2lab(image).astype(np.float32)
    return Analysed(lab, boundary_strength(lab, sigma))


def boundary_strength(
    lab: Float32[np.ndarray, "H W 3"], sigma: float
) -> Float32[np.ndarray, "H W"]:
    """How fast the local colour histogram changes at each pixel, 0 or more.

    Every pixel is a soft histogram of 20 bins; the structure tensor of all bins sees a change of
    texture as well as of colour, and a texture itself not, once sigma covers its period
    (after Martin, Fowlkes and Malik 2004).
    """
    bins: list[Float32[np.ndarray, "H W"]] = []
    for channel, (count, (low, high)) in enumerate(zip(BINS, RANGES, strict=True)):
        place = np.clip((lab[:, :, channel] - low) / (high - low), 0, 1) * (count - 1)
        used = range(int(place.min()), min(int(place.max()) + 2, count))  # the others are all 0
        bins += [np.clip(1 - np.abs(place - i), 0, None).astype(np.float32) for i in used]
    return tensor_strength(bins, sigma)


def tensor_strength(
    channels: list[Float32[np.ndarray, "H W"]], sigma: float
) -> Float32[np.ndarray, "H W"]:
    """Root of the top eigenvalue of the structure tensor of Gaussian derivatives, over channels."""
    shape = channels[0].shape
    xx, yy, xy = (np.zeros(shape, np.float32) for _ in range(3))
    for channel in channels:
        # scipy and skimage load a submodule when it is first used: importing us stays quick
        smooth = scipy.ndimage.gaussian_filter1d(channel, sigma, 0)
        x = scipy.ndimage.gaussian_filter1d(smooth, sigma, 1, order=1)
        smooth = scipy.ndimage.gaussian_filter1d(channel, sigma, 1)
        y = scipy.ndimage.gaussian_filter1d(smooth, sigma, 0, order=1)
        xx += x * x
        yy += y * y
        xy += x * y
    strength: Float32[np.ndarray, "H W"] = np.sqrt(
        (xx + yy + np.sqrt((xx - yy) ** 2 + 4 * xy**2)) / 2
    )
    return strength
