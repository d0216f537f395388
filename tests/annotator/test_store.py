"""What is stored: history, versions of the file, full disks, two programs on one folder."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from m2n2v2.annotator import store as storing
from m2n2v2.annotator import tables
from m2n2v2.annotator.document import Document, Object, ObjectClass, PlacedClick, Stroke
from m2n2v2.annotator.store import Store
from m2n2v2.annotator.tables import VERSION
from m2n2v2.errors import (
    AccessError,
    BusyError,
    ClassError,
    ConflictError,
    EditError,
    MaskError,
    MissingError,
    StoreError,
)
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

SIZE = Size(6, 8)


def drawn(seed: int) -> Runs:
    return Runs.of(np.random.default_rng(seed).random(SIZE.shape) < 0.4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "annotations.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as found:
        opened(found)
        yield found


def opened(store: Store, name: str = "a.png") -> Document:
    store.add_images([name])
    id = next(each.id for each in store.images() if each.name == name)
    store.opened(id, SIZE, "0" * 64)
    return store.document(id)


def test_an_object_comes_back_as_it_was(path: Path) -> None:
    whole = Object(
        id=0,
        mask=drawn(1),
        clicks=(PlacedClick(1, 2.5, True, 0.25), PlacedClick(7.25, 0, False)),
        strokes=(Stroke(True, 2.5, ((0.5, 1), (3, 4.25))),),
        base=drawn(2),
        hidden=True,
        locked=True,
        finished=True,
        source="import",
        made_by="somebody",
    )
    with Store(path) as store:
        (kept,) = store.commit(opened(store), [whole]).after.objects
        assert kept == replace(whole, id=kept.id)
    with Store(path) as store:
        assert store.document(1).objects == (kept,)


def test_history_goes_back_to_nothing_and_forth(store: Store) -> None:
    document = store.document(1)
    states = [document.objects]
    for seed in range(5):
        document = store.commit(document, [*document.objects, Object(0, drawn(seed))]).after
        states.append(document.objects)
    for objects in reversed(states[:-1]):
        document = store.undo(1, document.revision).after
        assert document.objects == objects
    with pytest.raises(EditError, match="nothing to undo"):
        store.undo(1, document.revision)
    for objects in states[1:]:
        document = store.redo(1, document.revision).after
        assert document.objects == objects
    with pytest.raises(EditError, match="nothing to redo"):
        store.redo(1, document.revision)
    assert document.revision == 15


def test_an_edit_after_undo_drops_what_was_undone(store: Store) -> None:
    document = store.commit(store.document(1), [Object(0, drawn(1))]).after
    document = store.undo(1, document.revision).after
    document = store.commit(document, [Object(0, drawn(2))]).after
    assert not document.can_redo
    assert [each.mask for each in store.document(1).objects] == [drawn(2)]


def test_unchanged_objects_are_not_written_again(store: Store, path: Path) -> None:
    document = store.document(1)
    for seed in range(4):
        document = store.commit(document, [*document.objects, Object(0, drawn(seed))]).after
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM versions").fetchone() == (4,)
    db.close()


def test_history_is_bounded(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "HISTORY", 10)
    monkeypatch.setattr(storing, "SWEEP", 4)
    document = store.commit(store.document(1), [Object(0, drawn(0))]).after
    (first,) = document.objects
    for seed in range(40):
        document = store.commit(document, [replace(first, mask=drawn(seed))]).after
    steps = 0
    while store.document(1).can_undo:
        document = store.undo(1, document.revision).after
        steps += 1
    assert steps == 10
    assert document.objects[0].mask == drawn(29)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM versions").fetchone()[0] <= 15
    db.close()


def test_two_programs_on_one_file_notice_each_other(store: Store, path: Path) -> None:
    with Store(path) as other:
        stale = other.document(1)
        mine = store.commit(store.document(1), [Object(0, drawn(1))]).after
        with pytest.raises(ConflictError, match="revision 1"):
            other.commit(stale, [Object(0, drawn(2))])
        assert other.document(1).objects == mine.objects
        theirs = other.commit(other.document(1), [*mine.objects, Object(0, drawn(3))]).after
        assert store.document(1).objects == theirs.objects


def test_a_refused_edit_leaves_nothing(store: Store, path: Path) -> None:
    document = store.commit(store.document(1), [Object(0, drawn(1))]).after
    with pytest.raises(ConflictError):
        store.commit(replace(document, revision=0), [])
    assert store.document(1) == document
    with pytest.raises(MissingError, match="no image 9"):
        store.document(9)


def test_a_full_disk_loses_nothing_stored(store: Store) -> None:
    document = store.commit(store.document(1), [Object(0, drawn(1))]).after
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    large = Stroke(False, 1, tuple((x / 7, x / 3) for x in range(4000)))
    with pytest.raises(StoreError, match="disk is full"):
        store.commit(document, [*document.objects, Object(0, drawn(2), strokes=(large,))])
    assert store.document(1) == document
    store._db.execute("PRAGMA max_page_count = 100000")
    store.commit(document, [*document.objects, Object(0, drawn(2), strokes=(large,))])


def test_a_disk_that_takes_no_more_bytes(path: Path) -> None:
    """The operating system refuses to let any file grow; in a process of its own."""
    program = """
