"""What is said of objects, lists of classes in files, and who made what in exports."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from m2n2v2.annotator import attributes, class_files
from m2n2v2.annotator.attributes import Attribute
from m2n2v2.annotator.document import ObjectClass
from m2n2v2.annotator.exchange import labels_of
from m2n2v2.annotator.formats import coco, labelme, yolo
from m2n2v2.annotator.project import Project
from m2n2v2.errors import ClassError, EditError, FormatError
from tests.annotator.conftest import Start

ASKS = [
    {"name": "broken", "type": "flag", "values": []},
    {"name": "material", "type": "choice", "values": ["glass", "clay"]},
    {"name": "remark", "type": "text", "values": []},
]
CUP = {"name": "cup", "color": "#ffb020", "key": 1, "attributes": ASKS}


def edit(client: TestClient, revision: int, kind: str, **fields: Any) -> Any:
    answer = client.post(
        "/api/images/1/edits",
        json={"revision": revision, "edit": {"kind": kind, **fields}},
        headers={"X-Person": "Anna"},
    )
    return answer.json() | {"status": answer.status_code}


@pytest.fixture
def labelled(project: Project, start: Start) -> TestClient:
    """A cup, of which everything is said that can be."""
    client = start(project)
    client.put("/api/classes", json={"classes": [CUP]})
    edit(client, 0, "stroke", object=None, class_id=1, radius=5, points=[[20, 20]])
    for revision, (name, value) in enumerate(
        (("broken", True), ("material", "clay"), ("remark", "a chip: rim")), 1
    ):
        done = edit(client, revision, "attribute", object=1, name=name, value=value)
        assert done["status"] == 200
    return client


def test_what_is_said_is_kept_and_undone(labelled: TestClient, project: Project) -> None:
    def said() -> Any:
        return labelled.get("/api/images/1").json()["objects"][0]["attributes"]

    assert said() == {"broken": True, "material": "clay", "remark": "a chip: rim"}
    edit(labelled, 4, "attribute", object=1, name="broken", value=None)
    assert said() == {"material": "clay", "remark": "a chip: rim"}
    labelled.post("/api/images/1/undo", json={"revision": 5}, headers={"X-Person": "Anna"})
    assert said()["broken"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("colour", "red"), ("material", "paper"), ("broken", "yes"), ("remark", True)],
)
def test_what_the_class_does_not_ask_is_refused(
    labelled: TestClient, name: str, value: str | bool
) -> None:
    refused = edit(labelled, 4, "attribute", object=1, name=name, value=value)
    assert refused["status"] == 400
    assert labelled.get("/api/images/1").json()["revision"] == 4


def test_classes_keep_their_attributes_where_none_are_sent(labelled: TestClient) -> None:
    renamed = {"id": 1, "name": "mug", "color": "#ffb020", "key": 1}
    stored = labelled.put("/api/classes", json={"classes": [renamed]}).json()
    assert stored[0]["attributes"] == ASKS
    cleared = labelled.put("/api/classes", json={"classes": [renamed | {"attributes": []}]}).json()
    assert cleared[0]["attributes"] == []
    twice = labelled.put(
        "/api/classes", json={"classes": [renamed | {"attributes": [ASKS[0], ASKS[0]]}]}
    )
    assert twice.status_code == 409
    assert "twice" in twice.json()["error"]["message"]


def test_exports_that_can_hold_it_say_what_and_who(labelled: TestClient, project: Project) -> None:
    labels = labels_of(project).labels
    (obj,) = labels.images[0].objects
    assert obj.person == "Anna"
    made, losses = coco.document(labels)
    (annotation,) = made["annotations"]
    assert annotation["attributes"] == {
        "broken": True,
        "material": "clay",
        "remark": "a chip: rim",
    }
    assert annotation["annotated_by"] == "Anna"
    assert annotation["annotated_at"] == obj.when
    assert obj.when is not None
    assert obj.when.endswith("Z")
    assert (losses["attributes"], losses["people"]) == (0, 0)


def test_labelme_and_back_from_coco(labelled: TestClient, project: Project, tmp_path: Path) -> None:
    labels = labels_of(project).labels
    when = labels.images[0].objects[0].when
    losses = labelme.write(labels, tmp_path / "labelme")
    (shape,) = json.loads((tmp_path / "labelme/1.json").read_text())["shapes"]
    assert shape["flags"] == {"broken": True}
    assert shape["description"].split("\n") == [
        "material: clay",
        "remark: a chip: rim",
        f"annotated by Anna, {when}",
    ]
    assert losses["attributes"] == 0
    lost = yolo.write(labels, tmp_path / "yolo")
    assert (lost["attributes"], lost["people"]) == (1, 1)

    coco.write(labels, tmp_path / "coco")
    read = coco.read(tmp_path / "coco", {"1.png": labels.images[0].size})
    assert read.labels.images[0].objects[0].attributes == labels.images[0].objects[0].attributes


def test_what_a_class_no_longer_asks_is_not_exported(
    labelled: TestClient, project: Project
) -> None:
    only = {"id": 1, "name": "cup", "color": "#ffb020", "key": 1, "attributes": ASKS[:1]}
    labelled.put("/api/classes", json={"classes": [only]})
    (obj,) = labels_of(project).labels.images[0].objects
    assert obj.attributes == (("broken", True),)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("", "flag", ()),
        ("a\nb", "text", ()),
        ("a", "number", ()),
        ("a", "choice", ("one",)),
        ("a", "choice", ("one", "one")),
        ("a", "flag", ("one", "two")),
    ],
)
def test_attributes_without_sense(name: str, kind: Any, values: tuple[str, ...]) -> None:
    with pytest.raises(ClassError):
        Attribute(name, kind, values)


def test_a_text_has_an_end() -> None:
    Attribute("remark", "text").check("x" * attributes.LONGEST)
    with pytest.raises(EditError, match="at most"):
        Attribute("remark", "text").check("x" * (attributes.LONGEST + 1))


def test_what_files_say_of_objects() -> None:
    told = {"occluded": False, "b": True, "a": "x", "n": 3, "none": None, "list": [1], "": "y"}
    assert attributes.read(told) == (("a", "x"), ("b", True), ("n", "3"))
    assert attributes.read(["a"]) == ()


def test_a_list_of_names(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_text("\ufeffcup\n\n  plate  \nfork\n", encoding="utf-8")
    assert [label.name for label in class_files.read(file)] == ["cup", "plate", "fork"]
    known = (ObjectClass(4, "plate", "#112233", 1),)
    merged = class_files.merged(known, class_files.read(file))
    assert [(label.id, label.name, label.key) for label in merged] == [
        (4, "plate", 1),
        (0, "cup", 2),
        (0, "fork", 3),
    ]
    assert merged[0].color == "#112233"
    assert len({label.color for label in merged}) == 3


def test_a_list_with_attributes(tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    file.write_text(json.dumps({"classes": [CUP, "plate"]}))
    cup, plate = class_files.read(file)
    assert cup.attributes[1] == Attribute("material", "choice", ("glass", "clay"))
    known = (ObjectClass(1, "cup", "#000000", 5), ObjectClass(2, "spoon", "#000001", 1))
    merged = class_files.merged(known, (cup, plate))
    assert [(label.name, label.key) for label in merged] == [
        ("cup", 1),
        ("spoon", None),
        ("plate", 2),
    ], "the list's key for a cup is taken from the spoon"
    assert merged[0].color == "#ffb020"
    assert merged[0].attributes == cup.attributes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cup\ncup",
        "[1]",
        '[{"name": "cup", "colour": "red"}]',
        '[{"name": "cup", "color": "red"}]',
        '[{"name": "cup", "key": 10}]',
        '[{"name": "cup", "key": true}]',
        '[{"name": "cup", "attributes": ["broken"]}]',
        '[{"name": "cup", "attributes": [{"name": "a", "type": "choice", "values": ["b"]}]}]',
        '{"names": ["cup"]}',
        '["cup"',
        "x" * 101,
    ],
)
def test_lists_that_are_none_are_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "classes.txt"
    file.write_text(text)
    with pytest.raises(FormatError):
        class_files.read(file)
