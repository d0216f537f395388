"""Clips with known objects: textured discs that move over a textured ground."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PILImage
from scipy import ndimage

from m2n2v2.errors import FrameError
from m2n2v2.grid import Size
from m2n2v2.tracking.tracks import Labels

COLOURS = ((210, 90, 40), (60, 170, 70), (190, 60, 190))

USUAL, WIDE = Size(96, 128), Size(96, 160)


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Smooth noise in [-1, 1], the same every time."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    smooth = ndimage.gaussian_filter(noise, 2.0, mode="wrap")
    return smooth / np.abs(smooth).max()


def scene(
    centres: list[tuple[float, float] | None], size: Size, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """A frame with a disc at each centre (x, y), later ones in front, and its labels."""
    height, width = size.shape
    image = np.array([70, 90, 130]) + 40 * texture(height, width, 0)[:, :, None]
    labels = np.zeros(size.shape, np.int32)
    y, x = np.mgrid[:height, :width]
    for number, centre in enumerate(centres, 1):
        if centre is None:
            continue
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
        pattern = np.roll(
            texture(height, width, number), (round(centre[1]), round(centre[0])), (0, 1)
        )
        colour = np.array(COLOURS[number - 1]) + 40 * pattern[:, :, None]
        image = np.where(inside[:, :, None], colour, image)
        labels[inside] = number
    return image.clip(0, 255).astype(np.uint8), labels


@dataclass(frozen=True)
class Clip:
    """A clip in memory, with its truth; frames in `broken` cannot be read."""

    images: list[np.ndarray]
    truth: list[Labels]
    broken: frozenset[int] = frozenset()

    @property
    def size(self) -> Size:
        return Size(*self.images[0].shape[:2])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{i:05d}" for i in range(len(self.images)))

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def identity(self) -> str:
        return "a clip"

    def seconds(self, index: int) -> float | None:
        return None

    def read(self, index: int) -> np.ndarray:
        if index in self.broken:
            raise FrameError(f"frame {index} is broken", cure="none")
        return self.images[index]

    def written(self, folder: Path, suffix: str = ".png") -> Path:
        """The frames as files."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in zip(self.names, self.images, strict=True):
            PILImage.fromarray(image).save(folder / f"{name}{suffix}")
        return folder


def passing(count: int = 8, size: Size = USUAL, step: float = 3.0) -> Clip:
    """One disc that goes right."""
    made = [scene([(30 + step * t, 48.0)], size, 18) for t in range(count)]
    return Clip([image for image, _ in made], [labels for _, labels in made])


def two(count: int = 8, size: Size = WIDE) -> Clip:
    """Two discs, one going right, one going down."""
    made = [scene([(30 + 3.0 * t, 40.0), (125.0, 30 + 2.0 * t)], size, 16) for t in range(count)]
    return Clip([image for image, _ in made], [labels for _, labels in made])


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    union = (found | truth).sum()
    return float((found & truth).sum() / union) if union else 1.0
