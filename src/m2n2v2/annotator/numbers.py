"""How much work labels were: clicks and seconds per image, person and object, from the history.

The server notes when an edit is stored. The time between two edits of a person on one image counts
as work unless it is longer than `PAUSE`; what comes before the first edit is not known. It is the
work on the objects that the later edit changed, in equal parts.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from m2n2v2.annotator.document import Document
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Edit, Listed

PAUSE = 120.0
"""Seconds without an edit that are a pause, not work."""


@dataclass(frozen=True)
class Row:
    """The work of one person on one image on one day (UTC).

    Attributes:
        person: empty if that was not noted.
        edits: stored, undone ones among them.
        seconds: of work.
    """

    image: str
    status: str
    person: str
    day: str
    edits: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """What an object took, as far as history is kept.

    Attributes:
        object: its id, unique in the folder.
        class_name: empty for none.
        seconds: of work by everybody.
    """

    image: str
    object: int
    class_name: str
    clicks: int
    strokes: int
    seconds: float


@dataclass(frozen=True)
class Day:
    """The work of one person on one day (UTC), on all images.

    Attributes:
        person: empty if that was not noted.
        images: edited.
        seconds: of work.
    """

    day: str
    person: str
    images: int
    edits: int
    seconds: float


def spans(edits: Iterable[Edit]) -> Iterator[tuple[Edit, float, float]]:
    """The edits of one image whose time was noted, with that time and the seconds of work."""
    last: dict[str | None, float] = {}
    timed = [(edit.time, edit) for edit in edits if edit.time is not None]
    for time, edit in sorted(timed, key=lambda pair: pair[0]):
        gap = time - last.get(edit.person, time)
        yield edit, time, gap if gap <= PAUSE else 0.0
        last[edit.person] = time


def work(name: str, status: str, edits: Iterable[Edit]) -> list[Row]:
    """The rows of one image, by person and day."""
    count: defaultdict[tuple[str, str], int] = defaultdict(int)
    spent: defaultdict[tuple[str, str], float] = defaultdict(float)
    for edit, time, seconds in spans(edits):
        key = edit.person or "", datetime.fromtimestamp(time, UTC).date().isoformat()
        count[key] += 1
        spent[key] += seconds
    return [Row(name, status, *key, count[key], round(spent[key], 1)) for key in sorted(count)]


def by_object(edits: Iterable[Edit]) -> dict[int, float]:
    """Seconds of work on each object of one image."""
    spent: defaultdict[int, float] = defaultdict(float)
    for edit, _, seconds in spans(edits):
        for id in edit.objects:
            spent[id] += seconds / len(edit.objects)
    return spent


def edited(project: Project) -> Iterator[tuple[Listed, list[Edit]]]:
    """The images of the folder that were ever edited, in its order, with their edits."""
    for entry in project.entries():
        if entry.listed.revision:
            yield entry.listed, project.store.edits(entry.listed.id)


def days(project: Project) -> list[Day]:
    """The work of each day and person, in that order."""
    of: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for listed, edits in edited(project):
        for row in work(listed.name, listed.status, edits):
            of[row.day, row.person].append(row)
    return [
        Day(*key, len(of[key]), sum(r.edits for r in of[key]), sum(r.seconds for r in of[key]))
        for key in sorted(of)
    ]


def made(document: Document, edits: Iterable[Edit], names: Mapping[int, str]) -> Iterator[Made]:
    """What the objects of an image took, bottom to top.

    Args:
        edits: of that image.
        names: of the classes, by their id.
    """
    spent = by_object(edits)
    for obj in document.objects:
        name = names.get(obj.class_id or 0, "")
        seconds = round(spent.get(obj.id, 0.0), 1)
        yield Made(document.name, obj.id, name, len(obj.clicks), len(obj.brushed), seconds)


def table(project: Project) -> str:
    """As CSV: the work, an empty line, what the objects took; both in the order of the folder."""
    names = {kind.id: kind.name for kind in project.store.classes()}
    rows: list[Row] = []
    objects: list[Made] = []
    for listed, edits in edited(project):
        rows += work(listed.name, listed.status, edits)
        if listed.objects:
            objects += made(project.store.document(listed.id), edits, names)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["image", "status", "person", "day", "edits", "seconds"])
    write.writerows(astuple(row) for row in rows)
    write.writerow([])
    write.writerow(["image", "object", "class", "clicks", "strokes", "seconds"])
    write.writerows(astuple(row) for row in objects)
    return out.getvalue()
