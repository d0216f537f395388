"""YOLO segmentation, as ultralytics reads it: a text file per image, and `data.yaml`.

An object is one polygon. Holes and parts hang together by bridges (see `bridges`), so that
ultralytics' rasteriser (fractions dropped, outline painted) returns the mask at the photograph's
size; a bridge between parts also paints the background under it. Trainings at another size work
with the scaled polygon.
"""

import json
from collections import Counter
from pathlib import Path

from m2n2v2.annotator.formats.base import Labelled, Labels, Losses, class_index, overlapping, solid
from m2n2v2.annotator.formats.classes import name_of
from m2n2v2.annotator.formats.files import Photos, write_text
from m2n2v2.annotator.formats.names import stems
from m2n2v2.annotator.formats.outlines import Drawn, Outlines, drawn, inset
from m2n2v2.annotator.formats.photos_out import copy_photos, write_names
from m2n2v2.arrays import Mask
from m2n2v2.masks.bridges import joined
from m2n2v2.masks.outlines import Points, trace
from m2n2v2.masks.simplified import bridged

IMAGES = "images/train"
TEXTS = "labels/train"


def write(
    labels: Labels,
    folder: Path,
    photos: Photos | None = None,
    *,
    outlines: Outlines | None = None,
) -> Losses:
    """Write `data.yaml`, `classes.txt`, `labels/train` and (with photographs) `images/train`.

    There is no validation split: `val` in `data.yaml` is the training set until you change it.

    Args:
        outlines: objects as polygons drawn so, in place of exact ones; always one ring.
    """
    counts: Counter[str] = Counter()
    index = class_index(labels, counts)
    names = stems((image.name for image in labels.images), flat=True)
    copy_photos(labels, names, folder / IMAGES, photos, counts)
    for image in labels.ordered():
        lines = _lines(image, index, counts, outlines)
        write_text(folder / TEXTS / f"{names[image.name]}.txt", "".join(lines))
    listed = [name_of(name) for name, _ in sorted(index.items(), key=lambda item: item[1])]
    listed = list(dict.fromkeys(listed))
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in listed))
    write_text(folder / "data.yaml", _yaml(listed))
    write_names(folder, names, counts)
    counts["colors"] += sum(label.color is not None for label in labels.classes)
    return Losses.of(counts)


def _lines(
    image: Labelled,
    index: dict[str | None, int],
    counts: Counter[str],
    outlines: Outlines | None,
) -> list[str]:
    lines = []
    objects = solid(image, counts)
    counts["order"] += overlapping(objects)
    one = Outlines(outlines.deviation, single_ring=True) if outlines else None
    rings = drawn(objects, one, counts) if one else [None] * len(objects)
    for obj, outline in zip(objects, rings, strict=True):
        points = _joined(outline, counts) if outline else _exact(obj.mask.mask, counts)
        fractions = points / (image.size.width, image.size.height)
        numbers = " ".join(f"{value:.7f}" for value in fractions.reshape(-1).tolist())
        lines.append(f"{index[obj.class_name]} {numbers}\n")
    return lines


def _exact(mask: Mask, counts: Counter[str]) -> Points:
    polygon = joined(mask)
    traced = trace(mask, diagonal=True)
    counts["holes"] += any(traced.is_hole)
    counts["parts"] += traced.is_hole.count(False) > 1
    counts["bridges"] += polygon.covered
    return polygon.points


def _joined(outline: Drawn, counts: Counter[str]) -> Points:
    """All parts of an object in one ring."""
    counts["parts"] += len(outline.rings) > 1
    first, *others = (inset(ring) for ring in outline.rings)
    return bridged(first, others)


def _yaml(names: list[str]) -> str:
    """Names as double-quoted scalars. Without `path` the folder of this file counts."""
    listed = "".join(f"  {number}: {_quoted(name)}\n" for number, name in enumerate(names))
    return (
        f"train: {IMAGES}\n"
        f"val: {IMAGES}  # the same images: name others for an honest validation\n"
        f"names:{' {}' if not names else ''}\n{listed}"
    )


def _quoted(text: str) -> str:
    """A YAML scalar: JSON's escapes are YAML's but for pairs of surrogates, left as they are."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
