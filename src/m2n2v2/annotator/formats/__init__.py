"""Labels of a folder in the formats in which trainings and other tools want them.

Each format is a module with `write(labels, folder, photos)`, which returns what it lost, and
perhaps `read(path, sizes)`. `export` puts a whole folder in place; `FORMATS` lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from m2n2v2.annotator.formats import coco, cutouts, labelme, png, voc, yolo
from m2n2v2.annotator.formats.base import Labels, Losses, Reading
from m2n2v2.annotator.formats.files import LOSSES, MARK, Photos, fresh_folder, write_text
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.conventions import Convention

Writer = Callable[[Labels, Path, Photos | None], Losses]


@dataclass(frozen=True)
class Format:
    """A format by name; `read` is None where it cannot be read back."""

    name: str
    summary: str
    write: Writer
    read: Callable[..., Reading] | None = None


FORMATS = {
    form.name: form
    for form in (
        Format("coco", "one json, compressed run lengths", coco.write, coco.read),
        Format("yolo", "YOLO segmentation: a text file per image, data.yaml", yolo.write),
        Format("labelme", "a LabelMe json per image", labelme.write, labelme.read),
        Format("voc", "PASCAL VOC: index PNGs of classes and objects", voc.write, png.read),
        Format("png", "one mask per object and a manifest", png.write, png.read),
        Format("cutouts", "one cut-out with alpha per object", cutouts.write),
    )
}


def format_named(name: str, *, to_read: bool = False) -> Format:
    """The format of that name.

    Raises:
        FormatError: there is none, or it cannot be read.
    """
    known = [form.name for form in FORMATS.values() if form.read or not to_read]
    if name not in known:
        raise FormatError(f"format is {name!r}", cure=f"use one of {', '.join(known)}")
    return FORMATS[name]


def export(
    labels: Labels,
    name: str,
    target: Path,
    photos: Photos | None = None,
    *,
    polygons: bool = False,
) -> Losses:
    """Write labels to a new folder, or in the place of an earlier export; whole or not at all.

    What the format does not hold is returned, and said in `losses.txt` there.

    Args:
        photos: the photographs, to be copied where the format wants them; None leaves them out.
        polygons: COCO's objects without holes as polygons.

    Raises:
        FormatError: no such format, or one that cannot hold these labels.
        OutputError: `target` is taken, or cannot be written.
    """
    write = format_named(name).write
    if polygons:
        if name != "coco":
            raise FormatError(f"{name} has no choice of polygons", cure="leave it out, or use coco")
        write = partial(coco.write, polygons=True)
    with fresh_folder(target) as folder:
        losses = write(labels, folder, photos)
        write_text(folder / LOSSES, losses_text(name, labels, losses))
    return losses


def losses_text(name: str, labels: Labels, losses: Losses) -> str:
    """What `losses.txt` says."""
    lines = [
        f"{MARK} as {name}: {len(labels.images):,} images, {labels.objects:,} objects",
        *(losses.lines or ("nothing was lost",)),
    ]
    return "\n".join(lines) + "\n"


def read(
    name: str,
    path: Path,
    sizes: Mapping[str, Size],
    *,
    skip: bool = False,
    mask_values: Convention = "auto",
) -> Reading:
    """The labels in a file or folder of a format.

    Args:
        sizes: of the images they belong to, by name.
        skip: leave out what does not match, and say so, instead of refusing the file.
        mask_values: what the values of mask files mean; `auto` where they leave no doubt.

    Raises:
        FormatError: no such format, or the file is damaged or does not match the images.
    """
    reader = format_named(name, to_read=True).read
    assert reader is not None
    if mask_values != "auto":
        if reader is not png.read:
            raise FormatError(f"{name} has no mask files", cure="leave the mask values out")
        reader = partial(png.read, values=mask_values)
    return reader(path, sizes, skip=skip)
