"""What the photograph and the click's place say about a scale: by hand and by brute force."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import binary_dilation

from m2n2v2.method import scoring
from m2n2v2.photograph import _scale_evidence as kernel
from m2n2v2.photograph import scale_evidence as evidence
from m2n2v2.photograph.base import Photograph

MEMBERS = arrays.arrays(
    np.int32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 4)
)


@given(MEMBERS, st.integers(0, 2**31))
def test_outlines_by_loop(member: np.ndarray, seed: int) -> None:
    strength = np.random.default_rng(seed).random(member.shape, np.float32)
    sums = np.empty((5, 3))
    kernel.outlines(member, strength, sums)
    frame = np.ones(member.shape, bool)
    frame[1:-1, 1:-1] = False
    for k in range(4):
        inside = member <= k
        outside = binary_dilation(inside) & ~inside
        expected = outside.sum(), strength[outside].sum(), (frame & inside).sum()
        np.testing.assert_allclose(sums[k], expected, rtol=1e-5, atol=1e-5)


@given(
    arrays.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6, unique=True),
)
def test_first_set_is_a_search(values: np.ndarray, thresholds: list[float]) -> None:
    ascending = np.sort(np.array(thresholds, np.float32))
    member = np.empty(values.shape, np.int32)
    kernel.first_set(0, len(values), values, ascending, member)
    np.testing.assert_array_equal(member, np.searchsorted(ascending, values))


def square(left: int, top: int, side: int, shape: tuple[int, int] = (41, 41)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_the_middle_of_a_change_is_1_and_its_corner_is_not() -> None:
    nothing, changed = np.zeros((41, 41), bool), square(10, 10, 21)
    assert evidence.middle(nothing, changed, (20, 20)) == 1
    assert evidence.middle(nothing, changed, (10, 10)) == pytest.approx((2 + 0.5) / (11 + 0.5))
    assert evidence.middle(nothing, changed, (0, 0)) == pytest.approx(0.5 / (11 + 0.5))
    assert evidence.middle(changed, changed, (3, 3)) == 1


def test_the_frame_counts_as_outside() -> None:
    everything = np.ones((41, 41), bool)
    nothing = ~everything
    assert evidence.middle(nothing, everything, (20, 20)) == 1
    assert evidence.middle(nothing, everything, (1, 20)) < 0.25


def test_masks_are_seen_coarsely_and_points_at_the_edge_still_fall_inside() -> None:
    shape = (500, 700)
    assert evidence.middle(np.zeros(shape, bool), np.ones(shape, bool), (699, 499)) < 0.1


def two_steps() -> torch.Tensor:
    """A map of two nested squares around (20, 20): an inner one of side 9, an outer of 21."""
    values = np.ones((41, 41), np.float32)
    values[square(10, 10, 21)] = 0.5
    values[square(16, 16, 9)] = 0.25
    values[20, 20] = 0
    return torch.from_numpy(values)


def photograph(edge_of: np.ndarray) -> Photograph:
    image = np.where(edge_of[:, :, None], 220, 40).astype(np.uint8).repeat(3, 2)
    return Photograph.of(image)


@pytest.mark.parametrize(("left", "side", "threshold"), [(16, 9, 0.25), (10, 21, 0.5)])
def test_the_scale_is_where_the_photograph_has_its_boundary(
    left: int, side: int, threshold: float
) -> None:
    values = two_steps()
    found = scoring.candidates(values)
    nothing = np.zeros((41, 41), bool)
    seen = photograph(square(left, left, side))
    weighed = evidence.weighed(values, found, (20, 20), True, nothing, seen)
    assert weighed.thresholds[weighed.edge.argmax()] == threshold
    assert weighed.edge.max() == 1


def test_the_scale_puts_the_click_in_the_middle_of_the_change() -> None:
    """Half of the outer square is object already: a click beside it means the inner one."""
    values = two_steps()
    found = scoring.candidates(values)
    flat = photograph(np.zeros((41, 41), bool))
    fresh = evidence.weighed(values, found, (20, 20), True, np.zeros((41, 41), bool), flat)
    assert fresh.thresholds[fresh.edge.argmax()] == 0.5
    before = np.zeros((41, 41), bool)
    before[:, :16] = True  # leaves of the outer square what is right of column 15
    later = evidence.weighed(values, found, (18, 20), True, before, flat)
    ratio = [each.edge[1] / each.edge[0] for each in (fresh, later)]
    assert ratio[1] < ratio[0]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31), st.booleans())
def test_any_map_keeps_a_candidate_and_scores_in_0_1(
    height: int, width: int, seed: int, positive: bool
) -> None:
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.random((height, width), np.float32))
    values[0, 0] = 0
    found = scoring.candidates(values)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    before = rng.random((height, width)) < 0.5
    weighed = evidence.weighed(values, found, (0, 0), positive, before, Photograph.of(image))
    assert 1 <= len(weighed.thresholds) <= evidence.CHOICES
    assert set(weighed.thresholds) <= set(found.thresholds)
    assert (np.diff(weighed.area) > 0).all()
    assert weighed.edge.min() >= 0
    assert weighed.edge.max() == 1
