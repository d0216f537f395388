"""Cut-outs: each object alone, with alpha, in its box. For looking and pasting; not read back."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from m2n2v2.annotator.formats.base import LabelledObject, Labels, Losses, solid
from m2n2v2.annotator.formats.files import Photos, save_png, write_json
from m2n2v2.annotator.formats.names import numbered, stems
from m2n2v2.annotator.formats.png import MANIFEST, header, image_entry, tracked
from m2n2v2.arrays import Image
from m2n2v2.errors import FormatError

FORMAT = "m2n2v2 cut-outs"


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write `cutouts/IMAGE/NUMBER_CLASS.png` (RGBA) and `manifest.json` with their boxes.

    Outside the object a pixel is transparent black; the photograph's own colours are kept inside.

    Raises:
        FormatError: the photographs are not given.
    """
    if photos is None:
        raise FormatError("cut-outs need the photographs", cure="do not leave them out")
    counts: Counter[str] = Counter()
    names = stems((image.name for image in labels.images), flat=False)
    images = []
    for image in labels.ordered():
        written = solid(image, counts, tracks=True)
        objects: list[dict[str, Any]] = []
        pixels = photos.pixels(image.name, image.size) if written else None
        for number, obj in enumerate(written):
            assert pixels is not None
            file = f"cutouts/{names[image.name]}/{numbered(number, obj.class_name)}.png"
            save_png(folder / file, cut_out(pixels, obj))
            box = list(obj.mask.bbox)
            objects.append({"file": file, "class": obj.class_name, "bbox": box, **tracked(obj)})
        images.append(image_entry(image, objects))
    counts["outside"] += labels.objects - counts["empty"]
    write_json(folder / MANIFEST, {**header(FORMAT, labels), "images": images})
    return Losses.of(counts)


def cut_out(photo: Image, obj: LabelledObject) -> np.ndarray:
    """The object in its box, as RGBA."""
    x, y, width, height = obj.mask.bbox
    inside = obj.mask.mask[y : y + height, x : x + width]
    alpha = inside[:, :, None]
    box = photo[y : y + height, x : x + width]
    return np.concatenate([box * alpha, alpha * np.uint8(255)], axis=2)
