"""The whole walk: what clicks do on small images with known objects, and its laws."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from m2n2v2.adjusting import alternatives, nudged
from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.errors import AttentionError, ClickError, DepthError, StateError
from m2n2v2.grid import Size
from m2n2v2.images import read_image
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.preparation import STAGES, prepare
from m2n2v2.prompts import Click, clicks_from_arrays
from tests.scenes import ColourAttention, GivenDepth, photograph

SIZE = Size(40, 48)
BOXES = [(8, 10, 24, 30), (30, 4, 44, 20)]
CELLS = Size(10, 12)


def state_of(
    boxes=BOXES, size=SIZE, seed=0, depth=None, dtype=torch.float32, **changes
) -> ImageState:
    source = None if depth is None else GivenDepth(depth)
    return prepare(
        photograph(size, boxes, seed),
        ColourAttention(CELLS, dtype),
        source,
        Settings.ours().replace(**{"chain_steps": 60} | changes),  # enough, and quick
    )


def run(state: ImageState, clicks) -> Segmentation:
    done = empty(state)
    for click in clicks:
        done = segment(state, done, click)
    return done


def box_mask(box, size=SIZE) -> np.ndarray:
    mask = np.zeros(size.shape, np.bool_)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="module")
def state() -> ImageState:
    return state_of()


# What clicks do


def test_a_click_on_a_box_finds_it(state):
    for box in BOXES:
        found = segment(state, empty(state), Click((box[0] + box[2]) // 2, (box[1] + box[3]) // 2))
        assert iou(found.mask, box_mask(box)) > 0.9


def test_clicks_on_both_boxes_find_both(state):
    found = run(state, [Click(16, 20), Click(37, 12)])
    assert iou(found.mask, box_mask(BOXES[0]) | box_mask(BOXES[1])) > 0.9


def test_a_background_click_takes_its_box_away(state):
    both = run(state, [Click(16, 20), Click(37, 12), Click(36, 8, False)])
    assert not both.mask[8, 36]
    assert iou(both.mask, box_mask(BOXES[0])) > 0.8


def test_a_background_click_alone_is_an_empty_mask(state):
    assert not run(state, [Click(16, 20, False)]).mask.any()


def test_the_segmentation_before_the_first_click_is_empty(state):
    assert not empty(state).mask.any()
    assert empty(state).clicks == ()
    previous = box_mask(BOXES[0])
    assert np.array_equal(empty(state, previous).mask, previous)


def test_stages_are_announced_in_order():
    heard: list[str] = []
    prepare(photograph(SIZE, BOXES), ColourAttention(CELLS), progress=heard.append)
    assert tuple(stage for stage in heard if stage in STAGES) == STAGES  # or compiling is said


def test_a_state_says_where_it_came_from(state):
    assert state.provenance.attention == ColourAttention(CELLS).name
    assert state.provenance.depth == "none"
    assert state_of(depth=torch.zeros(SIZE.shape)).provenance.depth == "given"


def test_results_are_values(state):
    one = run(state, [Click(16, 20)])
    before = one.mask.copy()
    segment(state, one, Click(37, 12))
    assert np.array_equal(one.mask, before)
    assert len(one.prompts) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.margin = torch.zeros(SIZE.shape)


def test_the_mask_is_where_the_soft_mask_is_over_0(state):
    done = run(state, [Click(16, 20), Click(4, 4, False)])
    assert np.array_equal(done.mask, done.soft_mask.numpy() > 0)
    assert float(done.soft_mask.abs().max()) <= 1


def test_alternatives_start_with_the_result_and_differ_in_size(state):
    done = run(state, [Click(16, 20), Click(37, 12)])
    first, *others = alternatives(state, done, 3)
    assert first is done
    areas = [other.scales[-1].area for other in (first, *others)]
    for i, a in enumerate(areas):
        for b in areas[:i]:
            assert a == b or min(a, b) <= 0.8 * max(a, b)
    scores = [other.scales[-1].score for other in (first, *others)]
    assert scores == sorted(scores, reverse=True)
    assert all(other.prompts == done.prompts for other in others)


@pytest.mark.parametrize("amount", [-1.0, -0.5, -0.25, 0.1, 0.25, 0.5, 1.0])
def test_a_nudge_takes_the_largest_candidate_of_that_many_times_the_area(state, amount):
    done = run(state, [Click(16, 20), Click(37, 12)])
    moved = nudged(state, done, amount)
    area = done.scales[-1].area
    areas = done.prompts[-1].map.candidates.area
    fitting = [int(a) for a in areas if a <= area * 16**amount]
    assert moved.scales[-1].area == (max(fitting) if fitting else areas[0])
    assert moved.scales[0] == done.scales[0]
    assert moved.prompts[-1].click == done.prompts[-1].click
    assert np.array_equal(nudged(state, moved, 0).mask, done.mask), "0 is the method's choice"


def test_a_nudge_stays_when_further_clicks_come(state):
    first = nudged(state, run(state, [Click(16, 20)]), -0.5)
    both = segment(state, first, Click(37, 12))
    assert both.scales[0].area == first.scales[0].area < run(state, [Click(16, 20)]).scales[0].area


def test_a_map_known_before_gives_the_same_result(state):
    click = Click(16, 20)
    (known,) = markov_maps(state, (click,))
    again = segment(state, empty(state), click, known)
    assert again.prompts[0].map is known
    assert np.array_equal(again.mask, run(state, [click]).mask)


def test_changed_settings_are_not_ignored():
    """Known defect of the official code: settings changed after an image was cached."""
    click = Click(16, 20)
    for changes in (
        {"prior_fraction": 0.01},
        {"range_sigma": 10.0},
        {"chain_threshold": 0.9},
        {"temperature": 3.0},
        {"spatial_sigma": 0.2},
    ):
        state, other = state_of(), state_of(**changes)
        assert not torch.equal(run(state, [click]).margin, run(other, [click]).margin), (
            f"{changes} changed nothing"
        )


CLICKING = [
    {"chain_steps": 2},
    {"click_placement": "corner"},
    {"depth_guided_fill": False},
    {"size_rule": "prior"},
    {"prior_fraction": 0.01},
    {"alpha": 0.05},
    {"scale_evidence": True},
    {"steady_scales": True, "scale_evidence": True},
    {"refinement": 0.05},
    {"bound": "change"},
    {"discard": "once"},
]


@pytest.mark.parametrize("changes", CLICKING)
def test_what_clicking_needs_changes_without_preparing_again(changes):
    """A state that is clicked on with other settings is one that was prepared with them."""
    near = torch.linspace(0, 1, SIZE.area).reshape(SIZE.shape)
    base = {"depth": near, "alpha": 0.2, "bound": "segment"}  # small: the size rule decides
    state = state_of(**base)
    clicks = [Click(16, 20), Click(37, 12), Click(17, 31), Click(20, 31)]
    changed = state.with_settings(state.settings.replace(**changes))
    assert changed.transition is state.transition
    made = run(state_of(**base | changes), clicks)
    assert torch.equal(run(changed, clicks).margin, made.margin)
    assert not torch.equal(run(state, clicks).margin, made.margin), f"{changes} change nothing"


def test_what_preparing_needs_is_refused_by_name(state):
    with pytest.raises(StateError, match=r"temperature 0\.65 and not 3\.0; prepare"):
        state.with_settings(state.settings.replace(temperature=3.0, alpha=4.0))


# Depth


def test_flat_depth_is_no_depth(state):
    clicks = [Click(16, 20), Click(37, 12, False)]
    flat = run(state_of(depth=torch.zeros(SIZE.shape)), clicks)
    assert np.array_equal(flat.mask, run(state, clicks).mask)


def test_depth_parts_what_colour_does_not():
    """One box of one colour, its right half nearer: with depth the click takes its half."""
    box = (8, 10, 40, 30)
    near = torch.zeros(SIZE.shape)
    near[:, 24:] = 1
    left, whole = box_mask((8, 10, 24, 30)), box_mask(box)
    click = Click(14, 20)
    guided = run(state_of([box], depth=near), [click]).mask
    assert iou(guided, left) > 0.8 > iou(guided, whole)
    off = {"depth_guided_fill": False, "depth_guided_upsampling": False}
    assert np.array_equal(
        run(state_of([box], depth=near, **off), [click]).mask, run(state_of([box]), [click]).mask
    )


@pytest.mark.parametrize("shape", [(48, 40), (20, 24), (41, 48)])
def test_depth_of_another_size_is_refused(shape):
    with pytest.raises(DepthError, match=f"{shape[1]}x{shape[0]}, the image 48x40"):
        state_of(depth=torch.zeros(shape))


# Bad clicks


@pytest.mark.parametrize("place", [(48, 0), (0, 40), (1000, 1000)])
def test_clicks_outside_are_refused(state, place):
    """Known defect of the official code: accepted, or a crash deep down."""
    with pytest.raises(ClickError, match="outside the 48x40 image"):
        segment(state, empty(state), Click(*place))


def test_opposite_clicks_on_one_pixel_are_refused(state):
    with pytest.raises(ClickError, match="both as object and as background"):
        segment(state, run(state, [Click(16, 20, True)]), Click(16, 20, False))


def test_the_same_click_again_changes_nothing(state):
    once = run(state, [Click(16, 20)])
    assert np.array_equal(segment(state, once, Click(16, 20)).mask, once.mask)


def test_no_clicks_and_unequal_numbers_are_refused_at_once():
    """Known defect of the official code: obscure errors far from the cause."""
    with pytest.raises(ClickError, match="no clicks"):
        clicks_from_arrays([], [])
    with pytest.raises(ClickError, match="1 points came with 2 labels"):
        clicks_from_arrays([[1, 2]], [1, 0])


@pytest.mark.parametrize("label", [np.True_, 1, 1.0, np.int32(1)])
def test_a_label_that_is_no_python_bool_does_not_invert_the_click(state, label):
    """Known defect of the official code."""
    found = segment(state, empty(state), Click(16, 20, label))
    assert np.array_equal(found.mask, run(state, [Click(16, 20, True)]).mask)
    assert found.mask[20, 16]


# Images and attentions of every shape


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 9), Size(9, 1), Size(2, 2), Size(1, 300)])
@pytest.mark.parametrize("cells", [Size(1, 1), Size(3, 3), Size(4, 2)])
@pytest.mark.parametrize("preset", ["paper", "m2n2", "offline"])
def test_the_smallest_images_work(size, cells, preset):
    image = read_image(np.arange(size.area, dtype=np.uint8).reshape(size.shape))
    state = prepare(
        image,
        Precomputed(np.full((*cells.shape, *cells.shape), 1 / cells.area)),
        GivenDepth(torch.linspace(0, 1, size.area).reshape(size.shape)),
        getattr(Settings, preset)().replace(temperature=1.0),
    )
    done = segment(state, empty(state), Click(size.width - 1, size.height - 1))
    assert done.mask.shape == size.shape
    assert done.mask[-1, -1]
    if size.area > 1:
        done = segment(state, done, Click(0, 0, False))
        assert not done.mask[0, 0]
        assert done.mask[-1, -1]


@pytest.mark.parametrize(
    "matrix",
    [np.eye(16), np.full((16, 16), 1 / 16), np.eye(16)[::-1].copy()],
    ids=["identity", "uniform", "permutation"],
)
def test_degenerate_attentions_give_a_mask_that_holds_its_clicks(matrix):
    state = prepare(photograph(SIZE, BOXES), Precomputed(matrix))
    done = run(state, [Click(16, 20), Click(37, 12, False), Click(20, 25)])
    assert done.mask[20, 16]
    assert done.mask[25, 20]
    assert not done.mask[12, 37]


def test_an_attention_that_cannot_be_balanced_is_refused():
    first_only = np.zeros((4, 4), np.float32)
    first_only[:, 0] = 1
    with pytest.raises(AttentionError, match="cannot be balanced"):
        prepare(
            photograph(SIZE, BOXES),
            Precomputed(first_only),
            settings=Settings.ours().replace(temperature=0.05),
        )


def test_a_limit_on_the_shorter_side_returns_masks_at_full_size():
    large = Size(80, 96)
    boxes = [tuple(2 * side for side in box) for box in BOXES]
    state = state_of(boxes, large, max_short_side=40)
    assert state.working_size == SIZE
    done = run(state, [Click(33, 41), Click(75, 25, False)])
    assert done.mask.shape == large.shape
    assert done.working_mask.shape == SIZE.shape
    assert iou(done.mask, box_mask(boxes[0], large)) > 0.85


def test_clicked_pixels_keep_their_label_at_full_size():
    """Two opposite clicks in one working pixel: each keeps its own pixel of the photograph."""
    state = state_of([(0, 0, 320, 256)], Size(256, 320), max_short_side=16)
    clicks = [Click(100, 100), Click(101, 100, False), Click(102, 100)]
    mask = run(state, clicks).mask
    assert [bool(mask[100, x]) for x in (100, 101, 102)] == [True, False, True]


@pytest.mark.slow
def test_a_hundred_megapixels_work():
    shape = (10_000, 10_000, 3)
    image = np.zeros(shape, np.uint8)
    image[: shape[0] // 3, : shape[1] // 3] = 200
    state = prepare(
        read_image(image),
        Precomputed(np.full((4, 4), 0.25)),
        settings=Settings.ours().replace(max_short_side=16),
    )
    done = segment(state, empty(state), Click(shape[1] - 1, shape[0] - 1))
    mask = done.mask
    assert mask.shape == shape[:2]
    assert mask[-1, -1]
    assert not mask[0, 0]


# Terms of ours

OURS = {"scale_evidence": True, "steady_scales": True, "refinement": 0.05}


@pytest.fixture(scope="module")
def helped() -> ImageState:
    return state_of(**OURS)


def test_the_paper_asks_nothing_of_the_photograph(state, helped):
    assert "photograph" not in vars(state.additions), "it is measured when it is first asked for"
    assert "photograph" in vars(helped.additions)
    done = run(state, [Click(16, 20), Click(37, 12)])
    assert done.unrefined is None
    assert all(prompt.choices is prompt.map.candidates for prompt in done.prompts)


def test_terms_of_ours_find_the_boxes_exactly(helped):
    done = run(helped, [Click(16, 20), Click(37, 12)])
    assert np.array_equal(done.mask, box_mask(BOXES[0]) | box_mask(BOXES[1]))


def test_a_mask_to_correct_is_not_refined_where_nothing_changes(helped):
    """A click on the background says what the mask says already."""
    previous = box_mask((20, 20, 30, 30))
    done = segment(helped, empty(helped, previous), Click(2, 2, False))
    np.testing.assert_array_equal(done.mask, previous)


def test_steady_scales_keep_an_earlier_scale_where_that_is_nearer_to_the_click(helped):
    """With the rule the click's change is never clearly less about the click than without it."""
    without = dataclasses.replace(helped, settings=helped.settings.replace(steady_scales=False))
    kept = 0
    first = run(helped, [Click(16, 20)])
    for x, y in itertools.product(range(2, SIZE.width, 3), range(2, SIZE.height, 3)):
        click = Click(x, y, not first.mask[y, x])
        steady, scored = (segment(each, first, click) for each in (helped, without))
        if steady.scales[0] != scored.scales[0]:
            kept += 1
            assert steady.scales[0] == first.scales[0]
    assert kept > 0


