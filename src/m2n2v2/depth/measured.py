"""Depth from a sensor: metres in, normalised inverse depth out, holes filled."""

import os
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from PIL import Image as PILImage
from scipy import ndimage

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.depth.base import matching, normalized_inverse
from m2n2v2.errors import DepthError

UNITS = ("m", "mm", "inverse", "relative")


class Measured:
    """The depth map of an RGB-D camera, a stereo rig or a renderer.

    Args:
        depth: `H x W` numbers, or the path of a 16-bit PNG, a TIFF or an `.npy` file.
        unit: `m` and `mm` are distances, of which 0, negative, NaN and infinite ones are holes;
            `inverse` is disparity or inverse depth (larger nearer; 0 is infinitely far, negative,
            NaN and infinite are holes); `relative` is an ordering without a scale (larger
            farther; NaN and infinite are holes).
        name: what to record as its origin.

    Holes take the depth of the nearest pixel that has one.

    Raises:
        DepthError: the file cannot be read, is no map of numbers, or has no reading at all.
    """

    def __init__(
        self,
        depth: Shaped[np.ndarray, "..."] | str | os.PathLike[str],
        *,
        unit: str,
        name: str | None = None,
    ) -> None:
        if unit not in UNITS:
            raise DepthError(f"depth unit is {unit!r}", cure=f"use one of {', '.join(UNITS)}")
        if isinstance(depth, str | os.PathLike):
            name = name or f"measured, file {Path(depth).name}, unit {unit}"
            depth = _load(Path(depth))
        self.name = name or f"measured, unit {unit}"
        if depth.ndim != 2 or depth.size == 0 or not np.issubdtype(depth.dtype, np.number):
            raise DepthError(
                f"depth has shape {depth.shape} and dtype {depth.dtype}",
                cure="give one number per pixel, H x W",
            )
        inverse, valid = _inverse(depth.astype(np.float64), unit)
        if not valid.any():
            raise DepthError(
                "the depth map has no valid reading", cure="check its unit, or leave depth out"
            )
        self._depth = normalized_inverse(torch.from_numpy(_filled(inverse, valid)))

    def estimate(self, image: Image) -> DepthMap:
        return matching(self._depth, image)


def _inverse(
    depth: Float[np.ndarray, "H W"], unit: str
) -> tuple[Float[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    valid = np.isfinite(depth)
    if unit == "relative":
        return -depth, valid
    if unit == "inverse":
        return depth, valid & (depth >= 0)
    valid &= depth > 0
    return 1 / np.where(valid, depth, 1), valid


def _filled(
    values: Float[np.ndarray, "H W"], valid: Bool[np.ndarray, "H W"]
) -> Float[np.ndarray, "H W"]:
    if valid.all():
        return values
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return values[tuple(nearest)]


def _load(path: Path) -> Shaped[np.ndarray, "..."]:
    try:
        if path.suffix.lower() == ".npy":
            array: Shaped[np.ndarray, ...] = np.load(path, allow_pickle=False)
            return array
        with PILImage.open(path) as file:
            return np.asarray(file)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DepthError(
            f"cannot read a depth map from {path} ({error})",
            cure="give a 16-bit PNG, a TIFF or a .npy file",
        ) from error