import resource, signal, sys
from pathlib import Path
from tests.annotator.test_store import opened, drawn
from m2n2v2.annotator.document import Object
from m2n2v2.annotator.store import Store
from m2n2v2.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(Path(sys.argv[1]))
document = store.commit(opened(store), [Object(0, drawn(1))]).after
used = max(file.stat().st_size for file in Path(sys.argv[1]).parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (used + 100, resource.RLIM_INFINITY))
try:
    for seed in range(50):
        document = store.commit(document, [*document.objects, Object(0, drawn(seed))]).after
except StoreError as error:
    print(len(document.objects), error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    kept, _, said = done.stdout.partition(" ")
    assert ".m2n2v2/annotations.sqlite" in said or "disk is full" in said
    with Store(path) as store:
        assert len(store.document(1).objects) == int(kept)


def test_the_list_is_not_read_anew_after_a_look_that_saw_nothing_new(store: Store) -> None:
    (kept,) = store.images()
    store.add_images(["a.png"])
    assert store.images()[0] is kept
    store.add_images(["a.png", "b.png", "c.png"])
    assert [listed.name for listed in store.images()] == ["a.png", "b.png", "c.png"]
    store.set_status(kept.id, "done")
    assert store.images()[0].status == "done"


def test_read_only_is_for_looking(store: Store, path: Path) -> None:
    document = store.commit(store.document(1), [Object(0, drawn(1))]).after
    before = sorted(path.parent.iterdir()), path.read_bytes()
    with Store(path, read_only=True) as looking:
        assert looking.document(1).objects == document.objects, "the log is read, too"
        with pytest.raises(AccessError, match="takes no changes"):
            looking.commit(looking.document(1), [])
        with pytest.raises(AccessError):
            looking.set_status(1, "done")
        looking.add_images(["b.png"])
        assert len(looking.images()) == 2
    assert (sorted(path.parent.iterdir()), path.read_bytes()) == before
    assert len(store.images()) == 1
    with Store(path.parent / "none.sqlite", read_only=True) as empty:
        assert empty.images() == []


# The file's version


def version_1(path: Path, mask: Runs) -> None:
    """A file as the first version wrote it: one image, one object, one undone step."""
    db = sqlite3.connect(path)
    db.executescript(
        """
        CREATE TABLE classes (
            id INTEGER PRIMARY KEY AUTOINCREMENT, position INTEGER NOT NULL, name TEXT NOT NULL,
            color TEXT NOT NULL, key INTEGER
        );
        CREATE TABLE images (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
            sha256 TEXT, height INTEGER, width INTEGER,
            done INTEGER NOT NULL DEFAULT 0, revision INTEGER NOT NULL DEFAULT 0,
            at INTEGER NOT NULL DEFAULT 0, objects INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE objects (id INTEGER PRIMARY KEY AUTOINCREMENT, image INTEGER NOT NULL);
        CREATE TABLE versions (
            id INTEGER PRIMARY KEY AUTOINCREMENT, image INTEGER NOT NULL, step INTEGER NOT NULL,
            object INTEGER NOT NULL, class INTEGER, content TEXT NOT NULL, mask BLOB NOT NULL,
            base BLOB
        );
        CREATE INDEX versions_by_step ON versions (image, step);
        CREATE TABLE states (
            image INTEGER NOT NULL, step INTEGER NOT NULL, versions TEXT NOT NULL,
            PRIMARY KEY (image, step)
        ) WITHOUT ROWID;
        INSERT INTO classes VALUES (3, 0, 'cup', '#ff0000', 1);
        INSERT INTO images VALUES (1, 'a.png', 'abc', 6, 8, 1, 3, 1, 1);
        INSERT INTO objects VALUES (5, 1);
        INSERT INTO states VALUES (1, 1, '[1]'), (1, 2, '[2]');
        """
    )
    content = {"clicks": [[2, 3, 1, 0.0]], "strokes": []}
    content |= {"hidden": False, "locked": False, "finished": True, "source": "clicks"}
    packed = zlib.compress(mask.counts.astype("<i4").tobytes())
    for step in (1, 2):
        db.execute(
            "INSERT INTO versions VALUES (?, 1, ?, 5, 3, ?, ?, NULL)",
            (step, step, json.dumps(content), packed),
        )
    db.execute(f"PRAGMA application_id = {tables.APPLICATION}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()


def test_a_file_of_version_1_is_brought_up_to_date(path: Path) -> None:
    version_1(path, drawn(7))
    for _ in range(2):  # the second time it is up to date already
        with Store(path) as store:
            document = store.document(1)
            (found,) = document.objects
            assert (found.id, found.class_id, found.finished) == (5, 3, True)
            assert found.mask == drawn(7)
            assert found.clicks == (PlacedClick(2, 3, True),)
            assert found.made_by is None
            assert document.done
            assert (document.can_undo, document.can_redo) == (True, True)
            assert store.classes() == (ObjectClass(3, "cup", "#ff0000", 1),)
            assert store._db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    with Store(path) as store:
        changed = replace(found, id=0, made_by="us")
        after = store.commit(document, [found, changed]).after
        assert store.document(1).objects == after.objects
        assert after.objects[1].id > 5


def test_a_migration_that_fails_leaves_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_1(path, drawn(7))
    broken = tables.MIGRATIONS[1] + "; INSERT INTO nowhere VALUES (1)"
    monkeypatch.setattr(tables, "MIGRATIONS", {**tables.MIGRATIONS, 1: broken})
    with pytest.raises(StoreError):
        Store(path)
    monkeypatch.undo()
    with Store(path) as store:
        assert len(store.document(1).objects) == 1


def test_a_newer_file_is_refused_and_kept(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=f"version {VERSION + 1}.*newer"):
        Store(path)
    assert path.read_bytes() == before


def test_other_files_are_refused(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"this is no database, but it is long enough to be one" * 100)
    with pytest.raises(StoreError, match="damaged"):
        Store(path)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE holidays (day TEXT)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        Store(other)


def test_a_damaged_mask_is_an_error_not_a_wrong_mask(store: Store, path: Path) -> None:
    store.commit(store.document(1), [Object(0, drawn(1))])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE versions SET mask = x'00'")
    db.close()
    with Store(path) as again, pytest.raises(MaskError, match="stored mask"):
        again.document(1)


def test_a_copy_of_the_file_taken_while_open_is_whole(store: Store, path: Path) -> None:
    """What a kill leaves: the file and its log, never closed."""
    document = store.commit(store.document(1), [Object(0, drawn(1))]).after
    left = path.parent / "left"
    left.mkdir()
    for file in path.parent.glob("annotations.sqlite*"):
        shutil.copy(file, left)
    with Store(left / path.name) as again:
        assert again.document(1).objects == document.objects


@pytest.mark.skipif(os.name == "nt", reason="folders have no such permissions there")
def test_where_nothing_can_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "none" / "annotations.sqlite")


# Classes


def test_classes_keep_their_number_and_order(store: Store) -> None:
    cup, plate = store.set_classes(
        [ObjectClass(0, "cup", "#111111", 1), ObjectClass(0, "plate", "#222222")]
    )
    turned = (plate, replace(cup, name="mug", key=None))
    assert store.set_classes(turned) == turned
    assert store.classes() == turned
    with pytest.raises(ClassError, match="no class 99"):
        store.set_classes([ObjectClass(99, "x", "#000000")])
    assert store.classes() == turned


def test_a_class_in_use_goes_only_to_another(store: Store) -> None:
    cup, plate = store.set_classes(
        [ObjectClass(0, "cup", "#111111"), ObjectClass(0, "plate", "#222222")]
    )
    document = store.commit(store.document(1), [Object(0, drawn(1), cup.id)]).after
    document = store.commit(document, [replace(document.objects[0], class_id=None)]).after
    document = store.undo(1, document.revision).after
    with pytest.raises(ClassError, match="'cup' has 1 objects"):
        store.set_classes([plate])
    with pytest.raises(ClassError, match="cannot go to"):
        store.set_classes([plate], reassign_to=cup.id)
    store.set_classes([plate], reassign_to=plate.id)
    after = store.document(1)
    assert after.objects[0].class_id == plate.id
    assert after.revision > document.revision, "pages that show the image must load it again"
    assert store.redo(1, after.revision).after.objects[0].class_id is None


def test_a_class_that_only_history_knows_can_go(store: Store) -> None:
    (cup,) = store.set_classes([ObjectClass(0, "cup", "#111111")])
    document = store.commit(store.document(1), [Object(0, drawn(1), cup.id)]).after
    store.undo(1, document.revision)
    assert store.set_classes([]) == ()
    document = store.document(1)
    assert store.redo(1, document.revision).after.objects[0].class_id is None


def test_a_file_that_another_program_holds_is_busy(store: Store, path: Path) -> None:
    store._db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError, match="another program"):
        store.set_status(1, "done")
    other.execute("ROLLBACK")
    other.close()
    store.set_status(1, "done")
    assert store.document(1).done


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"clicks": 3}', "null", '{"clicks": [[1]]}'])
def test_content_without_sense_is_said(store: Store, path: Path, content: str) -> None:
    store.commit(store.document(1), [Object(0, drawn(1))])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE versions SET content = ?", (content,))
    db.close()
    with Store(path) as again, pytest.raises(StoreError, match="without sense"):
        again.document(1)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE states SET versions = '[99]'")
    db.close()
    with Store(path) as again, pytest.raises(StoreError, match="without sense"):
        again.document(1)


def test_the_list_is_as_other_programs_left_it(path: Path) -> None:
    """It is kept between questions; a write of this program or another shows at once."""
    with Store(path) as ours, Store(path) as theirs:
        ours.add_images(["a.png"])
        (first,) = ours.images()
        assert ours.images() == [first]
        theirs.set_status(first.id, "done")
        assert [each.status for each in ours.images()] == ["done"]
        ours.set_status(first.id, "rejected")
        assert [each.status for each in ours.images()] == ["rejected"]
        assert ours.revision(first.id) == 0
        with pytest.raises(MissingError):
            ours.revision(99)
