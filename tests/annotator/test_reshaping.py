"""Edits of whole shapes by the API: cleaning, holes, parts, two objects, polygons; all undone."""

import contextlib
import copy
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from m2n2v2.annotator import reshaping
from m2n2v2.annotator.document import FilledHole, Object, PlacedCleaning, Stroke
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Store
from m2n2v2.annotator.strokes import redrawn
from m2n2v2.annotator.tables import VERSION
from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.runs import Runs
from tests.annotator.conftest import Start
from tests.annotator.test_app import box, edit, image, mask, preview

RING = box(10, 10, 30, 30) & ~box(18, 18, 22, 22)
SPECKS = box(50, 5, 52, 7) | box(60, 40, 61, 41)


def put(project: Project, *masks: Mask) -> list[int]:
    """Objects without clicks, as an import makes them."""
    document = project.document(1)
    made = [Object(0, Runs.of(m), base=Runs.of(m), source="import") for m in masks]
    return [o.id for o in project.store.commit(document, made).after.objects]


def shown(client: TestClient) -> dict[int, Mask]:
    return {each["id"]: mask(each) for each in image(client)["objects"]}


def step(client: TestClient, revision: int, way: str = "undo") -> Any:
    return client.post(f"/api/images/1/{way}", json={"revision": revision}).json()


def same(found: dict[int, Mask], expected: dict[int, Mask]) -> bool:
    pairs = [(found[id], expected[id]) for id in expected if id in found]
    return found.keys() == expected.keys() and all(np.array_equal(a, b) for a, b in pairs)


def test_a_cleaning_says_what_it_changed_and_is_replaced_by_the_next(
    project: Project, start: Start
) -> None:
    client = start(project)
    (id,) = put(project, RING | SPECKS)
    answer = edit(client, 1, "clean", object=id, specks=4, holes=16)
    (found,) = answer["objects"]
    assert np.array_equal(mask(found), box(10, 10, 30, 30))
    expected = {"holes": 16, "specks": 4, "smooth": 0, "added": 16, "removed": 5}
    assert found["cleaned"] == expected
    (found,) = edit(client, 2, "clean", object=id, specks=1)["objects"]
    assert np.array_equal(mask(found), RING | box(50, 5, 52, 7))
    (found,) = edit(client, 3, "clean", object=id)["objects"]
    assert np.array_equal(mask(found), RING | SPECKS)
    assert found["cleaned"] is None
    step(client, 4)
    step(client, 5)
    assert image(client)["objects"][0]["cleaned"] == expected


def test_new_objects_are_cleaned_as_the_folder_says(project: Project, start: Start) -> None:
    client = start(project)
    assert client.get("/api/project").json()["cleaning"] == {"holes": 0, "specks": 0, "smooth": 0}
    bare = mask(edit(client, 0, "click", x=20, y=20)["objects"][0])
    said = client.put("/api/cleaning", json={"smooth": 3, "specks": 9})
    assert said.json() == {"holes": 0, "specks": 9, "smooth": 3}
    (found,) = edit(client, 1, "click", x=20, y=20)["objects"]
    made = Cleaning(specks=9, smooth=3).of(bare)
    assert np.array_equal(mask(found), made.mask)
    assert (found["cleaned"]["added"], found["cleaned"]["removed"]) == (made.added, made.removed)
    assert client.get("/api/project").json()["cleaning"] == said.json()
    assert np.array_equal(mask(preview(client, x=20, y=20)), made.mask)
    (painted,) = edit(client, 2, "stroke", radius=1, points=[[80, 50]])["objects"]
    assert painted["cleaned"] is None
    (again,) = edit(client, 3, "clean", object=found["id"])["objects"]
    assert np.array_equal(mask(again), bare)


def test_a_hole_is_filled_by_a_point_in_it(project: Project, start: Start) -> None:
    client = start(project)
    (id,) = put(project, RING)
    (found,) = edit(client, 1, "fill", object=id, x=19.5, y=20)["objects"]
    assert np.array_equal(mask(found), box(10, 10, 30, 30))
    for x, y, says in ((12, 12, "on the object"), (70, 50, "image's frame"), (99, 5, "outside")):
        refused = edit(client, 2, "fill", object=id, x=x, y=y)
        assert refused["status"] == 400
        assert says in refused["error"]["message"]
    step(client, 2)
    assert same(shown(client), {id: RING})


