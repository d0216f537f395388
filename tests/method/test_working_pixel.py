"""Opposite clicks on one pixel of the working size: neither destroys what the other said.

On a photograph that is computed at a reduced size, two clicks at different pixels can fall on one
working pixel, where every scale that holds the one holds the other.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from m2n2v2.adjusting import alternatives, nudged
from m2n2v2.attention import Affinity
from m2n2v2.grid import Size, rescaled_pixel
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import PRESETS
from m2n2v2.prompts import Click
from m2n2v2.session import Session, replay
from m2n2v2.states.file import read_state, write_state
from tests.scenes import ColourAttention, disc, photograph

REDUCING = {
    preset.settings.replace(object_model=0.0): name
    for name, preset in reversed(PRESETS.items())
    if preset.settings.max_short_side is not None
}
"""The settings of every preset that reduces, with the name of one preset that has them; but for the
model of the object, which needs a network's features."""

every_rule = pytest.mark.parametrize("rules", REDUCING, ids=REDUCING.values())


def state_of(size: Size, boxes, rules: Settings, short_side: int) -> ImageState:
    quick = rules.replace(max_short_side=short_side, chain_steps=60, sinkhorn_rounds=None)
    return prepare(photograph(size, boxes), ColourAttention(Size(6, 8)), settings=quick)


def run(state: ImageState, clicks, previous=None) -> Segmentation:
    done = empty(state, previous)
    for click in clicks:
        done = segment(state, done, click)
    return done


@st.composite
def reduced_scenes(draw) -> tuple[Size, list, int, list[Click], Click]:
    """A photograph and its working size, clicks, and one more click that contradicts the first on
    its working pixel, at another pixel of the photograph."""
    short_side = 16
    size = Size(draw(st.integers(17, 70)), draw(st.integers(17, 70)))
    left, top = draw(st.integers(0, size.width - 8)), draw(st.integers(0, size.height - 8))
    boxes = [(left, top, left + draw(st.integers(4, 40)), top + draw(st.integers(4, 40)))]
    x, y = draw(st.integers(0, size.width - 1)), draw(st.integers(0, size.height - 1))
    first = Click(x, y, draw(st.booleans()))
    scale = min(size.shape) / short_side
    working = Size(round(size.height / scale), round(size.width / scale))
    on_it = [
        (i, j)
        for i, j in itertools.product(range(x - 5, x + 6), range(y - 5, y + 6))
        if (i, j) != (x, y)
        and 0 <= i < size.width
        and 0 <= j < size.height
        and rescaled_pixel(i, j, size, working) == rescaled_pixel(x, y, size, working)
    ]
    others = draw(
        st.lists(
            st.builds(
                Click,
                st.integers(0, size.width - 1),
                st.integers(0, size.height - 1),
                st.booleans(),
            ),
            max_size=3,
            unique_by=lambda c: (c.x, c.y),
        )
    )
    opposite = draw(st.sampled_from(on_it)) if on_it else None
    taken = {(x, y), opposite}
    clicks = [first, *(c for c in others if (c.x, c.y) not in taken)]
    return size, boxes, short_side, clicks, opposite and Click(*opposite, not first.positive)


@every_rule
@given(scene=reduced_scenes())
@settings(max_examples=25)
def test_a_click_on_the_working_pixel_of_an_opposite_one_changes_its_own_pixel_alone(rules, scene):
    size, boxes, short_side, clicks, opposite = scene
    assume(opposite is not None)
    before = run(state := state_of(size, boxes, rules, short_side), clicks)
    after = segment(state, before, opposite)
    expected = before.mask.copy()
    expected[opposite.y, opposite.x] = opposite.positive
    assert np.array_equal(after.mask, expected)
    assert after.scales[:-1] == before.scales


