"""Whose edits an undo takes back, and what is left when others have edited since.

The history of an image only grows. A step is an edit, or takes an earlier step back, or makes one
again. A person undoes their own steps, the newest first, wherever others' steps lie between; what
they changed must still be as they left it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from m2n2v2.annotator.document import forbids
from m2n2v2.errors import EditError


@dataclass(frozen=True)
class Step:
    """One step of an image's history.

    Attributes:
        number: 1 is the first.
        person: who made it; None if that was not noted, and then it is everybody's.
        undoes, redoes: the number of the edit that it takes back or makes again.
    """

    number: int
    person: str | None
    undoes: int | None = None
    redoes: int | None = None


def stacks(steps: Sequence[Step], person: str | None) -> tuple[list[int], list[int]]:
    """The numbers of a person's edits to undo and to redo, what comes first last."""
    done: list[int] = []
    undone: list[int] = []
    for step in steps:
        if step.person not in (None, person):
            continue
        if step.undoes is not None:
            _take(done, step.undoes)
            undone.append(step.undoes)
        elif step.redoes is not None:
            _take(undone, step.redoes)
            done.append(step.redoes)
        else:
            done.append(step.number)
            undone.clear()
    return done, undone


def _take(stack: list[int], number: int) -> None:
    if number in stack:
        stack.remove(number)


def carried(
    now: Sequence[int], was: Sequence[int], becomes: Sequence[int], objects: Mapping[int, int]
) -> list[int]:
    """An image's versions when the way from `was` to `becomes` is gone from `now`.

    Args:
        now, was, becomes: versions of objects, bottom to top.
        objects: the object of every version named.

    Raises:
        EditError: an object on the way, or their order, is no longer as it was.
    """
    if now == was:
        return list(becomes)
    here, before, after = ({objects[v]: v for v in every} for every in (now, was, becomes))
    moved = [v for v in was if objects[v] in after], [v for v in becomes if objects[v] in before]
    if [objects[v] for v in moved[0]] != [objects[v] for v in moved[1]]:
        raise EditError(
            "the order of the objects was changed by that edit, and others have edited since",
            cure="order them anew",
        )
    result = list(now)
    for object in before.keys() | after.keys():
        if before.get(object) == after.get(object):
            continue
        if here.get(object) != before.get(object):
            raise forbids(object, "was changed by somebody else since", cure="correct it as it is")
        if object not in after:
            result.remove(before[object])
        elif object in before:
            result[result.index(before[object])] = after[object]
    for place, version in enumerate(becomes):
        if objects[version] not in before:  # over those it lay on, as far as they are here
            below = {objects[other] for other in becomes[:place]}
            at = [i for i, other in enumerate(result) if objects[other] in below]
            result.insert(at[-1] + 1 if at else 0, version)
    return result
