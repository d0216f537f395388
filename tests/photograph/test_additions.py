"""When earlier prompts are scored again, and how much a correction may change: by hand."""

import math
from functools import partial, reduce
from itertools import accumulate

import numpy as np
import pytest
import torch

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.photograph.additions import most_changed, scored_again
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click


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
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    attention = Precomputed(torch.eye(16) * 0.5 + 0.5 / 16)
    state = prepare(image, attention, settings=Settings.offline())
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
    given = reduce(partial(segment, state), clicks, empty(state, late.mask))
    assert most_changed(given, True) == math.inf, "a mask to correct may be of anything"
