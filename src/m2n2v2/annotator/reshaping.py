"""Edits of whole shapes: objects put together, split into parts, and polygons of movable vertices.

What comes of them is a mask of its own, which later clicks correct; undo brings back the clicks.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from m2n2v2.annotator import wire
from m2n2v2.annotator.document import Document, Object, Ring, forbids
from m2n2v2.arrays import Mask
from m2n2v2.errors import EditError
from m2n2v2.masks.editing import intersected, merged, parts, parts_count, subtracted
from m2n2v2.masks.rings import filled
from m2n2v2.masks.runs import Runs
from m2n2v2.masks.simplified import simplified

MOST_PARTS = 200
"""Into which one object may be split."""

MOST_VERTICES = 20_000
"""Of one polygon."""

Reshaped = wire.Combine | wire.Split | wire.ToPolygon | wire.Vertices | wire.ToMask
Taken = Callable[[Document, int], Object]
"""An object that may be changed and has a pixel, by its id."""


def whole(obj: Object, mask: Mask, polygon: tuple[Ring, ...] | None = None) -> Object:
    """The object with another mask, and nothing of what made the one before."""
    runs = Runs.of(mask)
    return replace(obj, mask=runs, base=runs, clicks=(), strokes=(), made_by=None, polygon=polygon)


def reshaped(document: Document, edit: Reshaped, taken: Taken) -> tuple[Object, ...]:
    """The objects after such an edit, bottom to top; one that is new has id 0.

    Raises:
        EditError: an object is not there, is locked, or the edit makes no sense on it.
    """
    match edit:
        case wire.Combine():
            return _combined(document, edit, taken)
        case wire.Split():
            return _split(document, taken(document, edit.object))
        case wire.ToPolygon():
            obj = taken(document, edit.object)
            polygons = simplified(obj.mask.mask, edit.deviation)
            rings = [ring.tolist() for polygon in polygons for ring in polygon.rings]
            return document.with_object(_of_rings(obj, rings)).objects
        case wire.Vertices():
            obj = taken(document, edit.object)
            if obj.polygon is None:
                raise forbids(obj.id, "is no polygon", cure="make it one first")
            return document.with_object(_of_rings(obj, edit.rings)).objects
        case wire.ToMask():
            obj = taken(document, edit.object)
            return document.with_object(replace(obj, polygon=None)).objects


def _combined(document: Document, edit: wire.Combine, taken: Taken) -> tuple[Object, ...]:
    if edit.object == edit.other:
        raise EditError("an object came with itself", cure="name two objects")
    merges = edit.kind == "merge"
    obj = taken(document, edit.object)
    other = taken(document, edit.other) if merges else document.object(edit.other)
    one, two = obj.mask.mask, other.mask.mask
    if merges:
        return document.with_object(whole(obj, merged([one, two]))).without(other.id).objects
    mask = subtracted(one, two) if edit.kind == "subtract" else intersected([one, two])
    if not mask.any():
        raise forbids(
            obj.id,
            "would have no pixel left",
            cure="delete it, if that is meant, or choose another object",
        )
    return document.with_object(whole(obj, mask)).objects


def _split(document: Document, obj: Object) -> tuple[Object, ...]:
    count = parts_count(obj.mask.mask)
    if count == 1:
        raise forbids(obj.id, "is of one part", cure="there is nothing to split")
    if count > MOST_PARTS:
        raise forbids(
            obj.id,
            f"is of {count:,} parts, and {MOST_PARTS} are split at most",
            cure="clean its specks away first",
        )
    masks = parts(obj.mask.mask)
    largest = int(np.argmax([mask.sum() for mask in masks]))
    others = tuple(replace(whole(obj, mask), id=0) for k, mask in enumerate(masks) if k != largest)
    changed = document.with_object(whole(obj, masks[largest])).objects
    at = next(k for k, other in enumerate(changed) if other.id == obj.id)
    return (*changed[: at + 1], *others, *changed[at + 1 :])


def _of_rings(obj: Object, rings: list[list[tuple[float, float]]]) -> Object:
    """The object made of these rings."""
    count = sum(map(len, rings))
    if count > MOST_VERTICES:
        raise EditError(
            f"the polygon has {count:,} vertices, and {MOST_VERTICES:,} are taken",
            cure="let it lie farther from the outline (deviation)",
        )
    mask = filled([np.array(ring, np.float64) for ring in rings], obj.mask.size.shape)
    if not mask.any():
        raise EditError("the polygon covers no pixel's middle", cure="move its vertices apart")
    return whole(obj, mask, tuple(tuple((x, y) for x, y in ring) for ring in rings))
