"""What goes wrong while people work: files that change, two tabs, a folder that takes nothing."""

import http.client
import json
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image as PILImage

from m2n2v2.annotator import app, serve
from m2n2v2.annotator import project as projects
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.project import Project, open_project
from m2n2v2.errors import StoreError
from m2n2v2.grid import Size
from tests.annotator.conftest import BOXES, Gate, Start, stand_in
from tests.annotator.test_app import edit, image
from tests.patience import PATIENCE
from tests.scenes import photograph


def replace_picture(path: Path) -> None:
    PILImage.fromarray(photograph(Size(60, 90), BOXES, seed=77)).save(path)


def test_an_image_replaced_while_open(project: Project, start: Start, photographs: Path) -> None:
    client = start(project)
    before = edit(client, 0, "click", x=20, y=20)
    original = (photographs / "1.png").read_bytes()
    replace_picture(photographs / "1.png")
    answers = [
        client.post("/api/images/1/edits", json={"revision": 1, "edit": {"kind": "click", **at}})
        for at in ({"x": 60, "y": 30}, {"x": 1, "y": 1, "object": before["objects"][0]["id"]})
    ]
    answers += [
        client.post("/api/images/1/undo", json={"revision": 1}),
        client.post("/api/images/1/prepare"),
        client.post("/api/images/1/preview", json={"x": 1, "y": 1}),
        client.get("/api/images/1/photo"),
        client.get("/api/images/1/objects/1/cutout"),
    ]
    for answer in answers:
        assert answer.status_code == 409
        assert "another picture" in answer.json()["error"]["message"]
    shown = image(client)
    assert shown["problem"].startswith("changed: 1.png is another picture")
    assert shown["objects"] == [], "no mask is ever drawn on another picture"
    listed = client.get("/api/images").json()["images"][0]
    assert listed["problem"].startswith("changed:")
    assert listed["objects"] == 1

    (photographs / "1.png").write_bytes(original)
    assert image(client)["objects"] == before["objects"]
    assert edit(client, 1, "click", x=60, y=30)["status"] == 200
    assert client.get("/api/images").json()["images"][0]["problem"] is None


def test_an_image_replaced_while_it_is_prepared(
    project: Project, start: Start, photographs: Path, gate: Gate
) -> None:
    """The click waits for a preparation of the old content; the new content gets its own."""
    client = start(project)
    image(client)
    gate.open.clear()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(edit(client, 0, "click", x=20, y=20)))
    thread.start()
    assert gate.entered.wait(PATIENCE)
    replace_picture(photographs / "1.png")
    gate.open.set()
    thread.join()
    assert answers[0]["status"] in (200, 503)
    assert edit(client, image(client)["revision"], "click", x=60, y=30)["status"] == 200
    (content,) = {each["sha256"] for each in (image(client),)}
    assert content == project.folder.sha256("1.png")
    assert project.store.document(1).sha256 == content


def test_an_image_not_annotated_may_be_replaced(
    project: Project, start: Start, photographs: Path
) -> None:
    client = start(project)
    client.post("/api/images/1/prepare")
    first = image(client)
    PILImage.fromarray(np.zeros((10, 10, 3), np.uint8)).save(photographs / "1.png")
    second = image(client)
    assert second["sha256"] != first["sha256"]
    assert (second["width"], second["height"]) == (10, 10)
    assert edit(client, 0, "click", x=50, y=50)["status"] == 400, "outside the new one"


def test_an_image_deleted_while_open(project: Project, start: Start, photographs: Path) -> None:
    client = start(project)
    edit(client, 0, "click", x=20, y=20)
    original = (photographs / "1.png").read_bytes()
    (photographs / "1.png").unlink()
    assert edit(client, 1, "click", x=60, y=30)["status"] == 422
    assert client.get("/api/images/1/photo").status_code == 422
    assert image(client)["problem"].startswith("missing: 1.png is no longer in the folder")
    project.look()
    listed = client.get("/api/images").json()
    assert [each["name"] for each in listed["images"]][-1] == "1.png", "its objects are not lost"
    assert listed["images"][-1]["problem"].startswith("missing:")
    (photographs / "1.png").write_bytes(original)
    assert len(image(client)["objects"]) == 1


