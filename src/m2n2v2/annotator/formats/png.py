"""One PNG per object (0 and 255, of the image's size) and a manifest: lossless but for clicks.

Read are such exports, PASCAL VOC's folders, and anybody's folder of masks: index PNGs, binary
PNGs, one or several per image, recognised by their names.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int32

from m2n2v2.annotator.edits import MOST_OBJECTS
from m2n2v2.annotator.formats.base import (
    LabelClass,
    Labelled,
    LabelledObject,
    Labels,
    Losses,
    Reading,
    solid,
)
from m2n2v2.annotator.formats.classes import classes_of
from m2n2v2.annotator.formats.files import Photos, save_png, write_json
from m2n2v2.annotator.formats.names import numbered, stems
from m2n2v2.annotator.formats.photos_out import read_names
from m2n2v2.annotator.formats.problems import Problems
from m2n2v2.annotator.formats.voc import CLASSES, LABELMAP, OBJECTS
from m2n2v2.errors import FormatError
from m2n2v2.files import is_file, read_json, walk_files
from m2n2v2.grid import Size
from m2n2v2.masks.coco_files import said_size
from m2n2v2.masks.conventions import Convention, Marked
from m2n2v2.masks.mask_files import SUFFIXES, read_mask
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names

MANIFEST = "manifest.json"
FORMAT = "m2n2v2 masks"
VERSION = 1
TEXTS = frozenset({".json", ".tsv", ".txt"})
"""Of files that may lie beside masks."""
Document = dict[str, Any]


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write `masks/IMAGE/NUMBER_CLASS.png` and `manifest.json`; objects bottom to top."""
    counts: Counter[str] = Counter()
    names = stems((image.name for image in labels.images), flat=False)
    images = []
    for image in labels.ordered():
        objects: list[Document] = []
        for number, obj in enumerate(solid(image, counts, tracks=True)):
            file = f"masks/{names[image.name]}/{numbered(number, obj.class_name)}.png"
            save_png(folder / file, obj.mask.mask.astype(np.uint8) * 255)
            objects.append({"mask": file, "class": obj.class_name, **tracked(obj)})
        images.append(image_entry(image, objects))
    write_json(folder / MANIFEST, {**header(FORMAT, labels), "images": images})
    return Losses.of(counts)


def tracked(obj: LabelledObject) -> Document:
    """Who an object is in every frame of a sequence; nothing elsewhere."""
    return {} if obj.track is None else {"track": obj.track}


def image_entry(image: Labelled, objects: list[Document]) -> Document:
    """An image in a manifest."""
    width, height = image.size.width, image.size.height
    return {"name": image.name, "width": width, "height": height, "objects": objects}


def header(form: str, labels: Labels) -> Document:
    """What a manifest begins with."""
    classes = [{"name": label.name, "color": label.color} for label in labels.classes]
    return {"format": form, "version": VERSION, "classes": classes}


def read(
    path: Path, sizes: Mapping[str, Size], *, skip: bool = False, values: Convention = "auto"
) -> Reading:
    """The masks in a folder.

    With `manifest.json`: an export of ours. With `SegmentationObject`: VOC. Else every mask file
    belongs to the image of its name (`a.png`, `a_2.png`, `a/2.png` to `a.jpg`); a mask with one
    value besides 0 is an object, in one with several each value is. Classes are known from
    `labelmap.txt`, if there is one, by value. Void pixels are in no object, and counted.

    Args:
        sizes: of the images in the folder, by name.
        skip: leave out what does not match.
        values: what the values of masks without manifest mean.

    Raises:
        FormatError: there are no masks, they do not match the images, or fit two readings.
    """
    if not path.is_dir():
        raise FormatError(f"{path.name} is no folder", cure="name a folder of masks")
    names, problems = Names(sizes), Problems(path.name, skip=skip)
    if (path / MANIFEST).is_file():
        return _read_manifest(path, sizes, names, problems)
    listed = _labelmap(path / LABELMAP)
    reader = MaskReader(sizes, problems, values)
    if (path / OBJECTS).is_dir():
        objects = _read_voc(path, reader, names, listed, problems)
    else:
        objects = _read_any(path, reader, names, listed, problems)
    skipped = problems.settle()
    met = dict.fromkeys(o.class_name for every in objects.values() for o in every if o.class_name)
    classes = classes_of(LabelClass(name) for name in [*listed.values(), *met])
    labelled = tuple(Labelled(name, sizes[name], tuple(every)) for name, every in objects.items())
    return Reading(Labels(labelled, classes), skipped)


