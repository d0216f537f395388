"""Measures on masks drawn by hand, and by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool

from m2n2v2.evaluation import metrics

Mask = Bool[np.ndarray, "H W"]

TRUTH = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], bool)
SHIFTED = np.array([[0, 1, 1, 0], [0, 1, 1, 0]], bool)
NONE = np.zeros((2, 4), bool)


def test_iou() -> None:
    assert metrics.iou(TRUTH, SHIFTED, NONE) == 2 / 6
    assert metrics.iou(TRUTH, TRUTH, NONE) == 1


def test_void_is_not_scored() -> None:
    void = np.array([[1, 0, 0, 0], [1, 0, 0, 0]], bool)
    assert metrics.iou(TRUTH, SHIFTED, void) == 2 / 4


@pytest.mark.parametrize("measure", [metrics.iou, metrics.boundary_iou, metrics.boundary_f_score])
def test_empty_masks(measure) -> None:
    assert measure(NONE, NONE, NONE) == 1
    assert measure(TRUTH, NONE, NONE) == 0
    assert measure(NONE, TRUTH, NONE) == 0
    assert measure(TRUTH, SHIFTED, ~NONE) == 1


def test_boundary_iou_sees_the_band_only() -> None:
    truth = np.zeros((100, 100), bool)
    truth[10:90, 10:90] = True
    hollow = truth.copy()
    hollow[30:70, 30:70] = False  # far from the outline: 2 % of the diagonal are 3 pixels
    band = 80 * 80 - 74 * 74
    inner = 46 * 46 - 40 * 40  # the hole's own outline is predicted boundary, but not true
    found = metrics.boundary_iou(truth, hollow, np.zeros_like(truth))
    assert found == pytest.approx(band / (band + inner))
    assert metrics.iou(truth, hollow, np.zeros_like(truth)) == 0.75


def test_boundary_f_score_tolerates_small_shifts() -> None:
    truth = np.zeros((100, 100), bool)
    truth[20:60, 20:60] = True
    near, far = np.roll(truth, 2, axis=1), np.roll(truth, 3, axis=1)
    void = np.zeros_like(truth)
    assert metrics.boundary_f_score(truth, near, void) == 1  # 0.8 % of the diagonal, up: 2 pixels
    # of the 156 pixels of the outline those of the two upright sides miss, but for two at each end
    assert metrics.boundary_f_score(truth, far, void) == pytest.approx(
        _brute_f_score(truth, far, 2)
    )
    assert metrics.boundary_f_score(truth, far, void) < 0.8


def _brute_f_score(a: Mask, b: Mask, radius: float) -> float:
    def line(mask: Mask) -> list[tuple[int, int]]:
        around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        return [
            (y, x) for y, x in np.argwhere(mask) if not all(mask[y + p, x + q] for p, q in around)
        ]

    def share(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> float:
        near = [min((y - v) ** 2 + (x - u) ** 2 for v, u in other) <= radius**2 for y, x in one]
        return sum(near) / len(near)

    precision, recall = share(line(b), line(a)), share(line(a), line(b))
    return 2 * precision * recall / (precision + recall)


def test_number_of_clicks() -> None:
    ious = [0.5, 0.86, 0.8, 0.9]
    assert metrics.number_of_clicks(ious, 0.85, 20) == 2
    assert metrics.number_of_clicks(ious, 0.9, 20) == 4  # reached is enough
    assert metrics.number_of_clicks(ious, 0.95, 20) == 20
    assert metrics.number_of_clicks(ious, 0.95, 7) == 7  # the budget, not a literal 20


def test_both_kinds_of_failure_differ_at_the_last_click_only() -> None:
    late = [0.1, 0.2, 0.95]
    assert metrics.is_failure_as_counted_by_ritm(late, 0.9, 3)
    assert not metrics.is_failure(late, 0.9)
    assert metrics.is_failure([0.1, 0.2, 0.3], 0.9)
    assert not metrics.is_failure_as_counted_by_ritm(late, 0.9, 20)


def test_iou_is_carried_forward() -> None:
    assert [metrics.iou_at([0.5, 0.96], k) for k in (1, 2, 10)] == [0.5, 0.96, 0.96]


def test_largest_drop() -> None:
    assert metrics.largest_drop([0.5, 0.9, 0.6, 0.7, 0.65]) == pytest.approx(0.3)
    assert metrics.largest_drop([0.5, 0.6]) == 0
    assert metrics.largest_drop([0.5]) == 0


def test_bootstrap_interval() -> None:
    assert metrics.bootstrap_interval([4, 4, 4]) == (4, 4)
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = metrics.bootstrap_interval(values.tolist())
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.2)  # the normal approximation


masks = st.integers(0, 2**12 - 1).map(
    lambda bits: np.array([bits >> i & 1 for i in range(12)], bool).reshape(3, 4)
)


@given(masks, masks, masks)
def test_measures_are_symmetric_and_in_range(a: Mask, b: Mask, void: Mask) -> None:
    for measure in (metrics.iou, metrics.boundary_iou, metrics.boundary_f_score):
        assert measure(a, b, void) == pytest.approx(measure(b, a, void))
        assert 0 <= measure(a, b, void) <= 1
        assert measure(a, a, void) == 1


@given(masks, masks, st.sampled_from([np.flipud, np.fliplr]))
def test_mirrored_masks_measure_the_same(a: Mask, b: Mask, flip) -> None:
    none = np.zeros_like(a)
    for measure in (metrics.iou, metrics.boundary_iou, metrics.boundary_f_score):
        assert measure(flip(a), flip(b), none) == pytest.approx(measure(a, b, none))
