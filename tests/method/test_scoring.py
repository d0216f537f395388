"""Candidates and the four score terms: by hand, by loops over thresholds, the laws."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import binary_dilation, sobel

from m2n2v2.method import scoring
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.scoring import EDGE_STEPS, Candidates

LEVELS = [np.float32(v) for v in (0, 0.125, 0.25, 0.5, 0.75, 1)]
MAPS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from(LEVELS) | st.floats(0, 1, width=32),
)


def sobel_by_scipy(values: np.ndarray) -> np.ndarray:
    wide = values.astype(np.float64)
    return np.hypot(sobel(wide, 0, mode="mirror"), sobel(wide, 1, mode="mirror"))


def edge_strength(values: torch.Tensor) -> np.ndarray:
    """What `s_edge` averages: the gradient of every pixel, in steps."""
    magnitude = np.empty_like(values.numpy())
    to_steps = scoring._gradient(values.numpy(), magnitude)
    return (magnitude * to_steps).astype(np.int32)


def candidates_by_loop(values: np.ndarray, strength: np.ndarray) -> list[tuple]:
    found = []
    for threshold in np.unique(values):
        segment = values <= threshold
        border = binary_dilation(segment) & ~segment
        edge = strength[border].mean() / EDGE_STEPS if border.any() else 0.0
        found.append((threshold, segment.sum(), edge))
    return found


def test_candidates_by_hand():
    values = torch.tensor([[0.0, 0.5, 0.5], [0.5, 1.0, 1.0]])
    found = scoring.candidates(values)
    assert found.thresholds.tolist() == [0, 0.5, 1]
    assert found.area.tolist() == [1, 4, 6]
    strength = edge_strength(values)
    expected = [
        (strength[0, 1] + strength[1, 0]) / 2,
        (strength[1, 1] + strength[1, 2]) / 2,
        0,  # nothing is outside
    ]
    np.testing.assert_allclose(found.edge * EDGE_STEPS, expected, rtol=1e-6)


def test_edge_strength_by_hand():
    """A step between columns 1 and 2: the gradient is at its maximum beside it, 0 elsewhere."""
    values = torch.tensor([[0.0, 0, 1, 1, 1]] * 3)
    assert edge_strength(values).tolist() == [[0, 1024, 1024, 0, 0]] * 3


@pytest.mark.usefixtures("three_threads")
def test_threads_make_no_difference_to_edge_strength():
    values = torch.rand(50, 20)
    magnitude = sobel_by_scipy(values.numpy())
    expected = magnitude * EDGE_STEPS / magnitude.max()
    assert (np.abs(edge_strength(values) - expected) <= 1 + 1e-3).all()


def test_edge_strength_of_a_flat_map_is_0():
    assert not edge_strength(torch.full((3, 4), 0.3)).any()


@given(MAPS)
def test_edge_strength_agrees_with_scipy(values):
    magnitude = sobel_by_scipy(values)
    expected = magnitude * EDGE_STEPS / max(magnitude.max(), 1e-30)
    found = edge_strength(torch.from_numpy(values))
    if magnitude.max() > 1e-5:  # smaller ones drown in rounding
        assert (np.abs(found - expected) <= 1 + 1e-3).all()
        assert found.max() in (EDGE_STEPS, EDGE_STEPS - 1)


@given(MAPS)
def test_candidates_agree_with_a_loop_over_thresholds(values):
    found = scoring.candidates(torch.from_numpy(values))
    strength = edge_strength(torch.from_numpy(values))
    expected = candidates_by_loop(values, strength)
    np.testing.assert_array_equal(found.thresholds, [row[0] for row in expected])
    np.testing.assert_array_equal(found.area, [row[1] for row in expected])
    np.testing.assert_allclose(found.edge, [row[2] for row in expected], rtol=1e-6)


@given(MAPS)
def test_the_level_sets_of_the_fill_give_the_same_candidates(values):
    levels = filled_level_sets(torch.from_numpy(values), (0, 0))
    ours, theirs = scoring.candidates(levels.values, levels), scoring.candidates(levels.values)
    for name in ("thresholds", "area", "edge"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@given(MAPS)
def test_mirroring_changes_no_candidate(values):
    ours = scoring.candidates(torch.from_numpy(values))
    theirs = scoring.candidates(torch.from_numpy(values[::-1, ::-1].copy()))
    np.testing.assert_array_equal(ours.thresholds, theirs.thresholds)
    np.testing.assert_array_equal(ours.area, theirs.area)
    np.testing.assert_allclose(ours.edge, theirs.edge, atol=2 / EDGE_STEPS)  # one step of rounding


THRESHOLDS = np.array([0, 0.2, 0.4, 0.6, 0.8], np.float32)
LARGEST = float(THRESHOLDS[-1])
AREA = np.array([1, 10, 40, 50, 100], np.int32)


def test_s_prior_by_hand():
    """Fewer than 40 pixels, so 40 is too many."""
    assert scoring.s_prior(AREA, 40.0).tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("pixels", [7, 102, 3600])
def test_the_prior_of_candidates_by_pixel_is_the_first_versions(pixels):
    """Which spreads all but the whole image evenly over [0, 1] and asks for less than tau."""
    bound = scoring.prior_bound(pixels, 0.4, "pixels")
    area = np.arange(1, pixels, dtype=np.int32)
    expected = np.linspace(0, 1, pixels - 1) < 0.4
    np.testing.assert_array_equal(scoring.s_prior(area, bound), expected)
    assert scoring.prior_bound(pixels, 0.4, "level-sets") == 0.4 * pixels


def test_s_adapt_by_hand():
    assert scoring.s_adapt(AREA, 40.0, 10.0).tolist() == [1, 0, 0, 0, 0]
    assert scoring.s_adapt(AREA, 40.0, 10.1).tolist() == [1, 1, 0, 0, 0]
    assert scoring.s_adapt(AREA, 40.0, math.inf).tolist() == [1, 1, 0, 0, 0]
    assert scoring.s_adapt(AREA, 40.0, 0.0).tolist() == [0, 0, 0, 0, 0]


def test_s_pos_by_hand():
    """Prompts at 0, 0.2 and 0.7; the one at 0.2 is inside at 0.2."""
    same = [0.0, 0.7, float(np.float32(0.2))]
    np.testing.assert_allclose(scoring.s_pos(THRESHOLDS, same), [1 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert scoring.s_pos(THRESHOLDS, []).tolist() == [1] * 5


def test_s_neg_by_hand():
    """The threshold must be below the value of every prompt of the other class."""
    assert scoring.s_neg(THRESHOLDS, [float(np.float32(0.6)), 0.9], LARGEST).tolist() == [
        1,
        1,
        1,
        0,
        0,
    ]
    assert scoring.s_neg(THRESHOLDS, [], LARGEST).tolist() == [1, 1, 1, 1, 0]
    assert scoring.s_neg(THRESHOLDS, [0.0], LARGEST).tolist() == [0] * 5


@st.composite
def scored_maps(draw):
    values = draw(MAPS)
    flat = values.ravel().tolist()
    same = draw(st.lists(st.sampled_from(flat), max_size=4))
    other = draw(st.lists(st.sampled_from(flat), max_size=3))
    some = [math.inf, 0.0, 1.0, 2.5, 0.4 * values.size, values.size + 1.0]
    prior, limit = draw(st.sampled_from(some)), draw(st.sampled_from(some))
    levels = LevelSets.of(torch.from_numpy(values))
    if draw(st.booleans()):
        levels = levels.pixel_by_pixel()
    return scoring.candidates(torch.from_numpy(values), levels), same, other, prior, limit


def product_by_hand(known, same, other, prior, limit):
    """Eq. 6 for each candidate, from the words of the paper, one after the other."""
    for threshold, area, edge in zip(known.thresholds, known.area, known.edge, strict=True):
        inside = sum(value <= threshold for value in same)
        excluded = min(other) if other else known.thresholds[-1]
        yield (
            float(edge)
            * (inside / len(same) if same else 1)
            * (threshold < excluded)
            * (area < prior)
            * (area < limit)
        )


@given(scored_maps())
def test_the_curve_is_the_product(case):
    assert scoring.score_curve(*case).tolist() == list(product_by_hand(*case))


@given(scored_maps())
def test_the_best_scale_is_the_first_maximum_of_the_product(case):
    known, product = case[0], list(product_by_hand(*case))
    best = scoring.best_scale(*case)
    if max(product) <= 0:
        assert (best.threshold, best.score, best.area) == (None, 0, 1)
        return
    assert best.score == max(product)
    assert best.threshold == known.thresholds[product.index(max(product))]
    assert best.area == known.area[np.flatnonzero(known.thresholds == best.threshold)[-1]]


@pytest.mark.parametrize(
    ("other", "bound", "expected"),
    [([0.75], math.inf, 0.25), ([], 60.0, 0.25), ([0.75], 20.0, 0.0), ([], math.inf, 0.75)],
)
def test_an_edge_that_is_excluded_hides_none_before_it(other, bound, expected):
    """The strongest edge is on the third, which holds the other class or is too large."""
    thresholds = np.array([0, 0.25, 0.75, 1], np.float32)
    area, edge = np.array([10, 20, 60, 100], np.int32), np.array([0.1, 0.2, 0.9, 0], np.float32)
    known = scoring.Candidates(thresholds, area, edge)
    assert scoring.best_scale(known, [0.0], other, bound).threshold == expected


def test_the_first_of_equal_scores_is_chosen():
    found = Candidates(
        np.array([0, 0.25, 0.5, 1], np.float32),
        np.array([1, 2, 3, 4], np.int32),
        np.array([0.1, 0.5, 0.5, 0], np.float32),
    )
    assert scoring.best_scale(found, [], [], math.inf).threshold == 0.25
    # a second prompt inside at 0.5 doubles that score
    assert scoring.best_scale(found, [0.0, 0.5], [], math.inf).threshold == 0.5
    # half the votes, twice the edge: equal, and the first wins again
    doubled = Candidates(found.thresholds, found.area, np.array([0, 0.5, 0.25, 0], np.float32))
    assert scoring.best_scale(doubled, [0.0, 0.5], [], math.inf).threshold == 0.25


@given(
    arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)),
    st.booleans(),
    st.data(),
)
def test_size_limit_agrees_with_a_loop(previous, positive, data):
    y = data.draw(st.integers(0, previous.shape[0] - 1))
    x = data.draw(st.integers(0, previous.shape[1] - 1))
    distances = [
        math.hypot(column - x, row - y)
        for (row, column), label in np.ndenumerate(previous)
        if label == positive
    ]
    expected = 2.5 * math.pi * min(distances) ** 2 if distances else math.inf
    assert scoring.size_limit((x, y), positive, previous, 2.5) == pytest.approx(expected)


def test_size_limit_by_hand():
    previous = np.zeros((5, 8), np.bool_)
    previous[0, 1] = True
    assert scoring.size_limit((4, 4), True, previous, 1.0) == pytest.approx(25 * math.pi)  # 3-4-5
    assert scoring.size_limit((4, 4), False, previous, 1.0) == 0  # already background
    assert scoring.size_limit((1, 0), False, previous, 2.0) == pytest.approx(2 * math.pi)
    assert scoring.size_limit((4, 4), True, np.zeros((5, 8), np.bool_), 1.0) == math.inf


def test_values_at_reads_x_and_y():
    values = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert scoring.values_at(values, [(2, 0), (0, 1)]) == [2, 3]
    assert scoring.values_at(values, []) == []
