"""What a person does, from opening the folder to taking the dataset away."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.annotator.conftest import BOXES
from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]

SIZES: list[dict[str, Any]] = [
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 820, "height": 1180}, "device_scale_factor": 2},
]


def box_area(box: tuple[int, int, int, int]) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("size", SIZES, ids=["desktop", "tablet"])
def test_the_whole_journey(desk: Open, size: dict[str, Any]) -> None:
    me = desk(**size).open()
    page = me.page
    assert me.name() == "1.png"
    plain = me.colour(24, 24)

    me.click(24, 24)  # three clicks, one of each kind
    me.settled()
    assert me.colour(24, 24) != plain, "the mask is painted"
    me.click(60, 30, button="right")
    page.keyboard.down("Shift")
    me.click(4, 56)
    page.keyboard.up("Shift")
    me.settled()
    (found,) = me.stored()["objects"]
    assert [click["positive"] for click in found["clicks"]] == [True, False, False]
    assert abs(found["area"] - box_area(BOXES[0])) < 0.15 * box_area(BOXES[0])

    page.keyboard.press("z")
    me.settled()
    assert len(me.stored()["objects"][0]["clicks"]) == 2
    page.keyboard.press("Control+Shift+Z")
    me.settled()
    assert len(me.stored()["objects"][0]["clicks"]) == 3

    page.keyboard.press("2")
    me.settled()
    assert me.stored()["objects"][0]["class_id"] == 2
    page.keyboard.press("Enter")
    me.settled()
    assert me.stored()["objects"][0]["finished"] is True
    assert me.state("state.selection") is None

    me.click(62, 30)  # the next object takes the class that was chosen last
    me.settled()
    second = me.stored()["objects"][1]
    assert second["class_id"] == 2
    page.keyboard.press("n")

    page.keyboard.down("Alt")
    me.click(24, 24)
    page.keyboard.up("Alt")
    assert me.state("state.selection") == found["id"], "a finished object is opened again"
    me.click(85, 5, button="right")
    me.settled()
    assert len(me.stored()["objects"][0]["clicks"]) == 4

    page.keyboard.press("b")
    page.mouse.move(*me.screen(70, 56))
    page.mouse.down()
    page.mouse.move(*me.screen(80, 56), steps=5)
    page.mouse.up()
    me.settled()
    corrected = me.stored()["objects"][0]
    assert [stroke["erase"] for stroke in corrected["strokes"]] == [False]
    ends = [stroke["points"][i] for stroke in corrected["strokes"] for i in (0, -1)]
    assert [int(x) for x, _ in ends] == [70, 80], "painted from where to where"
    assert me.colour(75, 56) != plain
    page.keyboard.press("Control+z")
    me.settled()
    assert me.stored()["objects"][0]["strokes"] == []
    page.keyboard.press("Control+y")
    me.settled()
    page.keyboard.press("e")
    me.click(24, 24)
    me.settled()
    erased = me.stored()["objects"][0]
    assert [stroke["erase"] for stroke in erased["strokes"]] == [False, True]
    assert erased["area"] < corrected["area"]
    page.keyboard.press("c")

    page.keyboard.press("Shift+Enter")  # done, and on to the next
    me.named("2.png")
    assert me.stored()["done"] is True
    me.ready()
    page.keyboard.press("a")
    me.named("1.png")
    me.ready()
    assert me.state("state.image.objects.length") == 2
    assert me.state("state.image.can_undo"), "the history outlives a change of image"


@pytest.mark.usefixtures("classes")
def test_labels_go_out_and_come_in(desk: Open, tmp_path: Path) -> None:
    me = desk().open()
    me.page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("Enter")
    me.settled()
    for format in ("COCO", "YOLO-seg", "LabelMe", "VOC", "PNG masks", "Cut-outs"):
        me.page.get_by_role("button", name="Export").click()
        me.page.get_by_role("radio", name=format).check()
        with me.page.expect_download() as coming:
            me.page.get_by_role("button", name="Download").click()
        coming.value.save_as(tmp_path / format)
        assert coming.value.failure() is None
        me.page.keyboard.press("Escape")  # it stays where something was lost, to say it
        me.page.get_by_role("dialog").wait_for(state="detached")
    with zipfile.ZipFile(tmp_path / "COCO") as packed:
        coco = packed.read("annotations.json").decode()
    told = json.loads(coco)
    assert [each["name"] for each in told["categories"]][:1] == ["cup"]
    assert len(told["annotations"]) == 1
    assert told["annotations"][0]["area"] == me.stored()["objects"][0]["area"]
    assert (tmp_path / "VOC").read_bytes().startswith(b"PK")

    me.page.get_by_role("button", name="Import").click()
    me.page.get_by_role("button", name="Import").last.click()
    me.page.get_by_text("Choose a file first.").wait_for()
    (tmp_path / "labels.json").write_text(coco)
    me.page.get_by_label("File to import").set_input_files(tmp_path / "labels.json")
    me.page.get_by_role("button", name="Import").last.click()
    me.page.get_by_text("1 object imported into 1 image.").wait_for()
    (tmp_path / "labels.json").write_text("no labels")
    me.page.get_by_label("File to import").set_input_files(tmp_path / "labels.json")
    me.page.get_by_role("button", name="Import").last.click()
    me.until("document.querySelector('dialog .problem')?.textContent")
    me.page.keyboard.press("Escape")
    me.until("state.image.objects.length === 2")
    assert [each["source"] for each in me.stored()["objects"]] == ["clicks", "import"]


def test_views_of_the_method(desk: Open) -> None:
    me = desk().open()
    page = me.page
    photograph = me.colour(70, 4)
    page.get_by_text("Why this mask?").click()
    page.get_by_role("button", name="Markov-map").click()
    page.get_by_text("Select an object with clicks").wait_for()
    assert me.colour(70, 4) == photograph
    me.click(24, 24)
    me.settled()
    me.until("document.querySelector('#live')?.textContent === 'Markov-map shown'")
    assert me.colour(70, 4) != photograph
    page.locator(".chart svg").wait_for()
    assert "threshold" in page.locator(".chart").inner_text()
    page.get_by_role("button", name="Photo", exact=True).click()
    assert me.colour(70, 4) == photograph
    assert page.get_by_role("button", name="Depth").is_hidden(), "this stand-in has none"
    page.get_by_role("button", name="Cut-out preview").click()
    picture = page.get_by_role("img", name="Object 1 alone")
    picture.wait_for()
    me.until("document.querySelector('dialog img')?.naturalWidth > 0")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download PNG").click()
    assert coming.value.suggested_filename == "1-1.png"


def test_the_hover_preview_stops_by_itself_where_answers_are_slow(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("g")
    me.page.mouse.move(*me.screen(24, 24))
    me.until("(await import('/view.js')).previewed()")
    assert me.stored()["objects"] == []
    me.page.mouse.move(*me.screen(88, 58))
    me.page.mouse.move(1200, 400)
    me.until("!(await import('/view.js')).previewed()")
    answers = 0

    def busy(route: Any) -> None:
        nonlocal answers
        answers += 1
        route.fulfill(status=503, headers={"Retry-After": "1"}, body="")

    me.page.route("**/preview", busy)
    for x in range(20, 40, 3):
        me.page.mouse.move(*me.screen(x, 24))
        me.page.wait_for_timeout(120)
    me.until("state.hover === false")
    assert answers <= 5
    assert "preview is off" in me.page.locator("#toasts").inner_text()


def test_by_touch(desk: Open) -> None:
    me = desk(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True).open()
    page = me.page
    page.touchscreen.tap(*me.screen(24, 24))
    me.settled()
    page.get_by_role("button", name="Clicks mark the background").tap()
    page.touchscreen.tap(*me.screen(60, 30))
    me.settled()
    (found,) = me.stored()["objects"]
    assert [click["positive"] for click in found["clicks"]] == [True, False]
    page.get_by_role("button", name="Finish the object").tap()
    me.settled()
    assert me.stored()["objects"][0]["finished"] is True
    before = me.state("state.zoom")
    pinch(me)
    me.until(f"state.zoom > {1.5 * before}")
    assert len(me.stored()["objects"][0]["clicks"]) == 2, "a pinch is no click"
    page.get_by_role("button", name="Classes, objects, views").tap()
    page.get_by_role("button", name="Object 1").first.tap()
    assert me.state("state.selection") == found["id"]
    page.locator("#scrim").tap(position={"x": 10, "y": 300})
    page.get_by_role("button", name="Images", exact=True).tap()
    page.get_by_role("option", name="10.jpg").tap()
    me.named("10.jpg")


def pinch(me: Desk) -> None:
    """Two fingers that move apart."""
    session = me.page.context.new_cdp_session(me.page)
    x, y = me.screen(45, 30)

    def touch(kind: str, apart: float) -> None:
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        given = {"type": kind, "touchPoints": points if kind != "touchEnd" else []}
        session.send("Input.dispatchTouchEvent", given)

    touch("touchStart", 30)
    for apart in (40, 55, 70, 90):
        touch("touchMove", apart)
    touch("touchEnd", 0)


@pytest.mark.usefixtures("classes")
def test_by_keyboard_alone(desk: Open) -> None:
    me = desk().open()
    page = me.page
    page.keyboard.press("Tab")  # the first stop leads to the photograph
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "canvas"
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    walk(me, 24, 24)
    page.keyboard.press("Space")
    me.settled()
    (found,) = me.stored()["objects"]
    assert (int(found["clicks"][0]["x"]), int(found["clicks"][0]["y"])) == (24, 24)
    walk(me, 60, 30)
    page.keyboard.press("Shift+Space")
    me.settled()
    assert [click["positive"] for click in me.stored()["objects"][0]["clicks"]] == [True, False]
    live = page.locator("#live").inner_text()
    assert "2 clicks" in live
    page.keyboard.press("b")
    page.keyboard.down("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up("Space")
    me.settled()
    (stroke,) = me.stored()["objects"][0]["strokes"]
    assert len(stroke["points"]) == 3
    page.keyboard.press("c")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    me.settled()
    done = me.stored()["objects"][0]
    assert (done["finished"], done["class_id"]) == (True, 1)
    page.keyboard.press(".")
    assert me.state("state.selection") == found["id"]
    page.keyboard.press("Shift+D")
    me.settled()
    me.until("document.querySelectorAll('.object').length === 2")
    page.keyboard.press("Alt+ArrowDown")
    me.settled()
    order = [each["id"] for each in me.stored()["objects"]]
    assert order == [2, 1], "the copy went below"
    page.keyboard.press("h")
    page.keyboard.press("l")
    me.settled()
    copy = me.stored()["objects"][0]
    assert (copy["hidden"], copy["locked"]) == (True, True)
    page.keyboard.press("Delete")
    assert "locked" in page.locator("#toasts").inner_text()
    page.keyboard.press("l")
    page.keyboard.press("Delete")
    me.settled()
    assert len(me.stored()["objects"]) == 1
    page.keyboard.press("d")
    me.named("2.png")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def walk(me: Desk, x: int, y: int) -> None:
    """Bring the crosshair to a pixel by single steps."""
    at = [int(value) for value in me.page.evaluate(CROSSHAIR)]
    keys = [("ArrowRight", x - at[0]), ("ArrowDown", y - at[1])]
    for key, far in keys:
        opposite = {"ArrowRight": "ArrowLeft", "ArrowDown": "ArrowUp"}[key]
        for _ in range(abs(far)):
            me.page.keyboard.press("Shift+" + (key if far > 0 else opposite))


CROSSHAIR = "async () => (await import('/view.js')).cursor.crosshair"


def test_escape_clears_what_was_begun_and_leaves_what_was_finished(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("Escape")
    me.settled()
    assert me.stored()["objects"] == []
    me.page.keyboard.press("z")
    me.settled()
    assert len(me.stored()["objects"]) == 1, "undo brings it back"
    me.page.keyboard.press("Enter")
    me.settled()
    me.page.keyboard.press(",")
    me.page.keyboard.press("Escape")
    me.settled()
    assert len(me.stored()["objects"]) == 1
    assert me.state("state.selection") is None


@pytest.mark.usefixtures("classes")
def test_classes_are_renamed_in_one_place(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("1")
    me.click(24, 24)
    me.settled()
    me.page.get_by_role("button", name="Edit classes").click()
    me.page.get_by_label("Name of the class").first.fill("mug")
    me.page.get_by_role("button", name="Add a class").click()
    me.page.get_by_label("Name of the class").last.fill("spoon")
    me.page.get_by_role("button", name="Save classes").click()
    me.page.get_by_role("dialog").wait_for(state="detached")
    assert me.page.get_by_role("radio").all_inner_texts() == [
        "mug\n1",
        "saucer\n2",
        "spoon\n3",
        "no class",
    ]
    assert "mug" in me.page.locator(".object").inner_text()
    me.page.get_by_role("button", name="Edit classes").click()
    me.page.get_by_role("button", name="Remove mug").click()
    me.page.get_by_role("button", name="Save classes").click()
    me.until("document.querySelector('dialog .problem')?.textContent")  # one in use is kept
    me.page.get_by_label("Class for the objects of those removed").select_option("saucer")
    me.page.get_by_role("button", name="Save classes").click()
    me.page.get_by_role("dialog").wait_for(state="detached")
    assert me.stored()["objects"][0]["class_id"] == 2
    assert "saucer" in me.page.locator(".object").inner_text()


def test_a_very_long_stroke_is_sent_in_parts(desk: Open) -> None:
    me = desk().open()
    me.page.evaluate(
        "async () => { const points = Array.from({ length: 9000 }, (_, i) =>"
        " [45 + 30 * Math.cos(i / 100), 30 + 20 * Math.sin(i / 70)]);"
        " (await import('/actions.js')).stroke({ points, radius: 5, erase: false }); }"
    )
    me.settled()
    (found,) = me.stored()["objects"]
    parts = [stroke["points"] for stroke in found["strokes"]]
    assert [len(part) for part in parts] == [4001, 4001, 1000]
    assert parts[0][-1] == parts[1][0], "no gap between them"


def test_escape_closes_a_drawer_and_nothing_else(desk: Open) -> None:
    me = desk(viewport={"width": 800, "height": 900}).open()
    me.click(24, 24)
    me.settled()
    me.page.get_by_role("button", name="Images", exact=True).click()
    me.page.keyboard.press("Escape")
    assert me.page.locator("#scrim").is_hidden()
    me.settled()
    assert len(me.stored()["objects"]) == 1


def test_objects_are_ordered_by_dragging(desk: Open) -> None:
    me = desk().open()
    for x, y in ((24, 24), (62, 30)):
        me.click(x, y)
        me.settled()
        me.page.keyboard.press("Enter")
    me.settled()
    rows = me.page.locator(".object")
    assert [row.get_attribute("data-id") for row in rows.all()] == ["2", "1"]
    rows.first.drag_to(rows.last, target_position={"x": 60, "y": 40})
    me.settled()
    assert [each["id"] for each in me.stored()["objects"]] == [2, 1]


def test_the_scale_nudges_the_mask(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.get_by_text("Why this mask?").click()
    slider = me.page.get_by_label("Scale of the mask")
    slider.focus()
    for _ in range(10):
        me.page.keyboard.press("ArrowRight")
    me.page.wait_for_timeout(300)
    me.settled()
    assert me.stored()["objects"][0]["scale"] == pytest.approx(0.2)
    me.page.get_by_role("button", name="reset").click()
    me.settled()
    assert me.stored()["objects"][0]["scale"] == 0


def test_the_list_searches_filters_and_follows(desk: Open) -> None:
    me = desk().open()
    page = me.page
    page.keyboard.press("/")
    page.keyboard.type("more")
    me.until("document.querySelectorAll('.image').length === 1")
    page.locator(".image").click()
    me.named("more/3.png")
    page.keyboard.press("o")
    page.get_by_role("img", name="done").wait_for()
    page.get_by_label("Search").fill("nothing like it")
    page.get_by_text("No image's name holds").wait_for()
    page.get_by_label("Search").fill("")
    page.get_by_role("button", name="To do").click()
    me.until("document.querySelectorAll('.image').length === 3")
    assert "1 of 4 done" in page.locator("#top").inner_text()
    page.get_by_role("button", name="Done 1", exact=True).click()
    me.until("document.querySelectorAll('.image').length === 1")


def test_zoom_stays_at_the_cursor_and_space_drags(desk: Open) -> None:
    me = desk().open()
    page = me.page
    before = me.screen(24, 24)
    page.mouse.move(*before)
    page.mouse.wheel(0, -400)
    after = me.screen(24, 24)
    assert after == pytest.approx(before, abs=2)
    assert me.state("state.zoom") > 12
    page.keyboard.down("Space")
    page.mouse.down()
    page.mouse.move(before[0] + 50, before[1] + 20)
    page.mouse.up()
    page.keyboard.up("Space")
    assert me.screen(24, 24) == pytest.approx((after[0] + 50, after[1] + 20), abs=2)
    assert me.stored()["objects"] == [], "dragging is no click"
    page.keyboard.press("0")
    assert me.state("state.zoom") == pytest.approx(1)
    page.keyboard.press("f")
    assert me.state("state.zoom") > 5