# Laws

CLICKS = st.builds(
    Click, st.integers(0, SIZE.width - 1), st.integers(0, SIZE.height - 1), st.booleans()
)
SEQUENCES = st.lists(CLICKS, min_size=1, max_size=5, unique_by=lambda c: (c.x, c.y))


@st.composite
def boxes(draw) -> list[tuple[int, int, int, int]]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        left, top = draw(st.integers(0, 36)), draw(st.integers(0, 28))
        right, bottom = left + draw(st.integers(6, 24)), top + draw(st.integers(6, 24))
        found.append((left, top, min(right, SIZE.width), min(bottom, SIZE.height)))
    return found


@given(boxes(), SEQUENCES, st.sampled_from([0.1, 1.0, 16.0]), st.booleans())
def test_the_area_never_changes_by_more_than_the_limit(found, clicks, alpha, ours):
    """The adaptive rule, both halves, where it bounds the segment; the pixel clicked is the least
    that can change. What the refinement then does to the outline does not count."""
    state = state_of(found, alpha=alpha, bound="segment", **(OURS if ours else {}))
    done = empty(state)
    for click in clicks:
        after = segment(state, done, click)
        change = abs(after.claimed - done.claimed)
        assert change <= max(after.prompts[-1].limit, 1)
        done = after


