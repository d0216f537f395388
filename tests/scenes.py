"""Small images with known objects, and a weight-free stand-in for a backbone's attention."""

from dataclasses import dataclass

import numpy as np
import torch

from m2n2v2.attention.base import DenseAttention
from m2n2v2.grid import Size


def photograph(
    size: Size, boxes: list[tuple[int, int, int, int]], seed: int = 0, noise: int = 6
) -> np.ndarray:
    """Boxes (left, top, right, bottom), each of its own colour, on a grey ground, with noise."""
    rng = np.random.default_rng(seed)
    image = np.full((*size.shape, 3), 128, np.int64)
    colours = [(220, 40, 40), (40, 200, 60), (50, 60, 230), (230, 220, 40)]
    for (left, top, right, bottom), colour in zip(boxes, colours, strict=False):
        image[top:bottom, left:right] = colour
    return np.clip(image + rng.integers(-noise, noise + 1, image.shape), 0, 255).astype(np.uint8)


def disc(
    height: int = 60, width: int = 80, centre: tuple[int, int] = (30, 28), radius: int = 15
) -> tuple[np.ndarray, np.ndarray]:
    """A warm, slightly noisy disc on a cool ground, and its mask. `centre` is (x, y)."""
    y, x = np.mgrid[:height, :width]
    mask = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    noise = np.random.default_rng(0).integers(-12, 13, (height, width, 3))
    colour = np.where(mask[:, :, None], (200, 120, 60), (50, 90, 150))
    return (colour + noise).clip(0, 255).astype(np.uint8), mask


@dataclass(frozen=True)
class ColourAttention:
    """Attention from the mean colour and the position of each cell: a stand-in with no weights."""

    cells: Size
    dtype: torch.dtype = torch.float32
    name: str = "stand-in: colour and position"

    def extract(self, image: np.ndarray) -> DenseAttention:
        height, width = self.cells.shape
        rows = np.array_split(np.arange(image.shape[0]), height)
        columns = np.array_split(np.arange(image.shape[1]), width)
        centre = [(i / height, j / width) for i in range(height) for j in range(width)]
        colour = [image[np.ix_(r, c)].mean((0, 1)) / 255 for r in rows for c in columns]
        feature = np.hstack([np.array(colour) / 0.15, np.array(centre) / 0.2])
        distance = np.square(feature[:, None] - feature[None]).sum(2)
        weight = np.exp(-0.5 * distance) + 1e-6
        weight /= weight.sum(1, keepdims=True)
        return DenseAttention(
            torch.as_tensor(weight, dtype=self.dtype).reshape(height, width, height, width)
        )


def colour_attention(image: np.ndarray, side: int = 16) -> torch.Tensor:
    """The same as a tensor `h w h w`, for sources and files that hold one."""
    return ColourAttention(Size(side, side)).extract(image).matrix.reshape(side, side, side, side)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


@dataclass(frozen=True)
class GivenDepth:
    """A depth source that returns what it was given."""

    depth: torch.Tensor
    name: str = "given"

    def estimate(self, image: np.ndarray) -> torch.Tensor:
        return self.depth
