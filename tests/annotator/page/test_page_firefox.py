"""The core of a person's work in Firefox: open, click, finish, export."""

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.annotator.conftest import BOXES
from tests.annotator.page.conftest import PATIENCE, Served
from tests.annotator.page.firefox import Tab, firefox_path, launched

STATE = "import('/state.js').then(({{ state }}) => {expression})"


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    path = firefox_path()
    if path is None:
        pytest.skip("no firefox on the path (Debian: apt-get install firefox-esr)")
    own = tmp_path / "firefox"
    own.mkdir()
    with launched(path, own, PATIENCE / 1000) as tab:
        tab.size(1280, 800)
        yield tab


def until(tab: Tab, expression: str) -> None:
    """Wait for something of the page's own state."""
    last = time.monotonic() + PATIENCE / 1000
    while not tab.value(STATE.format(expression=f"Boolean({expression})")):
        assert time.monotonic() < last, f"{expression} did not come about"
        tab.wait()


def press_button(tab: Tab, name: str) -> None:
    """Click the last visible button of that name."""
    x, y = tab.value(
        "(() => { const all = [...document.querySelectorAll('button, [role=radio], label')];"
        f" const one = all.filter((b) => b.textContent.trim().startsWith({name!r})"
        " && b.getClientRects().length).at(-1);"
        " const { left, top, width, height } = one.getBoundingClientRect();"
        " return [left + width / 2, top + height / 2]; })()"
    )
    tab.click(x, y)


@pytest.mark.usefixtures("classes")
def test_open_click_finish_and_export(tab: Tab, served: Served, tmp_path: Path) -> None:
    tab.go(served.url)
    until(tab, "state.image?.pictured && state.image.state === 'ready'")
    x, y = tab.value(
        "import('/view.js').then((view) => { const [x, y] = view.toScreen(24.5, 24.5);"
        " const { left, top } = document.getElementById('canvas').getBoundingClientRect();"
        " return [left + x, top + y]; })"
    )
    tab.press("1")
    tab.click(x, y)
    until(tab, "state.image.objects.length === 1 && state.pending === 0")
    tab.press("Enter")
    until(tab, "state.image.objects[0].finished && state.pending === 0")
    (made,) = tab.value("fetch('/api/images/1').then((answer) => answer.json())")["objects"]
    left, top, right, bottom = BOXES[0]
    assert made["area"] == pytest.approx((right - left) * (bottom - top), rel=0.15)

    press_button(tab, "Export")
    until(tab, "document.querySelector('dialog[open]')")
    press_button(tab, "COCO")
    press_button(tab, "Download")
    downloads, last = tmp_path / "firefox/downloads", time.monotonic() + PATIENCE / 1000
    while not (files := list(downloads.glob("*.zip"))) or not files[0].stat().st_size:
        assert time.monotonic() < last, "no file came"
        tab.wait()
    with zipfile.ZipFile(files[0]) as packed:
        told = json.loads(packed.read("annotations.json"))
    assert [kind["name"] for kind in told["categories"]][:1] == ["cup"]
    assert [label["area"] for label in told["annotations"]] == [made["area"]]
    assert tab.errors == []
