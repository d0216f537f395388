"""YOLO: what ultralytics' rasteriser makes of our texts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image as PILImage

from m2n2v2.annotator.formats import export, yolo
from m2n2v2.annotator.formats.base import LabelClass, Labelled, Labels
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.errors import FormatError
from tests.annotator.formats.samples import (
    BAR,
    CORNER,
    PARTS,
    PLAIN,
    RING,
    SIZE,
    labels,
    photographs,
    thing,
)
from tests.masks.rasterisers import yolo_mask

yaml = pytest.importorskip("yaml")


def rows(path: Path) -> list[tuple[int, np.ndarray]]:
    lines = [line.split() for line in path.read_text().splitlines()]
    assert all(len(line) > 6 and len(line) % 2 for line in lines)  # what ultralytics asks
    return [(int(line[0]), np.array(line[1:], np.float32)) for line in lines]


def test_ultralytics_draws_the_masks(tmp_path: Path) -> None:
    losses = yolo.write(labels(), tmp_path)
    first, second, third = rows(tmp_path / "labels/train/a.txt")
    assert [first[0], second[0], third[0]] == [1, 0, 1]
    np.testing.assert_array_equal(yolo_mask(first[1], *SIZE.shape), PLAIN)
    np.testing.assert_array_equal(yolo_mask(third[1], *SIZE.shape), CORNER)
    assert (yolo_mask(second[1], *SIZE.shape) & ~RING).sum() == 1  # to the island
    parts, bar = rows(tmp_path / "labels/train/deep_a.txt")
    np.testing.assert_array_equal(yolo_mask(bar[1], *SIZE.shape), BAR)
    assert (yolo_mask(parts[1], *SIZE.shape) & ~PARTS).sum() == 5
    assert (tmp_path / "labels/train/empty.txt").read_text() == ""
    assert dict(losses.counts) == {
        "clicks": 6,
        "colors": 2,
        "order": 2,
        "bridges": 6,
        "parts": 2,
        "holes": 1,
        "renamed": 1,
        "no photographs": 3,
    }


def test_the_dataset_file_and_its_folders(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    export(labels(), "yolo", tmp_path / "out", Photos(folder))
    found = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert found == {
        "train": "images/train",
        "val": "images/train",
        "names": {0: "saucer: blue", 1: "cup", 2: "spare"},
    }
    images = sorted(path.name for path in (tmp_path / "out/images/train").iterdir())
    texts = sorted(path.name for path in (tmp_path / "out/labels/train").iterdir())
    assert images == ["a.jpg", "deep_a.png", "empty.png"]
    assert texts == ["a.txt", "deep_a.txt", "empty.txt"]
    assert (tmp_path / "out/classes.txt").read_text() == "saucer: blue\ncup\nspare\n"
    for copied, name in (("a.jpg", "a.jpg"), ("deep_a.png", "deep/a.png")):
        original = (folder / name).read_bytes()
        assert (tmp_path / "out/images/train" / copied).read_bytes() == original


@given(st.text(min_size=1, max_size=12))
@example("yes: {no} # 'x' \"y\" \\")
@example("é 😀\xa0\u2028")
def test_any_class_name_survives_yaml(name: str) -> None:
    try:
        LabelClass(name)
    except FormatError:
        return
    assert yaml.safe_load(yolo._yaml([name]))["names"] == {0: name}


def test_one_pixel_is_a_polygon(tmp_path: Path) -> None:
    mask = np.zeros(SIZE.shape, bool)
    mask[5, 7] = True
    yolo.write(Labels((Labelled("a.png", SIZE, (thing(mask),)),)), tmp_path)
    ((index, polygon),) = rows(tmp_path / "labels/train/a.txt")
    assert index == 0
    np.testing.assert_array_equal(yolo_mask(polygon, *SIZE.shape), mask)
    assert (tmp_path / "classes.txt").read_text() == "unclassified\n"


def test_photographs_stored_turned_are_written_upright(tmp_path: Path) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = 6
    (tmp_path / "photos").mkdir()
    turned = PILImage.new("RGB", SIZE.shape, (9, 99, 199))  # stored 6 wide, shown 8 wide
    turned.save(tmp_path / "photos/a.jpg", exif=exif)
    found = Labels((Labelled("a.jpg", SIZE, (thing(PLAIN),)),))
    losses = yolo.write(found, tmp_path / "out", Photos(tmp_path / "photos"))
    assert losses["converted"] == 1
    with PILImage.open(tmp_path / "out/images/train/a.png") as file:
        assert file.size == (SIZE.width, SIZE.height)
