"""COCO: one json for the folder. Lossless for masks, classes, colours and order.

Written masks are compressed run lengths; on request polygons along the pixels' edges, which
COCO's rasteriser turns into the same mask, or of few corners. A polygon cannot have holes:
objects with holes stay run lengths, unless bridges join the holes to the outline. Read are
polygons, run lengths and compressed run lengths.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m2n2v2.annotator import attributes
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
from m2n2v2.annotator.formats.classes import classes_of, hexadecimal, name_of
from m2n2v2.annotator.formats.files import Photos, write_json
from m2n2v2.annotator.formats.outlines import Drawn, Outlines, drawn
from m2n2v2.annotator.formats.problems import Problems
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.coco import compressed
from m2n2v2.masks.coco_files import CocoFile, key_of, read_coco
from m2n2v2.masks.outlines import polygons as outline_polygons
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names
from m2n2v2.version import __version__

FILE = "annotations.json"
Document = dict[str, Any]


def write(
    labels: Labels,
    folder: Path,
    photos: Photos | None = None,
    *,
    polygons: bool = False,
    outlines: Outlines | None = None,
) -> Losses:
    """Write `annotations.json` into a folder; `file_name` is the path in the labelled folder.

    Args:
        polygons: objects without holes as polygons along the pixels' edges.
        outlines: objects as polygons drawn so, in their place.
    """
    made, losses = document(labels, polygons=polygons, outlines=outlines)
    write_json(folder / FILE, made)
    return losses


def document(
    labels: Labels, *, polygons: bool = False, outlines: Outlines | None = None
) -> tuple[Document, Losses]:
    """The json's content. Dates are empty, so that the same labels give the same bytes.

    `area` and `bbox` are the mask's, of simplified polygons too.
    """
    counts: Counter[str] = Counter()
    index = class_index(labels, counts)
    colors = {label.name: label.color for label in labels.classes}
    images: list[Document] = []
    annotations: list[Document] = []
    for image in labels.ordered():
        images.append(
            {
                "id": len(images) + 1,
                "file_name": image.name,
                "width": image.size.width,
                "height": image.size.height,
                "license": 0,
                "flickr_url": "",
                "coco_url": "",
                "date_captured": "",
                **({} if image.frame is None else {"video_id": 1, "frame_id": image.frame}),
            }
        )
        objects = solid(image, counts, described=True, tracks=True)
        rings = drawn(objects, outlines, counts) if outlines else [None] * len(objects)
        for obj, outline in zip(objects, rings, strict=True):
            exact = polygons and outlines is None
            segmentation = _listed(outline) if outline else _segmentation(obj.mask, exact)
            counts["as runs"] += (polygons or outlines is not None) and isinstance(
                segmentation, dict
            )
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": len(images),
                    "category_id": index[obj.class_name] + 1,
                    "segmentation": segmentation,
                    "area": obj.mask.area,
                    "bbox": list(obj.mask.bbox),
                    "iscrowd": 0,
                    **_described(obj),
                    **_tracked(obj),
                }
            )
    categories = [
        {"id": number + 1, "name": name, "supercategory": "", **_color(colors.get(name))}
        for number, name in sorted({n: name_of(name) for name, n in index.items()}.items())
    ]
    made = {
        "info": {
            "description": "",
            "url": "",
            "version": f"m2n2v2 {__version__}",
            "year": 0,
            "contributor": "",
            "date_created": "",
        },
        "licenses": [{"id": 0, "name": "", "url": ""}],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    return made, Losses.of(counts)


def read(path: Path, sizes: Mapping[str, Size], *, skip: bool = False) -> Reading:
    """The labels in a COCO json, or in `annotations.json` or the only json of a folder.

    Crowds become objects. Annotations without a segmentation are left out and counted, broken
    ones left out and named.

    Args:
        sizes: of the images in the folder, by name.
        skip: leave out what does not match.

    Raises:
        FormatError: it is no COCO json, or does not match the images.
    """
    path = _file(path)
    file = read_coco(path)
    problems = Problems(path.name, skip=skip)
    for what in file.broken:
        problems.add(what)
    images = _images(file, Names(sizes), problems)
    listed = {image.key for image in file.images}
    categories = _categories(file, problems)
    objects: dict[str, list[LabelledObject]] = {name: [] for name in images.values()}
    for annotation in file.annotations:
        where = f"annotation {annotation.key}"
        name = images.get(annotation.image or "")
        if annotation.image not in listed:
            problems.add(f"{where}: its image {annotation.image!r} is not listed")
        elif annotation.category not in categories:
            problems.add(f"{where}: its class {annotation.category!r} is not listed")
        elif annotation.segmentation is None:
            problems.note("annotations have no segmentation")
        elif name is not None:
            with problems.leaving_out(f"{where} of {name}"):
                mask = annotation.runs(sizes[name])
                if annotation.crowd:
                    problems.note("crowds are imported as single objects")
                said = attributes.read(annotation.attributes)
                class_name = categories[annotation.category].name
                objects[name].append(LabelledObject(mask, class_name, attributes=said))
    skipped = problems.settle()
    labelled = tuple(Labelled(name, sizes[name], tuple(every)) for name, every in objects.items())
    return Reading(Labels(labelled, classes_of(categories.values())), skipped)


def _described(obj: LabelledObject) -> Document:
    """Attributes as CVAT writes them; who edited last, and when, under names of our own."""
    told = {
        "attributes": dict(obj.attributes),
        "annotated_by": obj.person,
        "annotated_at": obj.when if obj.person is not None else None,
    }
    return {name: value for name, value in told.items() if value}


def _listed(outline: Drawn) -> list[list[float]]:
    return [ring.reshape(-1).tolist() for ring in outline.rings]


def _tracked(obj: LabelledObject) -> Document:
    """Who it is in every frame, as `m2n2v2 track` writes it; nothing outside a sequence."""
    if obj.track is None:
        return {}
    sure = {} if obj.confidence is None else {"score": obj.confidence}
    return {"video_id": 1, "track_id": obj.track, **sure}


def _segmentation(mask: Runs, polygons: bool) -> list[list[int]] | Document:
    parts = outline_polygons(mask.mask) if polygons else None
    if parts is not None:
        return [part.reshape(-1).tolist() for part in parts]
    return {"size": list(mask.size.shape), "counts": compressed(mask)}


def _color(color: str | None) -> dict[str, list[int]]:
    """Not part of COCO's instances, but of its panoptic categories; others ignore it."""
    return {"color": list(bytes.fromhex(color[1:]))} if color else {}


def _images(file: CocoFile, names: Names, problems: Problems) -> dict[str, str]:
    """The images of the folder by their id in the file."""
    images: dict[str, str] = {}
    for image in file.images:
        with problems.noting("images"):
            name = names.find(image.name, image.size)
            if name in images.values():
                problems.add(f"images: {name} is listed twice")
            else:
                images[image.key] = name
    return images


def _categories(file: CocoFile, problems: Problems) -> dict[str | None, LabelClass]:
    categories: dict[str | None, LabelClass] = {}
    for number, category in enumerate(file.categories):
        key = key_of(category.get("id"))
        with problems.noting(f"category {key or number}"):
            name = category.get("name")
            if not isinstance(name, str):
                raise FormatError(f"its name is {ascii(name)[:40]}", cure="give it a name")
            if key is None or key in categories:
                raise FormatError("it has no id, or the id of another", cure="give it one")
            categories[key] = LabelClass(name.strip(), hexadecimal(category.get("color")))
    return categories


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / FILE).is_file():
        return path / FILE
    files = sorted(path.glob("*.json"))
    if len(files) != 1:
        raise FormatError(f"{path.name} holds {len(files)} json files", cure="name one of them")
    return files[0]
