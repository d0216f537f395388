"""LabelMe: a json per image, to lie beside its photograph. Lossless but for colours and clicks.

Objects without holes are polygons that LabelMe's own rasteriser (Pillow's, which drops fractions
and paints the outline) turns into the same mask; several parts share a `group_id`. In a sequence
the `group_id` is who the object is in every frame. Objects with holes are `mask` shapes, a PNG in
base64, which LabelMe reads since 5.4. Flags that are set are attributes.
"""

import base64
import binascii
import io
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from m2n2v2.annotator import attributes
from m2n2v2.annotator.attributes import Values
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
from m2n2v2.annotator.formats.files import Photos, opened, write_json
from m2n2v2.annotator.formats.names import stems
from m2n2v2.annotator.formats.outlines import Outlines, drawn, inset
from m2n2v2.annotator.formats.photos_out import NAMES, copy_photos, read_names, write_names
from m2n2v2.annotator.formats.problems import Problems
from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError
from m2n2v2.files import read_json, walk_files
from m2n2v2.grid import Size
from m2n2v2.masks.coco_files import said_size
from m2n2v2.masks.corners import corners
from m2n2v2.masks.outlines import Points, inset_polygons
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names

VERSION = "5.5.0"
"""Of LabelMe: the first lines of its files say which one wrote them."""
READ = ("polygon", "rectangle", "oriented_rectangle", "rotation", "mask")
"""Shapes that have an area; X-AnyLabeling calls a turned rectangle `rotation`."""
Document = dict[str, Any]


def write(
    labels: Labels,
    folder: Path,
    photos: Photos | None = None,
    *,
    outlines: Outlines | None = None,
) -> Losses:
    """Write a json per image, in the folders of the photographs, and (if given) these.

    Args:
        outlines: objects as polygons drawn so, in place of exact ones.
    """
    counts: Counter[str] = Counter()
    class_index(labels, counts)
    names = stems((image.name for image in labels.images), flat=False)
    paths = copy_photos(labels, names, folder, photos, counts)
    for image in labels.ordered():
        shapes: list[Document] = []
        objects = solid(image, counts, described=True, tracks=True)
        rings = drawn(objects, outlines, counts) if outlines else [None] * len(objects)
        for number, (obj, outline) in enumerate(zip(objects, rings, strict=True)):
            if outlines is None:
                shapes += _shapes(obj, number, counts)
            else:
                parts = [inset(ring) for ring in outline.rings] if outline else None
                shapes += _listed(obj, parts, number, counts)
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
    counts["colors"] += sum(label.color is not None for label in labels.classes)
    return Losses.of(counts)


def read(path: Path, sizes: Mapping[str, Size], *, skip: bool = False) -> Reading:
    """The labels in a LabelMe json, or in all of a folder and its folders.

    Shapes of one label and `group_id` are one object, with the flags of all of them; shapes
    without a label are objects without a class. What has no area (points, lines) is left out and
    counted, a shape that cannot be read is left out and named. Of an export of ours `names.tsv`
    says which images are meant.

    Args:
        sizes: of the images in the folder, by name.
        skip: leave out what does not match.

    Raises:
        FormatError: it is no LabelMe json, or does not match the images.
    """
    files = [path / name for name in walk_files(path, {".json"}).names] if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path.name} holds no json", cure="name the folder of LabelMe's files")
    root = path if path.is_dir() else path.parent
    names, problems = Names(sizes), Problems(path.name, skip=skip)
    renamed = _renamed(root) if path.is_dir() else read_names(root)
    labelled: dict[str, Labelled] = {}
    for file in files:
        where = file.relative_to(root).as_posix()
        with problems.noting(where):
            content = _document(file)
            size = said_size(content.get("imageHeight"), content.get("imageWidth"))
            called = renamed.get(where.removesuffix(".json")) or _image_path(content, where)
            name = names.find(called, size)
            if name in labelled:
                raise FormatError(f"{name} is labelled twice", cure="keep one of the files")
            objects = _objects(content["shapes"], sizes[name], where, problems)
            labelled[name] = Labelled(name, sizes[name], objects)
            if _flags(content):
                problems.note("images have flags, which are not kept")
    skipped = problems.settle()
    met = [obj.class_name for image in labelled.values() for obj in image.objects]
    listed = classes_of(LabelClass(name) for name in met if name is not None)
    return Reading(Labels(tuple(labelled.values()), listed), skipped)


def _shapes(obj: LabelledObject, number: int, counts: Counter[str]) -> list[Document]:
    return _listed(obj, inset_polygons(obj.mask.mask), number, counts)


def _listed(
    obj: LabelledObject, parts: list[Points] | None, number: int, counts: Counter[str]
) -> list[Document]:
    """An object's shapes: its parts, or without them a mask."""
    if parts is None:
        counts["as mask"] += 1
        return [_shape(obj, "mask", *_cut(obj.mask), group=obj.track)]
    group = obj.track or (number + 1 if len(parts) > 1 else None)
    return [_shape(obj, "polygon", part.tolist(), group=group) for part in parts]


def _shape(
    obj: LabelledObject,
    kind: str,
    points: list[Any],
    mask: str | None = None,
    *,
    group: int | None = None,
) -> Document:
    return {
        "label": name_of(obj.class_name),
        "points": points,
        "group_id": group,
        "description": _description(obj),
        "shape_type": kind,
        "flags": {name: True for name, value in obj.attributes if value is True},
        "mask": mask,
    }


