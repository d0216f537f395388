"""What the classical methods share: clicks at a reduced size, and seeds made of them."""

import numpy as np
import torch
from jaxtyping import Float, Int32

from m2n2v2.arrays import Image, Mask
from m2n2v2.grid import Size, limited, rescaled_pixel
from m2n2v2.images import resized, resized_map
from m2n2v2.prompts import Click

OBJECT, BACKGROUND, UNKNOWN = 1, 2, 0


class Reduced:
    """A photograph reduced for the computation, and the way back.

    Args:
        max_short_side: in pixels; None leaves the photograph as it is.
    """

    def __init__(self, image: Image, max_short_side: int | None) -> None:
        self.full = Size(*image.shape[:2])
        self.size = limited(self.full, max_short_side)
        self.image = resized(image, self.size)

    def point(self, click: Click) -> tuple[int, int]:
        return rescaled_pixel(click.x, click.y, self.full, self.size)

    def enlarged(self, margin: Float[np.ndarray, "h w"]) -> Mask:
        """The mask, at full size, where an interpolated margin is over 0."""
        soft = resized_map(torch.from_numpy(margin.astype(np.float32)), self.full)
        mask: Mask = (soft > 0).numpy()
        return mask


def disc(size: Size, point: tuple[int, int], radius: float) -> Mask:
    """Pixels within `radius` of a pixel (x, y)."""
    y, x = np.ogrid[: size.height, : size.width]
    inside: Mask = (x - point[0]) ** 2 + (y - point[1]) ** 2 <= radius**2
    return inside


def seeds(
    size: Size, clicks: list[tuple[tuple[int, int], bool]], radius: float
) -> Int32[np.ndarray, "H W"]:
    """Discs around clicks, in order; the image's frame is background until a click says so.

    Without the frame the first click would leave nothing to be told apart from.
    """
    labels = np.full(size.shape, UNKNOWN, np.int32)
    if all(positive for _, positive in clicks):
        labels[0, :] = labels[-1, :] = labels[:, 0] = labels[:, -1] = BACKGROUND
    for point, positive in clicks:
        labels[disc(size, point, radius)] = OBJECT if positive else BACKGROUND
    for point, positive in clicks:
        labels[point[1], point[0]] = OBJECT if positive else BACKGROUND
    return labels


def share_of_side(size: Size, share: float) -> float:
    """A length in pixels, at least 1, as a share of the shorter side."""
    return max(1.0, share * min(size.shape))
