"""Looking at what others made, and going through a folder."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.annotator.page.conftest import Desk
from tests.annotator.page.test_page_access import contrast, resolved

Open = Callable[..., Desk]


@pytest.mark.usefixtures("classes")
def test_review_filters_and_the_gallery(desk: Open) -> None:
    me = desk().open()
    page = me.page
    page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    page.keyboard.press("r")
    page.get_by_label("Note", exact=True).fill("too large")
    page.get_by_role("button", name="Reject", exact=True).click()
    page.get_by_text("too large").wait_for()
    assert me.stored()["status"] == "rejected"
    page.get_by_label("More filters").select_option("Rejected")
    me.until("document.querySelectorAll('[role=option]').length === 1")
    page.get_by_label("More filters").select_option("saucer")
    page.get_by_text("No images here.").wait_for()
    page.get_by_label("More filters").select_option("cup")
    me.until("document.querySelectorAll('[role=option]').length === 1")
    page.locator("button[name=all]").click()
    me.until("document.querySelectorAll('[role=option]').length === 4")

    page.keyboard.press("End")
    me.named("more/3.png")
    page.get_by_role("button", name="Look through the objects").click()
    page.get_by_label("Class", exact=True).select_option("cup")
    page.get_by_title("Object 1 of 1.png").click()
    me.named("1.png")
    me.until("state.selection === 1")


def test_objects_go_on_to_the_next_image_and_numbers_jump(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("v")
    me.named("2.png")
    me.until("state.image.objects.length === 1 && state.pending === 0")
    assert me.stored(2)["objects"][0]["mask"] == me.stored(1)["objects"][0]["mask"]
    me.page.keyboard.press("/")
    me.page.keyboard.type("#3")
    me.page.keyboard.press("Enter")
    me.named("10.jpg")
    me.page.keyboard.press("Home")
    me.named("1.png")
    me.ready()
    before = me.state("(await import('/view.js')).camera.scale")
    me.page.keyboard.press(",")
    me.page.keyboard.press("Shift+F")
    assert me.state("(await import('/view.js')).camera.scale") > before


def test_a_list_of_classes_is_pasted(desk: Open) -> None:
    me = desk().open()
    me.page.get_by_role("button", name="Add the first class").click()
    me.page.get_by_label("Name of the class").evaluate(
        "(field) => { const data = new DataTransfer();"
        " data.setData('text', 'cup\\nplate\\n\\nfork');"
        " field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data,"
        " bubbles: true, cancelable: true })); }"
    )
    me.page.get_by_role("button", name="Save classes").click()
    me.page.get_by_role("dialog").wait_for(state="detached")
    names = [each["name"] for each in me.page.request.get(f"{me.url}api/project").json()["classes"]]
    assert names == ["cup", "plate", "fork"]


def test_brightness_changes_the_screen_alone(desk: Open) -> None:
    me = desk().open()
    before = me.colour(70, 4)
    me.page.get_by_text("Brightness and contrast").click()
    me.page.get_by_label("Brightness on the screen").fill("200")
    assert me.colour(70, 4) != before
    me.page.get_by_label("Brightness on the screen").dblclick()
    assert me.colour(70, 4) == before


@pytest.mark.usefixtures("classes")
def test_a_late_answer_does_not_fill_the_gallery_twice(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    held: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    me.page.route("**/api/objects?*", hold_the_first)
    me.page.get_by_role("button", name="Look through the objects").click()
    pick = me.page.get_by_label("Class", exact=True)
    pick.select_option("saucer")
    me.page.get_by_text("No object of this class yet.").wait_for()
    pick.select_option("cup")
    me.page.get_by_title("Object 1 of 1.png").wait_for()
    late = [{"image": 1, "name": "1.png", "object": 1, "area": 9, "finished": False}]
    with contextlib.suppress(Exception):  # the page has given it up
        held[0].fulfill(json=late)
    me.page.evaluate("async () => { await (await fetch('/api/project')).json(); }")
    assert me.page.get_by_title("Object 1 of 1.png").count() == 1


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_work_of_each_day_is_drawn(desk: Open, theme: str) -> None:
    """Bars as high as the seconds, in a person's colour, readable on the panel."""
    me = desk(color_scheme=theme).open()
    days = [
        {"day": "2026-03-01", "person": "Ann", "images": 2, "edits": 9, "seconds": 60.0},
        {"day": "2026-03-01", "person": "Ben", "images": 1, "edits": 3, "seconds": 60.0},
        {"day": "2026-03-02", "person": "Ann", "images": 1, "edits": 5, "seconds": 30.0},
    ]
    me.page.route("**/api/numbers/days", lambda route: route.fulfill(json=days))
    me.page.get_by_title("Hours and numbers").click()
    box = me.page.get_by_role("dialog", name="Numbers")
    box.get_by_role("img", name="Work by day, at most 2.0 min").wait_for()
    box.get_by_text("1.5 min, 14 edits").wait_for()
    bars = box.locator("rect")
    heights = [float(bar.get_attribute("height") or 0) for bar in bars.all()]
    assert heights[0] == heights[1] == 2 * heights[2]
    fills = [bar.get_attribute("fill") for bar in bars.all()]
    assert fills[0] == fills[2] != fills[1]
    assert bars.nth(2).locator("title").text_content() == "2026-03-02, Ann: 0.5 min"
    dim, panel = (resolved(me, name) for name in ("dim", "panel"))
    assert box.locator("text").first.evaluate("(one) => getComputedStyle(one).fill") == (
        f"rgb({', '.join(f'{part:g}' for part in dim)})"
    )
    assert contrast(dim, panel) >= 4.5


def test_the_server_s_own_numbers_come_as_plot_and_table(desk: Open) -> None:
    me = desk().open()
    me.page.get_by_title("Hours and numbers").click()
    me.page.get_by_text("Nothing was edited yet.").wait_for()
    me.page.keyboard.press("Escape")
    me.click(24, 24)
    me.settled()
    me.page.get_by_title("Hours and numbers").click()
    me.page.get_by_text("0.0 min, 1 edit").wait_for()
    with me.page.expect_download() as waited:
        me.page.get_by_role("link", name="Table (CSV)").click()
    lines = Path(waited.value.path()).read_text().splitlines()
    assert lines[0] == "image,status,person,day,edits,seconds"
    assert lines[-1] == "1.png,1,,1,0,0.0"
