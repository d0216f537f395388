"""What prompts say of one another, and what a segmentation says of its pixels, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.scoring import Candidates, Scale
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState, MarkovMap, Prompt, Segmentation
from m2n2v2.method.walk import _bounds, best_scale_of, score_curve_of, votes_of
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click

VALUES = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 11
CHOICES = Candidates(
    np.array([0.1, 0.5]), np.array([2, 6], np.int32), np.array([0.2, 0.4], np.float32)
)
TOP = (slice(0, 1), slice(0, 4))


def prompt(
    *points: tuple[int, int], positive: bool = True, window=None, before: int = 0, **changes
) -> Prompt:
    """A click, or a stroke where there are more points than one."""
    several = np.array(points) if len(points) > 1 else None
    made = MarkovMap(VALUES, points[0], CHOICES, several, window)
    return Prompt(Click(*points[0], positive), made, math.inf, CHOICES, before, **changes)


def at(x: int, y: int) -> float:
    return float(VALUES[y, x])


def test_a_stroke_is_inside_where_all_of_it_is_and_excluded_where_none_is() -> None:
    one, stroke = prompt((1, 0)), prompt((3, 2), (0, 0), (2, 1))
    other = prompt((3, 1), (2, 1), (2, 2), positive=False)
    silent = [
        prompt((0, 2), positive=False, counted=False),
        prompt((0, 1), positive=False, overruled=True),
        prompt((1, 1), window=TOP),
    ]
    prompts = (one, *silent, stroke, other)
    assert votes_of(one, prompts) == ([at(1, 0), at(3, 2)], [at(2, 1)])
    assert votes_of(other, prompts) == ([at(2, 2)], [at(1, 0), at(0, 0)])


@pytest.fixture(scope="module")
def state() -> ImageState:
    image = np.zeros((6, 8, 3), np.uint8)
    return prepare(image, Precomputed(np.full((2, 2, 2, 2), 0.25)), settings=Settings.ours())


def test_a_segment_stays_under_the_prior_and_the_limit(state: ImageState) -> None:
    def bounds(asked: Prompt, **changes) -> tuple[float, float]:
        settings = state.settings.replace(prior_fraction=0.25, **changes)
        return _bounds(state.with_settings(settings), asked)

    asked = prompt((1, 0), before=5)
    assert bounds(asked, bound="segment", candidates="level-sets") == (12, math.inf)
    assert bounds(asked, bound="segment", candidates="pixels") == (0.25 * 46 + 1, math.inf)
    asked = replace(asked, limit=2.5, bound=7)
    assert bounds(asked, bound="segment") == (8, 2.5)
    assert bounds(asked, bound="change") == (8, 7.5)


def test_an_overruled_prompt_has_its_own_pixel_unless_it_is_moved(state: ImageState) -> None:
    asked = prompt((1, 0), overruled=True)
    np.testing.assert_array_equal(score_curve_of(state, asked, (asked,)), [0, 0])
    assert best_scale_of(state, asked, (asked,)) == Scale(None, 0.0, 1)
    moved = prompt((1, 0), overruled=True, moved=lambda best, choices: Scale(0.5, 0.4, best.area))
    assert best_scale_of(state, moved, (moved,)) == Scale(0.5, 0.4, 1)


def test_a_prompt_claims_nothing_beyond_its_window() -> None:
    assert prompt((1, 0)).claims is VALUES
    window = (slice(1, 3), slice(0, 2))
    claims = replace(prompt((1, 0)), window=window).claims
    expected = torch.full((3, 4), math.inf)
    expected[1:3, 0:2] = VALUES[1:3, 0:2]
    assert torch.equal(claims, expected)


def segmentation(size: Size, **changes) -> Segmentation:
    margin = torch.tensor([[1.0, -0.5], [0.0, 0.25]])
    prompts = (prompt((0, 0), positive=False), prompt((3, 1)))
    return Segmentation(size, prompts, (), margin, **changes)


def test_clicked_pixels_have_their_label_at_another_size() -> None:
    done = segmentation(Size(4, 4))
    expected = resized_map(done.margin, Size(4, 4))
    expected[0, 0], expected[1, 3] = -1, 1
    assert torch.equal(done.soft_mask, expected)
    mask = done.mask
    assert not mask[0, 0]
    assert mask[1, 3]
    assert mask[0, 1], "its neighbour is the object's"
    assert not mask[0, 3]


def test_at_its_own_size_it_is_the_margin() -> None:
    done = segmentation(Size(2, 2))
    assert done.soft_mask is done.margin
    expected = [[True, False], [False, True]]
    np.testing.assert_array_equal(done.mask, expected)
    np.testing.assert_array_equal(done.working_mask, expected)


def test_pixels_are_counted_before_anything_was_added() -> None:
    assert segmentation(Size(4, 4)).claimed == 2
    drawn = segmentation(Size(4, 4), unrefined=torch.tensor([[0.1, 0.0], [-1.0, -1.0]]))
    assert drawn.claimed == 1
    corrected = drawn.corrected(torch.full((2, 2), 0.1))
    assert corrected.unrefined is None
    assert corrected.claimed == 4
