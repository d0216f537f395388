"""Polygons of few corners in the formats that hold polygons, and masks cleaned on their way out."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from m2n2v2.annotator.formats import export
from m2n2v2.annotator.formats.base import Labelled, Labels
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.annotator.formats.outlines import Outlines
from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError, MaskError
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.rings import filled
from tests.annotator.formats.samples import PARTS, RING, SIZE, SOLID, drawn, thing
from tests.masks.rasterisers import coco_mask, labelme_mask, yolo_mask

STAIRS = np.tri(40, 40, dtype=bool)
"""A slope of 40 steps, which two pixels of deviation make one edge."""


def of(*masks: Mask) -> Labels:
    size = Size(*masks[0].shape)
    return Labels((Labelled("a.png", size, tuple(map(thing, masks))),))


def coco(folder: Path, labels: Labels, outlines: Outlines, **options: object) -> list[object]:
    export(labels, "coco", folder / "coco", outlines=outlines, **options)  # type: ignore[arg-type]
    written = json.loads((folder / "coco/annotations.json").read_text())
    return [each["segmentation"] for each in written["annotations"]]


@given(SOLID)
@settings(max_examples=50, deadline=None)
def test_without_a_deviation_every_rasteriser_returns_the_mask(
    tmp_path_factory: pytest.TempPathFactory, mask: Mask
) -> None:
    folder, exact = tmp_path_factory.mktemp("out"), Outlines(0, single_ring=True)
    (segmentation,) = coco(folder, of(mask), exact)
    assert isinstance(segmentation, list)
    assert np.array_equal(coco_mask(segmentation, *mask.shape), mask)
    export(of(mask), "labelme", folder / "labelme", outlines=exact)
    shapes = json.loads((folder / "labelme/a.json").read_text())["shapes"]
    again = np.zeros_like(mask)
    for shape in shapes:
        again |= labelme_mask(shape["points"], *mask.shape)
    assert np.array_equal(again, mask)


def test_a_slope_is_one_edge_and_what_changed_is_counted(tmp_path: Path) -> None:
    ((ring,),) = coco(tmp_path, of(STAIRS), Outlines(2))
    assert len(ring) == 6
    again = coco_mask([ring], *STAIRS.shape)
    said = (tmp_path / "coco/losses.txt").read_text()
    inside = filled([np.reshape(ring, (-1, 2))], STAIRS.shape)
    assert f"{(inside != STAIRS).sum()} pixels change sides" in said
    assert (again != STAIRS).sum() <= 40


def test_neighbours_share_their_boundary(tmp_path: Path) -> None:
    (one,), (other,) = coco(tmp_path, of(STAIRS, ~STAIRS), Outlines(2))
    shared = {tuple(p) for p in np.reshape(one, (-1, 2)).tolist()} & {
        tuple(p) for p in np.reshape(other, (-1, 2)).tolist()
    }
    assert len(shared) >= 2


def test_a_hole_is_run_lengths_or_a_bridge(tmp_path: Path) -> None:
    (segmentation,) = coco(tmp_path, of(RING), Outlines(0))
    assert isinstance(segmentation, dict)
    assert "1 objects have holes and are run lengths" in (tmp_path / "coco/losses.txt").read_text()
    (segmentation,) = coco(tmp_path, of(RING), Outlines(0, single_ring=True))
    assert isinstance(segmentation, list)
    assert "which bridges join" in (tmp_path / "coco/losses.txt").read_text()
    export(of(RING), "labelme", tmp_path / "labelme", outlines=Outlines(0))
    shapes = json.loads((tmp_path / "labelme/a.json").read_text())["shapes"]
    assert [shape["shape_type"] for shape in shapes] == ["mask"]


def test_yolo_is_one_ring_of_all_parts(tmp_path: Path) -> None:
    export(of(STAIRS), "yolo", tmp_path / "one", outlines=Outlines(2))
    (line,) = (tmp_path / "one/labels/train/a.txt").read_text().splitlines()
    assert len(line.split()) == 7
    export(of(PARTS), "yolo", tmp_path / "yolo", outlines=Outlines(0))
    (line,) = (tmp_path / "yolo/labels/train/a.txt").read_text().splitlines()
    again = yolo_mask(np.array(line.split()[1:], float), SIZE.height, SIZE.width)
    assert (again >= PARTS).all()
    assert "of several parts" in (tmp_path / "yolo/losses.txt").read_text()


def test_overlapping_objects_are_drawn_one_by_one(tmp_path: Path) -> None:
    wide = drawn("########", "########", "........")
    high = drawn("..##....", "..##....", "..##....")
    found = coco(tmp_path, of(wide, high), Outlines(0))
    for segmentation, mask in zip(found, (wide, high), strict=True):
        assert np.array_equal(coco_mask(segmentation, *mask.shape), mask)


def test_masks_are_cleaned_in_every_format_and_it_is_said(tmp_path: Path) -> None:
    speckled = drawn("######..", "##.###..", "######..", ".......#")
    export(of(speckled), "png", tmp_path / "png", cleaning=Cleaning(holes=1, specks=1))
    assert "2 pixels were added or removed" in (tmp_path / "png/losses.txt").read_text()
    (segmentation,) = coco(tmp_path, of(speckled), Outlines(0), cleaning=Cleaning(1, 1))
    assert coco_mask(segmentation, *speckled.shape).sum() == 18


@pytest.mark.parametrize("form", ["png", "voc", "cutouts"])
def test_formats_without_polygons_refuse_them(tmp_path: Path, form: str) -> None:
    photos = Photos(tmp_path)
    with pytest.raises(FormatError, match="no polygons to simplify"):
        export(of(RING), form, tmp_path / "out", photos, outlines=Outlines(1))


@pytest.mark.parametrize("deviation", [-1.0, float("nan"), float("inf")])
def test_a_deviation_without_meaning_is_refused(tmp_path: Path, deviation: float) -> None:
    with pytest.raises(MaskError, match="deviation"):
        export(of(RING), "coco", tmp_path / "out", outlines=Outlines(deviation))