def test_what_is_done_to_a_mask_is_done_again_after_another_click() -> None:
    cleaning, hole = PlacedCleaning(Cleaning(specks=5), 7, 7), FilledHole(20, 20)
    paint = Stroke(False, 1.0, ((70.0, 50.0),))
    drawn, done = redrawn(RING | SPECKS, [cleaning, hole, paint])
    assert done == (PlacedCleaning(Cleaning(specks=5), 0, 5), hole, paint)
    assert drawn[20, 20]
    assert drawn.sum() == 400 + 4  # the specks are gone, the stroke is not
    bare, _ = redrawn(box(0, 0, 5, 5), [hole])  # there is no hole any more
    assert np.array_equal(bare, box(0, 0, 5, 5))


@pytest.mark.parametrize(
    ("kind", "expected", "left"),
    [
        ("merge", box(10, 10, 30, 30) | box(20, 20, 50, 50), False),
        ("subtract", box(10, 10, 30, 30) & ~box(20, 20, 50, 50), True),
        ("intersect", box(20, 20, 30, 30), True),
    ],
)
def test_two_objects(project: Project, start: Start, kind: str, expected: Mask, left: bool) -> None:
    client = start(project)
    one, other = put(project, box(10, 10, 30, 30), box(20, 20, 50, 50))
    before = shown(client)
    answer = edit(client, 1, kind, object=one, other=other)
    assert answer["removed"] == ([] if left else [other])
    after = {one: expected} | ({other: before[other]} if left else {})
    assert same(shown(client), after)
    step(client, 2)
    assert same(shown(client), before)
    step(client, 3, "redo")
    assert same(shown(client), after)


def test_clicks_correct_what_came_of_two_objects(client: TestClient, project: Project) -> None:
    (one,) = edit(client, 0, "click", x=20, y=20)["objects"]
    (other,) = edit(client, 1, "click", x=60, y=30)["objects"]
    (merged,) = edit(client, 2, "merge", object=one["id"], other=other["id"])["objects"]
    assert merged["clicks"] == []
    assert np.array_equal(mask(merged), mask(one) | mask(other))
    (corrected,) = edit(client, 3, "click", object=one["id"], x=60, y=30, positive=False)["objects"]
    assert not mask(corrected)[30, 60]
    assert mask(corrected)[20, 20]
    undone = [step(client, revision) for revision in (4, 5)][-1]
    assert [each["clicks"] for each in undone["objects"]] == [one["clicks"], other["clicks"]]


def test_parts_become_objects_the_largest_stays(project: Project, start: Start) -> None:
    client = start(project)
    below, id = put(project, box(0, 0, 5, 5), box(0, 50, 4, 54) | RING)
    answer = edit(client, 1, "split", object=id)
    assert len(answer["order"]) == 3
    assert answer["order"][:2] == [below, id]
    found = shown(client)
    assert np.array_equal(found[id], RING)
    assert np.array_equal(found[answer["order"][2]], box(0, 50, 4, 54))
    refused = edit(client, 2, "split", object=id)
    assert refused["status"] == 400
    assert "one part" in refused["error"]["message"]


def test_a_polygon_its_vertices_and_back(project: Project, start: Start) -> None:
    client = start(project)
    (id,) = put(project, RING)
    (found,) = edit(client, 1, "polygon", object=id, deviation=0)["objects"]
    assert np.array_equal(mask(found), RING)
    assert sorted(map(len, found["polygon"])) == [4, 4]
    rings = copy.deepcopy(found["polygon"])
    at = next(k for k, ring in enumerate(rings) if [10, 10] in ring)
    corner = rings[at].index([10, 10])
    rings[at][corner] = [5, 10]
    (moved,) = edit(client, 2, "vertices", object=id, rings=rings)["objects"]
    assert mask(moved)[10, 6:10].all()
    assert not mask(moved)[20, 20]
    del rings[at][corner]
    (three,) = edit(client, 3, "vertices", object=id, rings=rings)["objects"]
    assert three["polygon"] == rings
    (back,) = edit(client, 4, "mask", object=id)["objects"]
    assert back["polygon"] is None
    assert np.array_equal(mask(back), mask(three))
    refused = edit(client, 5, "vertices", object=id, rings=rings)
    assert "is no polygon" in refused["error"]["message"]
    for revision in (5, 6, 7):
        step(client, revision)
    assert image(client)["objects"][0]["polygon"] == found["polygon"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("stroke", {"radius": 2, "points": [[40, 40]]}),
        ("click", {"x": 12, "y": 12}),
        ("clean", {"specks": 3}),
    ],
)
def test_what_changes_a_polygon_otherwise_makes_it_a_mask(
    project: Project, start: Start, kind: str, fields: dict[str, Any]
) -> None:
    client = start(project)
    (id,) = put(project, RING)
    edit(client, 1, "polygon", object=id)
    (found,) = edit(client, 2, kind, object=id, **fields)["objects"]
    assert found["polygon"] is None
    assert step(client, 3)["objects"][0]["polygon"] is not None


