"""LabelMe: a json per image, to lie beside its photograph. Lossless but for colours and clicks.

Objects without holes are polygons that LabelMe's own rasteriser (Pillow's, which drops fractions
and paints the outline) turns into the same mask; several parts share a `group_id`. Objects with
holes are `mask` shapes, a PNG in base64, which LabelMe reads since 5.4.
"""

import base64
import binascii
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from m2n2v2.annotator.formats.base import (
    LabelClass,
    Labelled,
    LabelledObject,
    Labels,
    Losses,
    Reading,
    class_index,
    solid,
)
from m2n2v2.annotator.formats.classes import classes_of, name_of
from m2n2v2.annotator.formats.files import Photos, opened, read_json, write_json
from m2n2v2.annotator.formats.names import stems
from m2n2v2.annotator.formats.photos_out import copy_photos, write_names
from m2n2v2.annotator.formats.problems import Problems, said_size
from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError, M2N2Error
from m2n2v2.grid import Size
from m2n2v2.masks.corners import corners
from m2n2v2.masks.outlines import inset_polygons
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names

VERSION = "5.5.0"
"""Of LabelMe: the first lines of its files say which one wrote them."""
READ = ("polygon", "rectangle", "oriented_rectangle", "mask")
Document = dict[str, Any]


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write a json per image, in the folders of the photographs, and (if given) these."""
    counts: Counter[str] = Counter()
    class_index(labels, counts)
    names = stems((image.name for image in labels.images), flat=False)
    paths = copy_photos(labels, names, folder, photos, counts)
    for image in labels.ordered():
        shapes: list[Document] = []
        for number, found in enumerate(solid(image, counts)):
            shapes += _shapes(found, number, counts)
        write_json(
            folder / f"{names[image.name]}.json",
            {
                "version": VERSION,
                "flags": {},
                "shapes": shapes,
                "imagePath": paths[image.name].rpartition("/")[2],
                "imageData": None,
                "imageHeight": image.size.height,
                "imageWidth": image.size.width,
            },
        )
    write_names(folder, names, counts)
    counts["colors"] += sum(found.color is not None for found in labels.classes)
    return Losses.of(counts)


def read(path: Path, sizes: Mapping[str, Size], *, skip: bool = False) -> Reading:
    """The labels in a LabelMe json, or in all of a folder and its folders.

    Shapes of one label and `group_id` are one object. Points and lines are left out and counted.

    Args:
        sizes: of the images in the folder, by name.
        skip: leave out what does not match.

    Raises:
        FormatError: it is no LabelMe json, or does not match the images.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path.name} holds no json", cure="name the folder of LabelMe's files")
    root = path if path.is_dir() else path.parent
    names, problems = Names(sizes), Problems(path.name, skip=skip)
    labelled: dict[str, Labelled] = {}
    for file in files:
        where = file.relative_to(root).as_posix()
        with problems.noting(where):
            found = read_json(file)
            name = _image(found, where, names)
            if name in labelled:
                raise FormatError(f"{name} is labelled twice", cure="keep one of the files")
            labelled[name] = Labelled(name, sizes[name], _objects(found, sizes[name], problems))
    skipped = problems.settle()
    met = [each.class_name for image in labelled.values() for each in image.objects]
    listed = classes_of(LabelClass(name) for name in met if name is not None)
    return Reading(Labels(tuple(labelled.values()), listed), skipped)


def _shapes(found: LabelledObject, number: int, counts: Counter[str]) -> list[Document]:
    parts = inset_polygons(found.mask.mask)
    if parts is None:
        counts["as mask"] += 1
        return [_shape(found, "mask", *_cut(found.mask))]
    group = number + 1 if len(parts) > 1 else None
    return [_shape(found, "polygon", part.tolist(), group=group) for part in parts]


def _shape(
    found: LabelledObject,
    kind: str,
    points: list[Any],
    mask: str | None = None,
    *,
    group: int | None = None,
) -> Document:
    return {
        "label": name_of(found.class_name),
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": mask,
    }


