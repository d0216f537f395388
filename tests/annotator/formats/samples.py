"""Masks and labels that every format meets."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image as PILImage

from m2n2v2.annotator.formats.base import LabelClass, Labelled, LabelledObject, Labels
from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12), fill=st.booleans())
SOLID = MASKS.filter(np.any)
"""Masks with a pixel."""


def drawn(*rows: str) -> Mask:
    """A mask from rows of `#` (object) and anything else."""
    return np.array([[character == "#" for character in row] for row in rows])


PLAIN = drawn("........", ".###....", ".####...", "..###...", "........", "........")
RING = drawn("#######.", "#.....#.", "#..#..#.", "#.....#.", "#######.", "........")
PARTS = drawn("##......", "##......", "..#.....", "........", "......##", "......##")
CORNER = drawn("........", "........", "........", "........", "......#.", ".......#")
BAR = drawn("........", "........", "########", "........", "........", "........")
SIZE = Size(*PLAIN.shape)
SIZES = {"a.jpg": SIZE, "deep/a.png": SIZE, "empty.png": SIZE}


def thing(mask: Mask, class_name: str | None = None, clicks: int = 0) -> LabelledObject:
    return LabelledObject(Runs.of(mask), class_name, clicks)


def labels(*, without_class: bool = False, times: int = 1) -> Labels:
    """Three images, of one stem twice; overlaps, a hole, parts, an island in a hole.

    Args:
        times: pixels become squares of so many.
    """
    size = Size(SIZE.height * times, SIZE.width * times)

    def thing(mask: Mask, class_name: str | None = None, clicks: int = 0) -> LabelledObject:
        larger = np.kron(mask, np.ones((times, times), bool))
        return LabelledObject(Runs.of(larger), class_name, clicks)

    first = (thing(PLAIN, "cup", 3), thing(RING, "saucer: blue", 2), thing(CORNER, "cup", 1))
    second = (thing(PARTS, "saucer: blue"), thing(BAR, None if without_class else "cup"))
    return Labels(
        (
            Labelled("deep/a.png", size, second),
            Labelled("a.jpg", size, first),
            Labelled("empty.png", size),
        ),
        (LabelClass("saucer: blue", "#1020ff"), LabelClass("cup", "#ff0080"), LabelClass("spare")),
    )


def photographs(folder: Path, *, times: int = 1) -> Path:
    """The photographs of these labels; every pixel of a small one is different."""
    pixels = np.arange(SIZE.area * 3, dtype=np.uint8).reshape(*SIZE.shape, 3)
    pixels = np.kron(pixels, np.ones((times, times, 1), np.uint8))
    for name in SIZES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(pixels).save(folder / name)
    return folder


def by_name(found: Labels) -> dict[str, list[tuple[str | None, Runs]]]:
    """What a lossless format gives back: for each image its objects, bottom to top."""
    return {
        image.name: [(each.class_name, each.mask) for each in image.objects]
        for image in found.images
    }
