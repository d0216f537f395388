"""Joint bilateral upsampling as an operator: built once per image, applied per click.

Kopf et al. 2007; depth as fourth guide channel is M2N2V2's (section 3.3). Bilinear upsampling
followed by a bilateral mean is linear in the low-resolution map, and its weights depend on the
image alone. A window of three sigmas touches at most 8 x 8 cells, so each pixel needs 64 weights,
and a click costs one dot product of 64 per pixel instead of a window of thousands.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32

from m2n2v2 import grid
from m2n2v2.arrays import CellMaps, DepthMap, Image, PixelMaps
from m2n2v2.compiled.threads import over_rows
from m2n2v2.grid import Size
from m2n2v2.method import _upsampling as kernel
from m2n2v2.method.settings import Settings

WINDOW = 3.0
"""Sigmas the (elliptic) window reaches."""


@dataclass(frozen=True)
class JointBilateralUpsampling:
    """A linear map from attention cells to pixels.

    Attributes:
        weights: of each pixel over its patch of cells; they sum to 1.
        top, left: first cell row and column of the patch, per pixel row and column.
        cells: the grid.
    """

    weights: Float32[torch.Tensor, "H W ty tx"]
    top: Int32[np.ndarray, " H"]
    left: Int32[np.ndarray, " W"]
    cells: Size

    @property
    def size(self) -> Size:
        return Size(int(self.weights.shape[0]), int(self.weights.shape[1]))

    def __call__(self, maps: CellMaps) -> PixelMaps:
        """Upsample k maps from cells to pixels, in the unit they came in."""
        if self.weights.device.type == "cpu":
            return self._compiled(maps)
        return self._gathered(maps)

    def _compiled(self, maps: CellMaps) -> PixelMaps:
        out = np.empty((len(maps), *self.size.shape), np.float32)
        source = maps.to(torch.float32).contiguous().numpy()
        over_rows(
            kernel.apply,
            self.size.height,
            self.weights.numpy(),
            self.top,
            self.left,
            source,
            out,
        )
        return torch.from_numpy(out)

    def _gathered(self, maps: CellMaps) -> PixelMaps:
        ty, tx = self.weights.shape[2:]
        patches = maps.to(self.weights.dtype).unfold(1, ty, 1).unfold(2, tx, 1)
        top, left = (
            torch.from_numpy(i).to(maps.device, torch.int64) for i in (self.top, self.left)
        )
        return torch.stack(
            [
                torch.einsum("hwyx,hwyx->hw", self.weights, patch[top[:, None], left[None, :]])
                for patch in patches
            ]
        )

    def to(self, device: torch.device | str) -> "JointBilateralUpsampling":
        """This operator on another device."""
        return JointBilateralUpsampling(self.weights.to(device), self.top, self.left, self.cells)


def joint_bilateral_upsampling(
    image: Image,
    cells: Size,
    *,
    depth: DepthMap | None = None,
    spatial_sigma: float = Settings.spatial_sigma,
    range_sigma: float = Settings.range_sigma,
) -> JointBilateralUpsampling:
    """The upsampling operator of one image.

    A map over `cells` is upsampled bilinearly (half-pixel centres), then every pixel becomes
    the weighted mean of the pixels within three spatial sigmas. The weight is the product of a
    Gaussian of the distance, in cells along each axis, and one Gaussian per guide channel.

    Args:
        image: the guide, taken as RGB / 255.
        cells: the grid of the maps to upsample.
        depth: a fourth guide channel in [0, 1]; None leaves the guide RGB.
        spatial_sigma: in cells, over 0.
        range_sigma: in guide values, over 0.
    """
    height, width = image.shape[:2]
    down, across = (
        _window(height, cells.height, spatial_sigma),
        _window(width, cells.width, spatial_sigma),
    )
    position, lowest, highest = _positions(across, width)
    padded = len(lowest) * kernel.BLOCK
    guide = np.full((4, height, padded + 2 * across.radius), _NOWHERE, np.float32)
    inner = guide[:, :, across.radius : across.radius + width]
    inner[:3] = image.transpose(2, 0, 1) / np.float32(255)
    inner[3] = 0 if depth is None else depth.detach().cpu().numpy()
    inner *= np.float32(math.sqrt(math.log2(math.e) / 2) / range_sigma)

    reach = across.sigma * np.sqrt(np.clip(WINDOW**2 - (down.offsets / down.sigma) ** 2, 0, None))
    weights = np.empty((height, width, down.taps, across.taps), np.float32)
    over_rows(
        kernel.build,
        height,
        guide,
        np.minimum(np.floor(reach + 1e-9), across.radius).astype(np.int32),
        down.exponent[down.radius :],
        across.exponent,
        down.first,
        down.cell,
        down.weight,
        position,
        lowest,
        highest,
        weights,
    )
    return JointBilateralUpsampling(torch.from_numpy(weights), down.first, across.first, cells)


_NOWHERE = -1e4
"""The guide beside the image: so far from any colour that it weighs nothing."""


def _positions(
    across: "_Window", width: int
) -> tuple[Float32[np.ndarray, "D X"], Int32[np.ndarray, "B D"], Int32[np.ndarray, "B D"]]:
    """For each offset in the window and each pixel: where in the pixel's patch of cell columns the
    column at that offset lies, as a fraction, and the taps that a block of pixels needs for it."""
    padded = -(-width // kernel.BLOCK) * kernel.BLOCK
    pixel = np.arange(padded)
    column = pixel + np.arange(-across.radius, across.radius + 1)[:, None]
    inside = (column >= 0) & (column < width) & (pixel < width)
    column, pixel = np.clip(column, 0, width - 1), np.minimum(pixel, width - 1)
    position = across.cell[column] - across.first[pixel] + across.weight[column]
    blocks = (len(column), -1, kernel.BLOCK)
    lowest = np.where(inside, np.floor(position), across.taps).reshape(blocks).min(2)
    highest = np.where(inside, np.ceil(position), -1).reshape(blocks).max(2)
    position = np.where(inside, position, -2).astype(np.float32)
    highest = np.minimum(highest, across.taps - 1)
    first, last = (np.ascontiguousarray(taps.T, np.int32) for taps in (lowest, highest))
    return position, first, last


@dataclass(frozen=True)
class _Window:
    """One axis of the bilateral window and the cells it touches."""

    sigma: float
    radius: int
    offsets: Float[np.ndarray, " D"]
    exponent: Float32[np.ndarray, " D"]
    cell: Int32[np.ndarray, " N"]
    weight: Float32[np.ndarray, " N"]
    first: Int32[np.ndarray, " N"]
    taps: int


def _window(pixels: int, cells: int, spatial_sigma: float) -> _Window:
    sigma = spatial_sigma * pixels / cells
    radius = min(int(WINDOW * sigma + 1e-9), pixels - 1)
    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    cell, weight = grid.linear_taps(pixels, cells)
    index = np.arange(pixels)
    first = cell[np.maximum(index - radius, 0)]
    last = np.minimum(cell[np.minimum(index + radius, pixels - 1)] + 1, cells - 1)
    taps = int((last - first).max()) + 1
    return _Window(
        sigma,
        radius,
        offsets,
        (offsets**2 * (math.log2(math.e) / (2 * sigma**2))).astype(np.float32),
        cell,
        weight.astype(np.float32),
        np.minimum(first, cells - taps).astype(np.int32),
        taps,
    )
