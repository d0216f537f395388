"""Review, filters, the gallery, copying onward, and the numbers of the work."""

import csv
import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PILImage

from m2n2v2.annotator.gallery import SIDE, picture_of
from m2n2v2.annotator.numbers import PAUSE, by_object, work
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Edit
from m2n2v2.errors import MissingError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs


def dot(client: TestClient, image: int = 1, person: str = "Ann", **fields: Any) -> dict[str, Any]:
    """An object made by one dab of the brush."""
    revision = client.get(f"/api/images/{image}").json()["revision"]
    edit = {"kind": "stroke", "object": None, "radius": 3, "points": [[20, 20]], **fields}
    answer = client.post(
        f"/api/images/{image}/edits",
        json={"revision": revision, "edit": edit},
        headers={"X-Person": person},
    )
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def listed(client: TestClient, **query: Any) -> list[int]:
    return [each["id"] for each in client.get("/api/images", params=query).json()["images"]]


def test_a_rejected_image_is_to_do_again(client: TestClient) -> None:
    dot(client)
    client.put("/api/images/1/done", json={"done": True})
    given = {"status": "rejected", "note": "the handle is missing"}
    told = client.put("/api/images/1/status", json=given, headers={"X-Person": "Ben"}).json()
    assert (told["done"], told["status"], told["status_by"]) == (False, "rejected", "Ben")
    assert told["counts"]["done"] == 0
    assert client.get("/api/images/1").json()["note"] == "the handle is missing"
    assert listed(client, filter="rejected") == [1]
    assert 1 in listed(client, filter="todo")
    client.put("/api/images/1/status", json={"status": "checked"})
    assert listed(client, filter="done") == listed(client, filter="checked") == [1]
    assert client.put("/api/images/1/status", json={"status": "fine"}).status_code == 422
    assert client.put("/api/images/99/status", json={"status": "done"}).status_code == 404


def test_filters(client: TestClient) -> None:
    classes = [{"name": "cup", "color": "#ff8800"}, {"name": "plate", "color": "#0088ff"}]
    cup, plate = (c["id"] for c in client.put("/api/classes", json={"classes": classes}).json())
    dot(client, 1, "Ann", class_id=cup)
    dot(client, 2, "Ben", class_id=plate)
    dot(client, 2, "Ben")
    assert listed(client, class_id=cup) == [1]
    assert listed(client, class_id=plate) == listed(client, class_id=0) == [2]
    assert listed(client, person="Ben") == [2]
    assert listed(client, person="Ann", class_id=plate) == []
    assert len(listed(client, filter="empty")) == 2
    client.post("/api/images/1/undo", json={"revision": 1}, headers={"X-Person": "Ann"})
    assert listed(client, class_id=cup) == []
    kept = [{"id": cup, **classes[0]}]
    client.put("/api/classes", json={"classes": kept, "reassign_to": cup})
    assert listed(client, class_id=cup) == [2]


def test_objects_of_a_class_side_by_side(client: TestClient) -> None:
    one = dot(client, 1)["objects"][0]["id"]
    two = dot(client, 2)["objects"][0]["id"]
    found = client.get("/api/objects").json()
    assert [(each["image"], each["object"]) for each in found] == [(1, one), (2, two)]
    assert [e["object"] for e in client.get("/api/objects?offset=1&limit=1").json()] == [two]
    assert client.get("/api/objects?class_id=7").json() == []
    picture = client.get(f"/api/images/1/objects/{one}/picture")
    assert PILImage.open(io.BytesIO(picture.content)).format == "PNG"


def test_the_picture_of_an_object_is_bright_where_it_is() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:20, 10:30] = True
    shown = np.asarray(PILImage.open(io.BytesIO(picture_of(image, Runs.of(mask)))))
    margin = 2 + 3
    assert shown.shape == (10 + 2 * margin, 20 + 2 * margin, 3)
    assert shown[margin, margin, 0] == 200
    assert shown[0, 0, 0] == 70
    large = np.ones((900, 1200), bool)
    wide = picture_of(np.zeros((900, 1200, 3), np.uint8), Runs.of(large))
    assert max(PILImage.open(io.BytesIO(wide)).size) == SIDE
    with pytest.raises(MissingError, match="no pixel"):
        picture_of(image, Runs.empty(Size(40, 60)))


