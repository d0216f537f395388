"""The routes, as the page and scripts use them."""

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from m2n2v2.annotator.app import Options, make_app
from m2n2v2.annotator.document import PlacedBox, forbids
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.project import Project, open_project
from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from tests.annotator.conftest import BOXES, Gate, Start, stand_in
from tests.patience import until
from tests.scenes import iou


def ids(client: TestClient) -> dict[str, int]:
    listed = client.get("/api/images").json()["images"]
    return {each["name"]: each["id"] for each in listed}


def image(client: TestClient, id: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/images/{id}").json()
    return found


def edit(client: TestClient, revision: int, kind: str, id: int = 1, **fields: Any) -> Any:
    answer = client.post(
        f"/api/images/{id}/edits", json={"revision": revision, "edit": {"kind": kind, **fields}}
    )
    return answer.json() | {"status": answer.status_code}


def preview(client: TestClient, **asked: Any) -> dict[str, Any]:
    """The preview of a click on the first image, asked for until there is time for one."""
    answers: list[Any] = []

    def answered() -> bool:
        answers.append(client.post("/api/images/1/preview", json=asked))
        return answers[-1].status_code != 503

    until(answered)
    result: dict[str, Any] = answers[-1].json()
    return result


def mask(wire: dict[str, Any]) -> Mask:
    return Runs.checked(Size(*wire["mask"]["size"]), wire["mask"]["counts"]).mask


def box(left: int, top: int, right: int, bottom: int) -> Mask:
    drawn = np.zeros((60, 90), bool)
    drawn[top:bottom, left:right] = True
    return drawn


def test_the_list_is_in_the_order_people_count(client: TestClient) -> None:
    listed = client.get("/api/images").json()
    assert [each["name"] for each in listed["images"]] == ["1.png", "2.png", "10.jpg", "more/3.png"]
    assert listed["total"] == 4
    assert listed["counts"] == {"images": 4, "done": 0, "unreadable": 0, "objects": 0}
    found = client.get("/api/images", params={"query": "MORE"}).json()
    assert [each["name"] for each in found["images"]] == ["more/3.png"]
    assert client.get("/api/images", params={"offset": 3, "limit": 2}).json()["total"] == 4


def test_three_clicks_undo_redo(client: TestClient) -> None:
    first = edit(client, 0, "click", object=None, x=20, y=20, positive=True)
    assert first["status"] == 200
    assert first["revision"] == 1
    (found,) = first["objects"]
    assert iou(mask(found), box(*BOXES[0])) > 0.9
    assert found["area"] == mask(found).sum()
    second = edit(client, 1, "click", object=found["id"], x=60.5, y=30, positive=False)
    third = edit(client, 2, "click", object=found["id"], x=38, y=38)
    assert len(third["objects"][0]["clicks"]) == 3
    undone = client.post("/api/images/1/undo", json={"revision": 3}).json()
    assert undone["objects"] == second["objects"]
    assert undone["can_redo"]
    redone = client.post("/api/images/1/redo", json={"revision": 4}).json()
    assert redone["objects"] == third["objects"]
    assert not redone["can_redo"]
    shown = image(client)
    assert shown["objects"] == third["objects"]
    assert shown["revision"] == 5


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (("click", {"x": 20, "y": 20}), ("click", {"x": 20, "y": 20, "positive": False}), "both"),
        (
            ("box", {"box": [8, 8, 40, 40]}),
            ("box", {"box": [0, 0, 90, 60], "positive": False}),
            "where nothing belongs",
        ),
        (
            ("scribble", {"points": [[10, 20], [30, 20]]}),
            ("scribble", {"points": [[20, 10], [20, 30]], "positive": False}),
            "both as object and as background",
        ),
    ],
)
def test_prompts_that_contradict_are_refused_and_change_nothing(
    client: TestClient, first: Any, second: Any, says: str
) -> None:
    (kind, fields), (other, wrong) = first, second
    (made,) = edit(client, 0, kind, **fields)["objects"]
    refused = edit(client, 1, other, object=made["id"], **wrong)
    assert refused["status"] == 400
    assert says in refused["error"]["message"]
    assert refused["error"]["cure"]
    assert image(client)["objects"] == [made]
    assert image(client)["revision"] == 1


