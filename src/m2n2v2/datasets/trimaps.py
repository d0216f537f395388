"""GrabCut and Berkeley: 128 is void, more is object; 64 is background outside the work area.

M2N2's official code counts 128 as object.
"""

from pathlib import Path

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.pairs import by_stem, subfolder
from m2n2v2.masks.conventions import Convention as MaskValues
from m2n2v2.masks.readers import MaskFile
from m2n2v2.telling import Tell


def grabcut(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    return _items(subfolder(root, "data_GT"), subfolder(root, "boundary_GT"), convention, tell)


def berkeley(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    return _items(subfolder(root, "images"), subfolder(root, "masks"), convention, tell)


def _items(images: Path, masks: Path, convention: Convention, tell: Tell) -> list[Item]:
    values: MaskValues = "trimap" if convention == "field" else "half"
    return [
        Item(image.name, image, MaskFile(mask, values))
        for image, mask in by_stem(images, masks, tell)
    ]
