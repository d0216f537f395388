"""Edits: what each does to the objects of an image. Nothing here computes or stores."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from m2n2v2.annotator import wire
from m2n2v2.annotator.attributes import with_value
from m2n2v2.annotator.document import (
    Document,
    Drawn,
    FilledHole,
    Object,
    Placed,
    PlacedBox,
    PlacedCleaning,
    PlacedClick,
    PlacedScribble,
    Stroke,
    forbids,
)
from m2n2v2.annotator.reshaping import reshaped, whole
from m2n2v2.annotator.strokes import redrawn
from m2n2v2.arrays import Mask
from m2n2v2.errors import ClickError, EditError
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.editing import hole_filled
from m2n2v2.masks.runs import Runs

Segmented = Callable[[Object], tuple[Mask, str]]
"""The mask that an object's base and clicks (one at least) give, before its strokes, and what
made it."""

Other = Callable[[int], Document]

MOST_OBJECTS = 10_000
"""On one image."""


@dataclass(frozen=True)
class Means:
    """What edits need besides the image's objects.

    Attributes:
        segmented: what makes masks of clicks.
        snapped: what draws an object's mask anew.
        other: another image of the folder, by its id.
        cleaning: of the masks of new objects.
    """

    segmented: Segmented
    snapped: Segmented
    other: Other
    cleaning: Cleaning = Cleaning()  # noqa: RUF009 (a frozen value)


def applied(document: Document, edit: wire.Edit, means: Means) -> tuple[Object, ...]:
    """The objects after an edit, bottom to top; one that is new has id 0.

    Raises:
        EditError: the object is not there, is locked, or the edit makes no sense on it.
        ClickError: a click lies outside, or contradicts another.
        PromptError: the same of a box or scribble, or a box is empty.
        MaskError: there is no hole to fill.
    """
    match edit:
        case wire.Click():
            obj = _unlocked(document, edit.object, edit.class_id)
            click = PlacedClick(edit.x, edit.y, edit.positive)
            return _prompted(document, obj, click, means)
        case wire.Box():
            obj = _unlocked(document, edit.object, edit.class_id)
            return _prompted(document, obj, PlacedBox(edit.box, edit.positive), means)
        case wire.Scribble():
            obj = _unlocked(document, edit.object, edit.class_id)
            scribble = PlacedScribble(tuple(edit.points), edit.positive)
            return _prompted(document, obj, scribble, means)
        case wire.RemoveClick():
            obj = _unlocked(document, edit.object)
            if edit.index >= len(obj.clicks):
                raise ClickError(
                    f"there is no click {edit.index} among {len(obj.clicks)}",
                    cure="use an index from 0",
                )
            rest = (*obj.clicks[: edit.index], *obj.clicks[edit.index + 1 :])
            changed = replace(obj, clicks=rest)
            return _with(document, _remasked(changed, _size(document), means.segmented))
        case wire.Scale():
            obj = _unlocked(document, edit.object)
            if not obj.clicks:
                raise EditError("this object has no clicks to scale", cure="click on it first")
            *others, last = obj.clicks
            changed = replace(obj, clicks=(*others, replace(last, nudge=edit.scale)))
            return _with(document, _remasked(changed, _size(document), means.segmented))
        case wire.Stroke():
            obj = _unlocked(document, edit.object, edit.class_id)
            stroke = Stroke(edit.erase, edit.radius, tuple(edit.points))
            return _with(document, _drawn_on(obj, stroke))
        case wire.Clear():
            obj = _unlocked(document, edit.object)
            bare = replace(obj, clicks=(), strokes=(), base=None, made_by=None, polygon=None)
            return _with(document, replace(bare, mask=_nothing(document)))
        case wire.Delete():
            return document.without(_unlocked(document, edit.object).id).objects
        case wire.Duplicate():
            copy = replace(document.object(edit.object), id=0, locked=False, finished=False)
            return _with(document, copy)
        case wire.Copy():
            source = means.other(edit.image)
            if source.size != _size(document):
                raise EditError(
                    f"{source.name} is of another size, so its masks fit nowhere here",
                    cure="copy between images of one size",
                )
            copies = [_carried(source.object(id)) for id in edit.objects]
            return _checked((*document.objects, *copies))
        case wire.Finish():
            return _with(document, replace(document.object(edit.object), finished=edit.finished))
        case wire.SetClass():
            return _with(document, replace(document.object(edit.object), class_id=edit.class_id))
        case wire.SetAttribute():
            obj = document.object(edit.object)
            said = with_value(obj.attributes, edit.name, edit.value)
            return _with(document, replace(obj, attributes=said))
        case wire.Hide():
            return _with(document, replace(document.object(edit.object), hidden=edit.hidden))
        case wire.Lock():
            return _with(document, replace(document.object(edit.object), locked=edit.locked))
        case wire.Clean():
            obj = _unlocked(document, edit.object)
            return _with(document, _cleaned(document, obj, edit, means.segmented))
        case wire.Fill():
            obj = _unlocked(document, edit.object)
            hole = FilledHole(math.floor(edit.x), math.floor(edit.y))
            hole_filled(obj.mask.mask, hole.x, hole.y)  # where there is none, it says so
            return _with(document, _drawn_on(obj, hole))
        case wire.Snap():
            obj = _solid(document, edit.object)
            mask, made_by = means.snapped(obj)
            return _with(document, replace(whole(obj, mask), made_by=made_by))
        case wire.Combine() | wire.Split() | wire.ToPolygon() | wire.Vertices() | wire.ToMask():
            return _checked(reshaped(document, edit, _solid))
        case wire.Order():
            known = {before.id: before for before in document.objects}
            if sorted(edit.order) != sorted(known):
                raise EditError(
                    "the order does not name each object once",
                    cure="name all of them, bottom first",
                )
            return tuple(known[id] for id in edit.order)


def needs_clicks(document: Document, edit: wire.Edit) -> bool:
    """Must the image be prepared for this edit?"""
    match edit:
        case wire.Click() | wire.Box() | wire.Scribble() | wire.Scale() | wire.Snap():
            return True
        case wire.Clean():
            obj = document.object(edit.object)
            return bool(obj.clicks) and _ends_cleaned(obj)
        case wire.RemoveClick():
            return len(document.object(edit.object).clicks) > 1
    return False


def _unlocked(document: Document, id: int | None, class_id: int | None = None) -> Object:
    """The object to change; a new one, of that class, for None."""
    if id is None:
        return Object(0, _nothing(document), class_id)
    obj = document.object(id)
    if obj.locked:
        raise forbids(id, "is locked", cure="unlock it first")
    return obj


def _prompted(document: Document, obj: Object, placed: Placed, means: Means) -> tuple[Object, ...]:
    changed = replace(obj, clicks=(*obj.clicks, placed))
    if not obj.id and means.cleaning:
        changed = replace(changed, strokes=(PlacedCleaning(means.cleaning),))
    return _with(document, _remasked(changed, _size(document), means.segmented))


def _remasked(changed: Object, size: Size, segmented: Segmented) -> Object:
    """With the mask its base, clicks and strokes give."""
    made_by = None
    if changed.clicks:
        mask, made_by = segmented(changed)
    else:
        mask = (changed.base or Runs.empty(size)).mask
    mask, strokes = redrawn(mask, changed.strokes)
    return replace(changed, mask=Runs.of(mask), strokes=strokes, made_by=made_by, polygon=None)


def _drawn_on(obj: Object, drawn: Drawn) -> Object:
    """With one more thing done to its mask."""
    mask, done = redrawn(obj.mask.mask, [drawn])
    return replace(obj, strokes=(*obj.strokes, *done), mask=Runs.of(mask), polygon=None)


def _ends_cleaned(obj: Object) -> bool:
    return bool(obj.strokes) and isinstance(obj.strokes[-1], PlacedCleaning)


def _cleaned(document: Document, obj: Object, edit: wire.Clean, segmented: Segmented) -> Object:
    """With a cleaning at the end, in the place of one that is there."""
    if _ends_cleaned(obj):
        before = replace(obj, strokes=obj.strokes[:-1])
        obj = _remasked(before, _size(document), segmented)
    cleaning = Cleaning(edit.holes, edit.specks, edit.smooth)
    return _drawn_on(obj, PlacedCleaning(cleaning)) if cleaning else obj


def _solid(document: Document, id: int) -> Object:
    """An object to change that has a pixel."""
    obj = _unlocked(document, id)
    if not obj.mask.area:
        raise forbids(id, "has no pixel", cure="click on it first")
    return obj


def _carried(origin: Object) -> Object:
    """A copy for another image: its mask alone, which clicks correct there."""
    return Object(
        0,
        origin.mask,
        origin.class_id,
        base=origin.mask,
        source="import",
        attributes=origin.attributes,
        track=origin.identity,
    )


def _with(document: Document, changed: Object) -> tuple[Object, ...]:
    return _checked(document.with_object(changed).objects)


def _checked(objects: tuple[Object, ...]) -> tuple[Object, ...]:
    if len(objects) > MOST_OBJECTS:
        raise EditError(f"an image takes {MOST_OBJECTS} objects", cure="delete some first")
    return objects


def _size(document: Document) -> Size:
    if document.size is None:
        raise EditError(f"{document.name} was never opened", cure="open it first")
    return document.size


def _nothing(document: Document) -> Runs:
    return Runs.empty(_size(document))