def test_an_unreadable_image(project: Project, start: Start, photographs: Path) -> None:
    (photographs / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    client = start(project)
    shown = image(client)
    assert shown["problem"].startswith("unreadable: 1.png")
    assert shown["width"] is None
    assert client.post("/api/images/1/prepare").status_code == 422
    assert edit(client, 0, "click", x=1, y=1)["status"] == 422
    assert client.get("/api/images").json()["images"][0]["problem"].startswith("unreadable:")
    replace_picture(photographs / "1.png")
    assert image(client)["problem"] is None


def test_images_that_come_later_are_found(
    project: Project, start: Start, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "LOOK_AGAIN", 0.0)
    client = start(project)
    replace_picture(photographs / "3.png")
    (photographs / "2.png").unlink()
    names = [each["name"] for each in client.get("/api/images").json()["images"]]
    assert names == ["1.png", "3.png", "10.jpg", "more/3.png"]


def test_an_empty_folder(tmp_path: Path, start: Start) -> None:
    client = start(open_project(tmp_path))
    assert client.get("/api/images").json()["total"] == 0
    counts = {"images": 0, "done": 0, "unreadable": 0, "objects": 0}
    assert client.get("/api/project").json()["counts"] == counts


def test_a_folder_that_takes_no_changes(
    photographs: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(open_project(photographs))
    made = edit(client, 0, "click", x=20, y=20)
    monkeypatch.setattr(projects, "_writable", lambda home, path: False)
    before = sorted(photographs.rglob("*"))
    looking = start(open_project(photographs))
    assert looking.get("/api/project").json()["read_only"]
    assert image(looking)["objects"] == made["objects"]
    assert looking.get("/api/images/1/photo").status_code == 200
    for answer in (
        looking.post("/api/images/1/undo", json={"revision": 1}),
        looking.put("/api/images/1/done", json={"done": True}),
        looking.put("/api/classes", json={"classes": []}),
        looking.post(
            "/api/images/1/edits",
            json={"revision": 1, "edit": {"kind": "stroke", "radius": 1, "points": [[1, 1]]}},
        ),
    ):
        assert answer.status_code == 403
        assert "writable" in answer.json()["error"]["cure"]
    assert sorted(photographs.rglob("*")) == before


def test_a_disk_that_is_full_is_said(project: Project, start: Start) -> None:
    client = start(project)
    made = edit(client, 0, "click", x=20, y=20)
    pages = project.store._db.execute("PRAGMA page_count").fetchone()[0]
    project.store._db.execute(f"PRAGMA max_page_count = {pages}")
    points = [[x / 7, x / 3] for x in range(4000)]
    refused = edit(client, 1, "stroke", radius=3, points=points)
    assert refused["status"] == 507
    assert "disk is full" in refused["error"]["message"]
    assert image(client)["objects"] == made["objects"]
    project.store._db.execute("PRAGMA max_page_count = 100000")
    assert edit(client, 1, "stroke", radius=3, points=points)["status"] == 200


def test_a_file_of_a_newer_version(photographs: Path) -> None:
    open_project(photographs).store.close()
    path = photographs / ".m2n2v2" / "annotations.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="version 99"):
        open_project(photographs)


def test_two_tabs(project: Project, start: Start) -> None:
    """Both show the same; whoever comes second is told, and loads again."""
    client = start(project)
    mine = edit(client, 0, "stroke", radius=3, points=[[10, 10]])
    theirs = edit(client, 0, "stroke", radius=3, points=[[50, 50]])
    assert (mine["status"], theirs["status"]) == (200, 409)
    assert theirs["error"]["revision"] == 1
    undone = client.post("/api/images/1/undo", json={"revision": 0})
    assert undone.status_code == 409
    again = edit(client, 1, "stroke", radius=3, points=[[50, 50]])
    assert len(again["order"]) == 2


def test_many_tabs_at_once_lose_nothing(project: Project, start: Start) -> None:
    client = start(project)
    stored: list[int] = []

    def work(seed: int) -> None:
        for number in range(5):
            while True:
                revision = image(client)["revision"]
                done = edit(client, revision, "stroke", radius=2, points=[[seed * 10, number * 10]])
                if done["status"] == 200:
                    stored.append(done["objects"][0]["id"])
                    break
                assert done["status"] == 409

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = image(client)
    assert shown["revision"] == 20
    assert sorted(each["id"] for each in shown["objects"]) == sorted(stored)
    assert len(set(stored)) == 20


def test_events_say_how_a_preparation_gets_on(project: Project, start: Start, gate: Gate) -> None:
    """Over a real connection: the test client collects a stream before it gives it."""
    gate.open.clear()
    engine = Engine(stand_in(gate), project, ahead=False)
    bound = serve.listening("127.0.0.1", 0)
    made = app.make_app(project, engine, app.Options())
    server = uvicorn.Server(uvicorn.Config(made, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    address = bound.getsockname()
    listening = http.client.HTTPConnection(*address, timeout=PATIENCE)
    listening.request("GET", "/api/images/1/events")
    stream = listening.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")

    def following() -> str:
        while True:
            line = stream.readline().decode()
            if line.startswith("data: "):
                return str(json.loads(line[6:])["state"])

    assert following() == "none"
    asking = http.client.HTTPConnection(*address, timeout=PATIENCE)
    asking.request("POST", "/api/images/1/prepare")
    assert asking.getresponse().status == 202
    heard = following()
    gate.open.set()
    seen = [heard]
    while heard != "ready":
        heard = following()
        seen.append(heard)
    assert set(seen) <= {"queued", "preparing", "ready"}
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive(), "an open stream must not keep the server"
    listening.close()
    asking.close()


def test_a_list_opens_no_file(
    project: Project, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a large folder is there at once; `python -m benchmarks.annotator open` times 10,000."""
    monkeypatch.setattr(projects, "LOOK_AGAIN", 0.0)

    def opened(*_: object) -> None:
        raise AssertionError("a file was opened")

    for name in ("data", "content", "sha256", "picture"):
        monkeypatch.setattr(project.folder, name, opened)
    client = start(project)
    assert client.get("/api/project").json()["counts"]["images"] == 4
    assert client.get("/api/images?query=png").json()["total"] == 3
