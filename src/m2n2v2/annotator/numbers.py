"""How much work labels were: clicks and seconds per image and person, from the history.

The server notes when an edit is stored. The time between two edits of a person on one image counts
as work unless it is longer than `PAUSE`; what comes before the first edit is not known.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Edit

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
    """What the objects of one class on one image took."""

    image: str
    class_name: str
    objects: int
    clicks: int
    strokes: int


def work(name: str, status: str, edits: Iterable[Edit]) -> list[Row]:
    """The rows of one image, by person and day."""
    count: defaultdict[tuple[str, str], int] = defaultdict(int)
    spent: defaultdict[tuple[str, str], float] = defaultdict(float)
    last: dict[str, float] = {}
    for edit in sorted((e for e in edits if e.time is not None), key=lambda e: e.time or 0.0):
        person, time = edit.person or "", edit.time or 0.0
        key = person, datetime.fromtimestamp(time, UTC).date().isoformat()
        count[key] += 1
        gap = time - last.get(person, time)
        spent[key] += gap if gap <= PAUSE else 0.0
        last[person] = time
    return [Row(name, status, *key, count[key], round(spent[key], 1)) for key in sorted(count)]


def rows(project: Project) -> Iterator[Row]:
    """The work on every image of the folder, in its order."""
    for entry in project.entries():
        listed = entry.listed
        yield from work(listed.name, listed.status, project.store.edits(listed.id))


def made(project: Project) -> Iterator[Made]:
    """What the objects took, by image and class."""
    names = {kind.id: kind.name for kind in project.store.classes()}
    for entry in project.entries():
        listed = entry.listed
        if not listed.objects:
            continue
        objects = project.store.document(listed.id).objects
        for id in sorted({o.class_id or 0 for o in objects}):
            these = [o for o in objects if (o.class_id or 0) == id]
            yield Made(
                listed.name,
                names.get(id, ""),
                len(these),
                sum(len(o.clicks) for o in these),
                sum(len(o.brushed) for o in these),
            )


def table(project: Project) -> str:
    """Both as CSV: the work, an empty line, what was made."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["image", "status", "person", "day", "edits", "seconds"])
    for work in rows(project):
        write.writerow([work.image, work.status, work.person, work.day, work.edits, work.seconds])
    write.writerow([])
    write.writerow(["image", "class", "objects", "clicks", "strokes"])
    for row in made(project):
        write.writerow([row.image, row.class_name, row.objects, row.clicks, row.strokes])
    return out.getvalue()
