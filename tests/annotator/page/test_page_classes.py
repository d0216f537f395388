"""Classes beyond nine, and what is said of objects."""

from collections.abc import Callable

import pytest

from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]

MANY = [{"id": None, "name": f"kind {n:02}", "color": "#ffb020", "key": None} for n in range(40)]


def put(me: Desk, classes: object) -> None:
    answer = me.page.request.put(f"{me.url}api/classes", data={"classes": classes})
    assert answer.ok


def test_a_class_is_picked_by_typing_at_the_pointer(desk: Open) -> None:
    me = desk()
    put(me, MANY)
    me.open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("k")
    box = me.page.locator(".pick").bounding_box()
    x, y = me.screen(24, 24)
    assert abs(box["x"] - x) < 12
    assert abs(box["y"] - y) < 12
    me.page.keyboard.type("3")
    assert me.page.locator(".pick li").count() == 14  # 03, 13, 23, 30 to 39, and a new one
    me.page.keyboard.type("7")
    me.page.keyboard.press("Enter")
    me.settled()
    assert me.stored()["objects"][0]["class_id"] == 38
    assert me.page.locator(".pick").count() == 0
    assert me.state("document.activeElement.id") == "canvas"


def test_what_is_typed_and_is_no_class_becomes_one(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("k")
    me.page.keyboard.type("jug")
    me.page.keyboard.press("Enter")
    me.until("state.image.objects[0].class_id === 1")
    assert me.state("state.classes.map(({ name, key }) => [name, key])") == [["jug", 1]]
    me.page.keyboard.press("k")
    me.page.keyboard.press("ArrowDown")
    me.page.keyboard.press("Enter")
    me.settled()
    assert me.stored()["objects"][0]["class_id"] is None
    me.page.keyboard.press("k")
    me.page.keyboard.press("Escape")
    assert me.page.locator(".pick").count() == 0
    assert len(me.stored()["objects"]) == 1, "Escape closed the list and nothing else"


@pytest.mark.usefixtures("classes")
def test_what_a_class_asks_is_said_of_its_objects(desk: Open) -> None:
    me = desk().open()
    me.page.get_by_role("button", name="Edit classes").click()
    asks = me.page.get_by_label("What is asked of objects of cup")
    asks.fill("broken?, material: glass | clay, remark")
    me.page.get_by_role("button", name="Save classes").click()
    me.page.get_by_role("dialog").wait_for(state="detached")
    me.page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    me.page.get_by_label("broken").check()
    me.page.get_by_label("material").select_option("clay")
    me.page.get_by_label("remark").fill("a chip")
    me.page.get_by_label("remark").press("Tab")
    me.settled()
    said = me.stored()["objects"][0]["attributes"]
    assert said == {"broken": True, "material": "clay", "remark": "a chip"}
    assert "broken · clay · a chip" in me.page.locator(".object").inner_text()
    me.page.keyboard.press("2")
    me.settled()
    assert me.page.get_by_label("material").count() == 0
    assert "clay" not in me.page.locator(".object").inner_text()
    me.page.keyboard.press("z")
    me.settled()
    assert me.page.get_by_label("material").input_value() == "clay"
    me.page.get_by_role("button", name="Edit classes").click()
    assert asks.input_value() == "broken?, material: glass | clay, remark"
    asks.fill("material: glass")
    me.page.get_by_role("button", name="Save classes").click()
    me.until("document.querySelector('dialog .problem')?.textContent.includes('2 to')")
