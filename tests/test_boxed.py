"""Boxes and scribbles in the walk: twins the long way, known objects, and the laws of clicks."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from m2n2v2 import boxed
from m2n2v2.errors import PromptError
from m2n2v2.grid import Size
from m2n2v2.method.flood_fill import flood_fill
from m2n2v2.method.markov_map import scribble_start_state, start_state
from m2n2v2.method.scoring import size_limit
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import NOTHING, ImageState, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Box, Click, Given, Scribble, check_sequence
from tests.scenes import ColourAttention, iou, photograph

SIZE, CELLS = Size(40, 48), Size(10, 12)
OBJECTS = [(8, 10, 24, 30), (30, 4, 44, 20)]
OURS = {"scale_evidence": True, "steady_scales": True, "refinement": 0.05}


def state_of(dtype=torch.float32, **changes) -> ImageState:
    return prepare(
        photograph(SIZE, OBJECTS),
        ColourAttention(CELLS, dtype),
        None,
        Settings.ours().replace(**{"chain_steps": 60} | changes),
    )


def run(state: ImageState, prompts) -> Segmentation:
    done = empty(state)
    for prompt in prompts:
        done = segment(state, done, prompt)
    return done


def covered(box, size=SIZE) -> np.ndarray:
    mask = np.zeros(size.shape, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@pytest.fixture(scope="module")
def state() -> ImageState:
    return state_of()


@pytest.fixture(scope="module")
def helped() -> ImageState:
    return state_of(**OURS)


# Stages


def test_staying_is_what_powers_of_the_inner_matrix_say(state):
    inside = torch.zeros(CELLS.shape)
    inside[2:7, 3:9] = 1
    inside[2, 3] = 0.5
    found = boxed.staying(state.transition, inside)
    free = inside.flatten().double()
    inner = free[:, None] * state.transition.dense().double()
    left = torch.linalg.matrix_power(inner, boxed.STEPS) @ free
    torch.testing.assert_close(found.flatten().double(), left / left.max(), rtol=1e-3, atol=1e-5)


def test_a_box_over_everything_has_the_frame_as_its_outside():
    inside = boxed._inside((slice(0, 40), slice(0, 48)), SIZE, CELLS)
    expected = torch.zeros(CELLS.shape, dtype=inside.dtype)
    expected[1:-1, 1:-1] = 1
    assert torch.equal(inside, expected)


def test_shares_of_cells_by_hand():
    inside = boxed._inside((slice(0, 6), slice(4, 8)), SIZE, CELLS)
    assert inside[:, 1].tolist() == [1, 0.5] + 8 * [0]
    assert inside[0].tolist() == [0, 1] + 10 * [0]


def test_gaps_by_hand():
    least = np.array([0.9, 0.5, 0.1, 0.3, 0.8])
    gaps = boxed._gaps(least, np.array([0.05, 0.1, 0.3, 0.5, 0.8, 0.9]))
    np.testing.assert_allclose(gaps, [1, 2 / 5, 2 / 5, 1 / 5, 1 / 5, 0])


@given(st.integers(0, 1000), st.integers(1, 5))
def test_a_fill_from_several_pixels_is_a_relaxation(seed, count):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 6, (5, 6)).astype(np.float32)
    starts = np.stack([rng.integers(0, 6, count), rng.integers(0, 5, count)], axis=1)
    starts = np.unique(starts, axis=0)
    known = values[starts[:, 1], starts[:, 0]]
    cost = np.maximum(np.maximum(known.min() - values, values - known.max()), 0)
    best = np.full(values.shape, np.inf)
    best[starts[:, 1], starts[:, 0]] = 0
    for _ in range(30):
        padded = np.pad(best, 1, constant_values=np.inf)
        near = np.min([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]], 0)
        best = np.minimum(best, np.maximum(near, cost))
    assert np.array_equal(flood_fill(torch.from_numpy(values), starts).numpy(), best)


def test_a_strokes_start_is_the_mean_of_its_points():
    points = [(0.0, 0.0), (1.5, 1.0), (1.5, 1.0), (2.0, 1.0)]
    found = scribble_start_state(points, Size(2, 3))
    by_hand = torch.tensor([[1, 0, 0], [0, 1, 2.0]])
    assert torch.equal(found, by_hand / 2)
    assert torch.equal(
        scribble_start_state(points[:1], Size(2, 3)), start_state(points[:1], Size(2, 3))[0]
    )


def test_a_strokes_limit_is_that_of_its_pixel_nearest_the_boundary():
    previous = np.zeros((9, 9), bool)
    previous[:, 0] = True
    stroke = np.array([(2, 4), (5, 4), (8, 4)])
    assert size_limit(stroke, True, previous, 1.0) == pytest.approx(4 * math.pi)
    inside = np.array([(0, 4), (5, 4)])
    assert size_limit(inside, True, previous, 1.0) == pytest.approx(25 * math.pi), "asks there only"
    assert size_limit(np.array([(0, 4), (0, 5)]), True, previous, 1.0) == 0


# What they do


@pytest.mark.parametrize("which", ["state", "helped"])
@pytest.mark.parametrize("box", OBJECTS)
@pytest.mark.parametrize("loose", [0, 3])
def test_a_box_round_an_object_gives_it(which, box, loose, request):
    drawn = Box(box[0] - loose, box[1] - loose, box[2] + loose, box[3] + loose)
    found = run(request.getfixturevalue(which), [drawn])
    assert iou(found.mask, covered(box)) > 0.85


def test_a_scribble_on_an_object_gives_it(helped):
    found = run(helped, [Scribble([(12, 14), (20, 26)])])
    assert iou(found.mask, covered(OBJECTS[0])) > 0.9


def test_a_scribble_of_a_hundred_thousand_points_that_leaves_the_image(helped):
    points = np.random.default_rng(0).uniform((-20, -20), (28, 60), (100_000, 2))
    done = run(helped, [Scribble(points, False), Click(40, 12)])
    assert not done.mask[:, :28].any()
    assert done.mask[12, 40]


def test_one_scribble_on_both_objects_is_one_prompt(helped):
    found = run(helped, [Scribble([(16, 12), (37, 12)])])
    assert len(found.prompts) == len(found.scales) == 1
    assert found.mask[12, 16:38].all()


def test_a_background_scribble_takes_its_object_away(helped):
    done = run(helped, [Box(6, 2, 46, 32), Scribble([(33, 8), (41, 16)], False)])
    assert iou(done.mask, covered(OBJECTS[0])) > 0.8


def test_clicks_correct_a_box(helped):
    both = Box(6, 2, 46, 32)
    done = run(helped, [both, Click(37, 12, False), Click(16, 20)])
    assert iou(done.mask, covered(OBJECTS[0])) > 0.8
    assert not done.mask[12, 37]


def test_a_click_inside_a_box_stays_inside_and_one_outside_does_not(helped):
    half = (8, 10, 24, 20)
    inside = run(helped, [Box(*half), Click(16, 15)])
    assert not (inside.mask & ~covered(half)).any()
    beyond = run(helped, [Box(*half), Click(16, 25)])
    assert iou(beyond.mask, covered(OBJECTS[0])) > 0.8


def test_nothing_inside_a_negative_box_belongs(helped):
    done = run(helped, [Click(16, 20), Box(8, 10, 24, 20, False)])
    assert not done.mask[10:20, 8:24].any()
    assert done.mask[20, 16]
    first = run(helped, [Box(8, 10, 24, 20, False), Click(16, 25), Click(37, 12)])
    assert not first.mask[10:20, 8:24].any()
    assert first.mask[25, 16]
    assert first.mask[12, 37]


def test_a_negative_box_in_a_positive_one(helped):
    done = run(helped, [Box(8, 10, 24, 30), Box(12, 14, 18, 20, False)])
    assert not done.mask[14:20, 12:18].any()
    assert done.mask[26, 16]


def test_the_whole_image_one_pixel_and_a_line(helped):
    assert run(helped, [Box(0, 0, 48, 40)]).mask.any()
    one = run(helped, [Box(16, 20, 17, 21)])
    assert one.mask.sum() == 1
    assert one.mask[20, 16]
    line = run(helped, [Box(8, 20, 24, 21)])
    assert not (line.mask & ~covered((8, 20, 24, 21))).any()
    assert not run(helped, [Click(3, 3), Box(10, 0, 48, 40, False)]).mask[:, 10:].any()
    assert not run(helped, [Box(0, 0, 48, 40, False)]).mask.any()


def test_without_our_additions_a_box_is_refused_and_a_scribble_is_not(state):
    bare = dataclasses.replace(state, additions=NOTHING)
    with pytest.raises(PromptError, match="takes clicks and scribbles"):
        run(bare, [Box(8, 10, 24, 30)])
    assert run(bare, [Scribble([(12, 14), (20, 26)])]).mask[14, 12]


def test_a_reduced_photograph_gives_full_size_masks(helped):
    large = Size(80, 96)
    objects = [tuple(2 * side for side in each) for each in OBJECTS]
    reduced = prepare(
        photograph(large, objects),
        ColourAttention(CELLS),
        None,
        Settings.ours().replace(chain_steps=60, max_short_side=40, **OURS),
    )
    stroke = Scribble([(30, 30), (41, 51)], False)
    done = run(reduced, [Box(*objects[0]), stroke])
    assert done.mask.shape == large.shape
    x, y = stroke.pixels(large, large).T
    assert not done.mask[y, x].any()
    assert (done.soft_mask.numpy()[y, x] == -1).all()


# Laws

X, Y = st.integers(0, SIZE.width - 1), st.integers(0, SIZE.height - 1)
CENTRES = st.tuples(X, Y).map(lambda at: (at[0] + 0.5, at[1] + 0.5))
CLICKS = st.builds(Click, X, Y, st.booleans())
SCRIBBLES = st.builds(Scribble, st.lists(CENTRES, min_size=1, max_size=4), st.booleans())


@st.composite
def boxes(draw) -> Box:
    (a, b), (c, d) = ((draw(X), draw(X)), (draw(Y), draw(Y)))
    return Box(min(a, b), min(c, d), max(a, b) + 1, max(c, d) + 1, draw(st.booleans()))


def _agree(prompts) -> bool:
    try:
        check_sequence(prompts, SIZE)
    except (PromptError, ValueError):
        return False
    return True


SEQUENCES = st.lists(st.one_of(CLICKS, SCRIBBLES, boxes()), min_size=1, max_size=4).filter(_agree)


def mirrored(prompt: Given) -> Given:
    if isinstance(prompt, Click):
        return Click(SIZE.width - 1 - prompt.x, prompt.y, prompt.positive)
    if isinstance(prompt, Scribble):
        return Scribble([(SIZE.width - x, y) for x, y in prompt.points], prompt.positive)
    left, top, right, bottom = prompt.corners
    return Box(SIZE.width - left, top, SIZE.width - right, bottom, prompt.positive)


@given(SEQUENCES, st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_mirroring_everything_mirrors_the_mask(prompts, seed):
    image = photograph(SIZE, OBJECTS, seed, noise=25)
    attention = ColourAttention(CELLS, torch.float64)
    chosen = Settings.ours().replace(chain_steps=60)
    ours = run(prepare(image, attention, None, chosen), prompts)
    other = prepare(np.ascontiguousarray(image[:, ::-1]), attention, None, chosen)
    theirs = run(other, [mirrored(each) for each in prompts])
    assert (ours.mask != theirs.mask[:, ::-1]).mean() <= 0.01


@given(SEQUENCES, st.booleans())
@settings(max_examples=25, deadline=None)
def test_marked_pixels_have_their_label(state, helped, prompts, ours):
    mask = run(helped if ours else state, prompts).mask
    for prompt in prompts:
        x, y = prompt.pixels(SIZE, SIZE).T
        assert (mask[y, x] == prompt.positive).all()


@given(boxes(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_box_alone_claims_nothing_outside(state, helped, box, ours):
    mask = run(helped if ours else state, [box]).mask
    rows, columns = box.window(SIZE, SIZE)
    inside = mask[rows, columns].sum()
    assert inside == mask.sum()
    assert inside > 0 if box.positive else inside == 0


@given(X, Y, st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_stroke_of_one_point_is_a_click(helped, x, y, positive):
    stroke, click = (
        run(helped, [each]) for each in (Scribble([(x, y)], positive), Click(x, y, positive))
    )
    assert torch.equal(stroke.margin, click.margin)


@given(SEQUENCES)
@settings(max_examples=20, deadline=None)
def test_maps_do_not_depend_on_one_another_or_on_their_order(helped, prompts):
    together = markov_maps(helped, tuple(prompts))
    backwards = markov_maps(helped, tuple(prompts[::-1]))[::-1]
    for prompt, one, two in zip(prompts, together, backwards, strict=True):
        (alone,) = markov_maps(helped, (prompt,))
        for other in (one, two):
            torch.testing.assert_close(other.values, alone.values, rtol=1e-3, atol=1e-4)


@given(SEQUENCES)
@settings(max_examples=15, deadline=None)
def test_equal_labels_of_any_type_give_equal_masks(helped, prompts):
    def spelled(prompt: Given, kind) -> Given:
        label = kind(prompt.positive)
        if isinstance(prompt, Click):
            return Click(prompt.x, prompt.y, label)
        if isinstance(prompt, Scribble):
            return Scribble(prompt.points, label)
        return Box(*prompt.corners, label)

    expected = run(helped, prompts).margin
    for kind in (int, np.bool_, np.float32):
        assert torch.equal(run(helped, [spelled(each, kind) for each in prompts]).margin, expected)
