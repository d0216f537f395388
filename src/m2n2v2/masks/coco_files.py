"""The one reader of COCO json: what is listed, and the mask of an annotation.

Who reads decides what becomes of what cannot be read; nothing is dropped here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m2n2v2.errors import FormatError
from m2n2v2.files import read_json
from m2n2v2.grid import Size
from m2n2v2.images import MAX_PIXELS
from m2n2v2.masks.coco import expanded, from_column_major, rasterised
from m2n2v2.masks.corners import corners
from m2n2v2.masks.runs import Runs

Entry = dict[str, Any]


@dataclass(frozen=True)
class CocoImage:
    """An image of the file.

    Attributes:
        key: its id as text; some tools write numbers, some text.
        name: of its file, as the tool calls it.
        size: as the file says; None where it says none.
    """

    key: str
    name: str
    size: Size | None


@dataclass(frozen=True)
class CocoAnnotation:
    """An annotation of the file; what it refers to may not be listed.

    Attributes:
        key: its id as text; its place in the list where it has none.
        segmentation: as it stands in the file; None for one of a box only.
        attributes: as they stand in the file, which COCO itself does not have.
    """

    key: str
    image: str | None
    category: str | None
    segmentation: object
    crowd: bool
    attributes: object = None

    def runs(self, size: Size) -> Runs:
        """Its mask.

        Raises:
            FormatError: it is broken, or does not fill an image of that size.
        """
        return _runs(self.segmentation, size)

    def check(self, size: Size) -> None:
        """Raises as `runs`, and draws nothing."""
        polygons = _polygons(self.segmentation)
        if polygons is None:
            _runs(self.segmentation, size)
            return
        for polygon in polygons:
            if len(corners(polygon, size)) < 3:
                raise FormatError("a polygon has under three corners", cure="give three or more")


@dataclass(frozen=True)
class CocoFile:
    """What a COCO json lists, in its order; `broken` says which entries name nothing."""

    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    categories: tuple[Entry, ...]
    broken: tuple[str, ...]


def read_coco(path: Path, *, with_categories: bool = True) -> CocoFile:
    """A COCO json.

    Args:
        with_categories: there have to be some.

    Raises:
        FormatError: it is no COCO json.
    """
    document = read_json(path)
    images, broken = [], []
    known: set[str] = set()
    for number, entry in enumerate(_list(document, "images", path)):
        key, name = key_of(entry.get("id")), entry.get("file_name")
        if key is None or key in known or not isinstance(name, str) or not name:
            broken.append(f"image {number} has no name, or the id of another, or none")
            continue
        known.add(key)
        try:
            size = said_size(entry.get("height"), entry.get("width"))
        except FormatError as error:
            broken.append(f"image {name!a}: {error.what}")
        else:
            images.append(CocoImage(key, name, size))
    annotations = tuple(
        CocoAnnotation(
            key_of(entry.get("id")) or str(number),
            key_of(entry.get("image_id")),
            key_of(entry.get("category_id")),
            entry.get("segmentation") or None,
            key_of(entry.get("iscrowd")) not in (None, "0", "False"),
            entry.get("attributes"),
        )
        for number, entry in enumerate(_list(document, "annotations", path))
    )
    categories = _list(document, "categories", path) if with_categories else []
    return CocoFile(tuple(images), annotations, tuple(categories), tuple(broken))


def key_of(number: object) -> str | None:
    """An id as text; None for what is none."""
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number) if isinstance(number, int | str) else None


def said_size(height: object, width: object) -> Size | None:
    """The size a file gives for an image, in numbers or as text; None if it gives none.

    Raises:
        FormatError: what it gives is no size.
    """
    if height is None or width is None:
        return None
    size = Size(_side(height), _side(width))
    if not 1 <= size.area <= MAX_PIXELS:
        raise FormatError(
            f"its size is said to be {ascii(width)[:40]} x {ascii(height)[:40]}",
            cure="give pixels, or leave it out",
        )
    return size


def _side(value: object) -> int:
    """Whole pixels, in a number or in text; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0
    return max(int(number), 0) if number.is_integer() else 0


def _polygons(segmentation: object) -> list[Any] | None:
    """Polygons, one alone without its list, too; None for another kind."""
    if not isinstance(segmentation, list):
        return None
    flat = len(segmentation) > 4 and not any(isinstance(part, list) for part in segmentation)
    return [segmentation] if flat else segmentation


def _runs(segmentation: object, size: Size) -> Runs:
    polygons = _polygons(segmentation)
    if polygons is not None:
        return rasterised(polygons, size)
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    said = segmentation.get("size") if isinstance(segmentation, dict) else None
    if not isinstance(said, list) or len(said) != 2 or said_size(*said) != size:
        raise FormatError(
            f"a mask is of size {ascii(said)[:40]} on a {size} image",
            cure="check size: [height, width]",
        )
    if isinstance(counts, str):
        return from_column_major(expanded(counts), size)
    if isinstance(counts, list) and all(type(count) is int for count in counts):
        return from_column_major(counts, size)
    raise FormatError("a segmentation is neither polygons nor run lengths", cure="give one of them")


def _list(document: object, name: str, path: Path) -> list[Entry]:
    """One of the file's lists of objects."""
    values = document.get(name) if isinstance(document, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise FormatError(
            f"{path.name} is no COCO json: it has no list of {name}",
            cure="give images, annotations and categories",
        )
    return values
