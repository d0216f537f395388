"""When earlier prompts are scored again, and how much a correction may change: by hand."""

import math
from functools import partial
from itertools import accumulate

import numpy as np
import pytest
import torch
from scipy import ndimage

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.photograph.additions import NEAR, most_changed, scored_again
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click


def two_halves() -> ImageState:
    """A black and a white half, each cell as near to all others."""
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    attention = Precomputed(torch.eye(16) * 0.5 + 0.5 / 16)
    return prepare(image, attention, settings=Settings.offline())


@pytest.mark.parametrize(
    ("moved", "kept", "again"),
    [
        (1.0, 1.0, True),
        (0.95, 1.0, True),
        (0.85, 1.0, False),  # the click means what changes without
        (0.6, 0.4, True),
        (0.2, 0.16, False),  # it lies in the middle of neither: what was right stays
    ],
)
def test_earlier_prompts_are_scored_again_where_the_click_means_it(
    moved: float, kept: float, again: bool
) -> None:
    assert scored_again(moved, kept) is again


def test_later_corrections_add_less_and_late_ones_take_at_most_half() -> None:
    state = two_halves()
    clicks = [Click(3, 3), Click(12, 12, False), Click(1, 14, False), Click(6, 1, False)]
    early = list(accumulate(clicks[:3], partial(segment, state), initial=empty(state)))
    assert all(most_changed(fresh, False) == math.inf for fresh in early)
    for fresh, share in zip(early, (math.inf, math.inf, 3, 1.5), strict=True):
        area = max((one.claimed for one in early[: len(fresh.prompts) + 1]), default=0)
        assert most_changed(fresh, True) == (share * area if area else math.inf)
    late = segment(state, early[-1], clicks[3])
    largest = max(one.claimed for one in (*early, late))
    assert late.claimed < largest, "what was once the object can be had again"
    assert most_changed(late, True) == largest
    assert most_changed(late, False) == late.claimed / 2


def test_a_given_mask_is_changed_by_half_of_its_area_at_most_unless_it_is_empty() -> None:
    state = two_halves()
    nothing = np.zeros((16, 16), bool)
    square = nothing.copy()
    square[2:8, 2:8] = True
    for positive in (True, False):
        assert most_changed(empty(state, square), positive) == 18
        assert most_changed(empty(state, nothing), positive) == math.inf
    outside = segment(state, empty(state, square), Click(4, 12))
    assert outside.unrefined is not None
    gained = (outside.unrefined > 0).numpy() & ~square
    assert 0 < gained.sum() <= 18
    assert most_changed(outside, True) == 18, "of the mask that was given, not of what it became"


def test_a_given_mask_stays_as_it_is_away_from_what_changed() -> None:
    """Though no outline of it follows the photograph."""
    state = two_halves()
    given = np.random.default_rng(0).random((16, 16)) < 0.4
    given[10:, :] = False
    corrected = segment(state, empty(state, given), Click(3, 14))
    assert corrected.unrefined is not None
    changed = (corrected.unrefined > 0).numpy() != given
    assert changed.any()
    near = ndimage.binary_dilation(changed, iterations=NEAR)
    assert not near.all()
    np.testing.assert_array_equal(corrected.mask[~near], given[~near])
    assert corrected.mask[14, 3]