@pytest.mark.parametrize("kind", ["scribble", "stroke"])
def test_a_stroke_of_100_000_points_is_refused_at_the_border(client: TestClient, kind: str) -> None:
    points = [[k % 90, k % 60] for k in range(100_000)]
    fields = {"points": points} | ({"radius": 2} if kind == "stroke" else {})
    refused = edit(client, 0, kind, **fields)
    assert refused["status"] == 422
    assert "at most 4096" in refused["error"]["message"]
    longest = edit(client, 0, kind, **(fields | {"points": points[:4096]}))
    assert longest["status"] == 200


def test_undo_to_nothing_and_back(client: TestClient) -> None:
    first = edit(client, 0, "click", x=20, y=20)
    undone = client.post("/api/images/1/undo", json={"revision": 1}).json()
    assert undone["removed"] == [first["objects"][0]["id"]]
    assert undone["order"] == []
    assert not undone["can_undo"]
    refused = client.post("/api/images/1/undo", json={"revision": 2})
    assert refused.status_code == 400
    assert refused.json()["error"]["kind"] == "EditError"
    redone = client.post("/api/images/1/redo", json={"revision": 2}).json()
    assert redone["objects"] == first["objects"]


def test_everything_is_there_after_a_restart(project: Project, start: Start) -> None:
    client = start(project)
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    edit(client, 1, "click", object=object, x=60, y=30, positive=False)
    edit(client, 2, "stroke", object=object, radius=3, points=[[50, 50], [60, 50]])
    client.post("/api/images/1/undo", json={"revision": 3})
    before = image(client)
    client.__exit__(None, None, None)
    from m2n2v2.annotator.project import open_project

    again = start(open_project(project.folder.root))
    after = image(again)
    assert after["objects"] == before["objects"]
    assert (after["revision"], after["can_undo"], after["can_redo"]) == (4, True, True)
    redone = again.post("/api/images/1/redo", json={"revision": 4}).json()
    assert len(redone["objects"][0]["strokes"]) == 1
    more = edit(again, 5, "click", object=object, x=38, y=10)
    assert len(more["objects"][0]["clicks"]) == 3


def test_a_stale_revision_is_a_conflict_that_names_the_current_one(client: TestClient) -> None:
    edit(client, 0, "click", x=20, y=20)
    refused = edit(client, 0, "click", x=60, y=30)
    assert refused["status"] == 409
    assert refused["error"]["kind"] == "ConflictError"
    assert refused["error"]["revision"] == 1
    assert len(image(client)["objects"]) == 1


def test_boxes_and_scribbles_are_prompts_like_clicks(project: Project, start: Start) -> None:
    client = start(project)
    made = edit(client, 0, "box", box=[44, 44, 5, 5])["objects"][0]
    assert made["clicks"][0]["box"] == [44, 44, 5, 5]
    assert not mask(made)[:, 46:].any()
    corrected = edit(client, 1, "click", object=made["id"], x=70, y=30, positive=False)
    assert corrected["revision"] == 2
    stroke = edit(client, 2, "scribble", points=[[55, 16], [70, 40]])["objects"][0]
    assert stroke["clicks"][0]["scribble"] == [[55, 16], [70, 40]]
    assert mask(stroke)[20, 58]
    assert edit(client, 3, "box", box=[5, 5, 5, 20])["status"] == 400
    assert edit(client, 3, "box", box=[500, 5, 600, 20])["status"] == 400
    assert edit(client, 3, "scribble", points=[])["status"] == 422
    assert edit(client, 3, "remove_click", object=stroke["id"], index=0)["revision"] == 4
    project.store.close()
    reopened = open_project(project.folder.root)
    kept = reopened.store.document(1).objects[0]
    assert [type(placed).__name__ for placed in kept.clicks] == ["PlacedBox", "PlacedClick"]
    assert kept.clicks[0] == PlacedBox((44, 44, 5, 5), positive=True)
    reopened.store.close()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("click", {"x": 30, "y": 30}),
        ("remove_click", {"index": 0}),
        ("box", {"box": [1, 1, 9, 9]}),
        ("scribble", {"points": [[1, 1]]}),
        ("scale", {"scale": 0.5}),
        ("stroke", {"radius": 2, "points": [[1, 1]]}),
        ("clear", {}),
        ("delete", {}),
    ],
)
def test_a_locked_object_stays(client: TestClient, kind: str, fields: dict[str, Any]) -> None:
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    edit(client, 1, "lock", object=object, locked=True)
    refused = edit(client, 2, kind, object=object, **fields)
    assert refused["status"] == 400
    assert "locked" in refused["error"]["message"]
    unlocked = edit(client, 2, "lock", object=object, locked=False)
    assert edit(client, unlocked["revision"], kind, object=object, **fields)["status"] == 200


