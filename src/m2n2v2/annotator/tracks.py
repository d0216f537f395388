"""An object through the frames of a sequence: who it is in each, and whose word its mask is.

An object's identity is its own number in the frame where it was first made, and that of its
counterparts in other frames. A mask that was followed is the program's; whatever a person changes
of it, or locks, is the person's from then on, and no following overwrites it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from m2n2v2.annotator import wire
from m2n2v2.annotator.document import Document, Object
from m2n2v2.masks.runs import Runs


@dataclass(frozen=True)
class Followed:
    """What following says of an object in a frame.

    Attributes:
        identity: of the object.
        like: the object where a person marked it, whose class and attributes it has.
        confidence: of the mask, in [0, 1]; that of an empty one says how sure its absence is.
    """

    identity: int
    like: Object
    mask: Runs
    confidence: float


def merged(
    document: Document, followed: Iterable[Followed], made_by: str | None = None
) -> tuple[Object, ...]:
    """The objects of a frame with what following says of it; a person's stay as they are.

    An image that a person called done, or checked, stays as it is.

    Args:
        made_by: what followed, to be kept with the masks.
    """
    if document.done:
        return document.objects
    objects = list(document.objects)
    place = {obj.identity: at for at, obj in enumerate(objects)}
    for track in followed:
        at = place.get(track.identity, len(objects))
        known = objects[at] if at < len(objects) else None
        if known is not None and known.by_person:
            continue
        objects[at : at + 1] = [
            replace(
                known
                or Object(
                    0,
                    track.mask,
                    track.like.class_id,
                    track=track.identity,
                    attributes=track.like.attributes,
                ),
                mask=track.mask,
                base=track.mask,
                finished=True,
                source="tracked",
                made_by=made_by,
                confidence=round(track.confidence, 4),
            )
        ]
    return tuple(objects)


def spoken(document: Document, edit: wire.Edit, objects: Iterable[Object]) -> tuple[Object, ...]:
    """The objects after a person's edit: what was changed is the person's now.

    Those copied from another image keep their identity, if nobody has it here; other new objects
    are themselves, a duplicate, too.

    Args:
        document: as it was before the edit.
        objects: as the edit made them.
    """
    before = {obj.id: obj for obj in document.objects}
    taken = {obj.identity for obj in document.objects}
    out = []
    for obj in objects:
        was = before.get(obj.id)
        if was is None:
            copied = isinstance(edit, wire.Copy) and obj.track not in taken
            taken.add(obj.track or 0)
            source = "clicks" if obj.source == "tracked" else obj.source
            obj = replace(obj, track=obj.track if copied else None, source=source, confidence=None)
        elif obj.source == "tracked" and _made(obj) != _made(was):
            obj = replace(obj, source="clicks", confidence=None)
        out.append(obj)
    return tuple(out)


def _made(obj: Object) -> tuple[object, ...]:
    """What a person changes of an object's mask."""
    return obj.mask, obj.base, obj.clicks, obj.strokes, obj.polygon
