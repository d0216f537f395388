"""The engine: what is prepared, what is dropped, what is kept in memory."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from m2n2v2.adjusting import nudged
from m2n2v2.annotator import engine as engines
from m2n2v2.annotator.document import PlacedClick
from m2n2v2.annotator.engine import Engine, Prepared
from m2n2v2.annotator.folder import Content
from m2n2v2.annotator.models import Model
from m2n2v2.compiled import threads as kernel_threads
from m2n2v2.errors import BusyError, ClickError, ImageError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.predictor import Predictor
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click
from m2n2v2.session import replay
from tests.annotator.conftest import BOXES, Gate, stand_in
from tests.patience import PATIENCE, until
from tests.scenes import ColourAttention, photograph


@dataclass
class Pictures:
    """Photographs by number; 13 cannot be read."""

    opened: list[int] = field(default_factory=list)
    next: int | None = None

    def content(self, image: int) -> Content:
        self.opened.append(image)
        if image == 13:
            raise ImageError("13 is no image", cure="replace it")
        return Content(photograph(Size(60, 90), BOXES, seed=image), f"sha of {image}")

    def following(self, image: int) -> int | None:
        return self.next


@pytest.fixture
def pictures() -> Pictures:
    return Pictures()


Make = Callable[..., Engine]


@pytest.fixture
def make(gate: Gate, pictures: Pictures) -> Iterator[Make]:
    made: list[Engine] = []

    def engine(**options: Any) -> Engine:
        options = {"ahead": False} | options
        made.append(Engine(stand_in(gate), pictures, **options))
        return made[-1]

    yield engine
    gate.open.set()
    for each in made:
        each.close()


def ready(engine: Engine, *images: int) -> None:
    for image in images:
        engine.want(image)
        until(lambda: engine.status(image).state == "ready")  # noqa: B023 - called at once


def test_states_and_stages(make: Make, gate: Gate) -> None:
    gate.open.clear()
    engine = make()
    assert engine.status(1).state == "none"
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    assert engine.want(2).state == "queued"
    assert (engine.status(1).state, engine.status(1).stage) == ("preparing", "attention")
    with pytest.raises(BusyError, match="not prepared"):
        engine.prepared(1, "sha of 1")
    gate.open.set()
    until(lambda: engine.status(1).state == "ready" and engine.status(2).state == "ready")
    assert engine.prepared(1, "sha of 1").state.size == Size(60, 90)


def test_a_prepared_image_of_another_content_is_not_used(make: Make) -> None:
    engine = make()
    ready(engine, 1)
    with pytest.raises(BusyError):
        engine.prepared(1, "sha of another")
    assert engine.status(1).state == "none"


def test_what_fails_says_why_and_may_be_tried_again(make: Make, pictures: Pictures) -> None:
    engine = make()
    engine.want(13)
    until(lambda: engine.status(13).state == "failed")
    assert "13 is no image" in str(engine.status(13).error)
    with pytest.raises(BusyError, match="13 is no image"):
        engine.prepared(13, "")
    engine.want(13)
    until(lambda: pictures.opened == [13, 13])
    ready(engine, 1)


def test_a_model_that_cannot_be_loaded_is_said_and_asked_again(pictures: Pictures) -> None:
    def load() -> Predictor:
        raise RuntimeError("/home/somebody/weights are broken")

    engine = Engine(Model("broken", "", load), pictures, ahead=False)
    engine.want(1)
    until(lambda: engine.status(1).state == "failed")
    assert engine.status(1).error == "it cannot be prepared (RuntimeError)"
    engine.close()


def test_another_model_prepares_anew_and_what_the_first_has_prepared_is_kept(
    make: Make, gate: Gate
) -> None:
    engine = make()
    first, other = engine.model, stand_in(gate, "other")
    ready(engine, 1)
    assert gate.asked == 1
    assert first.seconds is not None
    assert other.seconds is None
    engine.choose(other)
    assert engine.status(1).state == "none"
    with pytest.raises(BusyError):
        engine.prepared(1, "sha of 1")
    ready(engine, 1)
    assert gate.asked == 2
    engine.choose(first)
    assert engine.prepared(1, "sha of 1")
    assert gate.asked == 2, "it was kept"


def test_what_is_wanted_while_the_model_changes_is_prepared_by_the_new_one(
    make: Make, gate: Gate
) -> None:
    gate.open.clear()
    engine = make()
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    other = stand_in(gate, "other")
    engine.choose(other)
    gate.open.set()
    until(lambda: engine.status(1).state == "ready")
    assert other.seconds is not None
    engine.choose(engine.model)
    assert engine.status(1).state == "ready"


def test_the_newest_watched_image_comes_first(make: Make, gate: Gate, pictures: Pictures) -> None:
    gate.open.clear()
    engine = make()
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    for image in (2, 3, 4):
        engine.want(image)
    with engine.watching(2):
        gate.open.set()
        until(lambda: len(pictures.opened) == 4)
    assert pictures.opened == [1, 2, 4, 3]


def test_what_nobody_watches_any_more_is_dropped(
    make: Make, gate: Gate, pictures: Pictures
) -> None:
    gate.open.clear()
    engine = make()
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    with engine.watching(1), engine.watching(2):
        engine.want(2)
    assert engine.status(2).state == "none", "it had not begun"
    engine.want(3)
    with engine.watching(3):
        with engine.watching(1):
            pass
        gate.open.set()
        until(lambda: engine.status(3).state == "ready")
    assert engine.status(1).state == "none", "it stopped at the next stage"
    assert pictures.opened == [1, 3]


def test_watching_before_wanting_counts(make: Make, gate: Gate) -> None:
    gate.open.clear()
    engine = make()
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    with engine.watching(2):
        engine.want(2)
        assert engine.status(2).state == "queued"
    assert engine.status(2).state == "none"


def test_those_that_wait_unwatched_are_few(make: Make, gate: Gate) -> None:
    gate.open.clear()
    engine = make()
    engine.want(100)
    assert gate.entered.wait(PATIENCE)
    for image in range(30, 60):
        engine.want(image)
    queued = [image for image in range(30, 60) if engine.status(image).state == "queued"]
    assert queued == list(range(60 - engines.WAITING, 60))


def test_memory_is_bounded_oldest_out_first(make: Make) -> None:
    probe = make()
    ready(probe, 1)
    engine = make(memory=int(2.5 * probe.nbytes))
    ready(engine, 1, 2)
    engine.prepared(1, "sha of 1")
    ready(engine, 3)
    until(lambda: engine.status(2).state == "none")
    assert [engine.status(image).state for image in (1, 3)] == ["ready", "ready"]
    assert engine.nbytes <= 2.5 * probe.nbytes
    tiny = make(memory=1)
    ready(tiny, 1, 2)
    assert tiny.status(2).state == "ready", "one is always kept"
    until(lambda: tiny.status(1).state == "none")


def test_the_next_image_is_prepared_in_the_background(
    make: Make, pictures: Pictures, gate: Gate
) -> None:
    pictures.next = 2
    engine = make(ahead=True)
    engine.want(1)
    until(lambda: engine.status(2).state == "ready")
    assert pictures.opened == [1, 2]


def test_the_background_makes_way(make: Make, pictures: Pictures, gate: Gate) -> None:
    gate.open.clear()
    gate.first = 2
    pictures.next = 2
    engine = make(ahead=True)
    ready(engine, 1)
    until(lambda: engine.status(2).stage == "attention")
    pictures.next = None
    engine.want(3)
    gate.open.set()
    until(lambda: engine.status(3).state == "ready")
    assert engine.status(2).state == "none", "it stopped at the next stage"
    assert gate.asked == 3


def test_states_prepared_elsewhere_need_no_model(pictures: Pictures, state: ImageState) -> None:
    def load() -> Predictor:
        raise AssertionError("a model was asked for")

    model = Model("elsewhere", "", load, lookup=lambda content: state)
    engine = Engine(model, pictures, ahead=False)
    ready(engine, 1)
    assert engine.prepared(1, "sha of 1").state is state
    engine.close()


# Clicks


@pytest.fixture(scope="module")
def state() -> ImageState:
    image = photograph(Size(60, 90), BOXES)
    return prepare(image, ColourAttention(Size(8, 8)))


def placed(*points: tuple[float, float, bool]) -> tuple[PlacedClick, ...]:
    return tuple(PlacedClick(*point) for point in points)


THREE = placed((20, 20, True), (60, 30, False), (38, 38, True))


def test_clicks_are_the_librarys(state: ImageState) -> None:
    prepared = Prepared("", state)
    clicks = [Click(c.x, c.y, c.positive) for c in THREE]
    for count in (1, 2, 3, 2):  # one by one, then back, as after an undo
        found = prepared.segmentation(None, THREE[:count])
        expected = replay(state, clicks[:count])
        np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(
        Prepared("", state).segmentation(None, THREE).mask, replay(state, clicks).mask
    )


def test_a_base_stays_where_no_click_claims(state: ImageState) -> None:
    base = np.zeros((60, 90), bool)
    base[50:, 80:] = True
    found = Prepared("", state).segmentation(Runs.of(base), THREE[:1])
    expected = segment(state, empty(state, base), Click(20, 20))
    np.testing.assert_array_equal(found.mask, expected.mask)
    assert found.mask[50:, 80:].all()


def test_a_nudge_stays_with_its_click(state: ImageState) -> None:
    prepared = Prepared("", state)
    first = PlacedClick(20, 20, True, -0.5)
    smaller = prepared.segmentation(None, (first,))
    assert smaller.mask.sum() < prepared.segmentation(None, THREE[:1]).mask.sum()
    both = prepared.segmentation(None, (first, THREE[1]))
    by_hand = nudged(state, segment(state, empty(state), Click(20, 20)), -0.5)
    np.testing.assert_array_equal(smaller.mask, by_hand.mask)
    np.testing.assert_array_equal(both.mask, segment(state, by_hand, Click(60, 30, False)).mask)


def test_what_is_kept_of_an_image_is_bounded(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = engines.PER_CLICK * state.working_size.area
    monkeypatch.setattr(engines, "MAPS", 10 * each)
    prepared = Prepared("", state)
    for number in range(60):
        prepared.segmentation(None, placed((number, 20, True), (89 - number, 50, False)))
        assert engines.nbytes(state) < prepared.nbytes <= engines.nbytes(state) + 21 * each


def test_clicks_on_one_object_are_bounded(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "MOST", 0)
    prepared = Prepared("", state)
    assert prepared.most_clicks == 20
    with pytest.raises(ClickError, match="takes 20 clicks"):
        prepared.segmentation(None, placed(*((x, 5, True) for x in range(21))))


def test_a_refused_click_leaves_what_was(state: ImageState) -> None:
    prepared = Prepared("", state)
    before = prepared.segmentation(None, THREE)
    for x, y in ((90, 0), (0, 60), (20, 20)):
        with pytest.raises(ClickError):
            prepared.segmentation(None, (*THREE, PlacedClick(x, y, False)))
    assert prepared.segmentation(None, THREE) is before


# Previews


def test_a_preview_is_what_the_click_gives(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Prepared("", state)
    shown = prepared.preview(None, THREE[:2], Click(38, 38))

    def fail(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("m2n2v2.session.markov_maps", fail)
    np.testing.assert_array_equal(prepared.segmentation(None, THREE).mask, shown)


def test_after_a_slow_preview_there_is_a_rest(
    state: ImageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as long as it took; by a clock that is read twice for each that is answered."""
    slow, quick = 2 * engines.GLIMPSE, engines.GLIMPSE / 2
    begin, end = 100.0, 100.0 + 11 * slow
    reads = iter([begin, begin + slow, end - 0.01, end, end + quick, end + quick, end + quick])
    monkeypatch.setattr(engines, "monotonic", lambda: next(reads))
    prepared = Prepared("", state)
    prepared.preview(None, (), Click(20, 20))
    with pytest.raises(BusyError):
        prepared.preview(None, (), Click(20, 20))
    prepared.preview(None, (), Click(20, 20))
    prepared.preview(None, (), Click(20, 20))


