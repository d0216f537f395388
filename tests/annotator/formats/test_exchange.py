"""Labels of a folder out and in again: by the functions, and by the command line as a process."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator import formats
from m2n2v2.annotator.attributes import Attribute
from m2n2v2.annotator.document import Object, ObjectClass, PlacedClick
from m2n2v2.annotator.exchange import Added, Sizes, add_labels, labels_of
from m2n2v2.annotator.formats.base import LabelClass, Labelled, LabelledObject, Labels
from m2n2v2.annotator.project import Project, open_project
from m2n2v2.errors import ConflictError, FormatError
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import CORNER, PLAIN, RING, SIZES, by_name, labels, photographs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three photographs, one annotated by two clicks, another done and empty."""
    root = photographs(tmp_path / "photos")
    with_project = open_project(root)
    classes = [ObjectClass(0, "cup", "#ff0080", 1), ObjectClass(0, "plate", "#00ff00")]
    cup, plate = (each.id for each in with_project.store.set_classes(classes))
    clicks = (PlacedClick(2, 1, True), PlacedClick(5, 4, False))
    document = with_project.document(ids(with_project)["a.jpg"])
    made = (
        Object(0, Runs.of(PLAIN), cup, clicks=clicks),
        Object(0, Runs.of(RING), plate, hidden=True),
        Object(0, Runs.of(CORNER)),
    )
    with_project.store.commit(document, made)
    with_project.store.set_status(ids(with_project)["empty.png"], "done")
    with_project.store.close()
    return root


def ids(project: Project) -> dict[str, int]:
    return {each.listed.name: each.listed.id for each in project.entries()}


def stored(root: Path) -> dict[str, list[tuple[str | None, Runs]]]:
    project = open_project(root)
    found = labels_of(project).labels
    project.store.close()
    return by_name(found)


DRAWN = [("cup", Runs.of(PLAIN)), ("plate", Runs.of(RING)), (None, Runs.of(CORNER))]


def test_labels_of_a_folder(folder: Path) -> None:
    project = open_project(folder)
    taken = labels_of(project)
    assert by_name(taken.labels) == {"a.jpg": DRAWN, "empty.png": []}
    assert [each.clicks for each in taken.labels.ordered()[0].objects] == [2, 0, 0]
    assert [(c.name, c.color) for c in taken.labels.classes] == [
        ("cup", "#ff0080"),
        ("plate", "#00ff00"),
    ]
    assert by_name(labels_of(project, only_done=True).labels) == {"empty.png": []}
    project.store.close()


def test_images_that_changed_or_are_gone_are_left_out(folder: Path) -> None:
    PILImage.new("RGB", (8, 6), "red").save(folder / "a.jpg")
    project = open_project(folder)
    taken = labels_of(project)
    assert taken.skipped == ("a.jpg: a.jpg is another picture than the one annotated",)
    assert by_name(taken.labels) == {"empty.png": []}
    project.store.close()
    (folder / "a.jpg").unlink()
    project = open_project(folder)
    assert labels_of(project).skipped == ("a.jpg: a.jpg is no longer in the folder",)
    project.store.close()


def test_imports_go_on_top_and_are_undone_in_one_step(folder: Path) -> None:
    project = open_project(folder)
    added = add_labels(project, Sizes(project), labels())
    assert added == Added(images=2, objects=5, classes=2)
    first = project.document(ids(project)["a.jpg"])
    assert [each.source for each in first.objects] == ["clicks"] * 3 + ["import"] * 3
    assert first.objects[3].base == first.objects[3].mask == Runs.of(PLAIN)
    assert [(c.name, c.color, c.key) for c in project.store.classes()] == [
        ("cup", "#ff0080", 1),  # the one that is there, with its own colour
        ("plate", "#00ff00", None),
        ("saucer: blue", "#1020ff", 2),
        ("spare", "#000080", 3),
    ]
    project.step(first.id, first.revision, back=True)
    assert len(project.document(first.id).objects) == 3
    project.store.close()