@dataclass(frozen=True)
class MaskReader:
    """Masks of the images' sizes; by which rules they were read is noted.

    Attributes:
        values: what their values mean, unless the place of a file says it.
    """

    sizes: Mapping[str, Size]
    problems: Problems
    values: Convention

    def __call__(self, file: Path, image: str, values: Convention | None = None) -> Marked:
        """The mask in a file, of the size of its image.

        Raises:
            MaskError: it cannot be read, or fits two readings.
            FormatError: it has another size.
        """
        by_place = values if self.values == "auto" else None
        mask = read_mask(file, by_place or self.values, name="the mask")
        _check_size(mask, self.sizes[image])
        if mask.rule and not by_place:
            self.problems.note(f"masks were read by a rule: {mask.rule}")
        if mask.void.any():
            self.problems.note("void pixels of masks are in no object", int(mask.void.sum()))
        return mask


def _check_size(mask: Marked, size: Size) -> None:
    height, width = mask.numbers.shape
    if (height, width) != size.shape:
        raise FormatError(
            f"the mask is {width}x{height} and its image {size}",
            cure="give a mask of the image's size",
        )


ByImage = dict[str, list[LabelledObject]]


def _read_manifest(
    path: Path, sizes: Mapping[str, Size], names: Names, problems: Problems
) -> Reading:
    manifest = read_json(path / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError(f"{MANIFEST} lists no masks", cure="name an export of masks")
    if manifest.get("version") != VERSION:
        raise FormatError(
            f"{MANIFEST} is of version {manifest.get('version')!r}, and we read {VERSION}",
            cure="update m2n2v2",
        )
    images: list[Labelled] = []
    try:
        classes = classes_of(
            LabelClass(str(label["name"]), label["color"] and str(label["color"]))
            for label in manifest["classes"]
        )
        for entry in manifest["images"]:
            called = str(entry["name"])
            with problems.noting(called):
                name = names.find(called, said_size(entry["height"], entry["width"]))
                objects = tuple(
                    LabelledObject(
                        _one(path, str(o["mask"]), sizes[name]), _class_named(o["class"])
                    )
                    for o in entry["objects"]
                )
                images.append(Labelled(name, sizes[name], objects))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{MANIFEST} is incomplete ({type(error).__name__}: {error})",
            cure="export again",
        ) from error
    skipped = problems.settle()
    return Reading(Labels(tuple(images), classes), skipped)


def _one(path: Path, file: str, size: Size) -> Runs:
    """A mask of the manifest, which cannot name a file outside its folder."""
    place = (path / file).resolve()
    if not place.is_relative_to(path.resolve()):
        raise FormatError(f"mask {file!r} lies outside the folder", cure="export again")
    if not is_file(place):
        raise FormatError(f"mask {place.name} is not there", cure="copy all files")
    mask = read_mask(place, "any", name="the mask")
    _check_size(mask, size)
    return Runs.of(mask.object)


def _class_named(name: object) -> str | None:
    if name is None or isinstance(name, str):
        return name
    raise FormatError(f"an object is of class {name!r}", cure="export again")