def test_a_polygon_is_there_after_a_restart(project: Project, start: Start) -> None:
    client = start(project)
    (id,) = put(project, RING)
    edit(client, 1, "polygon", object=id)
    (told,) = image(client)["objects"]
    with Store(project.store.path, read_only=True) as store:
        (found,) = store.document(1).objects
    assert [[list(point) for point in ring] for ring in found.polygon or ()] == told["polygon"]


def test_a_mask_is_drawn_anew_near_its_own_outline(client: TestClient, project: Project) -> None:
    (id,) = put(project, box(10, 10, 38, 38))
    (found,) = edit(client, 1, "snap", object=id)["objects"]
    assert found["clicks"] == []
    assert found["made_by"]
    assert mask(found)[14:34, 14:34].all()
    assert not mask(found)[:, 50:].any()
    step(client, 2)
    assert same(shown(client), {id: box(10, 10, 38, 38)})


def test_refusals_change_nothing(
    project: Project, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(project)
    one, other, empty = put(
        project, box(10, 10, 30, 30), box(50, 40, 60, 50) | SPECKS, np.zeros((60, 90), bool)
    )
    edit(client, 1, "lock", object=other, locked=True)
    monkeypatch.setattr(reshaping, "MOST_PARTS", 1)
    monkeypatch.setattr(reshaping, "MOST_VERTICES", 3)
    before = image(client)
    far = [[[200, 200], [210, 200], [210, 210]]]
    for kind, fields, says in (
        ("merge", {"object": one, "other": one}, "with itself"),
        ("merge", {"object": one, "other": other}, "is locked"),
        ("merge", {"object": one, "other": 99}, "no object 99"),
        ("intersect", {"object": one, "other": other}, "no pixel left"),
        ("subtract", {"object": one, "other": one}, "with itself"),
        ("split", {"object": empty}, "has no pixel"),
        ("snap", {"object": empty}, "has no pixel"),
        ("polygon", {"object": empty}, "has no pixel"),
        ("polygon", {"object": one, "deviation": 0}, "has 4 vertices"),
        ("mask", {"object": other}, "is locked"),
        ("vertices", {"object": one, "rings": far}, "is no polygon"),
        ("clean", {"object": other}, "is locked"),
    ):
        refused = edit(client, 2, kind, **fields)
        assert refused["status"] in (400, 404), kind
        assert says in refused["error"]["message"], kind
    edit(client, 2, "lock", object=other, locked=False)
    refused = edit(client, 3, "split", object=other)
    assert "is of 2 parts" in refused["error"]["message"]
    assert image(client)["objects"][0] == before["objects"][0]
    for fields in ({"rings": []}, {"rings": [[[1, 1], [2, 2]]]}, {"rings": [[[1, 1]] * 2 + [[0]]]}):
        assert edit(client, 3, "vertices", object=one, **fields)["status"] == 422
    assert edit(client, 3, "clean", object=one, smooth=51)["status"] == 422
    assert client.put("/api/cleaning", json={"holes": -1}).status_code == 422


def test_vertices_outside_cover_nothing(project: Project, start: Start) -> None:
    client = start(project)
    (id,) = put(project, RING)
    edit(client, 1, "polygon", object=id)
    far = [[[200, 200], [210, 200], [210, 210]]]
    refused = edit(client, 2, "vertices", object=id, rings=far)
    assert "covers no pixel" in refused["error"]["message"]


def test_a_file_of_version_4_gets_its_options(tmp_path: Path) -> None:
    path = tmp_path / "annotations.sqlite"
    with Store(path) as store:
        store.add_images(["a.png"])
        store.opened(1, Size(4, 4), "0" * 64)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE options")
        db.execute("PRAGMA user_version = 4")
    with Store(path) as store:
        assert store.cleaning() == Cleaning()
        store.set_cleaning(Cleaning(holes=4))
        assert store._db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    with Store(path, read_only=True) as store:
        assert store.cleaning() == Cleaning(holes=4)
