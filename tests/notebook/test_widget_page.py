"""The widget's script in a real browser, with a stand-in for the notebook's model."""

import json
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "src/m2n2v2/notebook/widget.js"

PAGE = """
<div id="el"></div>
<script type="module">
  const canvas = document.createElement("canvas");
  canvas.width = 200; canvas.height = 100;
  const blob = await new Promise((done) => canvas.toBlob(done));
  const bytes = new DataView(await blob.arrayBuffer());
  const values = { picture: bytes, message: "", can_undo: false, can_redo: false };
  const listeners = {};
  window.sent = [];
  window.model = {
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
      (listeners["change:" + name] ?? []).forEach((f) => f());
    },
    on: (name, f) => (listeners[name] ??= []).push(f),
    off: (name, f) => { listeners[name] = listeners[name].filter((each) => each !== f); },
    send: (what) => window.sent.push(what),
    left: () => Object.values(listeners).flat().length,
  };
  const made = await import(URL.createObjectURL(new Blob([SCRIPT], { type: "text/javascript" })));
  window.close_ = made.default.render({ model: window.model, el: document.getElementById("el") });
</script>
"""


@pytest.fixture
def page(browser: Any) -> Any:
    found = browser.new_page()
    found.asked = []
    found.on("request", lambda request: found.asked.append(request.url))
    found.set_content(PAGE.replace("SCRIPT", json.dumps(SCRIPT.read_text(encoding="utf-8")), 1))
    found.wait_for_function("window.close_ && document.querySelector('img').naturalWidth === 200")
    yield found
    found.close()


def test_clicks_boxes_and_buttons(page: Any) -> None:
    picture = page.locator("img")
    picture.click(position={"x": 50, "y": 25})
    picture.click(position={"x": 150, "y": 75}, button="right")
    picture.click(position={"x": 100, "y": 50}, modifiers=["Alt"])
    at = picture.bounding_box()
    page.mouse.move(at["x"] + 20, at["y"] + 10)
    page.mouse.down()
    page.mouse.move(at["x"] + 100, at["y"] + 50)
    page.mouse.up()
    assert page.get_by_role("button", name="Undo").is_disabled()
    page.evaluate("model.set('can_undo', true)")
    page.get_by_role("button", name="Undo").click()
    page.get_by_label("background").check()
    picture.click(position={"x": 50, "y": 25})
    sent = page.evaluate("sent")
    assert [each["do"] for each in sent] == ["click", "click", "click", "box", "undo", "click"]
    assert [each.get("positive") for each in sent] == [True, False, False, True, None, False]
    assert sent[0]["at"] == pytest.approx([0.25, 0.25], abs=0.01)
    assert sent[3]["from"] == pytest.approx([0.1, 0.1], abs=0.01)
    assert sent[3]["to"] == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_refusal_is_text_and_nothing_is_asked_of_any_host(page: Any) -> None:
    page.evaluate("model.set('message', '<b>no</b>')")
    assert page.get_by_role("status").inner_text() == "<b>no</b>"
    assert [url for url in page.asked if not url.startswith(("blob:", "about:", "data:"))] == []


def test_it_lets_go_of_its_model(page: Any) -> None:
    assert page.evaluate("model.left()") == 4
    page.evaluate("close_()")
    assert page.evaluate("model.left()") == 0
