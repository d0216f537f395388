"""PASCAL VOC: index PNGs as its devkit and torchvision read them."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator.formats import export, read, voc
from m2n2v2.annotator.formats.base import LabelClass, Labelled, Labels
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from tests.annotator.formats.samples import (
    BAR,
    CORNER,
    PARTS,
    PLAIN,
    RING,
    SIZE,
    SIZES,
    labels,
    photographs,
    thing,
)


def devkit_colormap() -> np.ndarray:
    """VOC's colour map by its definition: bit j of red is bit 3 j' of the index, from the top."""
    table = np.zeros((256, 3), np.uint8)
    for index in range(256):
        bits = f"{index:024b}"[::-1]
        for channel in range(3):
            table[index, channel] = int(bits[channel::3][:8], 2)
    return table


def test_the_palette_is_vocs() -> None:
    table = np.frombuffer(voc.voc_palette(), np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(table, devkit_colormap())
    assert table[[1, 2, 15, 20]].tolist() == [
        *([128, 0, 0], [0, 128, 0], [192, 128, 128], [0, 64, 128])
    ]


def test_indices_of_classes_and_objects_the_uppermost_wins(tmp_path: Path) -> None:
    losses = voc.write(labels(), tmp_path)
    with PILImage.open(tmp_path / "SegmentationClass/a.png") as file:
        assert file.mode == "P"
        classes = np.array(file)
        assert file.getpalette() == devkit_colormap().reshape(-1).tolist()
    with PILImage.open(tmp_path / "SegmentationObject/a.png") as file:
        objects = np.array(file)
    expected = np.zeros(SIZE.shape, int)
    for number, mask in enumerate((PLAIN, RING, CORNER), 1):
        expected[mask] = number
    np.testing.assert_array_equal(objects, expected)
    np.testing.assert_array_equal(classes, np.array([0, 2, 1, 2])[expected])
    shared = (PLAIN & RING).sum() + ((PLAIN | RING) & CORNER).sum() + (PARTS & BAR).sum()
    assert losses["overlap"] == shared
    assert (losses["hidden"], losses["clicks"], losses["colors"]) == (0, 6, 2)


def test_the_label_map_and_the_list(tmp_path: Path) -> None:
    voc.write(labels(without_class=True), tmp_path)
    assert (tmp_path / "labelmap.txt").read_text().splitlines() == [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "saucer_ blue:128,0,0::",
        "cup:0,128,0::",
        "spare:128,128,0::",
        "unclassified:0,0,128::",
    ]
    listed = (tmp_path / "ImageSets/Segmentation/train.txt").read_text().split()
    assert listed == ["a", "deep_a", "empty"]
    assert (tmp_path / "ImageSets/Main/train.txt").read_text().split() == listed
    for folder in ("SegmentationClass", "SegmentationObject", "Annotations"):
        assert sorted(path.stem for path in (tmp_path / folder).iterdir()) == listed


def test_boxes_are_round_what_an_object_keeps_counted_from_one(tmp_path: Path) -> None:
    odd = "a:b <c> & \ufffe"
    image = Labelled(
        "a.png", SIZE, (thing(CORNER), thing(BAR, odd), thing(RING), thing(~PLAIN & ~BAR))
    )
    voc.write(Labels((image,), (LabelClass(odd),)), tmp_path)
    root = ElementTree.parse(tmp_path / "Annotations/a.xml").getroot()
    assert root.findtext("filename") == "a.jpg"
    assert [root.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [*"863"]
    boxes = {
        name.text: [int(value.text or "") for value in box]
        for name, box in zip(
            root.findall("object/name"), root.findall("object/bndbox"), strict=True
        )
    }
    bar = BAR & ~RING
    assert np.argwhere(bar).min(axis=0).tolist() == [2, 1]
    assert np.argwhere(bar).max(axis=0).tolist() == [2, 7]
    assert boxes == {"a_b <c> & _": [2, 3, 8, 3], "unclassified": [1, 1, 8, 6]}
    labelled = (tmp_path / "labelmap.txt").read_text(encoding="utf-8").splitlines()
    assert labelled[2].startswith("a_b <c> & _:")


def test_photographs_are_jpeg(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    losses = export(labels(), "voc", tmp_path / "out", Photos(folder))
    names = sorted(path.name for path in (tmp_path / "out/JPEGImages").iterdir())
    assert names == ["a.jpg", "deep_a.jpg", "empty.jpg"]
    assert losses["converted"] == 2
    assert (tmp_path / "out/JPEGImages/a.jpg").read_bytes() == (folder / "a.jpg").read_bytes()
    with PILImage.open(tmp_path / "out/JPEGImages/empty.jpg") as file:
        assert (file.format, file.size) == ("JPEG", (SIZE.width, SIZE.height))


def test_what_is_covered_vanishes_and_that_is_said(tmp_path: Path) -> None:
    image = Labelled("a.png", SIZE, (thing(CORNER), thing(np.ones(SIZE.shape, bool))))
    losses = voc.write(Labels((image,)), tmp_path)
    assert (losses["hidden"], losses["overlap"], losses["unclassified"]) == (1, 2, 2)
    assert "1 objects are wholly covered by others and vanish" in losses.lines


def test_more_objects_than_a_byte_holds_are_refused(tmp_path: Path) -> None:
    dot = np.zeros((1, 1), bool) | True
    many = Labelled("a.png", Size(1, 1), (thing(dot),) * 255)
    with pytest.raises(FormatError, match=r"a\.png has 255 objects, and an index PNG holds 254"):
        export(Labels((many,)), "voc", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    classes = tuple(LabelClass(f"class {n}") for n in range(255))
    with pytest.raises(FormatError, match="the labels have 255 classes"):
        voc.write(Labels((), classes), tmp_path)
    few = Labels((Labelled("a.png", Size(1, 1), many.objects[:254]),), classes[:253])
    assert voc.write(few, tmp_path)["hidden"] == 253


def test_it_is_read_back_without_what_was_covered(tmp_path: Path) -> None:
    voc.write(labels(), tmp_path)
    found = read("voc", tmp_path, SIZES).labels
    assert [each.name for each in found.classes] == ["saucer_ blue", "cup", "spare"]
    first = next(image for image in found.images if image.name == "a.jpg")
    assert [each.class_name for each in first.objects] == ["cup", "saucer_ blue", "cup"]
    seen = [each.mask.mask for each in first.objects]
    for mask, expected in zip(seen, (PLAIN & ~RING, RING & ~CORNER, CORNER), strict=True):
        np.testing.assert_array_equal(mask, expected)
