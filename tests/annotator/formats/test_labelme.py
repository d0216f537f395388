"""LabelMe: its documented fields, its rasteriser, and files of other people."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from PIL import Image as PILImage

from m2n2v2.annotator.formats import export, labelme, read
from m2n2v2.annotator.formats.base import LabelClass, Labelled, Labels
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import (
    CORNER,
    PLAIN,
    RING,
    SIZE,
    SIZES,
    SOLID,
    by_name,
    drawn,
    labels,
    photographs,
    thing,
)
from tests.masks.rasterisers import labelme_mask

POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
SHAPE = {
    "type": "object",
    "required": ["label", "points", "shape_type", "flags", "group_id", "description", "mask"],
    "properties": {
        "label": {"type": "string", "minLength": 1},
        "points": {"type": "array", "items": POINT, "minItems": 2},
        "shape_type": {"enum": ["polygon", "mask"]},
        "flags": {"type": "object"},
        "group_id": {"type": ["integer", "null"]},
        "description": {"type": "string"},
        "mask": {"type": ["string", "null"]},
    },
}
SCHEMA = {
    "type": "object",
    "required": [
        *("version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth")
    ],
    "properties": {"shapes": {"type": "array", "items": SHAPE}, "imageData": {"type": "null"}},
}
"""What LabelMe's loader asks of its files."""


def drawn_by_labelme(shape: dict[str, Any], size: Size) -> Mask:
    """As LabelMe's `shapes_to_label` does, both for polygons and for masks."""
    if shape["shape_type"] == "polygon":
        return labelme_mask(shape["points"], size.height, size.width)
    with PILImage.open(io.BytesIO(base64.b64decode(shape["mask"]))) as file:
        cut = np.asarray(file).astype(bool)
    mask = np.zeros(size.shape, bool)
    (x1, y1), (x2, y2) = np.asarray(shape["points"]).astype(int)
    mask[y1 : y2 + 1, x1 : x2 + 1] = cut
    return mask


def test_labelme_draws_the_masks(tmp_path: Path) -> None:
    losses = labelme.write(labels(), tmp_path)
    found: dict[str, list[tuple[str | None, Runs]]] = {}
    for name, file in (("a.jpg", "a"), ("deep/a.png", "deep/a"), ("empty.png", "empty")):
        document = json.loads((tmp_path / f"{file}.json").read_text())
        jsonschema.validate(document, SCHEMA)
        assert (document["imageHeight"], document["imageWidth"]) == SIZE.shape
        instances: dict[tuple[str, object], Mask] = {}
        for number, shape in enumerate(document["shapes"]):
            group = number if shape["group_id"] is None else f"group {shape['group_id']}"
            key = (shape["label"], group)
            mask = drawn_by_labelme(shape, SIZE)
            instances[key] = instances.get(key, np.zeros(SIZE.shape, bool)) | mask
        found[name] = [(label, Runs.of(mask)) for (label, _), mask in instances.items()]
    assert found == by_name(labels())
    assert (losses["as mask"], losses["colors"], losses["clicks"]) == (1, 2, 6)


@given(SOLID)
def test_any_mask_is_drawn_as_it_was(mask: Mask) -> None:
    size = Size(*mask.shape)
    shapes = labelme._shapes(thing(mask, "x"), 0, labelme.Counter())
    united = np.logical_or.reduce([drawn_by_labelme(shape, size) for shape in shapes])
    np.testing.assert_array_equal(united, mask)


def test_the_round_trip_is_lossless_but_for_colours(tmp_path: Path) -> None:
    labelme.write(labels(), tmp_path)
    found = read("labelme", tmp_path, SIZES)
    assert by_name(found.labels) == by_name(labels())
    assert {each.name for each in found.labels.classes} == {"cup", "saucer: blue"}


