"""What is compared between frames: a description of each cell of a grid that keeps the aspect."""

import math
from typing import Protocol, Self, runtime_checkable

import numpy as np
import skimage
import torch
from jaxtyping import Float32

from m2n2v2.arrays import Image
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.tracking.flow import opencv
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import Kind, VisionTransformer

Features = Float32[np.ndarray, "h w c"]
"""Of cells; two are alike if the distance between them is small."""


@runtime_checkable
class CellFeatures(Protocol):
    """A source of descriptions.

    Attributes:
        name: what makes them, with all that changes them; features are cached by it.
        costly: whether they are worth keeping on disk.
        channels: numbers a cell.
    """

    name: str
    costly: bool
    channels: int

    def cells(self, size: Size) -> Size:
        """The grid for frames of a size."""
        ...

    def __call__(self, image: Image) -> Features:
        """The description of each cell of a frame."""
        ...


def grid_of(size: Size, cells: int) -> Size:
    """About so many cells, as square as they can be, over an image."""
    scale = math.sqrt(cells / size.area)
    return Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))


NETWORK_CELLS = 2074
"""34 x 61, the whole patches of 854 x 480: a forward pass of DINOv2 Small takes about 2 seconds of
a core."""

KIND: Kind = "keys"


class NetworkCells:
    """Unit vectors of what the last block of a DINOv2 compares.

    Args:
        network: the network.
        network_name: what to record as its origin.
        cells: about how many; its work grows faster than they do.
    """

    costly = True

    def __init__(
        self, network: VisionTransformer, network_name: str, cells: int = NETWORK_CELLS
    ) -> None:
        self.network = network
        self.count = cells
        self.channels = network.shape.channels
        self.name = f"{KIND} of {network_name}, {cells} cells"

    @classmethod
    def load(cls, model: str = "dinov2-small", loading: Loading | None = None) -> Self:
        """From weights, as `VisionTransformer.load`.

        Raises:
            WeightsError, BackendError, DeviceError: they cannot be loaded, or not here.
        """
        network, located = VisionTransformer.load(model, loading or Loading())
        return cls(network, located.name)

    def cells(self, size: Size) -> Size:
        return grid_of(size, self.count)

    def __call__(self, image: Image) -> Features:
        cells = self.cells(Size(*image.shape[:2]))
        with out_of_memory_named(f"DINOv2 at {cells}", "use the preset offline"):
            pixels = self.network.pixels(image, cells)
            (values,) = self.network.features(pixels, {-1: frozenset({KIND})}).values()
        unit = torch.nn.functional.normalize(values.to("cpu", torch.float32), dim=2)
        return unit.numpy()


OWN_CELLS = 2840
"""40 x 71 at 854 x 480: 12 pixels each."""

OWN_SCALE = 12.0
"""A distance of so much in Lab makes two cells as unlike as orthogonal unit vectors."""

DIRECTIONS = 6
"""Of the gradients that are told apart."""


class OwnCells:
    """Colours and gradients of cells and their surroundings: no network, no weights."""

    name = f"colours and gradients, {OWN_CELLS} cells"
    costly = False
    channels = 9 + DIRECTIONS

    def cells(self, size: Size) -> Size:
        return grid_of(size, OWN_CELLS)

    def __call__(self, image: Image) -> Features:
        cv2 = opencv()
        cells = self.cells(Size(*image.shape[:2]))
        fine = Size(3 * cells.height, 3 * cells.width)
        small = resized(image, fine)
        lab = skimage.color.rgb2lab(small).astype(np.float32)
        lab[:, :, 0] *= 0.5  # lightness changes with the light

        def mean(values: Float32[np.ndarray, "a b *c"], around: int) -> Float32[np.ndarray, "..."]:
            wide = cv2.blur(values, (around, around), borderType=cv2.BORDER_REFLECT)
            out: Float32[np.ndarray, ...] = wide[1::3, 1::3]
            return out

        down = cv2.Sobel(lab[:, :, 0], cv2.CV_32F, 0, 1) / 4
        right = cv2.Sobel(lab[:, :, 0], cv2.CV_32F, 1, 0) / 4
        strength, angle = np.hypot(right, down), np.arctan2(down, right) % np.pi
        bins = np.arange(DIRECTIONS, dtype=np.float32) * (np.pi / DIRECTIONS)
        apart = np.abs((angle[:, :, None] - bins + np.pi / 2) % np.pi - np.pi / 2)
        sharp = np.clip(1 - apart * (DIRECTIONS / np.pi), 0, None) * strength[:, :, None]
        parts = [
            mean(lab, 3),
            0.7 * mean(lab, 9),
            0.7 * mean(lab, 21),
            mean(sharp.astype(np.float32), 9),
        ]
        return (np.concatenate(parts, 2) / np.float32(OWN_SCALE)).astype(np.float32)