def test_a_click_goes_before_previews_and_the_newest_preview_wins(state: ImageState) -> None:
    prepared = Prepared("", state)
    prepared._lock.acquire()  # something is being computed
    outcomes: dict[str, object] = {}

    def ask(name: str, x: int) -> threading.Thread:
        def run() -> None:
            try:
                outcomes[name] = prepared.preview(None, (), Click(x, 20))
            except BusyError:
                outcomes[name] = "busy"

        before = prepared._newest
        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: prepared._newest is not before)
        return thread

    threads = [ask("older", 20), ask("newer", 21)]
    prepared._lock.release()
    for thread in threads:
        thread.join()
    assert outcomes["older"] == "busy"
    assert isinstance(outcomes["newer"], np.ndarray)
    prepared._clicking.add("a click")
    with pytest.raises(BusyError):
        prepared.preview(None, (), Click(20, 20))
    prepared._clicking.clear()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own there")
def test_preparing_has_a_lower_priority_and_clicks_keep_theirs(make: Make, gate: Gate) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    gate.open.clear()
    engine = make()
    engine.want(1)
    assert gate.entered.wait(PATIENCE)
    (working,) = engine._threads
    assert working.native_id is not None
    assert os.getpriority(os.PRIO_PROCESS, working.native_id) == 5 or own > 5
    shared = [thread.native_id for thread in kernel_threads._pool()._threads]
    assert len(shared) == os.cpu_count()
    assert {os.getpriority(os.PRIO_PROCESS, id) for id in shared if id is not None} == {own}