def test_photographs_lie_beside(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    export(labels(), "labelme", tmp_path / "out", Photos(folder))
    document = json.loads((tmp_path / "out/deep/a.json").read_text())
    assert document["imagePath"] == "a.png"
    assert (tmp_path / "out/deep/a.png").read_bytes() == (folder / "deep/a.png").read_bytes()


def shape(kind: str, points: list[list[float]], **more: object) -> dict[str, object]:
    return {"label": "cup", "shape_type": kind, "points": points, **more}


def file(folder: Path, *shapes: object, **changes: object) -> Path:
    path = folder / "deep/x.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "shapes": shapes,
        "imagePath": "..\\photos\\deep\\a.png",
        "imageHeight": 6,
        "imageWidth": 8,
        "imageData": None,
        **changes,
    }
    path.write_text(json.dumps(document))
    return path


def png(mask: np.ndarray) -> str:
    out = io.BytesIO()
    PILImage.fromarray(mask).save(out, format="PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_shapes_of_other_people(tmp_path: Path) -> None:
    ring = RING[:5, :7]
    path = file(
        tmp_path,
        shape("rectangle", [[3, 3], [1, 1]]),
        shape("polygon", [[0, 0], [2, 0], [2, 2]], group_id=1),
        shape("mask", [[0, 0], [6, 4]], mask=png(ring)),
        shape("mask", [[0, 0], [6, 4]], mask=png(ring.astype(np.uint8) * 255), label=""),
        shape("polygon", [[5, 5], [7, 5], [7, 5]], group_id=1),
        shape("point", [[1, 1]]),
        shape("point", [[2, 1]]),
        shape("circle", [[1, 1], [2, 2]]),
    )
    found = read("labelme", path, SIZES)
    rectangle = drawn("........", ".###....", ".###....", ".###....", "........", "........")
    grouped = drawn("###.....", ".##.....", "..#.....", "........", "........", ".....###")
    assert by_name(found.labels) == {
        "deep/a.png": [
            ("cup", Runs.of(rectangle)),
            ("cup", Runs.of(grouped)),
            ("cup", Runs.of(RING)),
            (None, Runs.of(RING)),
        ]
    }
    assert found.skipped == (
        "2 shapes are of type 'point', which is not read",
        "1 shapes are of type 'circle', which is not read",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"imagePath": "b.png"}, "deep/x.json: image 'deep/b.png' is not in the folder"),
        ({"imageWidth": 9}, "deep/a.png is 8x6 in the folder and labelled at 9x6"),
        ({"imagePath": None}, "no imagePath"),
        ({"shapes": None}, "no LabelMe json"),
        ({"imageWidth": "wide"}, "its size is said to be 'wide' x 6"),
        ({"shapes": [3]}, "shape 0: it is 3"),
        ({"shapes": [shape("polygon", [[1, 1]], label=["cup"])]}, r"its label is \['cup'\]"),
        ({"shapes": [shape("polygon", [[1, 1]], label="a\nb")]}, "a class is called"),
        ({"shapes": [shape("polygon", [[1, 1]])]}, "shape 0: a polygon has 1 points"),
        ({"shapes": [shape("rectangle", [[1, 1]])]}, "a rectangle has 1 points"),
        ({"shapes": [shape("polygon", [[1]])]}, "no list of"),
        ({"shapes": [shape("polygon", [[1, 1], [2, 2], [10**400, 1]])]}, "far outside"),
        ({"shapes": [shape("mask", [[0, 0], [1, 1]], mask="&")]}, "PNG cannot be read"),
        ({"shapes": [shape("mask", [[0, 0], [1, 1]])]}, "no PNG"),
        ({"shapes": [shape("mask", [[4, 0], [11, 5]], mask=png(PLAIN))]}, "leaves the 8x6 image"),
        ({"shapes": [shape("mask", [[0, 0], [6, 5]], mask=png(PLAIN))]}, "PNG is 8x6 and its box"),
        ({"shapes": [shape("rectangle", [[1, 1], [2, 2], [3, 1]])]}, "a rectangle has 3 points"),
        (
            {"shapes": [shape("mask", [[0, 0], [1, 1]], mask=png(np.ones((9, 9), bool)))]},
            "larger than the image",
        ),
    ],
)
def test_what_does_not_match_is_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    file(tmp_path, **changes)
    with pytest.raises(FormatError, match=said):
        read("labelme", tmp_path, SIZES)


