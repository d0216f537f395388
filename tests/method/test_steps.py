"""Single steps of the walk, by hand: what is asked of which part, and with which setting."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention.base import DenseAttention
from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.grid import Size, cell_coordinates
from m2n2v2.method.markov_map import scribble_start_state, start_state
from m2n2v2.method.scoring import LEAST, Scale
from m2n2v2.method.settings import Settings
from m2n2v2.method.upsampling import joint_bilateral_upsampling
from m2n2v2.method.values import ImageState, Nothing, Prompt, Segmentation
from m2n2v2.method.walk import (
    best_scale_of,
    empty,
    guided_upsampling,
    markov_map_stages,
    segment,
)
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click, Scribble
from tests.scenes import ColourAttention, photograph

SIZE, CELLS = Size(20, 24), Size(5, 6)
IMAGE = photograph(SIZE, [(4, 5, 12, 15)])


@pytest.fixture(scope="module")
def state() -> ImageState:
    settings = Settings.ours().replace(chain_steps=60, sinkhorn_rounds=50)
    return prepare(IMAGE, ColourAttention(CELLS), settings=settings)


@pytest.mark.parametrize("asked", [True, False])
def test_depth_guides_the_upsampling_where_it_is_asked_to(asked: bool) -> None:
    settings = Settings.ours().replace(depth_guided_upsampling=asked)
    depth = torch.linspace(0, 1, SIZE.area).reshape(SIZE.shape)
    times = torch.arange(CELLS.area, dtype=torch.float32).reshape(1, *CELLS.shape)
    with_depth, without = (
        joint_bilateral_upsampling(IMAGE, CELLS, depth=d, spatial_sigma=1.0, range_sigma=0.1)(times)
        for d in (depth, None)
    )
    assert not torch.equal(with_depth, without)
    made = guided_upsampling(IMAGE, CELLS, depth, settings)(times)
    assert torch.equal(made, with_depth if asked else without)


class Kept:
    """A source that keeps what it gave."""

    name = "kept"

    def __init__(self) -> None:
        self.attention = ColourAttention(CELLS).extract(IMAGE)

    def extract(self, image: Image) -> DenseAttention:
        return self.attention


class GivenAway(Kept):
    gives_away = True


@pytest.mark.parametrize("kind", [Kept, GivenAway])
def test_only_an_attention_that_is_given_away_is_overwritten(kind: type[Kept]) -> None:
    source = kind()
    before = source.attention.matrix.clone()
    prepare(IMAGE, source, settings=Settings.ours())
    assert torch.equal(source.attention.matrix, before) == (kind is Kept)


def stages(state: ImageState, given: Click | Scribble, **changes):
    (made,) = markov_map_stages(state.with_settings(state.settings.replace(**changes)), (given,))
    return made


def test_pixels_are_candidates_one_by_one_or_sets_of_them(state: ImageState) -> None:
    areas = stages(state, Click(8, 10), candidates="pixels").map.candidates.area
    assert areas.tolist() == list(range(1, SIZE.area + 1))
    sets = stages(state, Click(8, 10), candidates="level-sets").map
    assert sets.candidates.thresholds.tolist() == sorted(set(sets.values.flatten().tolist()))


def test_where_nothing_scores_a_prompt_has_its_pixel_or_the_least_threshold(
    state: ImageState,
) -> None:
    known = stages(state, Click(8, 10)).map
    asked = Prompt(Click(8, 10), known, math.inf, known.candidates, 0, bound=0)
    for rule, expected in (("level-sets", Scale(None, 0.0, 1)), ("pixels", Scale(LEAST, 0.0, 1))):
        ruled = state.with_settings(state.settings.replace(candidates=rule))
        assert best_scale_of(ruled, asked, (asked,)) == expected


@pytest.mark.parametrize(("end", "middle"), [(3, 3), (8, 5)])
def test_a_stroke_stands_at_its_middle_pixel_and_starts_from_all(
    state: ImageState, end: int, middle: int
) -> None:
    made = stages(state, Scribble([(2, 4), (end, 4)]))
    pixels = [(x, 4) for x in range(2, end + 1)]
    assert made.map.marked is not None
    assert sorted(map(tuple, made.map.marked.tolist())) == pixels
    assert made.map.point == (middle, 4)
    entered = [cell_coordinates(x, y, SIZE, CELLS) for x, y in pixels]
    assert torch.equal(made.start, scribble_start_state(entered, CELLS))


def test_a_click_marks_nothing_but_its_point(state: ImageState) -> None:
    made = stages(state, Click(8, 10))
    assert made.map.marked is None
    assert made.map.point == (8, 10)
    assert torch.equal(made.start, start_state([cell_coordinates(8, 10, SIZE, CELLS)], CELLS)[0])


def test_times_of_less_than_a_step_are_divided_by_the_largest() -> None:
    attention = Precomputed(np.full((4, 4), 0.2) + 0.2 * np.eye(4))
    settings = Settings.ours().replace(temperature=1.0)
    made = stages(prepare(IMAGE, attention, settings=settings), Click(2, 2))
    assert 0 < float(made.times.max()) < 1
    assert float(made.upsampled.max()) == 1


def test_margins_before_the_first_click_are_whole(state: ImageState) -> None:
    assert torch.equal(empty(state).margin, torch.full(SIZE.shape, -1.0))
    mask = np.zeros(SIZE.shape, np.bool_)
    mask[3:9, 4:20] = True
    given = empty(state, mask)
    assert given.base is given.margin
    assert torch.equal(given.margin, torch.from_numpy(np.where(mask, np.float32(1), -1)))


@dataclass
class Limited(Nothing):
    """Nothing is added, but every prompt may change so many pixels."""

    limit: float

    def weighed(self, state: ImageState, prompt: Prompt, previous: Segmentation) -> Prompt:
        return replace(prompt, limit=self.limit)


def test_a_change_of_just_the_limit_counts(state: ImageState) -> None:
    paper = replace(state, additions=Nothing())
    first = segment(paper, empty(paper), Click(8, 10))
    clicked = Click(5, 6, False)
    free = segment(replace(paper, additions=Limited(math.inf)), first, clicked)
    change = first.claimed - free.claimed
    assert 0 < change < first.claimed
    just = segment(replace(paper, additions=Limited(change)), first, clicked)
    assert just.claimed == free.claimed
    assert just.prompts[-1].counted
    less = segment(replace(paper, additions=Limited(change - 0.5)), first, clicked)
    assert not less.prompts[-1].counted


def test_an_opposite_click_on_one_working_pixel_is_overruled_but_not_beside_a_stroke() -> None:
    image = photograph(Size(40, 48), [(8, 10, 24, 30)])
    settings = Settings.ours().replace(max_short_side=20, chain_steps=60)
    reduced = prepare(image, ColourAttention(CELLS), settings=settings)
    done = empty(reduced)
    heard = []
    for click in (Click(16, 20), Click(17, 20, False), Click(16, 21), Click(20, 20, False)):
        done = segment(reduced, done, click)
        heard.append(done.prompts[-1].overruled)
    assert heard == [False, True, False, False]
    stroke = segment(reduced, empty(reduced), Scribble([(12, 20), (20, 20)]))
    x, y = stroke.prompts[0].map.point
    beside = segment(reduced, stroke, Click(2 * x, 2 * y + 1, False))
    assert beside.prompts[-1].map.point == (x, y)
    assert not beside.prompts[-1].overruled


@pytest.mark.parametrize("discard", ["forever", "once"])
def test_how_long_a_prompt_is_discarded(state: ImageState, discard: str) -> None:
    ruled = replace(
        state.with_settings(state.settings.replace(discard=discard)), additions=Nothing()
    )
    first = segment(ruled, empty(ruled), Click(8, 10))
    second = segment(replace(ruled, additions=Limited(0.5)), first, Click(5, 6, False))
    third = segment(ruled, second, Click(22, 18, False))
    assert [prompt.counted for prompt in second.prompts] == [True, False]
    assert [prompt.counted for prompt in third.prompts[:2]] == [True, discard == "once"]