def _description(obj: LabelledObject) -> str:
    """Attributes that are texts, and who edited last, a line each."""
    lines = [f"{name}: {value}" for name, value in obj.attributes if isinstance(value, str)]
    if obj.person is not None:
        lines.append(f"annotated by {obj.person}" + (f", {obj.when}" if obj.when else ""))
    return "\n".join(lines)


def _cut(mask: Runs) -> tuple[list[list[int]], str]:
    """The box of a mask (first and last pixel), and the mask in it as a PNG of 0 and 1."""
    x, y, width, height = mask.bbox
    inside = mask.mask[y : y + height, x : x + width].astype(np.uint8)
    file = io.BytesIO()
    PILImage.fromarray(inside).save(file, format="PNG")
    corners = [[x, y], [x + width - 1, y + height - 1]]
    return corners, base64.b64encode(file.getvalue()).decode("ascii")


def _document(file: Path) -> Document:
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise FormatError("it is no LabelMe json", cure="give files with `shapes`")
    return content


def _renamed(root: Path) -> dict[str, str]:
    """The images that an export calls otherwise, by the paths of their files without suffix."""
    renamed = {}
    for table in sorted(root.rglob(NAMES)):
        for here, name in read_names(table.parent).items():
            renamed[(table.parent.relative_to(root) / here).as_posix()] = name
    return renamed


def _image_path(content: Document, where: str) -> str:
    """The photograph of a file, which its `imagePath` names from where the file lies."""
    called = content.get("imagePath")
    if not isinstance(called, str) or not called:
        raise FormatError("it has no imagePath", cure="give it one")
    beside = where.rpartition("/")[0]
    called = PureWindowsPath(called).as_posix()
    return f"{beside}/{called}" if beside else called


def _objects(
    shapes: list[object], size: Size, where: str, problems: Problems
) -> tuple[LabelledObject, ...]:
    masks: dict[tuple[str | None, str], Mask] = {}
    said: defaultdict[tuple[str | None, str], Values] = defaultdict(tuple)
    for number, shape in enumerate(shapes):
        with problems.leaving_out(f"{where}, shape {number}"):
            if not isinstance(shape, dict):
                raise FormatError(f"it is {_brief(shape)}", cure="export it again")
            kind = shape.get("shape_type") or "polygon"
            if kind not in READ:
                problems.note(f"shapes are of type {_brief(kind)}, which is not read")
                continue
            label, group = _label(shape.get("label")), shape.get("group_id")
            together = f"shape {number}" if group is None else f"group {json.dumps(group)}"
            mask = _drawn(kind, shape, size)
            key = (label, together)
            masks[key] = masks[key] | mask if key in masks else mask
            for name, value in attributes.read(_flags(shape)):
                said[key] = attributes.with_value(said[key], name, value)
    return tuple(
        LabelledObject(Runs.of(mask), key[0], attributes=said[key]) for key, mask in masks.items()
    )


def _flags(holder: Document) -> dict[str, bool]:
    """The flags of a shape or an image that are set."""
    flags = holder.get("flags")
    return {name: True for name, value in flags.items() if value} if isinstance(flags, dict) else {}


def _label(label: object) -> str | None:
    """The class of a shape; None for one without a label."""
    if label is None or (isinstance(label, str) and not label.strip()):
        return None
    if isinstance(label, bool) or not isinstance(label, str | int | float):
        raise FormatError(f"its label is {_brief(label)}", cure="give text")
    return LabelClass(str(label).strip()).name


def _brief(value: object) -> str:
    """A value of a file in a message."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _drawn(kind: str, shape: Document, size: Size) -> Mask:
    """A shape as LabelMe rasterises it."""
    points = _points(shape.get("points"), size)
    if kind == "mask":
        return _pasted(points, shape.get("mask"), size)
    canvas = PILImage.new("L", (size.width, size.height))
    pen = ImageDraw.Draw(canvas)
    if kind == "rectangle":
        if len(points) not in (2, 4):
            raise FormatError(
                f"a rectangle has {len(points)} points", cure="give two corners, or four"
            )
        x0, y0 = (min(values) for values in zip(*points, strict=True))
        x1, y1 = (max(values) for values in zip(*points, strict=True))
        if len(points) == 2 or set(points) == {(x0, y0), (x1, y0), (x1, y1), (x0, y1)}:
            pen.rectangle((x0, y0, x1, y1), outline=1, fill=1)
        else:  # a turned one
            pen.polygon(points, outline=1, fill=1)
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
    (x, y), (right, bottom) = ((round(x), round(y)) for x, y in points)
    height, width = cut.shape
    if (right - x + 1, bottom - y + 1) != (width, height):
        raise FormatError(
            f"its PNG is {width}x{height} and its box {right - x + 1}x{bottom - y + 1}",
            cure="export it again",
        )
    if x < 0 or y < 0 or x + width > size.width or y + height > size.height:
        raise FormatError(f"its mask leaves the {size} image", cure="export it again")
    mask = np.zeros(size.shape, bool)
    mask[y : y + height, x : x + width] = cut
    return mask