def test_brush_and_eraser_come_after_the_clicks(client: TestClient) -> None:
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    (plain,) = image(client)["objects"]
    drawn = edit(client, 1, "stroke", object=object, radius=2.5, points=[[70.5, 5.5], [80.5, 5.5]])
    assert mask(drawn["objects"][0])[5, 70:81].all()
    erased = edit(client, 2, "stroke", object=object, erase=True, radius=4, points=[[20.5, 20.5]])
    assert not mask(erased["objects"][0])[18:23, 18:23].any()
    clicked = edit(client, 3, "click", object=object, x=60, y=30, positive=False)
    found = mask(clicked["objects"][0])
    assert not found[18:23, 18:23].any()
    assert found[5, 70:81].all()
    undrawn = edit(client, 4, "clear", object=object)
    assert undrawn["objects"][0]["area"] == 0
    assert undrawn["objects"][0]["strokes"] == []
    assert plain["area"] > 0


def test_a_stroke_makes_an_object_without_preparing(client: TestClient) -> None:
    made = edit(client, 0, "stroke", object=None, radius=1, points=[[10.5, 10.5]])
    assert mask(made["objects"][0]).sum() == 5  # a cross of one pixel's reach
    assert image(client)["state"] == "none"


def test_order_duplicate_hide_finish(client: TestClient) -> None:
    first = edit(client, 0, "click", x=20, y=20)["objects"][0]
    copy = edit(client, 1, "duplicate", object=first["id"])
    (second,) = copy["objects"]
    assert second["mask"] == first["mask"]
    assert copy["order"] == [first["id"], second["id"]]
    turned = edit(client, 2, "order", order=[second["id"], first["id"]])
    assert turned["order"] == [second["id"], first["id"]]
    assert turned["objects"] == []
    assert edit(client, 3, "order", order=[first["id"]])["status"] == 400
    assert edit(client, 3, "hide", object=first["id"], hidden=True)["objects"][0]["hidden"]
    assert edit(client, 4, "finish", object=first["id"], finished=True)["objects"][0]["finished"]
    gone = edit(client, 5, "delete", object=first["id"])
    assert gone["removed"] == [first["id"]]
    new = edit(client, 6, "click", x=60, y=30)["objects"][0]["id"]
    assert new > second["id"], "a number is never used again"


def test_removing_a_click_is_as_if_it_had_never_been(client: TestClient) -> None:
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]
    edit(client, 1, "click", object=object["id"], x=60, y=30)
    back = edit(client, 2, "remove_click", object=object["id"], index=1)["objects"][0]
    assert back["mask"] == object["mask"]
    bare = edit(client, 3, "remove_click", object=object["id"], index=0)["objects"][0]
    assert bare["area"] == 0
    assert edit(client, 4, "remove_click", object=object["id"], index=0)["status"] == 400


def test_the_scale_grows_and_shrinks_the_segment(client: TestClient) -> None:
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]
    areas = [
        edit(client, revision, "scale", object=object["id"], scale=scale)["objects"][0]["area"]
        for revision, scale in enumerate((-1, -0.5, 0, 0.25), 1)
    ]
    assert areas == sorted(areas)
    assert areas[0] < areas[2] == object["area"]
    assert edit(client, 5, "scale", object=object["id"], scale=1.5)["status"] == 422


