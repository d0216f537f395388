"""How strong a boundary is at each pixel of a photograph, from colour and texture alone."""

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

BINS = (8, 6, 6)
"""Bins of the soft histograms of L, a and b; lightness varies most."""

RANGES = ((0.0, 100.0), (-60.0, 60.0), (-60.0, 60.0))
"""What those bins span; colours beyond count as the last."""


def boundary_strength(
    lab: Float32[np.ndarray, "H W 3"], sigma: float
) -> Float32[np.ndarray, "H W"]:
    """How fast the local colour histogram changes at each pixel, 0 or more.

    Every pixel is a soft histogram of 20 bins; the structure tensor of all bins sees a change of
    texture as well as of colour, and a texture itself not, once sigma covers its period
    (after Martin, Fowlkes and Malik 2004).
    """
    bins = []
    for channel, (count, (low, high)) in enumerate(zip(BINS, RANGES, strict=True)):
        place = np.clip((lab[:, :, channel] - low) / (high - low), 0, 1) * (count - 1)
        bins += [np.clip(1 - np.abs(place - i), 0, None).astype(np.float32) for i in range(count)]
    return tensor_strength(bins, sigma)


def tensor_strength(
    channels: list[Float32[np.ndarray, "H W"]], sigma: float
) -> Float32[np.ndarray, "H W"]:
    """Root of the top eigenvalue of the structure tensor of Gaussian derivatives, over channels."""
    shape = channels[0].shape
    xx, yy, xy = (np.zeros(shape, np.float32) for _ in range(3))
    for channel in channels:
        smooth = ndimage.gaussian_filter1d(channel, sigma, 0)
        x = ndimage.gaussian_filter1d(smooth, sigma, 1, order=1)
        smooth = ndimage.gaussian_filter1d(channel, sigma, 1)
        y = ndimage.gaussian_filter1d(smooth, sigma, 0, order=1)
        xx += x * x
        yy += y * y
        xy += x * y
    strength: Float32[np.ndarray, "H W"] = np.sqrt(
        (xx + yy + np.sqrt((xx - yy) ** 2 + 4 * xy**2)) / 2
    )
    return strength
