"""A person undoes their own edits, whoever else edits the same image."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.annotator.document import Object, ObjectClass, Stroke
from m2n2v2.annotator.history import Step, carried, stacks
from m2n2v2.annotator.people import People, person_named
from m2n2v2.annotator.store import Store
from m2n2v2.errors import ClassError, EditError, StoreError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

SIZE = Size(4, 5)


def drawn(seed: int) -> Runs:
    return Runs.of(np.random.default_rng(seed).random(SIZE.shape) < 0.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "annotations.sqlite") as opened:
        opened.add_images(["a.png"])
        opened.opened(1, SIZE, "0" * 64)
        yield opened


def add(store: Store, seed: int, person: str | None) -> int:
    before = store.document(1)
    after = store.commit(before, [*before.objects, Object(0, drawn(seed))], person).after
    return after.objects[-1].id


def change(store: Store, id: int, seed: int, person: str | None) -> None:
    before = store.document(1)
    objects = [replace(o, mask=drawn(seed)) if o.id == id else o for o in before.objects]
    store.commit(before, objects, person)


def undo(store: Store, person: str | None) -> list[int]:
    return [o.id for o in store.undo(1, store.document(1).revision, person).after.objects]


def redo(store: Store, person: str | None) -> list[int]:
    return [o.id for o in store.redo(1, store.document(1).revision, person).after.objects]


def test_each_takes_back_their_own(store: Store) -> None:
    one, two, three = add(store, 1, "Ann"), add(store, 2, "Ben"), add(store, 3, "Ann")
    assert undo(store, "Ann") == [one, two]
    assert undo(store, "Ann") == [two]
    with pytest.raises(EditError, match="nothing to undo"):
        undo(store, "Ann")
    assert undo(store, "Ben") == []
    assert redo(store, "Ann") == [one]
    assert redo(store, "Ben") == [one, two]
    assert redo(store, "Ann") == [one, two, three]
    assert [o.mask for o in store.document(1).objects] == [drawn(1), drawn(2), drawn(3)]
    assert store.document(1, "Ann").can_undo
    assert not store.document(1, "Ann").can_redo
    assert not store.document(1, "Cleo").can_undo


def test_what_somebody_else_changed_since_stays(store: Store) -> None:
    one = add(store, 1, "Ann")
    change(store, one, 2, "Ben")
    revision = store.document(1).revision
    with pytest.raises(EditError, match=f"object {one} was changed by somebody else"):
        undo(store, "Ann")
    assert store.document(1).revision == revision
    assert undo(store, "Ben") == [one]
    assert undo(store, "Ann") == []


def test_what_nobody_signed_is_everybodys(store: Store) -> None:
    one = add(store, 1, None)
    assert store.document(1, "Ann").can_undo
    assert undo(store, "Ann") == []
    assert redo(store, "Ann") == [one]


def test_a_deleted_object_comes_back_to_its_place(store: Store) -> None:
    one, two, three = (add(store, seed, "Ann") for seed in range(3))
    before = store.document(1)
    store.commit(before, [o for o in before.objects if o.id != two], "Ann")
    four = add(store, 9, "Ben")
    assert undo(store, "Ann") == [one, two, three, four]


def test_orders_are_taken_back_while_nobody_else_edits(store: Store) -> None:
    one, two = add(store, 1, "Ann"), add(store, 2, "Ann")
    before = store.document(1)
    store.commit(before, before.objects[::-1], "Ann")
    assert undo(store, "Ann") == [one, two]
    assert redo(store, "Ann") == [two, one]
    add(store, 3, "Ben")
    with pytest.raises(EditError, match="order of the objects"):
        undo(store, "Ann")


def test_history_outlives_the_process(tmp_path: Path, store: Store) -> None:
    one, two = add(store, 1, "Ann"), add(store, 2, "Ben")
    undo(store, "Ann")
    with Store(tmp_path / "annotations.sqlite") as other:
        assert redo(other, "Ann") == [one, two]
    assert undo(store, "Ben") == [one]


def test_a_failed_write_leaves_no_memory_of_it(store: Store) -> None:
    one = add(store, 1, "Ann")
    store._db.execute(f"PRAGMA max_page_count = {pages(store)}")
    large = Stroke(False, 1, tuple((x / 7, x / 3) for x in range(4000)))
    before = store.document(1)
    with pytest.raises(StoreError, match="disk is full"):
        store.commit(before, [*before.objects, Object(0, drawn(2), strokes=(large,))], "Ann")
    store._db.execute("PRAGMA max_page_count = 100000")
    add(store, 2, "Ben")
    assert undo(store, "Ben") == [one]
    assert undo(store, "Ann") == []


def pages(store: Store) -> int:
    return int(store._db.execute("PRAGMA page_count").fetchone()[0])


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["edit", "undo", "redo"]))))
def test_stacks_are_those_of_each_person_alone(moves: list[tuple[str, str]]) -> None:
    """Brute force: what others do changes nothing about whose turn it is."""
    steps: list[Step] = []
    done: dict[str, list[int]] = {"A": [], "B": []}
    undone: dict[str, list[int]] = {"A": [], "B": []}
    for person, move in moves:
        number = len(steps) + 1
        if move == "edit":
            steps.append(Step(number, person))
            done[person].append(number)
            undone[person] = []
        elif move == "undo" and done[person]:
            undone[person].append(done[person].pop())
            steps.append(Step(number, person, undoes=undone[person][-1]))
        elif move == "redo" and undone[person]:
            done[person].append(undone[person].pop())
            steps.append(Step(number, person, redoes=done[person][-1]))
    for person in "AB":
        assert stacks(steps, person) == (done[person], undone[person])


def test_the_way_is_gone_by_object() -> None:
    objects = {1: 10, 2: 20, 3: 30, 4: 20}
    assert carried([1, 2], [1, 2], [1], objects) == [1]
    assert carried([1, 2, 3], [1, 2], [1], objects) == [1, 3]
    assert carried([1, 4, 3], [1, 4], [1, 2], objects) == [1, 2, 3]
    assert carried([3], [], [2], objects) == [2, 3]
    assert carried([1, 3], [1], [1, 2], objects) == [1, 2, 3]
    with pytest.raises(EditError, match="object 20"):
        carried([1, 3], [1, 2], [1], objects)


def test_people_come_and_go() -> None:
    now = [0.0]
    people = People(clock=lambda: now[0])
    people.here("Ann", 3)
    people.here("Ben", None)
    assert [(p.name, p.image) for p in people.others("Ann")] == [("Ben", None)]
    now[0] = 11.0
    people.here("Ben", 4)
    now[0] = 13.0
    assert [(p.name, p.image) for p in people.others(None)] == [("Ben", 4)]


@pytest.mark.parametrize("name", ["a" * 61, "a%00b", "%0a", "%ff%00"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(EditError, match="name"):
        person_named(name if name != "%0a" else "a%0ab")


def test_names_of_all_scripts() -> None:
    assert person_named("%E6%9D%8E%20%E9%9B%B7") == "李 雷"
    assert person_named(" Ann ") == "Ann"
    assert person_named("") is person_named(None) is None


def test_over_http(client: TestClient) -> None:
    def stroke(person: str, revision: int) -> int:
        edit = {"kind": "stroke", "object": None, "radius": 3, "points": [[20, 20]]}
        answer = client.post(
            "/api/images/1/edits",
            json={"revision": revision, "edit": edit},
            headers={"X-Person": person},
        )
        assert answer.status_code == 200
        return int(answer.json()["revision"])

    stroke("Ann", 0)
    stroke("Ben", 1)
    shown = client.get("/api/images/1", headers={"X-Person": "Cleo"}).json()
    assert (shown["can_undo"], shown["can_redo"]) == (False, False)
    undone = client.post("/api/images/1/undo", json={"revision": 2}, headers={"X-Person": "Ann"})
    assert undone.json()["removed"] == [1]
    assert undone.json()["can_redo"] is True
    here = client.put("/api/here", json={"image": 1}, headers={"X-Person": "Ben"}).json()
    assert here == {"revision": 3, "others": [], "model": "stand-in"}
    here = client.put("/api/here", json={"image": None}, headers={"X-Person": "Ann"}).json()
    assert here == {
        "revision": None,
        "others": [{"name": "Ben", "image": 1}],
        "model": "stand-in",
    }
    assert client.put("/api/here", json={"image": 99}).status_code == 404


def test_two_classes_of_one_name_are_refused(store: Store) -> None:
    twins = [ObjectClass(0, "cup", "#111111"), ObjectClass(0, "cup", "#222222")]
    with pytest.raises(ClassError, match="2 classes are called 'cup'"):
        store.set_classes(twins)
    assert store.classes() == ()