def test_classes(client: TestClient) -> None:
    given = [{"name": "cup", "color": "#ff8800", "key": 1}, {"name": "plate", "color": "#0088ff"}]
    cup, plate = client.put("/api/classes", json={"classes": given}).json()
    assert client.get("/api/project").json()["classes"] == [cup, plate]
    object = edit(client, 0, "click", x=20, y=20, class_id=cup["id"])["objects"][0]
    assert object["class_id"] == cup["id"]
    assert edit(client, 1, "class", object=object["id"], class_id=99)["status"] == 409
    renamed = [plate, cup | {"name": "mug"}]
    assert client.put("/api/classes", json={"classes": renamed}).json() == renamed
    refused = client.put("/api/classes", json={"classes": [plate]})
    assert refused.status_code == 409
    assert "'mug' has 1 objects" in refused.json()["error"]["message"]
    moved = client.put("/api/classes", json={"classes": [plate], "reassign_to": plate["id"]})
    assert moved.json() == [plate]
    shown = image(client)
    assert shown["objects"][0]["class_id"] == plate["id"]
    assert edit(client, 1, "finish", object=object["id"], finished=True)["status"] == 409
    assert edit(client, shown["revision"], "class", object=object["id"], class_id=None)["revision"]


def test_done_and_progress(client: TestClient) -> None:
    edit(client, 0, "click", x=20, y=20)
    answer = client.put("/api/images/1/done", json={"done": True}).json()
    assert answer["done"] is True
    assert answer["counts"] == {"images": 4, "done": 1, "unreadable": 0, "objects": 1}
    done = client.get("/api/images", params={"filter": "done"}).json()
    assert [each["id"] for each in done["images"]] == [1]
    assert client.get("/api/images", params={"filter": "todo"}).json()["total"] == 3


def test_errors_have_one_shape(client: TestClient) -> None:
    for answer in (
        client.get("/api/images/99"),
        client.get("/api/images/x"),
        client.get("/api/nothing"),
        client.delete("/api/project"),
        client.post("/api/images/1/edits", json={"revision": 0, "edit": {"kind": "fly"}}),
        client.post("/api/images/1/edits", content=b"{", headers={"content-type": "text/json"}),
        client.post(
            "/api/images/1/edits",
            json={"revision": 0, "edit": {"kind": "click", "x": 90, "y": 1}},
        ),
    ):
        assert 400 <= answer.status_code < 500
        assert set(answer.json()["error"]) >= {"kind", "message", "cure"}


def test_models_are_told_and_chosen(project: Project, gate: Gate) -> None:
    models = (stand_in(gate), stand_in(gate, "other"))
    with TestClient(
        make_app(project, Engine(models[0], project, ahead=False), Options(models)),
        base_url="http://localhost:8642",
    ) as client:
        told = client.get("/api/models").json()
        assert [(each["name"], each["chosen"], each["seconds"]) for each in told] == [
            ("stand-in", True, None),
            ("other", False, None),
        ]
        edit(client, 0, "click", x=20, y=20)
        told = client.put("/api/model", json={"name": "other"}).json()
        assert [each["chosen"] for each in told] == [False, True]
        assert told[0]["seconds"] is not None
        assert client.get("/api/project").json()["preset"] == "other"
        assert client.put("/api/here", json={"image": None}).json()["model"] == "other"
        assert image(client)["state"] == "none"
        assert edit(client, 1, "click", object=1, x=60, y=30, positive=False)["status"] == 200
        refused = client.put("/api/model", json={"name": "none such"})
        assert refused.status_code == 404
        assert "stand-in, other" in refused.json()["error"]["cure"]


def test_objects_are_called_as_on_the_page(client: TestClient) -> None:
    """By class and number among those of that class, not by the id that a program sends."""
    client.put("/api/classes", json={"classes": [{"name": "cup", "color": "#ff8800"}]})
    plain = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    edit(client, 1, "click", x=60, y=30, class_id=1)
    cup = edit(client, 2, "duplicate", object=plain + 1)["objects"][0]["id"]
    revision = 3
    for object in (plain, cup):
        edit(client, revision, "lock", object=object, locked=True)
        revision += 1
    for object, name in ((plain, "object 1"), (cup, "cup 2")):
        refused = edit(client, revision, "split", object=object)
        assert refused["error"]["message"] == f"{name} is locked"


def test_an_error_of_an_object_carries_what_is_said_of_it() -> None:
    error = forbids(3, "is no polygon; object 3", cure="make it one")
    assert (error.object, error.why) == (3, "is no polygon; object 3")
    assert error.what == "object 3 is no polygon; object 3"
