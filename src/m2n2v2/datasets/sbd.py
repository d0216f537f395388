"""SBD, the validation part: `img/ inst/*.mat val.txt`, one sample per instance.

M2N2's official code goes through the class masks (`cls/*.mat`): one sample per class and image.
"""

from pathlib import Path

import numpy as np

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.pairs import subfolder
from m2n2v2.errors import DatasetError
from m2n2v2.masks.readers import MatInstance, mat_labels
from m2n2v2.telling import Tell

BOUNDARY = 255


def sbd(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    names = root / "val.txt"
    if not names.is_file():
        raise DatasetError(f"{names} does not exist", cure="see `m2n2v2 datasets` for the layout")
    images = subfolder(root, "img")
    folder, field = ("inst", "GTinst") if convention == "field" else ("cls", "GTcls")
    truths = subfolder(root, folder)
    items = []
    for name in names.read_text("utf-8").split():
        path = truths / f"{name}.mat"
        for label in np.unique(mat_labels(path, field)).tolist():
            if label not in (0, BOUNDARY):
                truth = MatInstance(path, field, label)
                items.append(Item(f"{name}:{label}", images / f"{name}.jpg", truth))
    return items
