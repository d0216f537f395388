"""The tables of an annotations file, and what turns those of earlier versions into today's."""

import sqlite3
from collections.abc import Mapping

from m2n2v2.errors import StoreError

FILE = "the annotations file .m2n2v2/annotations.sqlite"
"""What messages call it."""

APPLICATION = 0x6D326E32
"""Marks our files (SQLite's `application_id`): "m2n2"."""

VERSION = 5
"""Of the tables (SQLite's `user_version`)."""

TABLES = """
CREATE TABLE classes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, position INTEGER NOT NULL, name TEXT NOT NULL,
    color TEXT NOT NULL, key INTEGER, attributes TEXT NOT NULL DEFAULT '[]'
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
CREATE TABLE options (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
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
    3: "ALTER TABLE classes ADD COLUMN attributes TEXT NOT NULL DEFAULT '[]'",
    4: "CREATE TABLE options (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
}
"""What turns a file of each earlier version into the next."""


def steps(db: sqlite3.Connection) -> tuple[str, ...]:
    """What makes the tables of a file as today's: SQL, one script for each version between.

    Raises:
        StoreError: the file is another program's, or of a newer version.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application not in (0, APPLICATION) or (application == 0 and tables):
        raise StoreError(f"{FILE} is another program's", cure="move it away")
    if version > VERSION:
        raise StoreError(
            f"{FILE} is of version {version}, and this m2n2v2 knows {VERSION}",
            cure="use the newer m2n2v2 that wrote it",
        )
    scripts = [MIGRATIONS[older] for older in range(version, VERSION)] if tables else [TABLES]
    if not scripts:
        return ()
    marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}"
    return (*scripts, marks)
