"""`Session`: an immutable history in which order matters."""

import json

import numpy as np
import pytest

from m2n2v2 import Click, Session, Settings
from m2n2v2.attention import Precomputed
from m2n2v2.errors import ClickError, PromptError
from m2n2v2.images import Image
from m2n2v2.method.values import ImageState, MarkovMap
from m2n2v2.preparation import prepare
from m2n2v2.prompts import steps_from_json, steps_to_json
from m2n2v2.session import MapCache, replay
from m2n2v2.snapping import snapped
from tests.scenes import colour_attention, disc

IMAGE, TRUTH = disc()


@pytest.fixture(scope="module")
def state() -> ImageState:
    return prepare(IMAGE, Precomputed(colour_attention(IMAGE)))


def _clicked(state: ImageState) -> Session:
    session = Session(state)
    session.click(30, 28)
    session.click(60, 12, positive=False)
    session.click(33, 40)
    return session


def test_a_new_session_is_empty(state: ImageState) -> None:
    session = Session(state)
    assert session.clicks == ()
    assert not session.mask.any()
    assert session.mask.shape == TRUTH.shape
    assert not session.can_undo
    assert not session.can_redo
    assert session.undo().clicks == ()
    assert session.redo().clicks == ()


def test_undo_and_redo_walk_the_history(state: ImageState) -> None:
    session = _clicked(state)
    last = session.segmentation
    masks = [session.mask]
    while session.can_undo:
        masks.append(session.undo().mask)
    assert [m.any() for m in masks] == [True, True, True, False]
    while session.can_redo:
        session.redo()
    assert session.segmentation is last


def test_a_click_after_undo_drops_what_was_undone(state: ImageState) -> None:
    session = _clicked(state)
    session.undo()
    session.click(20, 28)
    assert not session.can_redo
    assert [(c.x, c.y) for c in session.clicks] == [(30, 28), (60, 12), (20, 28)]


