"""Small made-up pictures, and attentions made from them."""

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from m2n2v2.arrays import Image


def disc(
    height: int = 60, width: int = 80, centre: tuple[int, int] = (30, 28), radius: int = 15
) -> tuple[Image, Bool[np.ndarray, "H W"]]:
    """A warm, slightly noisy disc on a cool ground, and its mask. `centre` is (x, y)."""
    y, x = np.mgrid[:height, :width]
    mask = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    noise = np.random.default_rng(0).integers(-12, 13, (height, width, 3))
    colour = np.where(mask[:, :, None], (200, 120, 60), (50, 90, 150))
    return (colour + noise).clip(0, 255).astype(np.uint8), mask


def colour_attention(
    image: Image, side: int = 16, sharpness: float = 30.0
) -> Float32[Tensor, "h w h w"]:
    """Rows proportional to `exp(-sharpness * (colour distance^2 + position distance^2 / 20))`."""
    height, width = image.shape[:2]
    rows = (np.arange(side) + 0.5) * height / side
    columns = (np.arange(side) + 0.5) * width / side
    colour = image[rows.astype(int)][:, columns.astype(int)].reshape(-1, 3) / 255
    i, j = np.mgrid[:side, :side].reshape(2, -1) / side
    features = np.concatenate([colour, np.stack([i, j], 1) / np.sqrt(20)], axis=1)
    distance = ((features[:, None] - features[None]) ** 2).sum(-1)
    attention = np.exp(-sharpness * distance)
    attention /= attention.sum(1, keepdims=True)
    return torch.from_numpy(attention.astype(np.float32)).reshape(side, side, side, side)


def iou(a: Bool[np.ndarray, "H W"], b: Bool[np.ndarray, "H W"]) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))