def test_nothing_is_half_imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(folder)
    before = by_name(labels_of(project).labels)
    stale = project.document(ids(project)["deep/a.png"])
    document = project.document

    def edited_meanwhile(image: int) -> object:
        found = document(image)
        if image == stale.id and not project.store.document(image).revision:
            project.store.commit(found, [])
        return found

    with monkeypatch.context() as patched:
        patched.setattr(project, "document", edited_meanwhile)
        with pytest.raises(ConflictError):
            add_labels(project, Sizes(project), labels())
    assert by_name(labels_of(project).labels) == before
    assert [each.name for each in project.store.classes()] == ["cup", "plate"]
    project.store.close()


def test_too_many_objects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("m2n2v2.annotator.exchange.MOST_OBJECTS", 5)
    project = open_project(folder)
    with pytest.raises(FormatError, match=r"a\.jpg would have over 5 objects"):
        add_labels(project, Sizes(project), labels())
    project.store.close()


@pytest.mark.parametrize("form", ["coco", "labelme", "png"])
def test_what_the_store_holds_survives_a_round_trip(folder: Path, form: str) -> None:
    project = open_project(folder)
    formats.export(labels_of(project).labels, form, folder.parent / "out")
    project.store.close()
    other = photographs(folder.parent / "other")
    project = open_project(other)
    sizes = Sizes(project)
    assert dict(sizes) == SIZES
    add_labels(project, sizes, formats.read(form, folder.parent / "out", sizes).labels)
    project.store.close()
    lost = form != "png"  # the manifest knows objects without a class
    expected = [(name or ("unclassified" if lost else None), mask) for name, mask in DRAWN]
    assert stored(other) == {"a.jpg": expected}


def test_what_a_file_says_of_objects_goes_out_again(folder: Path, tmp_path: Path) -> None:
    """Their classes ask for it from then on; what they asked for stays."""
    project = open_project(folder)
    (cup, *others) = project.store.classes()
    asks = Attribute("broken", "choice", ("yes", "no"))
    project.store.set_classes([replace(cup, attributes=(asks,)), *others])
    said = (("broken", "yes"), ("wet", True))
    flagged = LabelledObject(Runs.of(PLAIN), "cup", attributes=said)
    came = Labels((Labelled("empty.png", SIZES["empty.png"], (flagged,)),), (LabelClass("cup"),))
    add_labels(project, Sizes(project), came)
    assert project.store.classes()[0].attributes == (asks, Attribute("wet", "flag"))
    taken = {image.name: image for image in labels_of(project).labels.images}
    assert [obj.attributes for obj in taken["empty.png"].objects] == [said]
    formats.export(labels_of(project).labels, "labelme", tmp_path / "out")
    back = formats.read("labelme", tmp_path / "out", SIZES).labels
    (obj,) = next(image for image in back.images if image.name == "empty.png").objects
    assert ("wet", True) in obj.attributes
    project.store.close()


def test_an_image_that_cannot_be_read_does_not_match(folder: Path) -> None:
    project = open_project(folder)
    formats.export(labels_of(project).labels, "coco", folder.parent / "out")
    project.store.close()
    other = photographs(folder.parent / "other")
    (other / "a.jpg").write_bytes(b"no image")
    project = open_project(other)
    sizes = Sizes(project)
    with pytest.raises(FormatError, match="1 problem: images: "):
        formats.read("coco", folder.parent / "out", sizes)
    found = formats.read("coco", folder.parent / "out", sizes, skip=True)
    assert by_name(found.labels) == {"empty.png": []}
    project.store.close()


def test_empty_labels_change_nothing(folder: Path) -> None:
    project = open_project(folder)
    assert add_labels(project, Sizes(project), Labels()) == Added(0, 0, 0)
    project.store.close()


