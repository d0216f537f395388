"""COCO: what pycocotools reads from ours, what we read of others', and what we refuse."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from pycocotools.coco import COCO

from m2n2v2.annotator.formats import coco, export, read
from m2n2v2.annotator.formats.base import LabelClass, Labelled, Labels
from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import (
    SIZE,
    SIZES,
    SOLID,
    by_name,
    drawn,
    labels,
    thing,
)
from tests.masks.rasterisers import coco_mask


def written(folder: Path, **options: bool) -> dict[str, Any]:
    coco.write(labels(), folder, **options)
    document: dict[str, Any] = json.loads((folder / coco.FILE).read_text())
    return document


@pytest.mark.parametrize("polygons", [False, True])
def test_pycocotools_reads_every_mask(tmp_path: Path, polygons: bool) -> None:
    coco.write(labels(), tmp_path, polygons=polygons)
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = COCO(str(tmp_path / coco.FILE))
    found = {}
    for image in loaded.loadImgs(loaded.getImgIds()):
        annotations = loaded.loadAnns(loaded.getAnnIds(imgIds=image["id"]))
        found[image["file_name"]] = [
            (
                loaded.loadCats(each["category_id"])[0]["name"],
                Runs.of(coco_mask(each["segmentation"], image["height"], image["width"])),
            )
            for each in annotations
        ]
        for each in annotations:
            truth = coco_mask(each["segmentation"], image["height"], image["width"])
            ys, xs = np.nonzero(truth)
            box = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert (each["area"], each["bbox"], each["iscrowd"]) == (truth.sum(), box, 0)
    assert found == by_name(labels())


@pytest.mark.parametrize("polygons", [False, True])
def test_the_round_trip_is_lossless(tmp_path: Path, polygons: bool) -> None:
    coco.write(labels(), tmp_path, polygons=polygons)
    found = coco.read(tmp_path, SIZES)
    assert by_name(found.labels) == by_name(labels())
    assert found.labels.classes == labels().classes
    assert found.skipped == ()


@given(SOLID)
def test_polygons_come_back_as_the_mask(mask: Mask) -> None:
    size = Size(*mask.shape)
    image = Labelled("a.png", size, (thing(mask, "x"),))
    document, _ = coco.document(Labels((image,), (LabelClass("x"),)), polygons=True)
    (annotation,) = document["annotations"]
    np.testing.assert_array_equal(coco_mask(annotation["segmentation"], *mask.shape), mask)


def test_every_field_is_there(tmp_path: Path) -> None:
    document = written(tmp_path)
    assert list(document) == ["info", "licenses", "images", "annotations", "categories"]
    assert set(document["info"]) == {
        *("description", "url", "version", "year", "contributor", "date_created")
    }
    assert [image["file_name"] for image in document["images"]] == sorted(SIZES)
    assert {image["license"] for image in document["images"]} == {
        each["id"] for each in document["licenses"]
    }
    assert document["categories"][0] == {
        "id": 1,
        "name": "saucer: blue",
        "supercategory": "",
        "color": [16, 32, 255],
    }
    assert [each["id"] for each in document["annotations"]] == [1, 2, 3, 4, 5]


def test_objects_with_holes_stay_run_lengths_and_that_is_said(tmp_path: Path) -> None:
    losses = coco.write(labels(), tmp_path, polygons=True)
    assert (losses["as runs"], losses["clicks"]) == (1, 6)
    assert "1 objects have holes and are run lengths, not polygons" in losses.lines
    kinds = [
        type(each["segmentation"]).__name__
        for each in json.loads((tmp_path / coco.FILE).read_text())["annotations"]
    ]
    assert kinds == ["list", "dict", "list", "list", "list"]


def test_objects_without_class_or_pixel(tmp_path: Path) -> None:
    nothing = thing(np.zeros(SIZE.shape, bool), "cup")
    found = labels(without_class=True)
    image = Labelled("z.png", SIZE, (nothing,))
    losses = coco.write(Labels((*found.images, image), found.classes), tmp_path)
    assert (losses["unclassified"], losses["empty"]) == (1, 1)
    document = json.loads((tmp_path / coco.FILE).read_text())
    assert document["categories"][-1]["name"] == "unclassified"
    assert len(document["annotations"]) == 5


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    turned = Labels(labels().images[::-1], labels().classes)
    for name, found in (("a", labels()), ("b", turned)):
        export(found, "coco", tmp_path / name)
    for file in (coco.FILE, "losses.txt"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def others(**changes: Any) -> dict[str, Any]:
    """A file as other tools write it: other roots, text ids, all three kinds of masks, a crowd."""
    counts = [0, 4, 4, 40]
    document = {
        "images": [
            {"id": "7", "file_name": "C:\\data\\deep\\a.png", "width": 8, "height": 6},
            {"id": 9, "file_name": "/elsewhere/empty.png"},
        ],
        "annotations": [
            {"image_id": 7, "category_id": 3, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]},
            {
                "image_id": 7,
                "category_id": 3,
                "iscrowd": 1,
                "segmentation": {"size": [6, 8], "counts": counts},
            },
            {"image_id": 9, "category_id": 3, "bbox": [1, 1, 2, 2], "segmentation": []},
        ],
        "categories": [{"id": 3, "name": " cup "}],
    }
    document.update(changes)
    return document


def file(folder: Path, document: object) -> Path:
    path = folder / "others.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_files_of_other_tools(tmp_path: Path) -> None:
    found = read("coco", file(tmp_path, others()), SIZES)
    box = drawn("........", ".###....", ".###....", "........", "........", "........")
    crowd = coco_mask({"size": [6, 8], "counts": [0, 4, 4, 40]}, 6, 8)
    assert by_name(found.labels) == {
        "deep/a.png": [("cup", Runs.of(box)), ("cup", Runs.of(crowd))],
        "empty.png": [],
    }
    assert found.labels.classes == (LabelClass("cup"),)
    assert found.skipped == (
        "1 crowds are imported as single objects",
        "1 annotations have no segmentation",
    )


IMAGE = {"id": 9, "file_name": "empty.png", "width": 8, "height": 6}
CATEGORY = {"id": 3, "name": "cup"}


def annotation(segmentation: object, **changes: object) -> dict[str, object]:
    return {"id": 5, "image_id": 9, "category_id": 3, "segmentation": segmentation, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": [{**IMAGE, "file_name": "b.png"}]}, "image 'b.png' is not in the folder"),
        ({"images": [{**IMAGE, "width": 9}]}, "empty.png is 8x6 in the folder and labelled at 9x6"),
        ({"images": [IMAGE, {**IMAGE, "id": 10}]}, "empty.png is listed twice"),
        ({"images": [IMAGE, IMAGE]}, "the id of another"),
        ({"images": [{**IMAGE, "id": None}]}, "the id of another, or none"),
        ({"images": [{**IMAGE, "width": -8}]}, "its size is said to be -8 x 6"),
        ({"categories": [CATEGORY, CATEGORY]}, "category 3: it has no id, or the id of another"),
        ({"annotations": [annotation([[1]], image_id=None)]}, "its image None is not listed"),
        ({"annotations": [annotation([[1, 1, 2, 2]])]}, "annotation 5 of empty.png: a polygon has"),
        ({"annotations": [annotation([[]], image_id=1)]}, "its image '1' is not listed"),
        ({"annotations": [annotation([[1]], category_id=4)]}, "its class '4' is not listed"),
        ({"annotations": [annotation({"size": [6, 9], "counts": [54]})]}, r"size \[6, 9\] on a"),
        ({"annotations": [annotation({"size": [6, 8], "counts": [47]})]}, "do not fill a 8x6"),
        ({"annotations": [annotation({"size": [6, 8], "counts": "???"})]}, "do not fill a 8x6"),
        ({"annotations": [annotation({"size": [6, 8], "counts": None})]}, "neither polygons nor"),
        ({"annotations": [annotation("x")]}, "size None"),
        ({"categories": [{**CATEGORY, "name": "a\nb"}]}, "category 3: a class is called"),
        ({"categories": [{"id": 3}]}, "its name is None"),
        ({"categories": "none"}, "no list of categories"),
        ({"annotations": [1]}, "no list of annotations"),
    ],
)
def test_what_does_not_match_is_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    document = {"images": [IMAGE], "annotations": [], "categories": [CATEGORY], **changes}
    with pytest.raises(FormatError, match=said):
        read("coco", file(tmp_path, document), SIZES)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"images": 1}', "\0"])
def test_what_is_no_coco_json(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError):
        read("coco", file(tmp_path, text), SIZES)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="does not exist"):
        read("coco", tmp_path / "none.json", SIZES)


def test_all_problems_are_counted_at_once_and_may_be_skipped(tmp_path: Path) -> None:
    wrong = [{"id": n, "file_name": f"gone-{n}.jpg"} for n in range(8)]
    path = file(tmp_path, others(images=[*wrong[:7], *others()["images"]]))
    with pytest.raises(FormatError) as raised:
        read("coco", path, SIZES)
    assert "7 problems: images: image 'gone-0.jpg' is not in the folder" in str(raised.value)
    assert "and 2 more; nothing was imported" in str(raised.value)
    path = file(tmp_path, others(images=[wrong[0], *others()["images"]]))
    found = read("coco", path, SIZES, skip=True)
    assert found.labels.objects == 2
    assert found.skipped[0] == "images: image 'gone-0.jpg' is not in the folder"


def test_a_name_that_fits_two_images_is_refused(tmp_path: Path) -> None:
    sizes = {"x/a.png": SIZE, "y/a.png": SIZE}
    document = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
    with pytest.raises(FormatError, match=r"may be x/a\.png or y/a\.png"):
        read("coco", file(tmp_path, document), sizes)
    document["images"] = [{"id": 1, "file_name": "set/y/a.png"}]
    assert set(by_name(read("coco", file(tmp_path, document), sizes).labels)) == {"y/a.png"}


@pytest.mark.parametrize("skip", [False, True])
def test_a_broken_annotation_is_left_out_and_named(tmp_path: Path, skip: bool) -> None:
    good = annotation([[1, 1, 4, 1, 4, 3, 1, 3]])
    flat = annotation([1, 1, 4, 1, 4, 3, 1, 3], id=6)
    bad = [annotation({"size": [6, 8], "counts": [1, 1]}, id=7), annotation([1, 1, 2, 2], id=8)]
    document = {"images": [IMAGE], "annotations": [good, *bad, flat], "categories": [CATEGORY]}
    result = read("coco", file(tmp_path, document), SIZES, skip=skip)
    box = drawn("........", ".###....", ".###....", "........", "........", "........")
    assert by_name(result.labels) == {"empty.png": [("cup", Runs.of(box))] * 2}
    assert result.skipped == (
        "annotation 7 of empty.png: run lengths do not fill a 8x6 image",
        "annotation 8 of empty.png: points are no list of x and y",
    )


def test_an_image_without_id_takes_nobodys_annotations(tmp_path: Path) -> None:
    """An id that is missing on both sides is no id that both share."""
    nameless = {key: value for key, value in IMAGE.items() if key != "id"}
    lost = annotation([[1, 1, 4, 1, 4, 3, 1, 3]])
    del lost["image_id"]
    document = {"images": [nameless], "annotations": [lost], "categories": [CATEGORY]}
    with pytest.raises(FormatError, match="2 problems"):
        read("coco", file(tmp_path, document), SIZES)
