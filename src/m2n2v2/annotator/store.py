"""Annotations on disk: one SQLite file in the folder, with every edit's history.

Every object that ever was is a row of `versions`, never changed. A state of an image is a list of
versions; an edit appends a state, and so do undo and redo, of the versions that were there before
(`history`). So an edit is one small transaction, and history survives whatever happens to the
process: it is committed, through a write-ahead log flushed to the disk (`synchronous=FULL`),
before anybody is told.
"""

import functools
import json
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from cachetools import LRUCache

from m2n2v2.annotator import stored_classes, tables
from m2n2v2.annotator.document import (
    FINISHED,
    Change,
    Document,
    Object,
    ObjectClass,
    Status,
)
from m2n2v2.annotator.history import Step, carried, stacks
from m2n2v2.errors import (
    AccessError,
    BusyError,
    ConflictError,
    EditError,
    M2N2Error,
    MissingError,
    StoreError,
)
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.runs import Runs

HISTORY = 1000
"""Steps of undo kept per image."""

SWEEP = 256
"""Edits of an image between looks for versions that no state holds any more."""

REMEMBERED = 32
"""Images whose objects are kept decoded."""


@dataclass(frozen=True)
class Listed:
    """One image in the list of the folder.

    Attributes:
        classes: of its objects; None stands for objects without a class.
        people: who has edited it, as far as that was noted.
    """

    id: int
    name: str
    status: Status
    objects: int
    revision: int
    size: Size | None
    sha256: str | None
    classes: frozenset[int | None] = frozenset()
    people: frozenset[str] = frozenset()

    @property
    def done(self) -> bool:
        """Labelled, and not rejected."""
        return self.status in FINISHED


@dataclass(frozen=True)
class Edit:
    """When somebody edited, in seconds since 1970; None where it was not noted.

    Attributes:
        objects: that it made or changed, as far as that is kept.
    """

    person: str | None
    time: float | None
    objects: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Counts:
    """How far the folder is."""

    images: int
    done: int
    unreadable: int
    objects: int


