"""What axe-core, which knows the rules of pages for everybody, says of the main states."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)
pytestmark = pytest.mark.parametrize("theme", ["dark", "light"])

BAD = {"serious", "critical"}
DIALOGS = ["Keys and help", "Export", "Import", "Edit classes", "Look through the objects"]


def faults(page: Any) -> list[str]:
    """What is serious or critical, with the elements: empty for a good page."""
    page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    told = axe.Axe().run(page).response
    assert len(told["passes"]) > 5, "it looked"
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary']}"
        for rule in told["violations"]
        if rule["impact"] in BAD
        for node in rule["nodes"]
    ]


def test_it_finds_what_is_wrong(desk: Open, theme: str) -> None:
    """A button without a name, and grey on grey."""
    page = desk(color_scheme=theme).open().page
    page.evaluate(
        "() => { const nav = document.querySelector('nav');"
        " nav.prepend(document.createElement('button'));"
        " const text = document.createElement('p'); text.textContent = 'words';"
        " text.style.color = '#777'; text.style.background = '#888'; nav.prepend(text); }"
    )
    assert {fault.split(":")[0] for fault in faults(page)} == {"button-name", "color-contrast"}


@pytest.mark.usefixtures("classes")
def test_the_states_of_one_image(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme).open()
    page = me.page
    assert faults(page) == [], "nothing is clicked"
    page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    page.get_by_text("Why this mask?").click()
    page.locator("summary", has_text="Shape").click()
    page.locator(".chart p").wait_for()
    assert faults(page) == [], "an object is being made"
    page.keyboard.press("k")
    page.get_by_role("combobox", name="Class of the object, by typing").wait_for()
    assert faults(page) == [], "a class is picked"
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.keyboard.press("o")
    me.until("state.image.done")
    me.click(24, 24)  # on what is finished: a message offers to correct it
    page.get_by_text("is finished; it is selected now").wait_for()
    assert faults(page) == [], "the image is done"


@pytest.mark.usefixtures("classes")
def test_the_dialogs(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme).open()
    page = me.page
    me.click(24, 24)
    me.settled()
    page.keyboard.press("Enter")
    me.settled()
    for name in DIALOGS:
        page.get_by_role("button", name=name).first.click()
        page.get_by_role("dialog").wait_for()
        assert faults(page) == [], name
        page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.get_by_role("dialog", name="Review").wait_for()
    assert faults(page) == [], "review"
    page.keyboard.press("Escape")
    page.get_by_title("Hours and numbers").click()
    page.get_by_text("0.0 min, 2 edits").wait_for()
    assert faults(page) == [], "numbers"


def test_the_end_of_the_folder(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme).open()
    for image in range(1, 5):
        me.page.request.put(f"{me.url}api/images/{image}/status", data={"status": "done"})
    me.page.reload()
    me.ready()
    me.page.keyboard.press("Shift+Enter")
    me.page.get_by_role("dialog", name="Every image is done").wait_for()
    assert faults(me.page) == []


def test_an_empty_folder(
    serve: Callable[..., Any], browser: Any, tmp_path: Path, theme: str
) -> None:
    (tmp_path / "empty").mkdir()
    served = serve(tmp_path / "empty")
    context = browser.new_context(color_scheme=theme)
    try:
        page = context.new_page()
        page.goto(served.url)
        page.get_by_text("No images in this folder").wait_for()
        assert faults(page) == []
    finally:
        context.close()


@pytest.mark.usefixtures("classes")
def test_a_narrow_screen_with_its_drawers(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme, viewport={"width": 390, "height": 844}, has_touch=True).open()
    me.page.touchscreen.tap(*me.screen(24, 24))
    me.settled()
    assert faults(me.page) == [], "clicking"
    for name in ("Images", "Classes, objects, views"):
        me.page.get_by_role("button", name=name, exact=True).tap()
        assert faults(me.page) == [], name
        me.page.keyboard.press("Escape")