def command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "m2n2v2", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_export_and_import(folder: Path) -> None:
    out = folder.parent / "out"
    done = command("export", folder, "--format", "coco", "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{out}: 2 images, 3 objects as coco",
        "lost: 2 clicks (and strokes) behind the masks are not in this format",
        "lost: 1 objects without a class are written as class `unclassified`",
    ]
    other = photographs(folder.parent / "other")
    done = command("import", other, out, "--format", "coco")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 objects on 1 images, 3 new classes\n"
    assert [mask for _, mask in stored(other)["a.jpg"]] == [mask for _, mask in DRAWN]


@pytest.mark.slow
def test_only_done_and_photographs(folder: Path) -> None:
    out = folder.parent / "out"
    done = command("export", folder, "--format", "yolo", "--out", out, "--only-done")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (out / "images/train").iterdir()] == ["empty.png"]
    done = command("export", folder, "--format", "yolo", "--out", out, "--no-photos")
    assert not (out / "images").exists()
    assert "lost: the 2 photographs are not copied: put them in place yourself" in done.stdout


def test_polygons_on_the_command_line(folder: Path) -> None:
    out = folder.parent / "out"
    command("export", folder, "--format", "coco", "--out", out, "--polygons")
    document = json.loads((out / "annotations.json").read_text())
    kinds = [isinstance(each["segmentation"], list) for each in document["annotations"]]
    assert kinds == [True, False, True]


@pytest.mark.slow
def test_bad_input_is_one_line_and_changes_nothing(folder: Path) -> None:
    before = stored(folder)
    out = folder.parent / "out"
    (folder.parent / "x.json").write_text('{"images": [], "annotations": [], "categories": 1}')
    np.save(folder.parent / "plain.npy", np.zeros(3))
    empty = folder.parent / "empty"
    empty.mkdir()
    for arguments, said in (
        (("export", folder, "--format", "coc", "--out", out), "use one of coco, yolo"),
        (("export", empty, "--format", "coco", "--out", out), "was never annotated"),
        (("export", folder / "no", "--format", "coco", "--out", out), "is no folder"),
        (("export", folder, "--format", "png", "--out", folder / "x"), "in the annotated folder"),
        (("export", folder, "--format", "coco", "--out", folder), "holds other files"),
        (("import", folder, out.with_name("x.json"), "--format", "coco"), "no list of categories"),
        (("import", folder, out.with_name("none"), "--format", "coco"), "does not exist"),
        (("import", folder, out.with_name("none"), "--format", "yolo"), "use one of coco, labelme"),
        (("import", folder, folder.parent / "plain.npy", "--format", "coco"), "is no JSON"),
    ):
        done = command(*arguments)
        assert done.returncode == 2, arguments
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert stored(folder) == before
    assert not out.exists()
    assert not (folder / "x").exists()


@pytest.mark.slow
def test_what_mask_values_mean_is_a_flag(folder: Path) -> None:
    masks = folder.parent / "masks"
    masks.mkdir()
    values = PLAIN.astype(np.uint8) * np.uint8(255)
    values[0, :2] = 40, 200
    PILImage.fromarray(values).save(masks / "a.png")
    command_line = ("import", folder, masks, "--format", "png")
    done = command(*command_line)
    assert done.returncode == 2
    assert "--mask-values half" in done.stderr
    done = command(*command_line, "--mask-values", "half")
    assert done.returncode == 0, done.stderr
    assert "masks were read by a rule: half of the full scale and more is object" in done.stdout
    assert stored(folder)["a.jpg"][-1][1].area == PLAIN.sum() + 1


@pytest.mark.slow
def test_an_import_that_does_not_match_names_and_counts(folder: Path) -> None:
    out = folder.parent / "out"
    command("export", folder, "--format", "coco", "--out", out)
    other = photographs(folder.parent / "other")
    (other / "a.jpg").unlink()
    done = command("import", other, out, "--format", "coco")
    assert done.returncode == 2
    assert "1 problem: images: image 'a.jpg' is not in the folder; nothing was" in done.stderr
    assert stored(other) == {}
    done = command("import", other, out, "--format", "coco", "--skip")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith("image 'a.jpg' is not in the folder")