def test_one_bad_file_refuses_the_folder_or_is_skipped(tmp_path: Path) -> None:
    labelme.write(labels(), tmp_path)
    (tmp_path / "deep/a.json").write_text("{")
    with pytest.raises(FormatError, match=r"1 problem: deep/a\.json"):
        read("labelme", tmp_path, SIZES)
    found = read("labelme", tmp_path, SIZES, skip=True)
    assert set(by_name(found.labels)) == {"a.jpg", "empty.png"}
    assert len(found.skipped) == 1


def test_two_files_for_an_image(tmp_path: Path) -> None:
    file(tmp_path)
    (tmp_path / "deep/y.json").write_text((tmp_path / "deep/x.json").read_text())
    with pytest.raises(FormatError, match="labelled twice"):
        read("labelme", tmp_path, SIZES)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no json"):
        read("labelme", tmp_path, SIZES)


def test_objects_without_class_get_one(tmp_path: Path) -> None:
    image = Labelled("a.jpg", SIZE, (thing(PLAIN),))
    losses = labelme.write(Labels((image,)), tmp_path)
    assert losses["unclassified"] == 1
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["shapes"][0]["label"] == "unclassified"


@pytest.mark.parametrize(
    "name", ["IMG_0001.JPG", "pic.jpeg", "my photo.jpg", "scan.tif", "a\u00a0b.png", "c:d?.png"]
)
@pytest.mark.parametrize("with_photos", [False, True])
def test_an_export_comes_back_whatever_the_photograph_is_called(
    tmp_path: Path, name: str, with_photos: bool
) -> None:
    (tmp_path / "photos").mkdir()
    pixels = np.arange(SIZE.area * 3, dtype=np.uint8).reshape(*SIZE.shape, 3)
    PILImage.fromarray(pixels).save(tmp_path / "photos" / name)
    before = Labels((Labelled(name, SIZE, (thing(PLAIN, "cup"),)),), (LabelClass("cup"),))
    export(
        before, "labelme", tmp_path / "out", Photos(tmp_path / "photos") if with_photos else None
    )
    found = read("labelme", tmp_path / "out", {name: SIZE})
    assert by_name(found.labels) == {name: [("cup", Runs.of(PLAIN))]}
    assert found.skipped == ()


def test_an_export_packed_with_its_folder_comes_back(tmp_path: Path) -> None:
    before = Labels((Labelled("my photo.jpg", SIZE, (thing(PLAIN, "x"),)),), (LabelClass("x"),))
    export(before, "labelme", tmp_path / "zip/out")
    assert by_name(read("labelme", tmp_path / "zip", {"my photo.jpg": SIZE}).labels) == by_name(
        before
    )


def test_photographs_of_one_stem_come_back_to_their_own(tmp_path: Path) -> None:
    masks = {"a.JPG": PLAIN, "a.jpg": RING, "a.tif": CORNER}
    (tmp_path / "photos").mkdir()
    for name in masks:
        PILImage.new("RGB", (8, 6)).save(
            tmp_path / "photos" / name, format="TIFF" if name.endswith("tif") else "JPEG"
        )
    images = tuple(Labelled(name, SIZE, (thing(mask, "x"),)) for name, mask in masks.items())
    before = Labels(images, (LabelClass("x"),))
    export(before, "labelme", tmp_path / "out", Photos(tmp_path / "photos"))
    found = read("labelme", tmp_path / "out", dict.fromkeys(masks, SIZE))
    assert by_name(found.labels) == by_name(before)


BOX = drawn("........", ".###....", ".###....", ".###....", "........", "........")


