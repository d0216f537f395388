"""What stopped people: each fault as a person meets it."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from tests.annotator.page.conftest import Desk, Served

Open = Callable[..., Desk]


def toast(me: Desk, text: str) -> Any:
    found = me.page.locator(".toast", has_text=text)
    found.wait_for()
    return found


def dropped(me: Desk, selector: str, name: str, text: str) -> None:
    """A file let go over an element."""
    me.page.evaluate(
        "([selector, name, text]) => { const files = new DataTransfer();"
        " files.items.add(new File([text], name));"
        " document.querySelector(selector).dispatchEvent(new DragEvent('drop',"
        " { dataTransfer: files, bubbles: true, cancelable: true })); }",
        [selector, name, text],
    )


@pytest.mark.usefixtures("classes")
def test_a_class_name_given_twice_is_refused_at_its_field(desk: Open) -> None:
    me = desk().open()
    me.page.get_by_role("button", name="Edit classes").click()
    me.page.get_by_label("Name of the class").last.fill("cup")
    me.page.get_by_role("button", name="Save classes").click()
    me.page.get_by_text("There is a class cup already.").wait_for()
    assert me.page.get_by_label("Name of the class").last.evaluate(
        "(field) => field === document.activeElement"
    )


def test_a_failing_export_is_seen(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    answer = '{"error": {"kind": "FormatError", "message": "too odd", "cure": "rename it"}}'
    me.page.route(
        "**/api/export*",
        lambda route: route.fulfill(status=400, content_type="application/json", body=answer),
    )
    me.page.get_by_role("button", name="Export").click()
    me.page.get_by_role("button", name="Download").click()
    me.page.get_by_text("Too odd. Rename it.").wait_for()


def test_losses_come_with_every_download(desk: Open, tmp_path: Path) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.get_by_role("button", name="Export").click()
    assert me.page.get_by_label("Only images that are done").is_disabled()
    for format in ("COCO", "PNG masks"):
        me.page.get_by_role("radio", name=format).check()
        with me.page.expect_download() as coming:
            me.page.get_by_role("button", name="Download").click()
        coming.value.save_as(tmp_path / "export.zip")
        with zipfile.ZipFile(tmp_path / "export.zip") as packed:
            assert "losses.txt" in packed.namelist()
        if me.page.get_by_role("dialog").count() == 0:
            me.page.get_by_role("button", name="Export").click()


def test_a_damaged_image_is_named_in_the_list_counted_apart_and_passed(
    browser: Any, serve: Callable[..., Served], photographs: Path
) -> None:
    (photographs / "broken.png").write_bytes(b"not a picture at all")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    me = Desk(context, serve(photographs).url).open()
    row = me.page.get_by_role("option", name="broken.png")
    row.get_by_text("unreadable").wait_for()  # before anybody opened it
    me.page.get_by_text("0 of 5 done, 1 unreadable").wait_for()
    row.click()
    me.page.get_by_role("heading", name="This image cannot be read").wait_for()
    me.page.keyboard.press("o")
    toast(me, "cannot be labelled")
    me.page.keyboard.press("Shift+Enter")
    me.until("!state.image.problem")
    for done in range(1, 5):
        me.ready()
        me.page.keyboard.press("Shift+Enter")
        me.until(f"state.counts.done === {done}")
        if done < 4:
            me.until("!state.image.done")
    me.page.get_by_role("dialog").get_by_text("1 image cannot be read").wait_for()
    assert me.errors == []
    context.close()


def test_search_by_keys(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("/")
    me.page.keyboard.type("10")
    me.page.get_by_role("option").get_by_text("10.jpg").wait_for()
    me.until("document.querySelectorAll('[role=option]').length === 1")
    me.page.keyboard.press("Enter")
    me.named("10.jpg")
    me.page.keyboard.press("/")
    me.page.keyboard.press("Escape")
    me.until("document.querySelectorAll('[role=option]').length === 4")
    assert me.page.get_by_label("Search the images by name").input_value() == ""
    me.page.keyboard.press("ArrowDown")
    me.named("more/3.png")
    me.page.keyboard.press("Escape")
    assert me.state("document.activeElement.id") == "canvas"


def drag(me: Desk, *points: tuple[float, float], button: str = "left") -> None:
    me.page.mouse.move(*me.screen(*points[0]))
    me.page.mouse.down(button=button)
    for point in points[1:]:
        me.page.mouse.move(*me.screen(*point), steps=4)
    me.page.mouse.up(button=button)
    me.settled()


def test_a_drag_is_a_box_and_with_alt_a_scribble(desk: Open) -> None:
    me = desk().open()
    drag(me, (44, 44), (5, 5))
    (made,) = me.stored()["objects"]
    assert [round(v) for v in made["clicks"][0]["box"]] == pytest.approx([5, 5, 44, 44], abs=1)
    assert made["clicks"][0]["positive"] is True
    x, y, width, height = made["bbox"]
    assert (x >= 4, y >= 4, x + width <= 46, y + height <= 46) == (True,) * 4
    drag(me, (70, 4), (88, 10), button="right")
    assert me.stored()["objects"][0]["clicks"][1]["positive"] is False
    me.page.keyboard.press("Enter")
    me.page.keyboard.down("Alt")
    drag(me, (55, 16), (70, 40), (72, 20))
    me.page.keyboard.up("Alt")
    stroke = me.stored()["objects"][1]["clicks"][0]["scribble"]
    assert len(stroke) > 3
    assert [round(v) for v in (*stroke[0], *stroke[-1])] == pytest.approx([55, 16, 72, 20], abs=1)
    assert "Stroke 1" in me.page.locator(".clicks button").first.get_attribute("aria-label")
    me.page.keyboard.press("z")
    me.settled()
    assert len(me.stored()["objects"]) == 1


def test_a_click_on_a_finished_object_takes_it_up_again(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("Enter")
    me.settled()
    me.click(24, 24)
    toast(me, "Object 1 is finished")
    assert me.state("state.selection") == 1
    assert len(me.stored()["objects"]) == 1
    me.page.get_by_role("button", name="New object here").click()
    me.settled()
    assert len(me.stored()["objects"]) == 2


def test_a_click_that_changes_nothing_says_so(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.click(26, 26)
    me.settled()
    toast(me, "That click changed nothing")


def test_two_masks_of_one_thing_are_pointed_out_before_done(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("Shift+D")
    me.settled()
    me.page.keyboard.press("Shift+Enter")
    toast(me, "nearly the same pixels")
    assert me.name() == "1.png"
    me.page.get_by_role("button", name="Both are right").click()
    me.named("2.png")


def test_an_import_that_skips_nothing_says_nothing_of_it(desk: Open, tmp_path: Path) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    coco = me.page.request.get(f"{me.url}api/export?format=coco").text()
    me.page.get_by_role("button", name="Import").click()
    dropped(me, ".drop", "labels.json", coco)
    me.page.get_by_role("button", name="Import").last.click()
    me.page.get_by_text("1 object imported into 1 image.").wait_for()
    assert "null" not in me.page.get_by_role("dialog").inner_text()


def test_what_masks_mean_can_be_said_in_the_dialog(
    photographs: Path, desk: Open, tmp_path: Path
) -> None:
    with PILImage.open(photographs / "1.png") as photo:
        width, height = photo.size
    me = desk().open()
    soft = np.zeros((height, width), np.uint8)
    soft[4:20, 4:20], soft[3, 4:20] = 255, 100
    out = io.BytesIO()
    PILImage.fromarray(soft).save(out, "PNG")
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as packed:
        packed.writestr("1.png", out.getvalue())
    me.page.get_by_role("button", name="Import").click()
    me.page.get_by_text("PNG masks").click()
    me.page.get_by_label("File to import").set_input_files(tmp_path / "masks.zip")
    me.page.get_by_role("button", name="Import").last.click()
    me.page.get_by_text("soft edges, numbers of objects").wait_for()
    me.page.get_by_label("What the values of masks mean").select_option("half")
    me.page.get_by_role("button", name="Import").last.click()
    me.page.get_by_text("1 object imported into 1 image.").wait_for()


@pytest.fixture
def notes(photographs: Path) -> None:
    (photographs / "notes.txt").write_text("")


def test_what_the_folder_holds_beside_its_images_is_said(notes: None, desk: Open) -> None:
    me = desk().open()
    me.page.get_by_text("1 file left out: notes.txt (not by their suffix)").wait_for()


def test_photographs_that_nobody_takes_are_said(desk: Open) -> None:
    me = desk().open()
    dropped(me, "#canvas", "new.png", "whatever")
    toast(me, "This server takes no images")


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_the_class_and_what_done_does_are_seen_on_narrow_screens(desk: Open, width: int) -> None:
    me = desk(viewport={"width": width, "height": 844}).open()
    pick = me.page.get_by_label("Class of the object, or of the next one")
    field = pick.bounding_box()
    assert field["width"] > 80
    assert field["x"] + field["width"] <= width
    pick.select_option("saucer")
    me.click(24, 24)
    me.settled()
    assert me.stored()["objects"][0]["class_id"] == 2
    onward = me.page.get_by_role("button", name="Done, next")
    assert onward.is_visible()
    assert onward.inner_text().startswith("Done")
    box = onward.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_keys_of_other_programs_say_what_does_it_here(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("Control+c")
    toast(me, "Shift+D duplicates")
    me.page.keyboard.press("4")
    toast(me, "There are no classes yet")


def test_two_people_on_one_image(desk: Open) -> None:
    ann, ben = desk().open(), desk().open()
    assert ann.state("state.person") != ben.state("state.person")
    ann.click(24, 24)
    ann.settled()
    ben.until("state.image.objects.length === 1")
    ben.page.keyboard.press("z")
    assert len(ben.stored()["objects"]) == 1
    ben.click(62, 30)
    ben.settled()
    ann.until("state.image.objects.length === 2")
    ann.page.keyboard.press("z")
    ann.settled()
    assert [o["id"] for o in ann.stored()["objects"]] == [2]
    ben.until("state.image.objects.length === 1 && state.image.can_undo")
    ann.until("state.others.length === 1")
    row = ann.page.get_by_role("option", name="1.png")
    assert ben.state("state.person") in row.inner_text()
    ann.page.get_by_role("button", name="Your name").click()
    ann.page.get_by_role("textbox", name="Your name").fill("Ann")
    ann.page.get_by_role("button", name="Take it").click()
    ben.until("state.others[0]?.name === 'Ann' || state.others[1]?.name === 'Ann'")
