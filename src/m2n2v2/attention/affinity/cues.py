"""What is measured on segments and on the boundaries between them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Int64

from m2n2v2.attention.affinity.partitions import Labels


@dataclass(frozen=True)
class Segments:
    """What is known of the m segments of one partition.

    Attributes:
        features: mean and standard deviation of each channel.
        border: touches the border of the image.
        pairs: neighbours (4-neighbourhood of pixels), smaller number first.
        boundary: mean boundary strength along each pair's common boundary.
    """

    features: Float[np.ndarray, "m f"]
    border: Bool[np.ndarray, " m"]
    pairs: Int64[np.ndarray, "p 2"]
    boundary: Float[np.ndarray, " p"]


def measured(
    labels: Labels, channels: Float32[np.ndarray, "H W c"], strength: Float32[np.ndarray, "H W"]
) -> Segments:
    """The cues of one partition's segments.

    Args:
        channels: what segments are compared by, one unit being a long way (Lab / 100).
        strength: of the boundary at each pixel, 0 or more.
    """
    flat = labels.ravel()
    area = np.bincount(flat)
    count = len(area)
    mean, spread = (np.empty((count, channels.shape[2])) for _ in range(2))
    for channel in range(channels.shape[2]):
        values = channels[:, :, channel].ravel().astype(np.float64)
        mean[:, channel] = np.bincount(flat, values) / area
        square = np.bincount(flat, (values - mean[flat, channel]) ** 2) / area
        spread[:, channel] = np.sqrt(square)
    border = np.zeros(count, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        border[edge] = True
    across = _steps(labels[:, :-1], labels[:, 1:], strength[:, :-1], strength[:, 1:])
    down = _steps(labels[:-1], labels[1:], strength[:-1], strength[1:])
    first, second, value = (np.concatenate(both) for both in zip(across, down, strict=True))
    key = first.astype(np.int64) * count + second  # below m^2, about a million
    steps = np.bincount(key, minlength=1)
    keys = np.flatnonzero(steps)
    boundary = np.bincount(key, value, len(steps))[keys] / steps[keys]
    pairs = np.stack([keys // count, keys % count], 1)
    return Segments(np.concatenate([mean, spread], 1), border, pairs, boundary)


def _steps(
    one: Int32[np.ndarray, "h w"],
    other: Int32[np.ndarray, "h w"],
    strength_one: Float32[np.ndarray, "h w"],
    strength_other: Float32[np.ndarray, "h w"],
) -> tuple[Int32[np.ndarray, " s"], Int32[np.ndarray, " s"], Float32[np.ndarray, " s"]]:
    """The pixel steps from one segment to another: both numbers, ascending, and the strength."""
    cut = one != other
    a, b = one[cut], other[cut]
    mean = (strength_one[cut] + strength_other[cut]) / 2
    return np.minimum(a, b), np.maximum(a, b), mean
