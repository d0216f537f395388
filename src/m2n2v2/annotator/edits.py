"""Edits: what each does to the objects of an image. Nothing here computes or stores."""

from collections.abc import Callable
from dataclasses import replace

from m2n2v2.annotator import wire
from m2n2v2.annotator.attributes import with_value
from m2n2v2.annotator.document import (
    Document,
    Object,
    Placed,
    PlacedBox,
    PlacedClick,
    PlacedScribble,
    Stroke,
)
from m2n2v2.annotator.strokes import painted
from m2n2v2.arrays import Mask
from m2n2v2.errors import ClickError, EditError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

Segmented = Callable[[Object], tuple[Mask, str]]
"""The mask that an object's base and clicks (one at least) give, before its strokes, and what
made it."""

Other = Callable[[int], Document]

MOST_OBJECTS = 10_000
"""On one image."""


def applied(
    document: Document, edit: wire.Edit, segmented: Segmented, other: Other
) -> tuple[Object, ...]:
    """The objects after an edit, bottom to top; one that is new has id 0.

    Args:
        segmented: what makes masks of clicks.
        other: another image of the folder, by its id.

    Raises:
        EditError: the object is not there, is locked, or the edit makes no sense on it.
        ClickError: a click lies outside, or contradicts another.
        PromptError: the same of a box or scribble, or a box is empty.
    """
    match edit:
        case wire.Click():
            obj = _unlocked(document, edit.object, edit.class_id)
            click = PlacedClick(edit.x, edit.y, edit.positive)
            return _prompted(document, obj, click, segmented)
        case wire.Box():
            obj = _unlocked(document, edit.object, edit.class_id)
            return _prompted(document, obj, PlacedBox(edit.box, edit.positive), segmented)
        case wire.Scribble():
            obj = _unlocked(document, edit.object, edit.class_id)
            scribble = PlacedScribble(tuple(edit.points), edit.positive)
            return _prompted(document, obj, scribble, segmented)
        case wire.RemoveClick():
            obj = _unlocked(document, edit.object)
            if edit.index >= len(obj.clicks):
                raise ClickError(
                    f"there is no click {edit.index} among {len(obj.clicks)}",
                    cure="use an index from 0",
                )
            rest = (*obj.clicks[: edit.index], *obj.clicks[edit.index + 1 :])
            changed = replace(obj, clicks=rest)
            return _with(document, _remasked(changed, _size(document), segmented))
        case wire.Scale():
            obj = _unlocked(document, edit.object)
            if not obj.clicks:
                raise EditError("this object has no clicks to scale", cure="click on it first")
            *others, last = obj.clicks
            changed = replace(obj, clicks=(*others, replace(last, nudge=edit.scale)))
            return _with(document, _remasked(changed, _size(document), segmented))
        case wire.Stroke():
            obj = _unlocked(document, edit.object, edit.class_id)
            stroke = Stroke(edit.erase, edit.radius, tuple(edit.points))
            mask = Runs.of(painted(obj.mask.mask, [stroke]))
            return _with(document, replace(obj, strokes=(*obj.strokes, stroke), mask=mask))
        case wire.Clear():
            obj = _unlocked(document, edit.object)
            bare = replace(obj, clicks=(), strokes=(), base=None, made_by=None)
            bare = replace(bare, mask=_nothing(document))
            return _with(document, bare)
        case wire.Delete():
            return document.without(_unlocked(document, edit.object).id).objects
        case wire.Duplicate():
            copy = replace(document.object(edit.object), id=0, locked=False, finished=False)
            return _with(document, copy)
        case wire.Copy():
            source = other(edit.image)
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
        case wire.Click() | wire.Box() | wire.Scribble() | wire.Scale():
            return True
        case wire.RemoveClick():
            return len(document.object(edit.object).clicks) > 1
    return False


def _unlocked(document: Document, id: int | None, class_id: int | None = None) -> Object:
    """The object to change; a new one, of that class, for None."""
    if id is None:
        return Object(0, _nothing(document), class_id)
    obj = document.object(id)
    if obj.locked:
        raise EditError(f"object {id} is locked", cure="unlock it first")
    return obj


def _prompted(
    document: Document, obj: Object, placed: Placed, segmented: Segmented
) -> tuple[Object, ...]:
    changed = replace(obj, clicks=(*obj.clicks, placed))
    return _with(document, _remasked(changed, _size(document), segmented))


def _remasked(changed: Object, size: Size, segmented: Segmented) -> Object:
    """With the mask its base, clicks and strokes give."""
    made_by = None
    if changed.clicks:
        mask, made_by = segmented(changed)
    else:
        mask = (changed.base or Runs.empty(size)).mask
    return replace(changed, mask=Runs.of(painted(mask, changed.strokes)), made_by=made_by)


def _carried(found: Object) -> Object:
    """A copy for another image: its mask alone, which clicks correct there."""
    return Object(
        0,
        found.mask,
        found.class_id,
        base=found.mask,
        source="import",
        attributes=found.attributes,
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
