"""Polygons of few corners: their laws on any labels, and how few corners real objects need."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from m2n2v2.datasets import find
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.masks.coco import rasterised
from m2n2v2.masks.simplified import (
    Polygon,
    _kept,
    _meet,
    _squared_distances,
    simplified,
    simplified_labels,
    single_ring,
)

LABELS = hnp.arrays(
    np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)
)
DEVIATIONS = st.sampled_from([0.0, 0.5, 1.0, 2.5, 100.0])


def filled(rings, shape) -> np.ndarray:
    """Pixels whose centres lie inside by the even-odd rule."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, bool)
    for ring in rings:
        for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if ay != by:
                spans = (ay > y) != (by > y)
                inside ^= spans & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return inside


def drawn(polygons, shape) -> np.ndarray:
    return filled([ring for polygon in polygons for ring in polygon.rings], shape)


@given(LABELS)
@settings(deadline=None, max_examples=40)
def test_without_a_deviation_the_mask_comes_back(labels: np.ndarray) -> None:
    found = simplified_labels(labels, 0)
    assert sorted(found) == sorted(set(labels[labels != 0].tolist()))
    for number, polygons in found.items():
        assert np.array_equal(drawn(polygons, labels.shape), labels == number)


@given(LABELS, DEVIATIONS)
@settings(deadline=None, max_examples=40)
def test_parts_and_holes_stay_and_nothing_crosses(labels: np.ndarray, deviation: float) -> None:
    segments = set()
    for number, polygons in simplified_labels(labels, deviation).items():
        mask = labels == number
        _, parts = ndimage.label(mask)
        assert len(polygons) == parts
        exact = simplified_labels(labels, 0)[number]
        assert [len(p.holes) for p in polygons] == [len(p.holes) for p in exact]
        for ring in (ring for polygon in polygons for ring in polygon.rings):
            assert len(ring) >= 3
            for a, b in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True):
                segments.add(tuple(sorted((tuple(map(int, a)), tuple(map(int, b))))))
    each = [(np.array(a), np.array(b)) for a, b in sorted(segments)]
    for i, one in enumerate(each):
        for other in each[i + 1 :]:
            assert not _meet(*one, *other), "but where neighbours share a segment, which is one"


@given(LABELS, DEVIATIONS)
@settings(deadline=None, max_examples=40)
def test_no_corner_of_an_outline_is_farther_than_the_deviation(
    labels: np.ndarray, deviation: float
) -> None:
    exact = simplified_labels(labels, 0)
    for number, polygons in simplified_labels(labels, deviation).items():
        rings = [ring for polygon in polygons for ring in polygon.rings]
        walls = [(a, b) for ring in rings for a, b in zip(ring, np.roll(ring, -1, 0), strict=True)]
        for polygon in exact[number]:
            for ring in polygon.rings:
                away = [
                    _squared_distances(ring.astype(int), a.astype(int), b.astype(int))
                    for a, b in walls
                ]
                assert np.min(away, axis=0).max() <= deviation**2 + 1e-9


@given(st.integers(0, 200), DEVIATIONS)
@settings(deadline=None, max_examples=30)
def test_neighbours_share_their_boundaries(seed: int, deviation: float) -> None:
    """Labels fill the image: what no neighbour walks the other way is the outline of them all."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(0, 12, (4, 2))
    y, x = np.mgrid[:12, :12]
    apart = np.square(np.stack([y, x], -1)[:, :, None] - seeds).sum(-1)
    labels = (apart.argmin(-1) + 1).astype(np.int32)
    walked = {
        (tuple(a), tuple(b))
        for polygons in simplified_labels(labels, deviation).values()
        for polygon in polygons
        for ring in polygon.rings
        for a, b in zip(ring.tolist(), np.roll(ring, -1, 0).tolist(), strict=True)
    }
    alone = {a: b for a, b in walked if (b, a) not in walked}
    assert len(alone) == sum((b, a) not in walked for a, b in walked)
    start = at = min(alone)
    for _ in alone:
        at = alone[at]
    assert at == start, "one ring, once around"


def test_a_hole_near_the_outline_is_not_passed_over() -> None:
    mask = np.zeros((12, 30), bool)
    mask[2:10, 2:28] = True
    mask[1, 14:16] = True
    mask[2, 14:16] = True
    mask[3, 15] = False
    (polygon,) = simplified(mask, 3.0)
    assert len(polygon.holes) == 1
    assert not drawn([polygon], mask.shape)[3, 15]
    assert polygon.points < 12


def test_holes_are_joined_by_bridges_that_have_no_area() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:18, 2:28] = True
    mask[5:8, 5:8] = False
    mask[10:15, 12:20] = False
    (polygon,) = simplified(mask, 0.5)
    ring = single_ring(polygon)
    assert ring.bridges == 2
    assert len(ring.points) == polygon.points + 2 * 2
    assert np.array_equal(filled([ring.points], mask.shape), mask)
    assert single_ring(Polygon(polygon.outer)).bridges == 0


@given(hnp.arrays(bool, st.tuples(st.integers(3, 9), st.integers(3, 9))), DEVIATIONS)
@settings(deadline=None, max_examples=40)
def test_a_single_ring_fills_as_its_polygon(mask: np.ndarray, deviation: float) -> None:
    for polygon in simplified(mask, deviation):
        expected = drawn([polygon], mask.shape)
        assert np.array_equal(filled([single_ring(polygon).points], mask.shape), expected)


def test_kept_corners_by_hand() -> None:
    arc = np.array([(0, 0), (2, 1), (4, 0), (6, 4), (8, 0)])
    assert _kept(arc, 0.9).tolist() == [0, 1, 2, 3, 4]
    assert _kept(arc, 1.0).tolist() == [0, 2, 3, 4] or _kept(arc, 2.0).tolist() == [0, 2, 3, 4]
    assert _kept(arc, 9.0).tolist() == [0, 4]


@pytest.mark.parametrize("deviation", [-1.0, float("nan"), float("inf")])
def test_a_deviation_without_a_meaning_is_refused(deviation: float) -> None:
    with pytest.raises(MaskError, match="deviation is"):
        simplified(np.ones((2, 2), bool), deviation)


def test_real_objects_need_few_corners() -> None:
    data = Path(__file__).parents[3] / "shared" / "data"
    if not (data / "GrabCut").is_dir():
        pytest.skip("the photographs of GrabCut are not here")
    counts, overlaps = [], []
    for item in find("GrabCut", data, "field")[::5]:
        truth = item.truth.read()[0]
        again = np.zeros_like(truth)
        polygons = simplified(truth, 2.0)
        for ring in (ring for polygon in polygons for ring in polygon.rings):
            again ^= rasterised([ring.ravel().tolist()], Size(*truth.shape)).mask
        counts.append(sum(polygon.points for polygon in polygons))
        overlaps.append((again & truth).sum() / (again | truth).sum())
    assert np.median(counts) <= 60
    assert np.median(overlaps) >= 0.98