@pytest.mark.parametrize(
    "points",
    [
        [[1, 1], [3, 1], [3, 3], [1, 3]],
        [[1, 3], [3, 3], [3, 1], [1, 1]],
        [[3, 3], [1, 1], [1, 3], [3, 1]],  # in no order
        [[3, 1], [1, 3]],
    ],
)
def test_a_rectangle_of_four_corners_is_a_rectangle(
    tmp_path: Path, points: list[list[float]]
) -> None:
    found = read("labelme", file(tmp_path, shape("rectangle", points)), SIZES)
    assert by_name(found.labels) == {"deep/a.png": [("cup", Runs.of(BOX))]}


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "oriented_rectangle"])
def test_a_turned_rectangle_is_its_polygon(tmp_path: Path, kind: str) -> None:
    turned = [[3, 0], [6, 3], [4, 5], [1, 2]]
    found = read("labelme", file(tmp_path, shape(kind, turned)), SIZES)
    expected = labelme_mask([[float(x), float(y)] for x, y in turned], *SIZE.shape)
    assert by_name(found.labels) == {"deep/a.png": [("cup", Runs.of(expected))]}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (shape("polygon", [[1, 1], [5, 5]]), "a polygon has 2 points"),
        (shape("rectangle", [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]]), "a rectangle has 5 points"),
        (shape("mask", [[0, 0], [1, 1]], mask=None), "a mask has no PNG or no box"),
        (shape("polygon", [[1, 1], [2, 2], [1, 2]], label={}), "its label is {}"),
        ("shape", "it is 'shape'"),
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_a_shape_that_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, bad: object, said: str, skip: bool
) -> None:
    good = shape("rectangle", [[1, 1], [3, 3]])
    found = read("labelme", file(tmp_path, good, bad, good), SIZES, skip=skip)
    assert by_name(found.labels) == {"deep/a.png": [("cup", Runs.of(BOX))] * 2}
    assert found.skipped == (f"x.json, shape 1: {said}",)


def test_shapes_without_label_and_group_are_kept(tmp_path: Path) -> None:
    corners = [[1, 1], [3, 3]]
    path = file(
        tmp_path,
        {"points": corners, "shape_type": "rectangle"},
        {"points": corners, "shape_type": "rectangle", "label": None, "flags": None},
        shape("rectangle", corners, label=7, group_id="a", flags={"blurred": False}),
        shape("rectangle", [[6, 1], [7, 1]], label="7", group_id="a"),
        shape("rectangle", corners, group_id=[1], flags={"hard": True}),
        flags={"night": True},
    )
    found = read("labelme", path, SIZES)
    more = BOX.copy()
    more[1, 6:8] = True
    assert by_name(found.labels) == {
        "deep/a.png": [
            (None, Runs.of(BOX)),
            (None, Runs.of(BOX)),
            ("7", Runs.of(more)),
            ("cup", Runs.of(BOX)),
        ]
    }
    assert found.skipped == ("1 images have flags, which are not kept",)
    said = [obj.attributes for obj in found.labels.images[0].objects]
    assert said == [(), (), (), (("hard", True),)]


def test_flags_come_back_as_they_went(tmp_path: Path) -> None:
    """Those of the parts of an object are the object's."""
    said = (("broken", True), ("wet", True))
    flagged = replace(thing(PLAIN, "cup"), attributes=said)
    plain = thing(CORNER, "cup")
    there = Labels((Labelled("a.jpg", SIZE, (flagged, plain)),), (LabelClass("cup"),))
    labelme.write(there, tmp_path)
    back = read("labelme", tmp_path, SIZES)
    assert [obj.attributes for obj in back.labels.images[0].objects] == [said, ()]
    parts = file(
        tmp_path,
        shape("polygon", [[0, 0], [2, 0], [2, 2]], group_id=1, flags={"wet": True, "\x00": True}),
        shape("polygon", [[5, 5], [7, 5], [7, 5]], group_id=1, flags={"broken": True, "dry": 0}),
    )
    (one,) = read("labelme", parts, SIZES).labels.images[0].objects
    assert one.attributes == said
