"""The classes in an annotations file, and which of them each image has."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence

from m2n2v2.annotator.attributes import Attribute
from m2n2v2.annotator.document import ObjectClass
from m2n2v2.errors import ClassError


def read(db: sqlite3.Connection) -> tuple[ObjectClass, ...]:
    """The classes in their order."""
    rows = db.execute("SELECT id, name, color, key, attributes FROM classes ORDER BY position")
    return tuple(
        ObjectClass(id, name, color, key, tuple(map(Attribute.from_json, json.loads(told))))
        for id, name, color, key, told in rows.fetchall()
    )


def replace(
    db: sqlite3.Connection, classes: Sequence[ObjectClass], reassign_to: int | None
) -> tuple[ObjectClass, ...]:
    """See `Store.set_classes`; inside a transaction."""
    _refuse_twins(classes)
    known = {old.id: old.name for old in read(db)}
    given = {new.id for new in classes} - {0}
    for id in given - set(known):
        raise ClassError(f"there is no class {id}", cure="leave its id out to make it")
    gone = sorted(set(known) - given)
    if reassign_to is not None and reassign_to not in given:
        raise ClassError(f"objects cannot go to class {reassign_to}", cure="name one that stays")
    if gone and reassign_to is None:
        _refuse_used(db, {id: known[id] for id in gone})
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
            note(db, image)
    for position, new in enumerate(classes):
        attributes = json.dumps([one.to_json() for one in new.attributes])
        db.execute(
            "INSERT INTO classes (id, position, name, color, key, attributes) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "position = excluded.position, name = excluded.name, color = excluded.color, "
            "key = excluded.key, attributes = excluded.attributes",
            (new.id or None, position, new.name, new.color, new.key, attributes),
        )
    return read(db)


def note(db: sqlite3.Connection, image: int) -> None:
    """Keep the classes of an image's objects beside it, for the list."""
    db.execute(
        "UPDATE images SET classes = (SELECT json_group_array(DISTINCT class) FROM versions "
        "WHERE id IN (SELECT value FROM states, json_each(states.versions) "
        "WHERE states.image = images.id AND states.step = images.at)) WHERE id = ?",
        (image,),
    )


def _refuse_used(db: sqlite3.Connection, gone: Mapping[int, str]) -> None:
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
    names = Counter(kind.name for kind in classes)
    for name, count in names.items():
        if count > 1:
            raise ClassError(f"{count} classes are called {name!r}", cure="rename all but one")