def test_a_discarded_click_does_not_count_in_the_other_scores():
    """A second click just beside the first mask may change it by few pixels only."""
    state = state_of(alpha=0.05)
    first = run(state, [Click(16, 20)])
    for x in range(SIZE.width):
        done = segment(state, first, Click(x, 34)) if not first.mask[34, x] else None
        if done is not None and not done.prompts[-1].counted:
            assert done.scales[0] == first.scales[0]
            return
    pytest.fail("no click was discarded")


def test_without_the_adaptive_rule_no_click_is_limited(state):
    done = run(state_of(size_rule="prior"), [Click(16, 20), Click(37, 12), Click(2, 2, False)])
    assert [prompt.limit for prompt in done.prompts] == [math.inf] * 3
    assert all(prompt.counted for prompt in done.prompts)


@pytest.mark.parametrize("changes", [{}, {"size_rule": "prior"}, OURS], ids=str)
@given(SEQUENCES)
def test_clicked_pixels_have_their_label(helped, changes, clicks):
    settings = Settings.ours().replace(chain_steps=60, **changes)
    chosen = dataclasses.replace(helped, settings=settings)
    done = run(chosen, clicks)
    for click in clicks:
        assert done.mask[click.y, click.x] == click.positive


@given(SEQUENCES)
def test_a_click_changes_no_other_clicks_map(state, clicks):
    done = empty(state)
    for click in clicks:
        after = segment(state, done, click)
        for before, now in zip(done.prompts, after.prompts, strict=False):
            assert now.map is before.map
        done = after
    for click, prompt in zip(clicks, done.prompts, strict=True):
        (alone,) = markov_maps(state, (click,))
        assert torch.equal(alone.values, prompt.map.values)
    for together, prompt in zip(markov_maps(state, tuple(clicks)), done.prompts, strict=True):
        torch.testing.assert_close(together.values, prompt.map.values, rtol=1e-3, atol=1e-4)


