"""Masks made clean: holes filled, specks removed, outlines smoothed; exact, and local."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError

FOUR = ndimage.generate_binary_structure(2, 1)
EIGHT = ndimage.generate_binary_structure(2, 2)
LARGEST_SMOOTH = 50
"""Pixels of radius; the time goes with its square."""


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A clean mask, and what was changed.

    Attributes:
        added: pixels that are object now and were not.
        removed: pixels that were object and are not.
    """

    mask: Mask
    added: int
    removed: int


@dataclass(frozen=True)
class Cleaning:
    """How masks are cleaned: outlines smoothed, then small parts removed and small holes filled.

    A hole is a 4-connected part of the background that does not touch the image's frame, a speck
    an 8-connected part of the object. Where all parts are specks, the largest stays (the first in
    row-major order of equals), so that no object is lost. Smoothing makes a pixel what more than
    half of the pixels within its radius are that lie in the image; on a tie it stays what it was.
    Nothing farther than the radius matters, and no other pixel changes. Falsy if it does nothing.

    Attributes:
        holes: the largest area that is filled, in pixels, 0 or more; 0 fills none.
        specks: the largest area that is removed, likewise.
        smooth: the radius, in pixels, 0 to 50; 0 smooths nothing.

    Raises:
        MaskError: a number is out of its range.
    """

    holes: int = 0
    specks: int = 0
    smooth: int = 0

    def __post_init__(self) -> None:
        for name, value in (("holes", self.holes), ("specks", self.specks)):
            if value < 0:
                raise MaskError(
                    f"{name} is {value}", cure="use a whole number of pixels, 0 or more"
                )
        if not 0 <= self.smooth <= LARGEST_SMOOTH:
            raise MaskError(
                f"smooth is {self.smooth}", cure=f"use a radius of 0 to {LARGEST_SMOOTH} pixels"
            )

    def __bool__(self) -> bool:
        return any((self.holes, self.specks, self.smooth))

    def of(self, mask: Mask) -> Cleaned:
        """The mask, cleaned."""
        changed = smoothed(mask, self.smooth) if self.smooth else mask
        if self.specks:
            changed = _without_specks(changed, self.specks)
        if self.holes:
            changed = _filled(changed, self.holes)
        return Cleaned(changed, int((changed & ~mask).sum()), int((mask & ~changed).sum()))


def smoothed(mask: Mask, radius: int) -> Mask:
    """What more than half of the pixels within the radius are; where no object would be left, the
    mask stays as it is."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= radius * radius).astype(np.float32)
    near = _counted(mask, disc)
    half = _counted(np.ones_like(mask), disc) / 2
    voted: Mask = np.where(near == half, mask, near > half)
    return voted if voted.any() or not mask.any() else mask


def _counted(mask: Mask, disc: np.ndarray) -> np.ndarray:
    """How many pixels of the disc around each pixel are in the mask; exact whole numbers."""
    rows = np.zeros(mask.shape, np.int64)
    radius = len(disc) // 2
    padded = np.pad(mask, radius).astype(np.int32)
    sums = np.pad(np.cumsum(padded, axis=1), ((0, 0), (1, 0)))
    width = mask.shape[1]
    for down, line in enumerate(disc):
        reach = int(line.sum()) // 2
        left, right = radius - reach, radius + reach + 1
        part = sums[down : down + mask.shape[0]]
        rows += part[:, right : right + width] - part[:, left : left + width]
    return rows


def _without_specks(mask: Mask, largest: int) -> Mask:
    labels, count = ndimage.label(mask, EIGHT)
    if not count:
        return mask
    area = np.bincount(labels.ravel(), minlength=count + 1)
    kept = area > largest
    kept[0] = False
    if not kept.any():
        kept[1 + int(area[1:].argmax())] = True
    return kept[labels]


def _filled(mask: Mask, largest: int) -> Mask:
    labels, count = ndimage.label(~mask, FOUR)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    fill = area <= largest
    fill[0] = False
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        fill[side] = False
    return mask | fill[labels]