def test_undone_and_redone_clicks_are_not_computed_again(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _clicked(state)

    def fail(*args: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("m2n2v2.session.markov_maps", fail)
    session.undo()
    session.click(33, 40)
    session.remove(1)
    session.click(60, 12, positive=True)


def test_remove_is_as_if_it_had_never_been_made(state: ImageState) -> None:
    session = _clicked(state)
    session.remove(1)
    expected = replay(state, [Click(30, 28), Click(33, 40)])
    assert session.clicks == expected.clicks
    np.testing.assert_array_equal(session.mask, expected.mask)
    assert [p.limit for p in session.segmentation.prompts] == [p.limit for p in expected.prompts]
    assert session.undo().clicks == _clicked(state).clicks


def test_reset_can_be_undone(state: ImageState) -> None:
    session = _clicked(state)
    mask = session.mask
    assert not session.reset().mask.any()
    np.testing.assert_array_equal(session.undo().mask, mask)


def test_a_refused_click_changes_nothing(state: ImageState) -> None:
    session = _clicked(state)
    before = session.segmentation
    for x, y, positive in ((80, 0, True), (0, 60, True), (30, 28, False), (-1, 0, True)):
        with pytest.raises(ClickError):
            session.click(x, y, positive)
    with pytest.raises(ClickError, match="no click 3 among 3"):
        session.remove(3)
    assert session.segmentation is before


def test_starting_from_a_mask_limits_the_first_click(state: ImageState) -> None:
    start = np.zeros(TRUTH.shape, bool)
    start[28, 32] = True
    session = Session(state, previous=start)
    np.testing.assert_array_equal(session.mask, start)
    session.click(30, 28)
    assert session.segmentation.prompts[0].limit == pytest.approx(state.settings.alpha * np.pi * 4)
    assert np.isinf(_clicked(state).segmentation.prompts[0].limit)


def test_starting_from_a_mask_keeps_it_where_no_click_claims(state: ImageState) -> None:
    """A correction two pixels beside a mask leaves the mask, and adds at most its limit."""
    start = TRUTH.copy()
    start[:, :24] = False
    session = Session(state, previous=start)
    session.click(22, 28)
    limit = session.segmentation.prompts[0].limit
    assert limit == pytest.approx(state.settings.alpha * np.pi * 4)
    assert (session.mask & start).sum() == start.sum()
    assert 0 < session.mask.sum() - start.sum() <= limit


def test_order_matters(state: ImageState) -> None:
    """A click's limit is the distance to what was there when it was placed (Eq. 9)."""
    forth = replay(state, [Click(30, 28), Click(60, 28)])
    back = replay(state, [Click(60, 28), Click(30, 28)])
    assert [np.isinf(p.limit) for p in forth.prompts] == [True, False]
    assert [np.isinf(p.limit) for p in back.prompts] == [True, False]
    assert forth.prompts[0].click == back.prompts[1].click


def test_map_cache_is_bounded_and_exact(state: ImageState) -> None:
    (probe,) = MapCache(state)((Click(10, 10),))
    cache = MapCache(state, limit=int(2.9 * size_of(probe)))
    clicks = [Click(10, 10), Click(20, 20), Click(30, 30)]
    together = cache(clicks)
    assert len(cache._maps) == 2
    for click, found in zip(clicks, together, strict=True):
        (alone,) = MapCache(state)((click,))
        np.testing.assert_allclose(found.values, alone.values, atol=1e-5)
    assert cache((clicks[2],))[0] is together[2]
    assert cache((clicks[0],))[0] is not together[0]


def test_a_map_computed_elsewhere_is_kept(state: ImageState) -> None:
    click = Click(10, 10)
    (found,) = MapCache(state)((click,))
    cache = MapCache(state)
    cache.keep(click, found)
    assert len(cache._maps) == 1
    assert cache((Click(10, 10, False),))[0] is found


def test_previous_in_replay_is_seen_by_the_last_click_only(state: ImageState) -> None:
    near = np.zeros(TRUTH.shape, bool)
    near[40, 34] = True
    result = replay(state, [Click(30, 28), Click(33, 40)], previous=near)
    assert np.isinf(result.prompts[0].limit)
    assert result.prompts[1].limit == pytest.approx(state.settings.alpha * np.pi)


def test_settings_of_a_state_are_its_own(state: ImageState) -> None:
    """Two states of one image and different settings do not share anything."""
    image: Image = IMAGE
    prior = prepare(
        image,
        Precomputed(colour_attention(image)),
        settings=Settings.ours().replace(size_rule="prior"),
    )
    clicks = [Click(30, 28), Click(33, 40)]
    assert all(np.isinf(p.limit) for p in replay(prior, clicks).prompts)
    assert not np.isinf(replay(state, clicks).prompts[1].limit)


def _masks_of_the_way_back(session: Session) -> list[np.ndarray]:
    masks = [session.mask]
    while session.can_undo:
        masks.append(session.undo().mask)
    return masks


def test_what_is_no_longer_kept_is_made_again(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Click, remove and reset; then all the way back and forth, as if everything were kept."""

    def walked() -> tuple[Session, list[np.ndarray], list[tuple[Click, ...]]]:
        session = _clicked(state)
        session.click(50, 40, positive=False)
        session.remove(1)
        session.reset()
        session.click(20, 28)
        session.click(70, 50, positive=False)
        back = _masks_of_the_way_back(session)
        clicks = [session.clicks]
        while session.can_redo:
            clicks.append(session.redo().clicks)
        return session, back, clicks

    _, expected, expected_clicks = walked()
    monkeypatch.setattr("m2n2v2.session.BYTES", 1)
    session, found, clicks = walked()
    assert len(session._kept) == 1
    assert clicks == expected_clicks
    assert len(clicks) == 9
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_long_session_keeps_few_segmentations(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = replay(state, [Click(30, 20)])
    limit = 17 * (each.margin.nbytes + size_of(each.prompts[0].map))
    monkeypatch.setattr("m2n2v2.session.BYTES", limit)
    session = Session(state)
    for turn in range(30):
        session.click(30, 20 + turn % 10)
        session.click(60, 12, positive=False)
        session.reset()
    assert 8 <= len(session._kept) <= 32
    assert max(session._kept.currsize, session._maps.nbytes) <= limit
    for _ in range(89):
        session.undo()
    assert session.clicks == (Click(30, 20),)
    np.testing.assert_array_equal(session.mask, replay(state, [Click(30, 20)]).mask)


def size_of(found: MarkovMap) -> int:
    return found.values.nbytes + sum(a.nbytes for a in vars(found.candidates).values())


def test_the_newest_map_stays_however_large(state: ImageState) -> None:
    cache = MapCache(state, limit=1)
    for x in (40, 41):
        (found,) = cache((Click(x, 10),))
        assert len(cache._maps) == 1
    assert cache((Click(41, 10),))[0] is found


def test_remove_takes_indices_from_the_end(state: ImageState) -> None:
    session = _clicked(state)
    session.remove(-1)
    assert [(c.x, c.y) for c in session.clicks] == [(30, 28), (60, 12)]


# Scribbles and boxes


def test_every_prompt_can_be_undone_and_redone(state: ImageState) -> None:
    session = Session(state)
    masks = [session.mask]
    masks.append(session.box(14, 12, 47, 45).mask)
    masks.append(session.scribble([(25, 20), (35, 36)]).mask)
    masks.append(session.click(60, 12, positive=False).mask)
    masks.append(session.box(0, 0, 10, 60, positive=False).mask)
    assert [type(each).__name__ for each in session.prompts] == ["Box", "Scribble", "Click", "Box"]
    assert session.clicks == (Click(60, 12, False),)
    for expected in masks[-2::-1]:
        np.testing.assert_array_equal(session.undo().mask, expected)
    for expected in masks[1:]:
        np.testing.assert_array_equal(session.redo().mask, expected)
    np.testing.assert_array_equal(replay(state, session.prompts).mask, masks[-1])
    np.testing.assert_array_equal(session.remove(1).mask, replay(state, session.prompts).mask)
    assert len(session.prompts) == 3


def test_a_refused_prompt_changes_nothing(state: ImageState) -> None:
    session = Session(state)
    session.click(30, 28)
    before = session.segmentation
    for wrong in (
        lambda: session.box(25, 25, 35, 35, positive=False),
        lambda: session.scribble([(20, 28), (40, 28)], positive=False),
        lambda: session.box(90, 0, 99, 9),
        lambda: session.scribble([]),
    ):
        with pytest.raises(PromptError):
            wrong()
        assert session.segmentation is before
    session.undo()
    assert not session.can_undo


def test_a_box_corrects_a_given_mask(state: ImageState) -> None:
    previous = np.zeros(TRUTH.shape, bool)
    previous[50:58, 60:78] = True
    session = Session(state, previous)
    mask = session.box(14, 12, 47, 45).mask
    assert mask[52:56, 62:76].all(), "what no prompt claims is kept"
    assert mask[28, 30]


def test_a_snap_is_a_step_and_what_follows_corrects_the_mask_it_drew(state: ImageState) -> None:
    session = _clicked(state)
    before = session.mask
    drawn = snapped(state, before)
    after = session.snap()
    assert np.array_equal(after.mask, drawn)
    assert session.prompts == after.given == ()
    begun = Session(state, drawn)
    assert np.array_equal(
        session.click(30, 28, positive=False).mask, begun.click(30, 28, positive=False).mask
    )  # spent clicks are not contradicted
    session.click(60, 12)
    kept = session.remove(0).mask
    assert np.array_equal(kept, Session(state, drawn).click(60, 12).mask)
    with pytest.raises(ClickError, match="no click 1 among 1"):
        session.remove(1)
    for _ in range(3):
        session.undo()
    assert np.array_equal(session.mask, drawn)
    assert np.array_equal(session.undo().mask, before)
    assert len(session.prompts) == 3
    assert np.array_equal(session.redo().mask, drawn)


def test_the_same_steps_read_from_json_give_the_same_mask(state: ImageState) -> None:
    session = _clicked(state)
    session.snap()
    session.click(60, 12)
    rows = json.loads(json.dumps(steps_to_json(session.steps)))
    assert rows[3] == {"snap": True}
    again = Session(state)
    for step in steps_from_json(rows):
        again.add(step)
    assert again.steps == session.steps
    assert np.array_equal(again.mask, session.mask)


def test_a_snap_no_longer_kept_is_made_again(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("m2n2v2.session.BYTES", 1)
    session = _clicked(state)
    session.snap()
    session.click(60, 12)
    mask = session.mask
    assert len(session._kept) == 1
    session.undo()
    assert np.array_equal(session.redo().mask, mask)


def test_nothing_is_no_mask_to_draw_anew(state: ImageState) -> None:
    session = Session(state)
    with pytest.raises(PromptError, match="no mask to draw anew"):
        session.snap()
    assert not session.can_undo
