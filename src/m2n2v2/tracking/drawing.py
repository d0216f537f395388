"""Objects drawn over frames, one colour an object, in every picture the same."""

import colorsys
import functools

import numpy as np
from jaxtyping import UInt8
from scipy import ndimage

from m2n2v2.arrays import Image
from m2n2v2.tracking.tracks import Labels

OPACITY = 0.45
GOLDEN = 0.618034
"""Turns of the colour circle from one object to the next: neighbours never look alike."""


@functools.cache
def colour(number: int) -> tuple[int, int, int]:
    """An object's colour; black is the background's."""
    if number == 0:
        return (0, 0, 0)
    red, green, blue = colorsys.hsv_to_rgb((0.58 + GOLDEN * (number - 1)) % 1, 0.75, 1.0)
    return (round(255 * red), round(255 * green), round(255 * blue))


def palette() -> list[int]:
    """Of index files: 256 colours."""
    return [value for number in range(256) for value in colour(number)]


def drawn(image: Image, labels: Labels) -> UInt8[np.ndarray, "H W 3"]:
    """A frame with its objects tinted and outlined.

    Args:
        labels: of the frame's size.
    """
    out = image.astype(np.float32)
    unit = max(1, round(min(image.shape[:2]) / 240))
    for number in np.unique(labels[labels > 0]).tolist():
        mask = labels == number
        tint = np.array(colour(number), np.float32)
        out[mask] = (1 - OPACITY) * out[mask] + OPACITY * tint
        inside = ndimage.binary_erosion(mask, iterations=unit, border_value=1)
        out[mask & ~inside] = 255
    return out.round().astype(np.uint8)