class Store:
    """The annotations of a folder.

    Args:
        path: the SQLite file; made if it is not there. None: in memory, lost at the end.
        read_only: only to be looked at; a copy is opened, and nothing is written beside it.

    Raises:
        StoreError: the file is damaged, of a newer version, or cannot be written.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        self._writes = 0
        self._listed: tuple[tuple[int, int], list[Listed]] | None = None
        self._known: LRUCache[int, tuple[int, tuple[Object, ...]]] = LRUCache(REMEMBERED)
        self._steps: LRUCache[int, tuple[int, list[Step]]] = LRUCache(REMEMBERED)
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        if path is not None and read_only:
            path = self._copied(path)
        with _named(self.path):
            self._db = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
            )
            try:
                self._db.execute("PRAGMA trusted_schema = OFF")
                self._prepare()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        with self._lock:
            self._db.close()
        if self._copy:
            self._copy.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_writable(self) -> None:
        """Refuse changes where there can be none.

        Raises:
            AccessError: it is open for looking only.
        """
        if self.read_only:
            raise AccessError(
                "the folder takes no changes, so annotations cannot be stored",
                cure="make it writable, or copy it, and start again",
            )

    # Images

    def add_images(self, names: Iterable[str]) -> None:
        """Know these names; those known already stay as they are, and nothing is written of them.

        A folder is looked through every few seconds, and after whatever is written the list of its
        images has to be read anew.
        """
        with self._reading() as db:
            known = {name for (name,) in db.execute("SELECT name FROM images")}
        new = [(name,) for name in names if name not in known]
        if new:
            with self._writing(allowed=True) as db:  # another process may have been faster
                db.executemany("INSERT OR IGNORE INTO images (name) VALUES (?)", new)

    def images(self) -> list[Listed]:
        """Every image ever known, in no order."""
        with self._reading() as db:
            (version,) = db.execute("PRAGMA data_version").fetchone()  # of what others wrote
            now = (self._writes, version)
            if self._listed is not None and self._listed[0] == now:
                return list(self._listed[1])
            rows = db.execute(
                "SELECT id, name, status, objects, revision, height, width, sha256, "
                "classes, people FROM images"
            ).fetchall()
        listed = [
            Listed(
                id=id,
                name=name,
                status=status,
                objects=objects,
                revision=revision,
                size=_size(height, width),
                sha256=sha256,
                classes=_set(classes),
                people=_set(people),
            )
            for id, name, status, objects, revision, height, width, sha256, classes, people in rows
        ]
        self._listed = (now, listed)
        return list(listed)

    def opened(self, id: int, size: Size, sha256: str) -> None:
        """Note which content an image had when it was opened."""
        with self._writing(allowed=True) as db:
            db.execute(
                "UPDATE images SET height = ?, width = ?, sha256 = ? WHERE id = ?",
                (*size.shape, sha256, id),
            )

    def set_status(
        self, id: int, status: Status, note: str = "", person: str | None = None
    ) -> None:
        """Say how far an image is, and why."""
        with self._writing() as db:
            db.execute(
                "UPDATE images SET status = ?, note = ?, status_by = ? WHERE id = ?",
                (status, note, person, id),
            )

    def document(self, id: int, person: str | None = None) -> Document:
        """The annotations of an image as they are.

        Args:
            person: whose edits there may be to undo and redo.

        Raises:
            MissingError: no image of that id.
        """
        with self._reading() as db:
            return self._document(db, id, person)

    def edits(self, id: int) -> list[Edit]:
        """When an image was edited and by whom, as far as history is kept."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT person, time, json_group_array(object) FILTER (WHERE object) FROM states "
                "LEFT JOIN versions USING (image, step) WHERE image = ? GROUP BY step",
                (id,),
            )
            return [Edit(person, time, _set(objects)) for person, time, objects in rows.fetchall()]

    def revision(self, id: int) -> int:
        """Of an image; its objects are not read.

        Raises:
            MissingError: no image of that id.
        """
        with self._reading() as db:
            row = db.execute("SELECT revision FROM images WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise _no_image(id)
        return int(row[0])

    def last_edits(self, id: int) -> dict[int, Edit]:
        """Of each object of an image, who made it as it is, and when, as far as that is kept."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT versions.object, made.person, made.time FROM images "
                "JOIN states ON states.image = images.id AND states.step = images.at, "
                "json_each(states.versions) JOIN versions ON versions.id = json_each.value "
                "LEFT JOIN states AS made "
                "ON made.image = versions.image AND made.step = versions.step "
                "WHERE images.id = ?",
                (id,),
            )
            return {object: Edit(person, time) for object, person, time in rows.fetchall()}

    # Edits

    def commit(
        self, before: Document, objects: Sequence[Object], person: str | None = None
    ) -> Change:
        """Append a state: these objects, bottom to top. It is on the disk on return.

        An object with id 0 is new and gets the next number.

        Args:
            before: what the edit was made on.
            person: who made it; None if nobody knows, and then it is everybody's.

        Raises:
            ConflictError: the image has another revision by now.
            StoreError: it cannot be written; nothing has changed.
        """
        with self._writing() as db:
            after = self._append(db, before, objects, person)
        self._remember(after)
        return Change(before, after)

    def commit_all(
        self, edits: Sequence[tuple[Document, Sequence[Object]]], person: str | None = None
    ) -> list[Change]:
        """Append a state to each of several images: to all or to none; else as `commit`."""
        with self._writing() as db:
            done = [
                Change(before, self._append(db, before, objects, person))
                for before, objects in edits
            ]
        for change in done:
            self._remember(change.after)
        return done

    def undo(self, id: int, revision: int, person: str | None = None) -> Change:
        """Take back the newest edit of a person; what others have made stays.

        Raises:
            ConflictError: the image has another revision by now.
            EditError: there is nothing to undo, or others have changed the same object since.
        """
        return self._step(id, revision, person, back=True)

    def redo(self, id: int, revision: int, person: str | None = None) -> Change:
        """Make again what the person undid last; raises as `undo` does."""
        return self._step(id, revision, person, back=False)

    # Classes

    def classes(self) -> tuple[ObjectClass, ...]:
        """In their order."""
        with self._reading() as db:
            return stored_classes.read(db)

    def set_classes(
        self, classes: Sequence[ObjectClass], reassign_to: int | None = None
    ) -> tuple[ObjectClass, ...]:
        """Replace the list; an id of 0 makes a new class, an id left out removes one.

        Args:
            reassign_to: the class that objects of removed ones get.

        Raises:
            ClassError: a removed class has objects, an id is not known, or two classes would
                have one name, which no export could tell apart.
        """
        with self._writing() as db:
            return stored_classes.replace(db, classes, reassign_to)

    # Options

    def cleaning(self) -> Cleaning:
        """How the masks of new objects are cleaned; not at all, until it is said."""
        with self._reading() as db, _undamaged():
            row = db.execute("SELECT value FROM options WHERE name = 'cleaning'").fetchone()
            return Cleaning(**json.loads(row[0])) if row else Cleaning()

    def set_cleaning(self, cleaning: Cleaning) -> None:
        """Say how the masks of new objects are cleaned; those that are there stay."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO options VALUES ('cleaning', ?)",
                (json.dumps(asdict(cleaning)),),
            )

    # Inside

    def _copied(self, path: Path) -> Path | None:
        """A copy to look at: reading a write-ahead log writes beside it."""
        if not path.exists():
            return None
        self._copy = tempfile.TemporaryDirectory(prefix="m2n2v2-")
        for file in path.parent.glob(path.name + "*"):
            if not file.is_symlink():
                shutil.copy(file, self._copy.name)
        return Path(self._copy.name) / path.name

    def _prepare(self) -> None:
        db = self._db
        missing = tables.steps(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if missing:
            with self._writing(allowed=True):
                for script in missing:
                    for statement in script.split(";"):
                        db.execute(statement)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view."""
        with self._lock, _named(self.path):
            inside = self._db.in_transaction
            if not inside:
                self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                if not inside:
                    self._db.execute("COMMIT")

    @contextmanager
    def _writing(self, *, allowed: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing.

        Args:
            allowed: in a copy that is only looked at, too: it is bookkeeping, not an edit.
        """
        if not allowed:
            self.check_writable()
        with self._lock, _named(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
                self._writes += 1
            except BaseException:
                self._steps.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _document(self, db: sqlite3.Connection, id: int, person: str | None) -> Document:
        row = db.execute(
            "SELECT name, height, width, sha256, status, note, status_by, revision, at "
            "FROM images WHERE id = ?",
            (id,),
        ).fetchone()
        if row is None:
            raise _no_image(id)
        name, height, width, sha256, status, note, status_by, revision, at = row
        size = _size(height, width)
        to_undo, to_redo = self._stacks(db, id, revision, person)
        held = self._known.get(id)
        if held is not None and held[0] == revision:
            objects = held[1]
        else:
            with _undamaged():
                objects = self._objects(db, self._versions(db, id, at), size) if size else ()
        document = Document(
            id=id,
            name=name,
            size=size,
            sha256=sha256,
            status=status,
            note=note,
            status_by=status_by,
            revision=revision,
            objects=objects,
            can_undo=bool(to_undo),
            can_redo=bool(to_redo),
        )
        self._remember(document)
        return document

    def _versions(self, db: sqlite3.Connection, id: int, at: int) -> list[int]:
        row = db.execute(
            "SELECT versions FROM states WHERE image = ? AND step = ?", (id, at)
        ).fetchone()
        versions: list[int] = json.loads(row[0]) if row else []
        return versions

    def _objects(
        self, db: sqlite3.Connection, versions: Sequence[int], size: Size
    ) -> tuple[Object, ...]:
        objects = {}
        for first in range(0, len(versions), 500):
            some = versions[first : first + 500]
            rows = db.execute(
                "SELECT id, object, class, content, mask, base, made_by FROM versions WHERE id IN "
                f"({','.join('?' * len(some))})",
                some,
            )
            for id, object, class_id, content, mask, base, made_by in rows:
                objects[id] = Object.from_dict(
                    json.loads(content),
                    id=object,
                    class_id=class_id,
                    mask=Runs.from_bytes(size, mask),
                    base=None if base is None else Runs.from_bytes(size, base),
                    made_by=made_by,
                )
        return tuple(objects[id] for id in versions)

    def _append(
        self,
        db: sqlite3.Connection,
        before: Document,
        objects: Sequence[Object],
        person: str | None,
    ) -> Document:
        at = self._at(db, before)
        kept = [obj if obj.id else _numbered(db, before.id, obj) for obj in objects]
        if at:
            known = dict(zip(before.objects, self._versions(db, before.id, at), strict=True))
        else:
            known = {}
        step = Step(at + 1, person)
        versions = [known.get(obj) or _insert(db, before.id, step.number, obj) for obj in kept]
        self._put(db, before.id, before.revision, step, versions)
        self._forget(db, before.id, step.number)
        return replace(
            before,
            revision=before.revision + 1,
            objects=tuple(kept),
            can_undo=True,
            can_redo=False,
        )

    def _put(
        self,
        db: sqlite3.Connection,
        id: int,
        revision: int,
        step: Step,
        versions: Sequence[int],
    ) -> None:
        """A state on top of the one at this revision."""
        steps = self._history(db, id, revision)
        db.execute(
            "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                id,
                step.number,
                json.dumps(versions),
                step.person,
                time.time(),
                step.undoes,
                step.redoes,
            ),
        )
        db.execute(
            "UPDATE images SET at = ?, objects = ?, revision = revision + 1, people = ? "
            "WHERE id = ?",
            (step.number, len(versions), _people(steps, step), id),
        )
        stored_classes.note(db, id)
        self._steps[id] = (revision + 1, [*steps, step])

    def _at(self, db: sqlite3.Connection, before: Document) -> int:
        row = db.execute("SELECT revision, at FROM images WHERE id = ?", (before.id,)).fetchone()
        revision, at = row or (-1, 0)
        check_revision(revision, before.revision)
        return int(at)

    def _step(self, id: int, revision: int, person: str | None, *, back: bool) -> Change:
        name = "undo" if back else "redo"
        with self._writing() as db:
            before = self._document(db, id, person)
            check_revision(before.revision, revision)
            to_undo, to_redo = self._stacks(db, id, revision, person)
            stack = to_undo if back else to_redo
            if not stack:
                raise EditError(f"there is nothing to {name}", cure="go on")
            edit = stack[-1]
            way = [self._versions(db, id, edit), self._versions(db, id, edit - 1)]
            was, becomes = way if back else reversed(way)
            (at,) = db.execute("SELECT at FROM images WHERE id = ?", (id,)).fetchone()
            now = self._versions(db, id, at)
            objects = _objects_of(db, {*now, *was, *becomes})
            step = Step(at + 1, person, edit if back else None, None if back else edit)
            self._put(db, id, revision, step, carried(now, was, becomes, objects))
            after = self._document(db, id, person)
        return Change(before, after)

    def _stacks(
        self, db: sqlite3.Connection, id: int, revision: int, person: str | None
    ) -> tuple[list[int], list[int]]:
        """A person's edits to undo and to redo whose states are not forgotten."""
        steps = self._history(db, id, revision)
        # Before the first state there is the empty one, until it is forgotten.
        least = steps[0].number if steps and steps[0].number > 1 else 0
        done, undone = stacks(steps, person)
        return [s for s in done if s > least], [s for s in undone if s > least]

    def _history(self, db: sqlite3.Connection, id: int, revision: int) -> list[Step]:
        held = self._steps.get(id)
        if held is None or held[0] != revision:
            rows = db.execute(
                "SELECT step, person, undoes, redoes FROM states WHERE image = ? ORDER BY step",
                (id,),
            )
            held = (revision, [Step(*row) for row in rows])
            self._steps[id] = held
        return held[1]

    def _forget(self, db: sqlite3.Connection, id: int, step: int) -> None:
        """Drop states older than `HISTORY` steps and, now and then, versions nobody holds."""
        db.execute("DELETE FROM states WHERE image = ? AND step < ?", (id, step - HISTORY))
        revision, steps = self._steps[id]
        if steps[0].number < step - HISTORY:
            self._steps[id] = (revision, [s for s in steps if s.number >= step - HISTORY])
        if step > HISTORY and step % SWEEP == 0:
            db.execute(
                "DELETE FROM versions WHERE image = ? AND id NOT IN (SELECT json_each.value "
                "FROM states, json_each(states.versions) WHERE states.image = ?)",
                (id, id),
            )

    def _remember(self, document: Document) -> None:
        """Keep the objects of what was used last, so that they are not decoded again."""
        self._known[document.id] = (document.revision, document.objects)


def _no_image(id: int) -> MissingError:
    return MissingError(f"there is no image {id}", cure="look at the list again")


def check_revision(now: int, revision: int) -> None:
    """Is an edit made on the newest revision of its image?

    Raises:
        ConflictError: it is not.
    """
    if now != revision:
        raise ConflictError(
            f"the image is at revision {now}, and the edit was made on {revision}",
            cure="load it again: another page or program edited it",
        )


def _numbered(db: sqlite3.Connection, image: int, obj: Object) -> Object:
    done = db.execute("INSERT INTO objects (image) VALUES (?)", (image,))
    return replace(obj, id=int(done.lastrowid or 0))


def _insert(db: sqlite3.Connection, image: int, step: int, obj: Object) -> int:
    row: tuple[Any, ...] = (
        image,
        step,
        obj.id,
        obj.class_id,
        json.dumps(obj.to_dict(), separators=(",", ":")),
        obj.mask.to_bytes(),
        obj.base.to_bytes() if obj.base else None,
        obj.made_by,
    )
    done = db.execute(
        "INSERT INTO versions (image, step, object, class, content, mask, base, made_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    return int(done.lastrowid or 0)


def _people(steps: Sequence[Step], newest: Step) -> str:
    """Who has edited, as JSON."""
    return json.dumps(sorted({s.person for s in (*steps, newest) if s.person is not None}))


@functools.lru_cache(maxsize=4096)  # many images have the same few
def _set(values: str) -> frozenset[Any]:
    return frozenset(json.loads(values)) if values != "[]" else frozenset()


def _objects_of(db: sqlite3.Connection, versions: Set[int]) -> dict[int, int]:
    """The object of every version."""
    named = json.dumps(list(versions))
    rows = db.execute(
        "SELECT id, object FROM versions WHERE id IN (SELECT value FROM json_each(?))", (named,)
    )
    return dict(rows.fetchall())


def _size(height: int | None, width: int | None) -> Size | None:
    return None if height is None or width is None else Size(height, width)


@contextmanager
def _undamaged() -> Iterator[None]:
    """What makes no sense in the file, in our words."""
    try:
        yield
    except M2N2Error:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{tables.FILE} holds an object without sense", cure="restore a copy"
        ) from error


@contextmanager
def _named(path: Path | None) -> Iterator[None]:
    """SQLite's errors, in our words."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            raise StoreError(
                "the disk is full, so nothing was stored", cure="free some space, then do it again"
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise StoreError(
                f"{tables.FILE} cannot be written", cure="make the folder writable"
            ) from error
        if "locked" in text:
            raise BusyError(
                f"{tables.FILE} is held by another program", cure="do it again, or end that program"
            ) from error
        if isinstance(error, sqlite3.DatabaseError) and (
            "malformed" in text or "not a database" in text
        ):
            raise StoreError(
                f"{tables.FILE} is damaged ({text})", cure="restore a copy, or move it away"
            ) from error
        raise StoreError(
            f"{tables.FILE} cannot be used ({text})", cure="look at the disk, then do it again"
        ) from error
