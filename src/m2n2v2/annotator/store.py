"""Annotations on disk: one SQLite file in the folder, with every edit's history.

Every object that ever was is a row of `versions`, never changed. A state of an image is a list of
versions; an edit appends a state, and so do undo and redo, of the versions that were there before
(`history`). So an edit is one small transaction, and history survives whatever happens to the
process: it is committed, through a write-ahead log flushed to the disk (`synchronous=FULL`),
before anybody is told.
"""

import json
import shutil
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cachetools import LRUCache

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
    ClassError,
    ConflictError,
    EditError,
    M2N2Error,
    MissingError,
    StoreError,
)
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

APPLICATION = 0x6D326E32
"""Marks our files (SQLite's `application_id`): "m2n2"."""

VERSION = 3
"""Of the tables (SQLite's `user_version`)."""

HISTORY = 1000
"""Steps of undo kept per image."""

SWEEP = 256
"""Edits of an image between looks for versions that no state holds any more."""

REMEMBERED = 32
"""Images whose objects are kept decoded."""

_TABLES = """
CREATE TABLE classes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, position INTEGER NOT NULL, name TEXT NOT NULL,
    color TEXT NOT NULL, key INTEGER
);
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    sha256 TEXT, height INTEGER, width INTEGER,
    revision INTEGER NOT NULL DEFAULT 0,
    at INTEGER NOT NULL DEFAULT 0, objects INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'todo', note TEXT NOT NULL DEFAULT '', status_by TEXT,
    classes TEXT NOT NULL DEFAULT '[]', people TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE objects (id INTEGER PRIMARY KEY AUTOINCREMENT, image INTEGER NOT NULL);
CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image INTEGER NOT NULL, step INTEGER NOT NULL,
    object INTEGER NOT NULL, class INTEGER, content TEXT NOT NULL, mask BLOB NOT NULL, base BLOB,
    made_by TEXT
);
CREATE INDEX versions_by_step ON versions (image, step);
CREATE TABLE states (
    image INTEGER NOT NULL, step INTEGER NOT NULL, versions TEXT NOT NULL,
    person TEXT, time REAL, undoes INTEGER, redoes INTEGER,
    PRIMARY KEY (image, step)
) WITHOUT ROWID;
"""

