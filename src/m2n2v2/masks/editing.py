"""Whole masks put together and taken apart."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.masks.cleaning import EIGHT, FOUR

Given = Bool[np.ndarray, "_ _"]
"""A mask of a size that is still to be compared."""


def merged(masks: Sequence[Given]) -> Mask:
    """All that any of them holds.

    Raises:
        MaskError: there are none, or their sizes differ.
    """
    _same_size(masks)
    return np.logical_or.reduce(masks)


def subtracted(mask: Given, other: Given) -> Mask:
    """What the first holds and the second does not.

    Raises:
        MaskError: their sizes differ.
    """
    _same_size((mask, other))
    return mask & ~other


def intersected(masks: Sequence[Given]) -> Mask:
    """What all of them hold.

    Raises:
        MaskError: there are none, or their sizes differ.
    """
    _same_size(masks)
    return np.logical_and.reduce(masks)


def parts(mask: Mask) -> tuple[Mask, ...]:
    """Its 8-connected parts, in row-major order of their first pixels; together they are it."""
    labels, count = ndimage.label(mask, EIGHT)
    return tuple(labels == part for part in range(1, count + 1))


def parts_count(mask: Mask) -> int:
    """How many parts `parts` would give."""
    return int(ndimage.label(mask, EIGHT)[1])


def hole_filled(mask: Mask, x: int, y: int) -> Mask:
    """The mask with the hole at a pixel filled: its 4-connected part of the background.

    Raises:
        MaskError: the pixel lies outside, on the object, or in background that touches the frame.
    """
    height, width = mask.shape
    if not (0 <= x < width and 0 <= y < height):
        raise MaskError(
            f"pixel ({x}, {y}) lies outside the {width}x{height} mask", cure="point into a hole"
        )
    if mask[y, x]:
        raise MaskError(f"pixel ({x}, {y}) is on the object", cure="point into a hole")
    labels, _ = ndimage.label(~mask, FOUR)
    hole = labels == labels[y, x]
    if hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any():
        raise MaskError(
            f"the background at ({x}, {y}) reaches the image's frame",
            cure="point into a hole, which the object surrounds",
        )
    return mask | hole


def _same_size(masks: Sequence[Given]) -> None:
    sizes = {mask.shape for mask in masks}
    if len(sizes) != 1:
        shown = ", ".join(f"{width}x{height}" for height, width in sorted(sizes)) or "none"
        raise MaskError(f"masks of sizes {shown} came", cure="give masks of one size")
