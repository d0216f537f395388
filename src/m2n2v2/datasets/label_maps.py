"""OAI-ZIB and DRAM: maps of labels, one object per label that occurs.

M2N2's official code takes every non-zero pixel of an OAI-ZIB map as one object.
"""

from pathlib import Path

import numpy as np

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.pairs import by_stem, subfolder
from m2n2v2.masks.readers import LabelFile, label_values
from m2n2v2.telling import Tell

DRAM_VOID = 255


def oai_zib(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    test = subfolder(root, "test")
    pairs = by_stem(subfolder(test, "image"), subfolder(test, "annotations"), tell)
    if convention == "m2n2":
        return [Item(image.name, image, LabelFile(path, None)) for image, path in pairs]
    return [item for image, path in pairs for item in _objects(image.name, image, path, None)]


def dram(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    """`images/ labels/`, with the same folders below; every label but background (0) and 255."""
    images = subfolder(root, "images")
    pairs = by_stem(images, subfolder(root, "labels"), tell, deep=True)
    return [
        item
        for image, path in pairs
        for item in _objects(image.relative_to(images).as_posix(), image, path, DRAM_VOID)
    ]


def _objects(name: str, image: Path, path: Path, void: int | None) -> list[Item]:
    labels = [label for label in np.unique(label_values(path)).tolist() if label not in (0, void)]
    return [Item(f"{name}:{label}", image, LabelFile(path, label, void)) for label in labels]
