"""Sets whose masks mark one object per image by any value over 0."""

from pathlib import Path

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.pairs import by_stem, subfolder
from m2n2v2.masks.readers import MaskFile
from m2n2v2.telling import Tell

HQSEG44K = {
    "DIS": ("DIS5K/DIS-VD", "im", "gt"),
    "ThinObject": ("thin_object_detection/ThinObject5K", "images_test", "masks_test"),
    "COIFT": ("thin_object_detection/COIFT", "images", "masks"),
    "HRSOD": ("thin_object_detection/HRSOD", "images", "masks_max255"),
}
"""The four parts, as published: folder, images, masks."""


def davis(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    """DAVIS345 and COCO_MVal: `img/ gt/`."""
    return _items(root, "img", "gt", tell)


def brats(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    return _items(root, "image", "annotation", tell)


def hqseg44k(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    return [
        item
        for part, (folder, images, masks) in HQSEG44K.items()
        for item in _items(root / folder, images, masks, tell, prefix=f"{part}/")
    ]


def _items(root: Path, images: str, masks: str, tell: Tell, prefix: str = "") -> list[Item]:
    pairs = by_stem(subfolder(root, images), subfolder(root, masks), tell)
    return [Item(prefix + image.name, image, MaskFile(mask)) for image, mask in pairs]