MIGRATIONS: Mapping[int, str] = {
    1: "ALTER TABLE versions ADD COLUMN made_by TEXT",
    # What was undone lay behind `at`: each such step gets one that takes it back.
    2: """
ALTER TABLE states ADD COLUMN person TEXT;
ALTER TABLE states ADD COLUMN time REAL;
ALTER TABLE states ADD COLUMN undoes INTEGER;
ALTER TABLE states ADD COLUMN redoes INTEGER;
INSERT INTO states (image, step, versions, undoes)
    SELECT image, 2 * top - step + 1, before, step FROM (
        SELECT states.image, states.step, images.at,
            max(states.step) OVER (PARTITION BY states.image) AS top,
            coalesce(lag(states.versions)
                OVER (PARTITION BY states.image ORDER BY states.step), '[]') AS before
        FROM states JOIN images ON images.id = states.image
    ) WHERE step > at;
UPDATE images SET at = (SELECT max(step) FROM states WHERE image = images.id)
    WHERE id IN (SELECT image FROM states);
ALTER TABLE images ADD COLUMN status TEXT NOT NULL DEFAULT 'todo';
ALTER TABLE images ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN status_by TEXT;
ALTER TABLE images ADD COLUMN classes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE images ADD COLUMN people TEXT NOT NULL DEFAULT '[]';
UPDATE images SET status = 'done' WHERE done;
ALTER TABLE images DROP COLUMN done;
UPDATE images SET classes = (SELECT json_group_array(DISTINCT class) FROM versions WHERE id IN
    (SELECT value FROM states, json_each(states.versions)
        WHERE states.image = images.id AND states.step = images.at))
    WHERE objects
""",
}
"""What turns a file of each earlier version into the next."""


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
    """When somebody edited, in seconds since 1970; None where it was not noted."""

    person: str | None
    time: float | None


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
        self._known: LRUCache[int, tuple[int, tuple[Object, ...]]] = LRUCache(REMEMBERED)
        self._steps: LRUCache[int, tuple[int, list[Step]]] = LRUCache(REMEMBERED)
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        if path is not None and read_only:
            path = self._copied(path)
        with _named(self.path):
            self._db = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
            )
            self._db.execute("PRAGMA trusted_schema = OFF")
            self._prepare()

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
        """Know these names; those known already stay as they are."""
        with self._writing(allowed=True) as db:
            known = {name for (name,) in db.execute("SELECT name FROM images")}
            new = [(name,) for name in names if name not in known]
            db.executemany("INSERT INTO images (name) VALUES (?)", new)

    def images(self) -> list[Listed]:
        """Every image ever known, in no order."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, name, status, objects, revision, height, width, sha256, "
                "classes, people FROM images"
            ).fetchall()
        return [
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
                "SELECT person, time FROM states WHERE image = ? ORDER BY step", (id,)
            )
            return [Edit(*row) for row in rows.fetchall()]

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
            rows = db.execute("SELECT id, name, color, key FROM classes ORDER BY position")
            return tuple(ObjectClass(*row) for row in rows.fetchall())

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
        _refuse_twins(classes)
        with self._writing() as db:
            known = {each.id: each.name for each in self.classes()}
            given = {each.id for each in classes} - {0}
            for id in given - set(known):
                raise ClassError(f"there is no class {id}", cure="leave its id out to make it")
            gone = sorted(set(known) - given)
            if reassign_to is not None and reassign_to not in given:
                raise ClassError(
                    f"objects cannot go to class {reassign_to}", cure="name one that stays"
                )
            if gone and reassign_to is None:
                self._refuse_used(db, {id: known[id] for id in gone})
            for id in gone:
                db.execute(
                    "UPDATE images SET revision = revision + 1 WHERE id IN "
                    "(SELECT image FROM versions WHERE class = ?)",
                    (id,),
                )
                touched = db.execute("SELECT DISTINCT image FROM versions WHERE class = ?", (id,))
                images = [image for (image,) in touched.fetchall()]
                db.execute("UPDATE versions SET class = ? WHERE class = ?", (reassign_to, id))
                db.execute("DELETE FROM classes WHERE id = ?", (id,))
                for image in images:
                    _note_classes(db, image)
            for position, each in enumerate(classes):
                db.execute(
                    "INSERT INTO classes (id, position, name, color, key) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET position = excluded.position, "
                    "name = excluded.name, color = excluded.color, key = excluded.key",
                    (each.id or None, position, each.name, each.color, each.key),
                )
            return self.classes()

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
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application not in (0, APPLICATION) or (application == 0 and tables):
            raise StoreError(f"{_FILE} is another program's", cure="move it away")
        if version > VERSION:
            raise StoreError(
                f"{_FILE} is of version {version}, and this m2n2v2 knows {VERSION}",
                cure="use the newer m2n2v2 that wrote it",
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if version == VERSION and tables:
            return
        with self._writing(allowed=True):
            steps = [MIGRATIONS[each] for each in range(version, VERSION)] if tables else [_TABLES]
            for step in steps:
                for statement in step.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")

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
            raise MissingError(f"there is no image {id}", cure="look at the list again")
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
        _note_classes(db, id)
        self._steps[id] = (revision + 1, [*steps, step])

    def _at(self, db: sqlite3.Connection, before: Document) -> int:
        row = db.execute("SELECT revision, at FROM images WHERE id = ?", (before.id,)).fetchone()
        revision, at = row or (-1, 0)
        _check(revision, before.revision)
        return int(at)

    def _step(self, id: int, revision: int, person: str | None, *, back: bool) -> Change:
        name = "undo" if back else "redo"
        with self._writing() as db:
            before = self._document(db, id, person)
            _check(before.revision, revision)
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
                "DELETE FROM versions WHERE image = ?1 AND id NOT IN (SELECT json_each.value "
                "FROM states, json_each(states.versions) WHERE states.image = ?1)",
                (id,),
            )

    def _remember(self, document: Document) -> None:
        """Keep the objects of what was used last, so that they are not decoded again."""
        self._known[document.id] = (document.revision, document.objects)

    def _refuse_used(self, db: sqlite3.Connection, gone: Mapping[int, str]) -> None:
        for id, name in gone.items():
            (used,) = db.execute(
                "SELECT count(*) FROM images JOIN states ON states.image = images.id "
                "AND states.step = images.at, json_each(states.versions) "
                "JOIN versions ON versions.id = json_each.value WHERE versions.class = ?",
                (id,),
            ).fetchone()
            if used:
                raise ClassError(
                    f"class {name!r} has {used} objects", cure="say which class they get instead"
                )


def _refuse_twins(classes: Sequence[ObjectClass]) -> None:
    names = Counter(each.name for each in classes)
    for name, count in names.items():
        if count > 1:
            raise ClassError(f"{count} classes are called {name!r}", cure="rename all but one")


_FILE = "the annotations file .m2n2v2/annotations.sqlite"


def _check(now: int, revision: int) -> None:
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


def _note_classes(db: sqlite3.Connection, image: int) -> None:
    """Keep the classes of an image's objects beside it, for the list."""
    db.execute(
        "UPDATE images SET classes = (SELECT json_group_array(DISTINCT class) FROM versions "
        "WHERE id IN (SELECT value FROM states, json_each(states.versions) "
        "WHERE states.image = images.id AND states.step = images.at)) WHERE id = ?",
        (image,),
    )


def _people(steps: Sequence[Step], newest: Step) -> str:
    """Who has edited, as JSON."""
    return json.dumps(sorted({s.person for s in (*steps, newest) if s.person is not None}))


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
        raise StoreError(f"{_FILE} holds an object without sense", cure="restore a copy") from error


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
                f"{_FILE} cannot be written", cure="make the folder writable"
            ) from error
        if "locked" in text:
            raise BusyError(
                f"{_FILE} is held by another program", cure="do it again, or end that program"
            ) from error
        if isinstance(error, sqlite3.DatabaseError) and (
            "malformed" in text or "not a database" in text
        ):
            raise StoreError(
                f"{_FILE} is damaged ({text})", cure="restore a copy, or move it away"
            ) from error
        raise StoreError(
            f"{_FILE} cannot be used ({text})", cure="look at the disk, then do it again"
        ) from error
