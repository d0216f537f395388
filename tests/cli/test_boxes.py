"""`boxes`: a detector's boxes become masks; bad ones are named, and a run goes on."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from m2n2v2.cli.main import run
from m2n2v2.detections import Detections, Job, box_of
from m2n2v2.errors import FormatError, PromptError, RunError
from m2n2v2.grid import Size
from m2n2v2.masks.coco import expanded, from_column_major
from m2n2v2.presets import preset
from m2n2v2.states.preparing import Preparer, Recipe
from m2n2v2.weights.locating import Loading
from tests.scenes import disc, iou

IMAGE, TRUTH = disc()
Verb = Callable[..., int]


@pytest.fixture
def m2n2v2(monkeypatch: pytest.MonkeyPatch) -> Verb:
    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["m2n2v2", *arguments])
        with pytest.raises(SystemExit) as stopped:
            run()
        return int(stopped.value.code or 0)

    return call


def document(*boxes: Any, images: int = 2) -> dict[str, Any]:
    return {
        "images": [{"id": n, "file_name": f"{n}.png"} for n in range(images)],
        "categories": [{"id": 7, "name": "cup"}],
        "annotations": [
            {"id": k, "image_id": k % images, "category_id": 7, "bbox": box, "score": 0.9}
            for k, box in enumerate(boxes)
        ],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(2):
        Image.fromarray(IMAGE).save(tmp_path / f"{n}.png")
    return tmp_path


GOOD = [14, 12, 33, 33]


def preparer() -> Preparer:
    return Preparer(Recipe(preset=preset("offline"), loading=Loading(device="cpu")))


def mask(annotation: dict[str, Any]) -> np.ndarray:
    coded = annotation["segmentation"]
    return from_column_major(expanded(coded["counts"]), Size(*coded["size"])).mask


def test_the_command_writes_masks_and_names_what_it_leaves_out(
    folder: Path, capsys: pytest.CaptureFixture[str], m2n2v2: Verb
) -> None:
    made = document(GOOD, [70, 5, 5, 5], [90, 5, 9, 9], [5, 5, 0, 9], None)
    made["images"].append({"id": "gone", "file_name": "gone.png"})
    made["annotations"].append({"id": 9, "image_id": "gone", "bbox": GOOD})
    (folder / "boxes.json").write_text(json.dumps(made))
    arguments = (str(folder), "--from", str(folder / "boxes.json"), "--preset", "offline")
    assert m2n2v2("boxes", *arguments, "--out", str(folder / "masks.json"), "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"masks": 2, "left_out": 4}
    for says in ("outside the 80x60", "is empty", "bbox is None", "gone.png does not exist"):
        assert says in captured.out + captured.err
    written = json.loads((folder / "masks.json").read_text())
    assert written["categories"] == made["categories"]
    first, other = written["annotations"]
    assert iou(mask(first), TRUTH) > 0.9
    assert first["area"] == mask(first).sum()
    assert first["bbox_given"] == GOOD
    assert (first["score"], first["category_id"]) == (0.9, 7)
    assert not (folder / "masks.json.part").exists()
    assert other["image_id"] == 1


def test_a_run_goes_on_where_it_stopped(folder: Path) -> None:
    (folder / "boxes.json").write_text(json.dumps(document(GOOD, GOOD)))
    wanted = Detections.read(folder / "boxes.json", folder)
    out = folder / "masks.json"
    first = next(iter(Job(wanted, out, "me").run(preparer())))
    with (folder / "masks.json.part").open("a") as file:
        file.write('["1", [torn')
    again = Job(wanted, out, "me")
    assert again.finished == 1
    (left,) = again.run(preparer())
    assert left.key != first.key
    assert again.write() == {"masks": 2, "left_out": 0}
    next(iter(Job(wanted, out, "me").run(preparer())))
    with pytest.raises(RunError, match="made otherwise"):
        Job(wanted, out, "another")


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": 3, "annotations": []}', "not json"])
def test_what_is_no_coco_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(FormatError, match=r"boxes\.json"):
        Detections.read(tmp_path / "boxes.json", tmp_path)


def test_an_annotation_of_no_image_is_refused(tmp_path: Path) -> None:
    made = document(GOOD)
    made["annotations"][0]["image_id"] = 5
    (tmp_path / "boxes.json").write_text(json.dumps(made))
    with pytest.raises(FormatError, match="image 5, which is not listed"):
        Detections.read(tmp_path / "boxes.json", tmp_path)


@pytest.mark.parametrize(
    "box", [None, [1, 2, 3], [1, 2, "3", 4], [1, 2, -3, 4], [1, 2, float("nan"), 4]]
)
def test_a_bbox_that_is_no_box_is_named(box: object) -> None:
    with pytest.raises(PromptError, match="bbox"):
        box_of({"bbox": box})
