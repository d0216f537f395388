"""COCO: one json for the folder. Lossless for masks, classes, colours and order.

Written masks are compressed run lengths; on request polygons along the pixels' edges, which
COCO's rasteriser turns into the same mask. A polygon cannot have holes: objects with holes stay
run lengths. Read are polygons, run lengths and compressed run lengths.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from m2n2v2.annotator.formats.files import Photos, read_json, write_json
from m2n2v2.annotator.formats.problems import Problems, said_size
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.coco import (
    compressed,
    expanded,
    from_column_major,
    rasterised,
)
from m2n2v2.masks.outlines import polygons as outline_polygons
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names
from m2n2v2.version import __version__

FILE = "annotations.json"
Document = dict[str, Any]


def write(
    labels: Labels, folder: Path, photos: Photos | None = None, *, polygons: bool = False
) -> Losses:
    """Write `annotations.json` into a folder; `file_name` is the path in the labelled folder.

    Args:
        polygons: objects without holes as polygons.
    """
    made, losses = document(labels, polygons=polygons)
    write_json(folder / FILE, made)
    return losses


def document(labels: Labels, *, polygons: bool = False) -> tuple[Document, Losses]:
    """The json's content. Dates are empty, so that the same labels give the same bytes."""
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
            }
        )
        for obj in solid(image, counts):
            segmentation = _segmentation(obj.mask, polygons)
            counts["as runs"] += polygons and isinstance(segmentation, dict)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": len(images),
                    "category_id": index[obj.class_name] + 1,
                    "segmentation": segmentation,
                    "area": obj.mask.area,
                    "bbox": list(obj.mask.bbox),
                    "iscrowd": 0,
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

    Crowds become objects. Annotations without a segmentation are left out and counted.

    Args:
        sizes: of the images in the folder, by name.
        skip: leave out what does not match.

    Raises:
        FormatError: it is no COCO json, or does not match the images.
    """
    path = _file(path)
    document = read_json(path)
    problems = Problems(path.name, skip=skip)
    images, named = _images(document, path, Names(sizes), problems)
    categories = _categories(document, path, problems)
    objects: dict[str, list[LabelledObject]] = {name: [] for name in images.values()}
    for number, annotation in enumerate(_list(document, "annotations", path)):
        where = f"annotation {annotation.get('id', number)}"
        key, category = _key(annotation.get("image_id")), _key(annotation.get("category_id"))
        if key not in named:
            problems.add(f"{where}: its image {annotation.get('image_id')!r} is not listed")
        elif category not in categories:
            problems.add(f"{where}: its class {annotation.get('category_id')!r} is not listed")
        elif not annotation.get("segmentation"):
            problems.note("annotations have no segmentation")
        elif key in images:
            with problems.noting(f"{where} of {images[key]}"):
                mask = _mask(annotation["segmentation"], sizes[images[key]])
                if annotation.get("iscrowd"):
                    problems.note("crowds are imported as single objects")
                objects[images[key]].append(LabelledObject(mask, categories[category].name))
    skipped = problems.settle()
    labelled = tuple(Labelled(name, sizes[name], tuple(every)) for name, every in objects.items())
    listed = classes_of(categories.values())
    return Reading(Labels(labelled, listed), skipped)


def _segmentation(mask: Runs, polygons: bool) -> list[list[int]] | Document:
    parts = outline_polygons(mask.mask) if polygons else None
    if parts is not None:
        return [part.reshape(-1).tolist() for part in parts]
    return {"size": list(mask.size.shape), "counts": compressed(mask)}


def _color(color: str | None) -> dict[str, list[int]]:
    """Not part of COCO's instances, but of its panoptic categories; others ignore it."""
    return {"color": list(bytes.fromhex(color[1:]))} if color else {}


def _mask(segmentation: object, size: Size) -> Runs:
    if isinstance(segmentation, list):
        return rasterised(segmentation, size)
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    said = segmentation.get("size") if isinstance(segmentation, dict) else None
    if said != list(size.shape):
        raise FormatError(
            f"a mask is of size {said!r} on a {size} image", cure="check size: [height, width]"
        )
    if isinstance(counts, str):
        return from_column_major(expanded(counts), size)
    if isinstance(counts, list) and all(type(count) is int for count in counts):
        return from_column_major(counts, size)
    raise FormatError("a segmentation is neither polygons nor run lengths", cure="give one of them")


def _images(
    document: Document, path: Path, names: Names, problems: Problems
) -> tuple[dict[object, str], set[object]]:
    """The images of the folder by their id in the file, and all ids."""
    images: dict[object, str] = {}
    listed = set()
    for number, image in enumerate(_list(document, "images", path)):
        called, key = image.get("file_name"), _key(image.get("id"))
        if not isinstance(called, str) or key in listed:
            problems.add(f"image {number} has no name, or the id of another")
            continue
        listed.add(key)
        with problems.noting("images"):
            name = names.find(called, said_size(image.get("height"), image.get("width")))
            if name in images.values():
                problems.add(f"images: {name} is listed twice")
            else:
                images[key] = name
    return images, listed


def _categories(document: Document, path: Path, problems: Problems) -> dict[object, LabelClass]:
    categories = {}
    for number, category in enumerate(_list(document, "categories", path)):
        with problems.noting(f"category {category.get('id', number)}"):
            name = category.get("name")
            if not isinstance(name, str):
                raise FormatError(f"its name is {name!r}", cure="give it a name")
            color = hexadecimal(category.get("color"))
            categories[_key(category.get("id"))] = LabelClass(name.strip(), color)
    return categories


def _list(document: object, name: str, path: Path) -> list[Document]:
    """One of the file's lists of objects."""
    values = document.get(name) if isinstance(document, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise FormatError(
            f"{path.name} is no COCO json: it has no list of {name}",
            cure="give images, annotations and categories",
        )
    return values


def _key(number: object) -> object:
    """An id; some tools write them as text."""
    return str(number) if isinstance(number, int | str) else None


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / FILE).is_file():
        return path / FILE
    files = sorted(path.glob("*.json"))
    if len(files) != 1:
        raise FormatError(f"{path.name} holds {len(files)} json files", cure="name one of them")
    return files[0]
