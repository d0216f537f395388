"""PASCAL VOC: index PNGs, one of classes and one of objects, with VOC's palette, and XML of boxes.

A pixel has one class and one object, so of objects that overlap the upper one keeps the pixels; a
box is round what an object keeps. 0 is background; 255 means void in VOC and is never written.
`read` is `png.read`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import UInt8

from m2n2v2.annotator.formats.base import Labelled, Labels, Losses, class_index, solid
from m2n2v2.annotator.formats.classes import name_of, voc_color, voc_palette
from m2n2v2.annotator.formats.files import Photos, save_png, write_text
from m2n2v2.annotator.formats.names import stems
from m2n2v2.annotator.formats.photos_out import copy_photos, write_names
from m2n2v2.errors import FormatError
from m2n2v2.masks.runs import Runs

MOST = 254
BOXES = "Annotations"
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
LABELMAP = "labelmap.txt"
LISTS = ("ImageSets/Main/train.txt", "ImageSets/Segmentation/train.txt")
"""The images with boxes, and those with masks: the same."""

Indices = UInt8[np.ndarray, "H W"]


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write `SegmentationClass`, `SegmentationObject`, `Annotations`, `labelmap.txt`, the lists of
    images and (with photographs) `JPEGImages`.

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
    files = copy_photos(labels, names, folder / "JPEGImages", photos, counts, jpeg=True)
    palette = voc_palette()
    for image in labels.ordered():
        classes, objects = _maps(image, index, counts)
        save_png(folder / CLASSES / f"{names[image.name]}.png", classes, palette)
        save_png(folder / OBJECTS / f"{names[image.name]}.png", objects, palette)
        boxes = _boxes(image, objects, files[image.name])
        write_text(folder / BOXES / f"{names[image.name]}.xml", boxes)
    rows = [
        f"{name}:{','.join(map(str, voc_color(number)))}::\n"
        for number, name in enumerate(["background", *map(_spelled, listed)])
    ]
    write_text(folder / LABELMAP, "# label:color_rgb:parts:actions\n" + "".join(rows))
    for path in LISTS:
        write_text(folder / path, "".join(f"{names[image.name]}\n" for image in labels.ordered()))
    write_names(folder, names, counts)
    counts["colors"] += sum(label.color is not None for label in labels.classes)
    return Losses.of(counts)


def _spelled(name: str) -> str:
    """A class as the label map and XML can hold it."""
    return re.sub("[:\ufffe\uffff]", "_", name)


def _boxes(image: Labelled, objects: Indices, file: str) -> str:
    """XML of the objects that have a pixel in `objects`, bottom to top.

    VOC counts pixels from 1, and names the first and the last one of a box.
    """
    root = ElementTree.Element("annotation")

    def add(parent: ElementTree.Element, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            ElementTree.SubElement(parent, name).text = str(value)

    add(root, {"filename": file})
    size = {"width": image.size.width, "height": image.size.height, "depth": 3}
    add(ElementTree.SubElement(root, "size"), size)
    add(root, {"segmented": 1})
    written = [obj for obj in image.objects if obj.mask.area]
    for number, obj in enumerate(written, 1):
        x, y, width, height = Runs.of(objects == number).bbox
        if width:
            element = ElementTree.SubElement(root, "object")
            add(element, {"name": _spelled(name_of(obj.class_name)), "difficult": 0})
            box = {"xmin": x + 1, "ymin": y + 1, "xmax": x + width, "ymax": y + height}
            add(ElementTree.SubElement(element, "bndbox"), box)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


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
