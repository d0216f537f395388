"""Masks as PNG files: ours back without loss, and anybody's by their names."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator.formats import export, png, read
from m2n2v2.annotator.formats.base import Labels
from m2n2v2.annotator.formats.classes import voc_palette
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import (
    CORNER,
    PLAIN,
    RING,
    SIZE,
    SIZES,
    by_name,
    labels,
)


def save(path: Path, values: np.ndarray, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PILImage.fromarray(values)
    if mode == "P":
        image = image.convert("L")
        image.putpalette(voc_palette())
    else:
        image = image.convert(mode)
    image.save(path)


def byte(mask: np.ndarray, value: int = 255) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(value)


def test_one_png_per_object(tmp_path: Path) -> None:
    losses = export(labels(), "png", tmp_path / "out")
    files = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.png")
    )
    assert files == [
        "masks/a/001_cup.png",
        "masks/a/002_saucer__blue.png",
        "masks/a/003_cup.png",
        "masks/deep/a/001_saucer__blue.png",
        "masks/deep/a/002_cup.png",
    ]
    with PILImage.open(tmp_path / "out" / files[1]) as file:
        np.testing.assert_array_equal(np.array(file), byte(RING))
    assert dict(losses.counts) == {"clicks": 6}


@pytest.mark.parametrize("without_class", [False, True])
def test_the_round_trip_is_lossless(tmp_path: Path, without_class: bool) -> None:
    before = labels(without_class=without_class)
    png.write(before, tmp_path)
    found = read("png", tmp_path, SIZES)
    assert by_name(found.labels) == by_name(before)
    assert found.labels.classes == before.classes


def test_masks_by_their_names(tmp_path: Path) -> None:
    save(tmp_path / "a_2.png", byte(PLAIN))  # a.jpg, though deep/a.png has that stem, too
    save(tmp_path / "a_10.png", byte(CORNER, 1))
    save(tmp_path / "deep/a/x.png", byte(RING), mode="1")
    save(tmp_path / "empty.png", byte(PLAIN) * 0)
    found = by_name(read("png", tmp_path, SIZES).labels)
    assert found == {
        "a.jpg": [(None, Runs.of(PLAIN)), (None, Runs.of(CORNER))],
        "deep/a.png": [(None, Runs.of(RING))],
        "empty.png": [],
    }


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_index_masks(tmp_path: Path, mode: str) -> None:
    values = byte(PLAIN, 3)
    values[RING] = 7
    if mode == "P":
        values[5] = 255  # void
    save(tmp_path / "a.png", values, mode)
    (first, second) = by_name(read("png", tmp_path, {"a.jpg": SIZE}).labels)["a.jpg"]
    assert first == (None, Runs.of(PLAIN & ~RING))
    assert second == (None, Runs.of(RING))


def test_index_masks_of_classes(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text("# label\nbackground:0,0,0::\ncup:128,0,0::\n")
    values = byte(PLAIN, 1)
    values[5] = 4
    save(tmp_path / "a.png", values, "P")
    found = read("png", tmp_path, {"a.jpg": SIZE}).labels
    assert [name for name, _ in by_name(found)["a.jpg"]] == ["cup", "class 4"]
    assert [each.name for each in found.classes] == ["cup", "class 4"]


def test_sixteen_bits(tmp_path: Path) -> None:
    values = PLAIN.astype(np.uint16) * np.uint16(1000)
    values[RING] = 2000
    PILImage.fromarray(values).save(tmp_path / "a.png")
    found = by_name(read("png", tmp_path, {"a.jpg": SIZE}).labels)["a.jpg"]
    assert [mask for _, mask in found] == [Runs.of(PLAIN & ~RING), Runs.of(RING)]


def _smooth() -> np.ndarray:
    return np.linspace(0, 255, SIZE.area * 4).astype(np.uint8).reshape(12, 16)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("b.png", byte(PLAIN), "b.png: image 'b' is not in the folder"),
        ("a.png", byte(PLAIN)[1:], "the mask is 8x5 and its image 8x6"),
        ("a.png", np.zeros((6, 8, 3), np.uint8) + np.uint8([1, 2, 3]), "in colours"),
    ],
)
def test_what_does_not_match_is_named(
    tmp_path: Path, name: str, values: np.ndarray, said: str
) -> None:
    PILImage.fromarray(values).save(tmp_path / name)
    with pytest.raises(FormatError, match=said):
        read("png", tmp_path, {"a.jpg": SIZE})


def test_smoothed_masks_are_refused(tmp_path: Path) -> None:
    PILImage.fromarray(_smooth()).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match=r"191 values .*soft edges.*--mask-values half"):
        read("png", tmp_path, {"a.jpg": Size(12, 16)})


@pytest.mark.parametrize("values", [[16, 128, 240, 255], [200, 255], [3, 7, 255]])
def test_grey_values_that_could_mean_two_things_are_refused(
    tmp_path: Path, values: list[int]
) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[0, : len(values)] = values
    PILImage.fromarray(mask).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match="may be soft edges"):
        read("png", tmp_path, {"a.jpg": Size(4, 6)})


def test_a_trimap_gives_its_object(tmp_path: Path) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 1:5], mask[1:3, 2:4] = 128, 255
    PILImage.fromarray(mask).save(tmp_path / "a.png")
    (image,) = read("png", tmp_path, {"a.jpg": Size(4, 6)}).labels.images
    (thing,) = image.objects
    assert (thing.mask.mask == (mask == 255)).all()


@pytest.mark.parametrize("name", ["a.PNG", "a.bmp", "a.tif", "a.TIFF", "a.gif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_lossless_file_is_read(tmp_path: Path, name: str, mode: str) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:4] = 255
    PILImage.fromarray(mask).convert(mode).save(tmp_path / name)
    (image,) = read("png", tmp_path, {"a.jpg": Size(4, 6)}).labels.images
    assert (image.objects[0].mask.mask == (mask > 0)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_full_opacity_is_no_colour(tmp_path: Path, mode: str) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:4] = 255
    PILImage.fromarray(mask).convert(mode).save(tmp_path / "a.png")
    (image,) = read("png", tmp_path, {"a.jpg": Size(4, 6)}).labels.images
    assert (image.objects[0].mask.mask == (mask > 0)).all()


def test_no_masks(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no masks"):
        read("png", tmp_path, SIZES)
    with pytest.raises(FormatError, match="is no folder"):
        read("png", tmp_path / "a.png", SIZES)


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(FormatError, match=r"a\.png: the mask is not an image"):
        read("png", tmp_path, {"a.jpg": SIZE})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "is of version 2, and we read 1"),
        ({"format": "x"}, "lists no masks"),
        ({"images": [{}]}, "is incomplete"),
        ({"images": [{"name": "b", "width": 8, "height": 6, "objects": []}]}, "not in the folder"),
        (
            {"images": [{"name": "a.jpg", "width": 1e400, "height": 6, "objects": []}]},
            "its size is said to be inf x 6",
        ),
        (
            {"images": [{"name": "a.jpg", "width": 9, "height": 6, "objects": []}]},
            "labelled at 9x6",
        ),
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    png.write(labels(), tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(FormatError, match=said):
        read("png", tmp_path, SIZES)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    save(tmp_path / "secret.png", byte(PLAIN))
    png.write(labels(), tmp_path / "out")
    path = tmp_path / "out/manifest.json"
    path.write_text(path.read_text().replace("masks/a/001_cup.png", "../secret.png"))
    with pytest.raises(FormatError, match="lies outside the folder"):
        read("png", tmp_path / "out", SIZES)


def test_a_mask_of_the_manifest_is_gone(tmp_path: Path) -> None:
    png.write(labels(), tmp_path)
    (tmp_path / "masks/a/001_cup.png").unlink()
    with pytest.raises(FormatError, match=r"a\.jpg: mask 001_cup\.png is not there"):
        read("png", tmp_path, SIZES)


def test_no_images_at_all(tmp_path: Path) -> None:
    png.write(Labels(), tmp_path)
    assert read("png", tmp_path, SIZES).labels == Labels()


def test_what_is_read_by_a_rule_is_said(tmp_path: Path) -> None:
    values = byte(PLAIN, 255)
    values[5] = 128
    save(tmp_path / "a.png", values)
    save(tmp_path / "empty.png", byte(PLAIN, 1))
    found = read("png", tmp_path, SIZES)
    assert by_name(found.labels)["a.jpg"] == [(None, Runs.of(PLAIN))]
    assert found.skipped == (
        "1 masks were read by a rule: over half of the full scale is object, half itself is void",
        "8 void pixels of masks are in no object",
    )


@pytest.mark.parametrize(("values", "area"), [("half", 1), ("any", 2), ("trimap", 1)])
def test_what_values_mean_can_be_said(tmp_path: Path, values: str, area: int) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[0, :2] = 16, 200
    PILImage.fromarray(mask).save(tmp_path / "a.png")
    (image,) = read("png", tmp_path, {"a.jpg": Size(4, 6)}, mask_values=values).labels.images
    assert [each.mask.area for each in image.objects] == [area]
    with pytest.raises(FormatError, match="coco has no mask files"):
        read("coco", tmp_path, SIZES, mask_values=values)


@pytest.mark.parametrize("name", ["é" * 300, "a\0b", "", "."])
def test_a_mask_of_a_name_that_no_file_system_takes(tmp_path: Path, name: str) -> None:
    png.write(labels(), tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["images"][0]["objects"][0]["mask"] = name
    path.write_text(json.dumps(manifest))
    with pytest.raises(FormatError):
        read("png", tmp_path, SIZES)
