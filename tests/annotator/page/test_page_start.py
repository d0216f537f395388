"""The first minute: what happens meanwhile, and what the sample photographs teach."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.annotator.page.conftest import Desk, Served

Open = Callable[..., Desk]


@pytest.fixture
def pupil(browser: Any, serve: Callable[..., Served], photographs: Path) -> Any:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Desk(context, serve(photographs, sample=True).url).open()
    context.close()


def test_the_sample_teaches_in_three_steps(pupil: Desk) -> None:
    hint = pupil.page.locator("#hint")
    hint.get_by_text("1 of 3: click an object.").wait_for()
    pupil.click(24, 24)
    pupil.settled()
    hint.get_by_text("2 of 3: right-click").wait_for()
    pupil.click(60, 30, button="right")
    pupil.settled()
    hint.get_by_text("3 of 3: Enter").wait_for()
    pupil.page.keyboard.press("Enter")
    pupil.settled()
    hint.get_by_text("That is all there is to it").wait_for()
    pupil.page.keyboard.press("Shift+Enter")
    pupil.named("2.png")
    hint.wait_for(state="hidden")
    pupil.page.reload()
    pupil.ready()
    assert hint.is_hidden(), "it is not taught twice"
    assert pupil.errors == []


def test_compiling_is_told_with_a_bar(desk: Open) -> None:
    me = desk()
    stage = "compiling for this processor, once: 12 of at most 31"
    told = '{"state": "preparing", "stage": "' + stage + '", "error": null, "depth": false}'
    me.page.route(
        "**/prepare",
        lambda route: route.fulfill(status=202, content_type="application/json", body=told),
    )
    me.page.route("**/events", lambda route: route.abort())
    me.page.goto(me.url)
    me.page.locator("#preparing").get_by_text("Setting up this machine, once: 12 of 31").wait_for()
    bar = me.page.locator("#preparing .bar")
    part = bar.evaluate("(bar) => bar.style.getPropertyValue('--part')")
    assert float(part) == pytest.approx(12 / 31)


def touched(me: Desk, *points: tuple[float, float]) -> None:
    """One finger that moves through these pixels of the photograph."""
    session = me.page.context.new_cdp_session(me.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": 1} for x, y in (me.screen(*place) for place in places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", points[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        for part in (0.5, 1):
            touch("touchMove", (x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
    touch("touchEnd")
    me.settled()


def test_boxes_and_scribbles_by_touch(desk: Open) -> None:
    me = desk(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True).open()
    me.page.get_by_role("button", name="Box: drag round the object").tap()
    touched(me, (5, 5), (44, 44))
    (made,) = me.stored()["objects"]
    assert [round(v) for v in made["clicks"][0]["box"]] == pytest.approx([5, 5, 44, 44], abs=2)
    me.page.keyboard.press("Enter")
    me.settled()
    me.page.get_by_role("button", name="Scribble: drag over the object").tap()
    touched(me, (55, 16), (70, 40), (72, 20))
    stroke = me.stored()["objects"][1]["clicks"][0]["scribble"]
    assert [round(v) for v in (*stroke[0], *stroke[-1])] == pytest.approx([55, 16, 72, 20], abs=2)
    me.page.keyboard.press("c")
    touched(me, (20, 50), (40, 50))
    assert len(me.stored()["objects"][1]["clicks"]) == 1, "with the click tool a finger moves"