def test_objects_are_copied_onward(client: TestClient) -> None:
    made = dot(client, 1)["objects"][0]
    client.get("/api/images/2")
    edit = {"kind": "copy", "image": 1, "objects": [made["id"]]}
    answer = client.post("/api/images/2/edits", json={"revision": 0, "edit": edit}).json()
    (copy,) = answer["objects"]
    assert copy["mask"] == made["mask"]
    assert copy["id"] != made["id"]
    assert copy["source"] == "import"
    refused = client.post(
        "/api/images/2/edits",
        json={"revision": 1, "edit": {**edit, "objects": [99]}},
    )
    assert refused.status_code == 404
    assert len(client.get("/api/images/2").json()["objects"]) == 1


def test_seconds_are_those_between_edits_without_pauses() -> None:
    day = 86_400.0
    times = [0, 10, 30, 30 + PAUSE + 1, 30 + PAUSE + 5, day]
    edits = [Edit("Ann", t) for t in times] + [Edit("Ben", 15.0), Edit(None, None)]
    rows = work("a.png", "done", edits)
    assert [(r.person, r.day, r.edits, r.seconds) for r in rows] == [
        ("Ann", "1970-01-01", 5, 34.0),
        ("Ann", "1970-01-02", 1, 0.0),
        ("Ben", "1970-01-01", 1, 0.0),
    ]


def test_numbers_as_csv(client: TestClient) -> None:
    dot(client, 1, "Ann")
    dot(client, 1, "Ben")
    lines = list(csv.reader(io.StringIO(client.get("/api/numbers").text)))
    assert lines[0] == ["image", "status", "person", "day", "edits", "seconds"]
    assert [(line[0], line[2], line[4]) for line in lines[1:3]] == [
        ("1.png", "Ann", "1"),
        ("1.png", "Ben", "1"),
    ]
    assert lines[3:] == [
        [],
        ["image", "object", "class", "clicks", "strokes", "seconds"],
        ["1.png", "1", "", "0", "1", "0.0"],
        ["1.png", "2", "", "0", "1", lines[-1][-1]],
    ]
    (ann, ben) = client.get("/api/numbers/days").json()
    assert (ann["person"], ann["images"], ann["edits"]) == ("Ann", 1, 1)
    assert (ben["person"], ben["seconds"]) == ("Ben", 0)


def test_the_table_reads_the_edits_of_an_image_once(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for image in (2, 1):
        dot(client, image)
    read: list[int] = []
    edits = project.store.edits
    monkeypatch.setattr(project.store, "edits", lambda id: read.append(id) or edits(id))
    lines = client.get("/api/numbers").text.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        *("image", "1.png", "2.png"),
        *("", "image", "1.png", "2.png"),
    ]
    assert read == [1, 2]


def test_seconds_are_the_work_on_the_objects_that_an_edit_changed() -> None:
    edits = [
        Edit("Ann", 0.0, frozenset({1})),
        Edit("Ann", 10.0, frozenset({1})),
        Edit("Ann", 16.0, frozenset({1, 2})),
        Edit("Ann", 20.0),  # an undo: on no object
    ]
    assert by_object(edits) == {1: 13.0, 2: 3.0}


def test_the_store_tells_which_objects_an_edit_changed(
    client: TestClient, project: Project
) -> None:
    first = dot(client, 1)["objects"][0]["id"]
    second = dot(client, 1)["objects"][0]["id"]
    dot(client, 1, object=first)
    client.post("/api/images/1/undo", json={"revision": 3}, headers={"X-Person": "Ann"})
    edits = project.store.edits(1)
    assert [set(e.objects) for e in edits] == [{first}, {second}, {first}, set()]
