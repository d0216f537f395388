"""Labels of a folder in the formats in which trainings and other tools want them.

Each format is a module with `write(labels, folder, photos)`, which returns what it lost, and
perhaps `read(path, sizes)`. `export` puts a whole folder in place; `FORMATS` lists them.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from m2n2v2.annotator.formats import coco, cutouts, labelme, mot, png, voc, yolo
from m2n2v2.annotator.formats.base import Labels, Losses, Reading
from m2n2v2.annotator.formats.files import LOSSES, MARK, Photos, fresh_folder, write_text
from m2n2v2.annotator.formats.outlines import Outlines
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.conventions import Convention
from m2n2v2.masks.runs import Runs

KEPT = Cleaning()
"""Masks as they are."""

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
        Format("mot", "MOT Challenge's boxes, of a sequence", mot.write),
    )
}


POLYGONAL: Mapping[str, Callable[..., Losses]] = {
    "coco": coco.write,
    "yolo": yolo.write,
    "labelme": labelme.write,
}
"""Those whose objects are polygons, or may be."""


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
    outlines: Outlines | None = None,
    cleaning: Cleaning = KEPT,
) -> Losses:
    """Write labels to a new folder, or in the place of an earlier export; whole or not at all.

    What the format does not hold is returned, and said in `losses.txt` there.

    Args:
        photos: the photographs, to be copied where the format wants them; None leaves them out.
        polygons: COCO's objects without holes as polygons.
        outlines: polygons of few corners, in the formats that have polygons.
        cleaning: of every mask.

    Raises:
        FormatError: no such format, or one that cannot hold these labels.
        MaskError: the outlines' deviation has no meaning.
        OutputError: `target` is taken, or cannot be written.
    """
    write = format_named(name).write
    if polygons and name != "coco":
        raise FormatError(f"{name} has no choice of polygons", cure="leave it out, or use coco")
    if outlines is not None:
        if name not in POLYGONAL:
            raise FormatError(
                f"{name} has no polygons to simplify",
                cure=f"leave it out, or use one of {', '.join(POLYGONAL)}",
            )
        write = partial(POLYGONAL[name], outlines=outlines)
    elif polygons:
        write = partial(coco.write, polygons=True)
    labels, changed = cleaned(labels, cleaning)
    with fresh_folder(target) as folder:
        losses = write(labels, folder, photos)
        losses = Losses.of(Counter({**dict(losses.counts), "cleaned": changed}))
        write_text(folder / LOSSES, losses_text(name, labels, losses))
    return losses


def cleaned(labels: Labels, cleaning: Cleaning) -> tuple[Labels, int]:
    """The labels with every mask cleaned, and how many pixels that changed in all."""
    if not cleaning:
        return labels, 0
    changed = 0
    images = []
    for image in labels.images:
        objects = []
        for obj in image.objects:
            made = cleaning.of(obj.mask.mask)
            changed += made.added + made.removed
            objects.append(replace(obj, mask=Runs.of(made.mask)))
        images.append(replace(image, objects=tuple(objects)))
    return replace(labels, images=tuple(images)), changed


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