@given(CLICKS)
def test_a_map_depends_on_the_pixel_not_on_the_label(state, click):
    (ours,) = markov_maps(state, (Click(click.x, click.y, True),))
    (theirs,) = markov_maps(state, (Click(click.x, click.y, False),))
    assert torch.equal(ours.values, theirs.values)
    assert float(ours.values[click.y, click.x]) == 0
    assert 0 <= float(ours.values.min()) <= float(ours.values.max()) <= 1


def mirrored(click: Click) -> Click:
    return Click(SIZE.width - 1 - click.x, click.y, click.positive)


@given(boxes(), SEQUENCES, st.integers(0, 100), st.booleans())
@settings(max_examples=20)
def test_mirroring_everything_mirrors_the_mask(found, clicks, seed, with_depth):
    """Noise keeps scores from tying; in float64 rounding stays below the differences left.

    Upsampling is float32, so single pixels at a threshold may fall on either side.
    """
    image = photograph(SIZE, found, seed, noise=25)
    depth = torch.from_numpy(image[:, :, 0].astype(np.float32) / 255) if with_depth else None
    attention = ColourAttention(CELLS, torch.float64)

    def mask(image, depth, clicks):
        source = None if depth is None else GivenDepth(depth)
        chosen = Settings.ours().replace(chain_steps=60)
        return run(prepare(image, attention, source, chosen), clicks)

    ours = mask(image, depth, clicks)
    theirs = mask(
        np.ascontiguousarray(image[:, ::-1]),
        None if depth is None else depth.flip(1),
        [mirrored(click) for click in clicks],
    )
    assert (ours.mask != theirs.mask[:, ::-1]).mean() <= 0.005


@pytest.mark.parametrize(
    ("rounds", "maps", "masks"), [(200, 1e-3, 0.005), (None, 0.05, 0.05)], ids=["200", "default"]
)
@given(boxes(), SEQUENCES)
@example([(1, 17, 16, 39), (0, 19, 15, 28)], [Click(0, 15, False)])
@settings(max_examples=15)
def test_float32_attention_agrees_with_float64(rounds, maps, masks, found, clicks):
    """Balanced by as many rounds, to a thousandth. By default each precision meets the tolerance at
    a place of its own, and then the maps are as far apart as the tolerance lets them be:
    docs/decisions/balancing.md."""
    single, double = (
        run(state_of(found, dtype=dtype, sinkhorn_rounds=rounds), clicks)
        for dtype in (torch.float32, torch.float64)
    )
    for ours, theirs in zip(single.prompts, double.prompts, strict=True):
        torch.testing.assert_close(ours.map.values, theirs.map.values, rtol=1e-3, atol=maps)
    assert (single.mask != double.mask).mean() <= masks


@given(SEQUENCES)
def test_a_sequence_is_deterministic(helped, clicks):
    assert torch.equal(run(helped, clicks).margin, run(helped, clicks).margin)
