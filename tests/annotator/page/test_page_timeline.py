"""The timeline of a folder that is a sequence: frames at a glance, following, playing, review."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.annotator.page.conftest import Desk, Served
from tests.annotator.page.test_page_access import CONTRAST, NAMELESS
from tests.annotator.test_sequence import Stepped
from tests.tracking.clips import Clip, passing

Open = Callable[..., Desk]


@pytest.fixture
def clip() -> Clip:
    return passing(5)


@pytest.fixture
def cells() -> Iterator[Stepped]:
    found = Stepped()
    yield found
    found.open.set()


@pytest.fixture
def served(serve: Callable[..., Served], clip: Clip, tmp_path: Path, cells: Stepped) -> Served:
    """Five frames in which a disc goes right."""
    return serve(clip.written(tmp_path / "frames"), cells=cells)


def marked(desk: Open) -> Desk:
    """The first frame is open, with the disc painted by a person."""
    me = desk().open()
    me.page.keyboard.press("b")
    me.state("(await import('/actions.js')).setRadius(18)")
    me.click(30, 48)
    me.settled()
    me.until("document.querySelectorAll('.frame.touched').length === 1")
    return me


def press(me: Desk, name: str) -> None:
    me.page.locator("#timeline").get_by_role("button", name=name, exact=True).click()


def frames(me: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = me.page.request.get(f"{me.url}api/sequence").json()["frames"]
    return found


def ended(me: Desk) -> None:
    me.until("document.querySelector('#timeline button[title^=Stop]')?.hidden")


def test_an_object_is_followed_and_the_least_sure_frame_is_looked_at(desk: Open) -> None:
    me = marked(desk)
    press(me, "Follow to the end")
    me.until("document.querySelectorAll('.frame .sure:not([hidden])').length === 4")
    ended(me)
    me.page.get_by_title("00004.png", exact=True).get_by_text("1 object").wait_for()  # the list
    told = frames(me)
    assert [frame["touched"] for frame in told] == [True, False, False, False, False]
    label = me.page.get_by_role("option", name="00000.png").last.get_attribute("aria-label")
    assert "touched by a person" in str(label)
    least = min(told[1:], key=lambda frame: frame["confidence"])
    press(me, "Least sure")
    me.named(least["name"])
    me.ready()
    assert me.state("state.image.objects[0].track") == 1
    assert me.state("(await import('/model.js')).called(state.image.objects[0])") == "object 1"
    number = int(least["name"][:5])
    assert me.stored(number + 1)["objects"][0]["source"] == "tracked"
    me.page.keyboard.press(",")
    me.click(20, 20)  # a person paints on it
    me.settled()
    me.until("document.querySelectorAll('.frame.touched').length === 2")
    assert me.page.evaluate(NAMELESS) == []
    assert me.page.evaluate(CONTRAST, ["#timeline *"])["poor"] == []


def test_following_is_stopped_and_goes_on_to_a_frame(desk: Open, cells: Stepped) -> None:
    cells.open.clear()
    me = marked(desk)
    press(me, "Follow to the end")
    me.page.get_by_text("following: 0 of 4").wait_for()
    stop = me.page.get_by_role("button", name="Stop", exact=True)
    assert me.page.get_by_role("button", name="Follow to the end").is_disabled()
    with me.page.expect_response("**/api/sequence/stop"):
        stop.click()
    cells.open.set()
    stop.wait_for(state="hidden")
    done = [frame["objects"] for frame in frames(me)]
    assert done[0] == done[1] == 1
    assert done[4] == 0
    me.page.keyboard.press("End")
    me.named("00004.png")
    me.ready()
    press(me, "Follow to here")
    me.until("document.querySelectorAll('.frame .sure:not([hidden])').length === 4")
    ended(me)
    me.until("state.image.objects.length === 1")  # the open frame shows what was found in it


def test_a_following_is_undone_as_a_whole(desk: Open) -> None:
    me = marked(desk)
    undo = me.page.get_by_role("button", name="Undo following")
    assert undo.is_hidden()
    press(me, "Follow to the end")
    ended(me)
    me.page.keyboard.press("End")
    me.named("00004.png")
    me.until("state.image.objects.length === 1")
    undo.click()
    me.until("state.image.objects.length === 0")
    undo.wait_for(state="hidden")
    assert [frame["objects"] for frame in frames(me)] == [1, 0, 0, 0, 0]


def test_playing_shows_frames_and_opens_the_last(desk: Open) -> None:
    me = marked(desk)
    press(me, "Follow to the end")
    ended(me)
    me.until("document.querySelectorAll('.frame .sure:not([hidden])').length === 4")
    press(me, "Play")
    me.named("00004.png")
    me.ready()
    me.until("state.image.objects.length === 1")
    assert me.page.locator(".frame[aria-selected=true]").count() == 1
    before = [frame["objects"] for frame in frames(me)]
    press(me, "Play")  # from the first again; a click pauses, and marks nothing
    me.page.get_by_role("button", name="Pause").wait_for()
    me.click(100, 80)
    me.page.get_by_role("button", name="Play").wait_for()
    me.ready()
    assert [frame["objects"] for frame in frames(me)] == before


def test_frames_are_walked_by_keys_and_clicks(desk: Open) -> None:
    me = desk().open()
    row = me.page.get_by_role("listbox", name="Frames")
    row.focus()
    me.page.keyboard.press("End")
    me.named("00004.png")
    me.page.keyboard.press("ArrowLeft")
    me.named("00003.png")
    row.get_by_role("option", name="00001.png").click()
    me.named("00001.png")
    assert me.page.get_by_role("button", name="Follow to the end").is_disabled()


def test_a_folder_that_is_no_sequence_has_no_timeline(
    serve: Callable[..., Served], photographs: Path, browser: Any
) -> None:
    context = browser.new_context()
    me = Desk(context, serve(photographs).url).open()
    assert me.page.locator("#timeline").is_hidden()
    assert me.page.locator(".frames").count() == 0
    context.close()
    assert me.errors == []
