"""What the page looks like where it tells people something: names, fills, what is folded away."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]


def names(me: Desk) -> list[str]:
    """Of the objects in the list, the topmost first."""
    return [
        text.split("\n")[0] for text in me.page.locator(".object .select .grow").all_inner_texts()
    ]


@pytest.mark.usefixtures("classes")
def test_objects_are_called_by_class_and_number_in_this_image(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("d")
    me.named("2.png")
    me.ready()
    me.page.keyboard.press("1")
    for x, y in ((24, 24), (62, 30)):
        me.click(x, y)
        me.settled()
        me.page.keyboard.press("Enter")
    me.settled()
    assert names(me) == ["cup 2", "cup 1"]
    me.page.locator(".object .select").first.click()
    me.page.keyboard.press("2")
    me.settled()
    assert names(me) == ["saucer 1", "cup 1"]
    assert me.page.locator("#selected-title").inner_text() == "saucer 1"
    thumbs = me.page.locator(".object .object-thumb")
    assert thumbs.count() == 2
    inside = thumbs.first.evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(canvas.width / 2,"
        " canvas.height / 2, 1, 1).data]"
    )
    assert inside[3] == 255
    assert inside[:3] == pytest.approx(me.state(PHOTOGRAPH), abs=30), "the photograph's colour"


PHOTOGRAPH = """(async () => {
  const canvas = new OffscreenCanvas(90, 60), context = canvas.getContext("2d");
  context.drawImage((await import("/view.js")).picture(), 0, 0);
  return [...context.getImageData(63, 32, 1, 1).data].slice(0, 3);
})()""".replace("(async", "await (async", 1)


def test_what_is_finished_is_filled_thinly_and_keeps_its_outline(desk: Open) -> None:
    me = desk().open()
    plain = me.colour(24, 24)
    me.click(24, 24)
    me.settled()
    begun = me.colour(24, 24)
    me.page.keyboard.press("Enter")
    me.settled()
    finished = me.colour(24, 24)
    colour = me.state("(await import('/state.js')).colorOf(state.image.objects[0])")
    paint = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    channel = max(range(3), key=lambda i: abs(paint[i] - plain[i]))
    share = (finished[channel] - plain[channel]) / (paint[channel] - plain[channel])
    assert 0.24 < share < 0.31
    assert abs(begun[channel] - plain[channel]) > abs(finished[channel] - plain[channel])


def test_why_this_mask_is_folded_at_first_and_stays_as_it_is_left(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    why = me.page.locator(".why")
    assert why.get_attribute("open") is None
    assert me.page.get_by_label("Scale of the mask").is_hidden()
    assert me.page.get_by_role("button", name="Markov-map").is_hidden()
    me.page.get_by_text("Why this mask?").click()
    me.page.locator(".chart svg").wait_for()
    assert me.page.get_by_label("Scale of the mask").is_visible()
    me.page.reload()
    me.ready()
    assert why.get_attribute("open") is not None
    me.page.get_by_text("Why this mask?").click()
    me.page.keyboard.press("q")  # opens it: the way back is in it
    me.until("document.querySelector('.why')?.open")


def test_the_right_column_flows_from_the_top(desk: Open) -> None:
    me = desk(viewport={"width": 1440, "height": 900}).open()
    boxes = [section.bounding_box() for section in me.page.locator("aside > section").all()]
    seen = [box for box in boxes if box]
    for above, below in pairwise(seen):
        assert below["y"] == pytest.approx(above["y"] + above["height"], abs=1)
    assert seen[-1]["y"] + seen[-1]["height"] < 700, "what is left is at the bottom"


def test_the_end_of_the_folder_is_told_once_with_export(desk: Open) -> None:
    me = desk().open()
    for done in range(1, 5):
        me.ready()
        me.page.keyboard.press("Shift+Enter")
        me.until(f"state.counts.done === {done}")
        if done < 4:
            me.until("!state.image.done")
    end = me.page.get_by_role("dialog", name="Every image is done")
    end.get_by_text("0 objects in 4 images.").wait_for()
    end.get_by_role("button", name="Export").click()
    me.page.get_by_role("dialog", name="Export").wait_for()


def test_twelve_keys_are_large(desk: Open) -> None:
    me = desk().open()
    me.page.keyboard.press("?")
    cards = me.page.locator(".first-keys li")
    assert cards.count() == 12
    large = cards.locator("kbd").first.evaluate(
        "(kbd) => parseFloat(getComputedStyle(kbd).fontSize)"
    )
    small = me.page.locator(".sheet kbd").first.evaluate(
        "(kbd) => parseFloat(getComputedStyle(kbd).fontSize)"
    )
    assert large > 1.3 * small


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_ground_of_the_photograph_is_a_grey_without_a_hue(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme).open()
    red, green, blue = me.page.evaluate(
        "() => getComputedStyle(document.getElementById('frame')).backgroundColor"
        ".match(/\\d+/g).map(Number)"
    )
    assert red == green == blue


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("width", [1920, 1600, 1440, 1280, 1101, 1100, 1024, 768, 641, 390])
def test_nothing_in_the_bar_below_the_photograph_lies_on_another(desk: Open, width: int) -> None:
    me = desk(viewport={"width": width, "height": 800}).open()
    me.click(24, 24)
    me.settled()
    bar = me.page.locator("#tools").bounding_box()
    parts = [part.bounding_box() for part in me.page.locator("#tools > *").all()]
    seen = [part for part in parts if part and part["width"] and part["height"]]
    for part in seen:
        assert part["x"] >= bar["x"]
        assert part["x"] + part["width"] <= bar["x"] + bar["width"] + 0.5
    for one, other in pairwise(sorted(seen, key=lambda part: (round(part["y"] / 30), part["x"]))):
        apart = one["x"] + one["width"] <= other["x"] + 0.5
        assert apart or one["y"] + one["height"] <= other["y"] + 0.5
    pick = me.page.locator(".class-pick").bounding_box()
    select = me.page.locator(".class-pick select").bounding_box()
    assert select["x"] + select["width"] <= pick["x"] + pick["width"] + 0.5
