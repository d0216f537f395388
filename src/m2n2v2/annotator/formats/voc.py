"""PASCAL VOC: index PNGs, one of classes and one of objects, with VOC's palette.

A pixel has one class and one object, so of objects that overlap the upper one keeps the pixels.
0 is background; 255 means void in VOC and is never written. `read` is `png.read`.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from m2n2v2.annotator.formats.base import Labelled, Labels, Losses, class_index, solid
from m2n2v2.annotator.formats.classes import name_of, voc_color, voc_palette
from m2n2v2.annotator.formats.files import Photos, save_png, write_text
from m2n2v2.annotator.formats.names import stems
from m2n2v2.annotator.formats.photos_out import copy_photos, write_names
from m2n2v2.errors import FormatError

MOST = 254
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
LABELMAP = "labelmap.txt"
LIST = "ImageSets/Segmentation/train.txt"
Indices = UInt8[np.ndarray, "H W"]


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write `SegmentationClass`, `SegmentationObject`, `labelmap.txt`, the list of images and
    (with photographs) `JPEGImages`.

    Raises:
        FormatError: more than 254 classes, or objects on an image.
    """
    counts: Counter[str] = Counter()
    index = class_index(labels, counts)
    listed = dict.fromkeys(
        name_of(name) for name, _ in sorted(index.items(), key=lambda item: item[1])
    )
    _check(len(listed), "the labels have {n} classes")
    for image in labels.ordered():
        _check(len(image.objects), f"{image.name} has {{n}} objects")
    names = stems((image.name for image in labels.images), flat=True)
    copy_photos(labels, names, folder / "JPEGImages", photos, counts, jpeg=True)
    palette = voc_palette()
    for image in labels.ordered():
        classes, objects = _maps(image, index, counts)
        save_png(folder / CLASSES / f"{names[image.name]}.png", classes, palette)
        save_png(folder / OBJECTS / f"{names[image.name]}.png", objects, palette)
    rows = [
        f"{name}:{','.join(map(str, voc_color(number)))}::\n"
        for number, name in enumerate(["background", *(name.replace(":", "_") for name in listed)])
    ]
    write_text(folder / LABELMAP, "# label:color_rgb:parts:actions\n" + "".join(rows))
    write_text(folder / LIST, "".join(f"{names[image.name]}\n" for image in labels.ordered()))
    write_names(folder, names, counts)
    counts["colors"] += sum(label.color is not None for label in labels.classes)
    return Losses.of(counts)


def _check(count: int, what: str) -> None:
    if count > MOST:
        raise FormatError(
            f"{what.format(n=count)}, and an index PNG holds {MOST}",
            cure="export as coco or png instead",
        )


def _maps(
    image: Labelled, index: dict[str | None, int], counts: Counter[str]
) -> tuple[Indices, Indices]:
    """The index of the class and of the object at every pixel; later objects cover earlier."""
    classes = np.zeros(image.size.shape, np.uint8)
    objects = np.zeros(image.size.shape, np.uint8)
    written = solid(image, counts)
    for number, obj in enumerate(written, 1):
        mask = obj.mask.mask
        classes[mask] = index[obj.class_name] + 1
        objects[mask] = number
    counts["overlap"] += sum(obj.mask.area for obj in written) - int((objects > 0).sum())
    counts["hidden"] += len(written) - int((np.unique(objects) > 0).sum())
    return classes, objects