@every_rule
@given(scene=reduced_scenes())
@settings(max_examples=25)
def test_clicks_at_different_pixels_all_keep_their_labels(rules, scene):
    """So an object click never leaves the mask empty, and a background click never fills it."""
    size, boxes, short_side, clicks, opposite = scene
    clicks = [*clicks, opposite] if opposite else clicks
    done = empty(state := state_of(size, boxes, rules, short_side))
    for count, click in enumerate(clicks, 1):
        done = segment(state, done, click)
        soft = done.soft_mask.numpy()
        for c in clicks[:count]:
            assert bool(done.mask[c.y, c.x]) == c.positive
            assert bool(soft[c.y, c.x] > 0) == c.positive
        heard = {(p.map.point, p.click.positive) for p in done.prompts if not p.overruled}
        assert len({point for point, _ in heard}) == len(heard), "one label has a working pixel"
    again = replay(state, clicks)
    assert np.array_equal(again.mask, done.mask)


@every_rule
def test_an_object_survives_a_background_click_beside_its_own(rules):
    """The case that was reported: of 29344 pixels 1 was left."""
    image, truth = disc(512, 512, (256, 256), 97)
    attention = Affinity() if rules.temperature == 1 else ColourAttention(Size(12, 12))
    quick = rules.replace(max_short_side=128)
    state = prepare(image, attention, settings=quick)
    first = run(state, [Click(256, 256)])
    second = segment(state, first, Click(258, 256, False))
    assert first.mask.sum() > 0.9 * truth.sum()
    assert first.mask.sum() - second.mask.sum() == 1
    assert not second.mask[256, 258]
    third = segment(state, second, Click(20, 20, False))
    assert third.mask.sum() > 0.9 * truth.sum(), "and the pair does not spoil what comes after"


# What goes with the rule

PAIR = [Click(40, 32), Click(41, 32, False)]


@pytest.fixture(scope="module")
def state() -> ImageState:
    return state_of(Size(64, 80), [(24, 16, 56, 48)], Settings.ours(), 16)


def test_the_first_of_two_opposite_clicks_has_the_working_pixel(state):
    for first, second in (PAIR, PAIR[::-1]):
        done = run(state, [first, second])
        assert [prompt.overruled for prompt in done.prompts] == [False, True]
        assert done.scales[1].threshold is None
        x, y = done.prompts[0].map.point
        assert bool(done.working_mask[y, x]) == first.positive


def test_a_second_click_of_the_owners_label_is_heard(state):
    done = run(state, [*PAIR, Click(42, 33)])
    assert [prompt.overruled for prompt in done.prompts] == [False, True, False]


def test_without_the_first_click_the_second_is_heard(state):
    session = Session(state)
    for click in PAIR:
        session.click(click.x, click.y, click.positive)
    done = session.remove(0)
    assert not done.prompts[0].overruled
    assert not done.mask.any()


def test_a_prompt_without_a_scale_has_no_alternatives_but_can_be_nudged(state):
    done = run(state, PAIR)
    assert all(np.array_equal(other.mask, done.mask) for other in alternatives(state, done))
    larger = nudged(state, done, 1.0)
    assert larger.scales[1].threshold is not None
    assert not larger.mask[32, 41]
    assert larger.mask[32, 40]


def test_a_mask_to_correct_stays_but_for_the_pixel(state):
    previous = np.zeros((64, 80), np.bool_)
    previous[4:60, 4:70] = True
    done = replay(state, PAIR, previous=previous)
    expected = empty(state, previous).mask.copy()
    expected[32, 41] = False
    assert done.mask[32, 40]
    assert np.array_equal(done.mask, expected)


@every_rule
def test_a_state_from_a_file_has_the_same_rule(rules, tmp_path):
    made = state_of(Size(64, 80), [(24, 16, 56, 48)], rules, 16)
    write_state(tmp_path / "photo.safetensors", made, exact=True)
    read = read_state(tmp_path / "photo.safetensors")
    clicks = [*PAIR, Click(2, 2, False), Click(50, 40)]
    assert np.array_equal(run(read, clicks).mask, run(made, clicks).mask)
