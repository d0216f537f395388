"""All objects of a class side by side: people would rather look than read."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image as PILImage

from m2n2v2.annotator.document import Object
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.views import box_of
from m2n2v2.arrays import Image
from m2n2v2.errors import ConflictError, FolderError, ImageError
from m2n2v2.masks.runs import Runs
from m2n2v2.overlays import png

SIDE = 200
"""Pixels of a picture's longer side."""

MARGIN = 0.15
"""Of the object's longer side, seen around it."""

DIMMED = 0.35
"""What is left of the light around the object."""


@dataclass(frozen=True)
class Placed:
    """An object, and the image that it is on."""

    image: int
    name: str
    object: Object


def objects_of(project: Project, class_id: int | None, offset: int, limit: int) -> list[Placed]:
    """The objects of a class in the folder's order; None for those without a class."""
    return list(islice(_all(project, class_id), offset, offset + limit))


def _all(project: Project, class_id: int | None) -> Iterator[Placed]:
    for entry in project.entries():
        listed = entry.listed
        if entry.problem or class_id not in listed.classes:
            continue
        try:
            document = project.document(listed.id)
        except (ImageError, ConflictError, FolderError):
            continue  # the list says what is wrong with it
        for obj in document.objects:
            if obj.class_id == class_id and obj.mask.area:
                yield Placed(listed.id, listed.name, obj)


def picture_of(image: Image, runs: Runs) -> bytes:
    """An object in its surroundings, which are darker, as a PNG of at most `SIDE` pixels.

    Raises:
        MissingError: it has no pixel.
    """
    x, y, width, height = box_of(runs)
    margin = 2 + round(MARGIN * max(width, height))
    top, left = max(y - margin, 0), max(x - margin, 0)
    box = np.s_[top : y + height + margin, left : x + width + margin]
    shown = image[box].astype(np.float32)
    shown[~runs.mask[box]] *= DIMMED
    small = PILImage.fromarray(np.round(shown).astype(np.uint8))
    small.thumbnail((SIDE, SIDE), PILImage.Resampling.BOX, reducing_gap=None)
    return png(np.asarray(small))