def _read_voc(
    path: Path, read: MaskReader, names: Names, listed: dict[int, str], problems: Problems
) -> ByImage:
    by_image: ByImage = {}
    renamed = read_names(path)
    for file in _mask_files(path / OBJECTS, problems):
        where = file.relative_to(path / OBJECTS)
        with problems.noting(where.as_posix()):
            stem = where.with_suffix("").as_posix()
            known = stem in renamed
            name = names.find(renamed[stem], None) if known else names.find_stem(stem, None)
            objects = read(file, name, "voc")
            beside = path / CLASSES / where
            classes = read(beside, name, "voc") if beside.is_file() else None
            by_image[name] = _objects(objects, classes, listed)
    return _some(by_image, path, problems)


def _read_any(
    path: Path, read: MaskReader, names: Names, listed: dict[int, str], problems: Problems
) -> ByImage:
    by_image: ByImage = {}
    for file in _mask_files(path, problems):
        where = file.relative_to(path).as_posix()
        with problems.noting(where):
            name = _image_of(where, names)
            mask = read(file, name)
            by_image.setdefault(name, []).extend(_objects(mask, mask if listed else None, listed))
    return _some(by_image, path, problems)


def _mask_files(folder: Path, problems: Problems) -> list[Path]:
    """The files that may be masks; others of pictures are noted, as those stored with loss."""
    listing = walk_files(folder, SUFFIXES)
    for reason, names in listing.left_out:
        pictures = [name for name in names if PurePosixPath(name).suffix.lower() not in TEXTS]
        if pictures:
            problems.note(f"files are no masks, {reason}: {', '.join(pictures[:3])}", len(pictures))
    return [folder / name for name in listing.names]


def _some(by_image: ByImage, path: Path, problems: Problems) -> ByImage:
    if not by_image:
        problems.settle()
        raise FormatError(
            f"{path.name} holds no masks",
            cure=f"name a folder of masks ({', '.join(sorted(SUFFIXES))})",
        )
    return by_image


def _objects(
    objects: Marked, classes: Marked | None, listed: dict[int, str]
) -> list[LabelledObject]:
    """An object for each number; its class is the most frequent one under it."""
    if len(objects.present) > MOST_OBJECTS:
        raise FormatError(
            f"the mask has {len(objects.present):,} values, and an image holds {MOST_OBJECTS:,} "
            "objects",
            cure="check that its values are numbers of objects",
        )
    made = []
    for value in objects.present:
        mask = objects.numbers == value
        index = 0 if classes is None else _most_frequent(classes.numbers[mask])
        made.append(LabelledObject(Runs.of(mask), _class(index, listed)))
    return made


def _most_frequent(values: Int32[np.ndarray, " n"]) -> int:
    present, counts = np.unique(values, return_counts=True)
    return int(present[counts.argmax()])


def _class(index: int, listed: dict[int, str]) -> str | None:
    """By the label map; without an entry the number is the name."""
    return listed.get(index, f"class {index}") if index else None


def _image_of(where: str, names: Names) -> str:
    """The image of a mask: by its whole name, its name up to a `_`, `-` or `.`, or its folder."""
    path = PurePosixPath(where)
    folder, stem = str(path.parent), path.stem
    prefix = "" if folder == "." else f"{folder}/"
    cuts = [at for at, character in enumerate(stem) if character in "_-."]
    for called in [stem, *(stem[:at] for at in reversed(cuts) if at)]:
        try:
            return names.find_stem(prefix + called, None)
        except FormatError as error:
            if "may be" in error.what:
                raise
    return names.find_stem(folder, None) if prefix else names.find_stem(stem, None)


def _labelmap(path: Path) -> dict[int, str]:
    """The class of each value, from lines `name:r,g,b::` in the order of the values."""
    if not path.is_file():
        return {}
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path.name} cannot be read", cure="export again") from error
    names = [line.split(":")[0].strip() for line in lines if line.strip() and line[0] != "#"]
    return {number: name for number, name in enumerate(names) if number}
