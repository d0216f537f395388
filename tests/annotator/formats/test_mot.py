"""Exports of a sequence: who an object is in every frame, wherever a format can say it."""

import json
from pathlib import Path

import pytest

from m2n2v2.annotator.document import Object
from m2n2v2.annotator.exchange import labels_of
from m2n2v2.annotator.formats import FORMATS, export
from m2n2v2.annotator.formats.base import LabelClass, Labelled, LabelledObject, Labels
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.annotator.project import open_project
from m2n2v2.annotator.timeline import call_sequence
from m2n2v2.errors import FormatError
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import (
    BAR,
    CORNER,
    PARTS,
    PLAIN,
    RING,
    SIZE,
    labels,
    photographs,
)


def sequence() -> Labels:
    """Two frames, of which the second comes first by name; object 3 in both, 12 in one."""
    first = (LabelledObject(Runs.of(PLAIN), "cup", 2, track=3),)
    second = (
        LabelledObject(Runs.of(CORNER), None, track=12),
        LabelledObject(Runs.of(PARTS), "cup", track=3, confidence=0.625),
        LabelledObject(Runs.of(PLAIN & ~PLAIN), "cup", track=5, confidence=1.0),
    )
    return Labels(
        (Labelled("a.jpg", SIZE, second, 1), Labelled("deep/a.png", SIZE, first, 0)),
        (LabelClass("cup", "#ff0080"),),
    )


def test_boxes_are_those_of_mot(tmp_path: Path) -> None:
    losses = export(sequence(), "mot", tmp_path / "out")
    assert (tmp_path / "out" / "boxes.csv").read_text() == (
        "1,3,1,1,4,3,1.0000,-1,-1,-1\n2,3,0,0,8,6,0.6250,-1,-1,-1\n2,12,6,4,2,2,1.0000,-1,-1,-1\n"
    )
    assert (tmp_path / "out" / "frames.tsv").read_text() == "1\tdeep/a.png\n2\ta.jpg\n"
    assert (losses["boxes"], losses["empty"], losses["tracks"]) == (3, 1, 0)


def test_a_folder_that_is_no_sequence_has_no_boxes(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not called one"):
        export(labels(), "mot", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cocos_annotations_have_tracks(tmp_path: Path) -> None:
    export(sequence(), "coco", tmp_path / "out")
    made = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(i["file_name"], i["frame_id"]) for i in made["images"]] == [
        ("a.jpg", 1),
        ("deep/a.png", 0),
    ]
    found = [(a["image_id"], a["track_id"], a.get("score")) for a in made["annotations"]]
    assert found == [(1, 12, None), (1, 3, 0.625), (2, 3, None)]
    export(labels(), "coco", tmp_path / "plain")
    assert "track_id" not in (tmp_path / "plain" / "annotations.json").read_text()


def test_labelmes_groups_are_tracks(tmp_path: Path) -> None:
    export(sequence(), "labelme", tmp_path / "out")
    one, two = (
        json.loads(path.read_text()) for path in sorted((tmp_path / "out").rglob("a*.json"))
    )
    assert [shape["group_id"] for shape in one["shapes"]] == [12, 3, 3]
    assert [shape["group_id"] for shape in two["shapes"]] == [3]


@pytest.mark.parametrize("form", ["png", "cutouts"])
def test_manifests_name_tracks(tmp_path: Path, form: str) -> None:
    photos = Photos(photographs(tmp_path / "in"))
    export(sequence(), form, tmp_path / "out", photos)
    made = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [[o["track"] for o in image["objects"]] for image in made["images"]] == [[12, 3], [3]]


@pytest.mark.parametrize("form", ["yolo", "voc"])
def test_what_cannot_say_it_says_so(tmp_path: Path, form: str) -> None:
    photos = Photos(photographs(tmp_path / "in"))
    losses = export(sequence(), form, tmp_path / "out", photos)
    assert losses["tracks"] == 4
    assert "tracks" in dict(losses.counts)
    assert form in FORMATS


def test_a_folder_called_a_sequence_is_exported_as_one(tmp_path: Path) -> None:
    project = open_project(photographs(tmp_path / "in"))
    tracked = Object(0, Runs.of(BAR), track=1, source="tracked", confidence=0.5)
    project.revise(1, lambda _: [Object(0, Runs.of(RING))])
    project.revise(2, lambda _: [tracked])
    plain = labels_of(project).labels
    assert {obj.track for image in plain.images for obj in image.objects} == {None}
    call_sequence(tmp_path / "in", True)
    found = labels_of(project).labels
    assert [image.frame for image in found.images] == [0, 1]
    objects = [obj for image in found.images for obj in image.objects]
    assert [(obj.track, obj.confidence) for obj in objects] == [(1, None), (1, 0.5)]
    project.store.close()
