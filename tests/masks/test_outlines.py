"""Outlines: drawn by hand, then that every rasteriser gives the mask back."""

import numpy as np
import pytest
from hypothesis import given

from m2n2v2.arrays import Mask
from m2n2v2.masks.bridges import joined
from m2n2v2.masks.outlines import inset_polygons, polygons, trace
from tests.annotator.formats.samples import PARTS, PLAIN, RING, SOLID, drawn
from tests.masks.rasterisers import coco_mask, labelme_mask, yolo_mask


def test_a_square_by_hand() -> None:
    (square,) = polygons(drawn("....", ".##.", ".##.")) or []
    assert square.tolist() == [[1, 1], [3, 1], [3, 3], [1, 3]]


def test_a_step_by_hand() -> None:
    (found,) = polygons(drawn("#.", "##")) or []
    assert found.tolist() == [[0, 0], [1, 0], [1, 1], [2, 1], [2, 2], [0, 2]]


def test_pixels_that_touch_by_a_corner_are_apart_or_together() -> None:
    mask = drawn("#.", ".#")
    apart = polygons(mask) or []
    assert [part.tolist() for part in apart] == [
        [[0, 0], [1, 0], [1, 1], [0, 1]],
        [[1, 1], [2, 1], [2, 2], [1, 2]],
    ]
    (together,) = inset_polygons(mask) or []
    e = 1 / 16
    assert together.tolist() == [
        [e, e],
        [1 - e, e],
        [1 - e, 1 - e],
        [1 + e, 1 + e],
        [2 - e, 1 + e],
        [2 - e, 2 - e],
        [1 + e, 2 - e],
        [1 + e, 1 + e],
        [1 - e, 1 - e],
        [e, 1 - e],
    ]


def test_holes_are_known_and_no_polygon() -> None:
    traced = trace(RING, diagonal=True)
    assert traced.is_hole == (False, True, False)  # the ring, its hole, the island in it
    assert polygons(RING) is None
    assert inset_polygons(RING) is None


def test_an_empty_mask_has_no_outline() -> None:
    assert polygons(np.zeros((2, 3), bool)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 4)])
def test_a_full_mask_is_its_box(shape: tuple[int, int]) -> None:
    height, width = shape
    (box,) = polygons(np.ones(shape, bool)) or []
    assert box.tolist() == [[0, 0], [width, 0], [width, height], [0, height]]


@given(SOLID)
def test_coco_draws_the_polygons_as_the_mask(mask: Mask) -> None:
    parts = polygons(mask)
    if parts is not None:
        flat = [part.reshape(-1).astype(float).tolist() for part in parts]
        np.testing.assert_array_equal(coco_mask(flat, *mask.shape), mask)


@given(SOLID)
def test_pillow_and_opencv_draw_inset_polygons_as_the_mask(mask: Mask) -> None:
    parts = inset_polygons(mask)
    if parts is None:
        return
    height, width = mask.shape
    pillow = [labelme_mask(part.tolist(), height, width) for part in parts]
    opencv = [yolo_mask(part / (width, height), height, width) for part in parts]
    np.testing.assert_array_equal(np.logical_or.reduce(pillow), mask)
    np.testing.assert_array_equal(np.logical_or.reduce(opencv), mask)


@given(SOLID)
def test_a_joined_polygon_is_the_mask_and_its_bridges(mask: Mask) -> None:
    found = joined(mask)
    height, width = mask.shape
    for drawn_mask in (
        yolo_mask(found.points / (width, height), height, width),
        labelme_mask(found.points.tolist(), height, width),
    ):
        assert (drawn_mask & mask).sum() == mask.sum()
        assert (drawn_mask & ~mask).sum() == found.covered


@given(SOLID)
def test_one_part_needs_no_background(mask: Mask) -> None:
    if trace(mask, diagonal=True).is_hole.count(False) == 1:
        assert joined(mask).covered == 0


def test_parts_are_joined_by_the_shortest_way() -> None:
    assert joined(PLAIN).covered == 0
    assert joined(PARTS).covered == 5  # from (2, 2) to (6, 4): six steps, five pixels between
    assert joined(RING).covered == 1  # the hole costs nothing, the island one pixel
    six = drawn("#..#..#", ".......", "#..#..#")
    assert joined(six).covered == 3 * 1 + 2 * 2  # three links down, two across


@pytest.mark.slow
def test_a_thousand_parts_and_holes_at_full_size() -> None:
    from scipy import ndimage

    noise = np.random.default_rng(0).standard_normal((480, 640))
    mask = ndimage.gaussian_filter(noise, 2) > 0
    traced = trace(mask, diagonal=True)
    assert traced.is_hole.count(True) > 100 < traced.is_hole.count(False)
    found = joined(mask)
    fractions = np.round(found.points / (640, 480), 7)
    assert (yolo_mask(fractions, 480, 640) & mask).sum() == mask.sum()
    assert (yolo_mask(fractions, 480, 640) & ~mask).sum() == found.covered