def _cut(mask: Runs) -> tuple[list[list[int]], str]:
    """The box of a mask (first and last pixel), and the mask in it as a PNG of 0 and 1."""
    x, y, width, height = mask.bbox
    inside = mask.mask[y : y + height, x : x + width].astype(np.uint8)
    file = io.BytesIO()
    PILImage.fromarray(inside).save(file, format="PNG")
    corners = [[x, y], [x + width - 1, y + height - 1]]
    return corners, base64.b64encode(file.getvalue()).decode("ascii")


def _image(found: object, where: str, names: Names) -> str:
    if not isinstance(found, dict) or not isinstance(found.get("shapes"), list):
        raise FormatError("it is no LabelMe json", cure="give files with `shapes`")
    called = found.get("imagePath")
    if not isinstance(called, str) or not called:
        raise FormatError("it has no imagePath", cure="give it one")
    size = said_size(found.get("imageHeight"), found.get("imageWidth"))
    beside = where.rpartition("/")[0]
    called = PureWindowsPath(called).as_posix()
    return names.find(f"{beside}/{called}" if beside else called, size)


def _objects(found: Document, size: Size, problems: Problems) -> tuple[LabelledObject, ...]:
    masks: dict[tuple[object, ...], Mask] = {}
    for number, shape in enumerate(found["shapes"]):
        kind = shape.get("shape_type") or "polygon" if isinstance(shape, dict) else None
        if kind is None or not isinstance(shape.get("label"), str):
            raise FormatError(f"shape {number} has no label", cure="export it again")
        if kind not in READ:
            problems.note(f"shapes are of type {kind!r}, which is not read")
            continue
        group = shape.get("group_id")
        key = (shape["label"].strip(), number if group is None else "group", group)
        try:
            mask = _drawn(kind, shape, size)
        except M2N2Error as error:
            raise FormatError(f"shape {number}: {error.what}", cure=error.cure) from error
        masks[key] = masks[key] | mask if key in masks else mask
    return tuple(
        LabelledObject(Runs.of(mask), str(label) if label else None)
        for (label, *_), mask in masks.items()
    )


def _drawn(kind: str, shape: Document, size: Size) -> Mask:
    """A shape as LabelMe rasterises it."""
    points = _points(shape.get("points"), size)
    if kind == "mask":
        return _pasted(points, shape.get("mask"), size)
    canvas = PILImage.new("L", (size.width, size.height))
    pen = ImageDraw.Draw(canvas)
    if kind == "rectangle":
        if len(points) != 2:
            raise FormatError(f"a rectangle has {len(points)} points", cure="give two corners")
        (x0, x1), (y0, y1) = (sorted(values) for values in zip(*points, strict=True))
        pen.rectangle((x0, y0, x1, y1), outline=1, fill=1)
    else:
        if len(points) < 3:
            raise FormatError(f"a polygon has {len(points)} points", cure="give three or more")
        pen.polygon(points, outline=1, fill=1)
    return np.asarray(canvas).astype(bool)


def _points(points: object, size: Size) -> list[tuple[float, float]]:
    pairs = isinstance(points, list) and all(isinstance(p, list) and len(p) == 2 for p in points)
    if not pairs:
        raise FormatError("its points are no list of [x, y]", cure="export it again")
    flat = [value for point in points for value in point]  # type: ignore[attr-defined]
    return [(x, y) for x, y in corners(flat, size).tolist()]


def _pasted(points: list[tuple[float, float]], data: object, size: Size) -> Mask:
    if not isinstance(data, str) or len(points) != 2:
        raise FormatError("a mask has no PNG or no box", cure="export it again")
    try:
        with opened(io.BytesIO(base64.b64decode(data, validate=True)), "PNG") as file:
            if file.width > size.width or file.height > size.height:
                raise FormatError("its PNG is larger than the image", cure="export it again")
            cut = np.asarray(file.convert("L") if file.mode != "1" else file).astype(bool)
    except (OSError, SyntaxError, ValueError, binascii.Error) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError("its PNG cannot be read", cure="export it again") from error
    x, y = (round(value) for value in points[0])
    height, width = cut.shape
    if x < 0 or y < 0 or x + width > size.width or y + height > size.height:
        raise FormatError(f"its mask leaves the {size} image", cure="export it again")
    mask = np.zeros(size.shape, bool)
    mask[y : y + height, x : x + width] = cut
    return mask
