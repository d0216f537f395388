"""Whole shapes on the page: cleaned, filled, put together, split, polygons with their vertices."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from tests.annotator.page.conftest import Desk
from tests.annotator.test_app import box


def mask(wire: dict[str, Any]) -> Mask:
    return Runs.checked(Size(*wire["mask"]["size"]), wire["mask"]["counts"]).mask


def paint(desk: Desk, *strokes: tuple[list[list[float]], bool], object: int | None = None) -> int:
    """An object made by the brush, in the way of a script."""
    for points, erase in strokes:
        told = desk.stored()
        answer = desk.page.request.post(
            f"{desk.url}api/images/1/edits",
            data={
                "revision": told["revision"],
                "edit": {
                    "kind": "stroke",
                    "object": object,
                    "radius": 3,
                    "points": points,
                    "erase": erase,
                },
            },
        ).json()
        object = answer["objects"][0]["id"]
    assert object is not None
    return object


def ring(left: float, top: float, side: float) -> list[list[float]]:
    right, bottom = left + side, top + side
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


@pytest.fixture
def opened(desk: Callable[..., Desk]) -> Callable[..., Desk]:
    """Opens the page, on which an object is selected, and "Shape" is unfolded."""

    def on(make: Callable[[Desk], int]) -> Desk:
        page = desk()
        id = make(page)
        page.open()
        page.until("state.image.objects.length > 0")
        page.page.locator(f'[data-id="{id}"] .select').click()
        page.page.locator("#shape-title").click()
        return page

    return on


def press(desk: Desk, name: str) -> None:
    desk.page.locator("#shape").get_by_role("button", name=name, exact=True).click()


def done(desk: Desk, revision: int) -> dict[str, Any]:
    desk.until(f"state.image.revision >= {revision} && state.pending === 0")
    return desk.stored()


def test_a_hole_is_filled_by_a_click_and_specks_are_cleaned(opened: Callable[..., Desk]) -> None:
    desk = opened(lambda page: paint(page, (ring(20, 20, 16), False), ([[70, 50]], False)))
    press(desk, "Fill a hole")
    desk.click(28, 28)
    (filled,) = done(desk, 3)["objects"]
    assert mask(filled)[28, 28]
    assert filled["clicks"] == []
    desk.page.locator("#shape").get_by_label("Remove specks up to, px").fill("100")
    press(desk, "Clean")
    (cleaned,) = done(desk, 4)["objects"]
    assert not mask(cleaned)[50, 70]
    assert (
        f"{cleaned['cleaned']['removed']} pixels removed"
        in desk.page.locator("#shape").inner_text()
    )
    desk.page.keyboard.press("z")
    (back,) = done(desk, 5)["objects"]
    assert mask(back)[50, 70]
    press(desk, "Clean new ones so")
    desk.until("state.project.cleaning.specks === 100")


def test_two_objects_by_the_photograph_and_by_the_list(opened: Callable[..., Desk]) -> None:
    def make(page: Desk) -> int:
        paint(page, ([[60, 20], [60, 40]], False))
        return paint(page, ([[20, 30], [65, 30]], False))

    desk = opened(make)
    one, other = desk.stored()["objects"]
    press(desk, "Subtract")
    desk.click(60, 22)
    found = done(desk, 3)["objects"]
    assert np.array_equal(mask(found[1]), mask(other) & ~mask(one))
    press(desk, "Merge with")
    desk.page.locator(f'[data-id="{one["id"]}"] .select').click()
    (merged,) = done(desk, 4)["objects"]
    assert merged["id"] == other["id"]
    assert np.array_equal(mask(merged), mask(one) | mask(other))
    desk.page.keyboard.press("z")
    assert len(done(desk, 5)["objects"]) == 2


def test_escape_takes_the_question_back_and_the_next_click_is_a_click(
    opened: Callable[..., Desk],
) -> None:
    desk = opened(lambda page: paint(page, (ring(20, 20, 16), False)))
    press(desk, "Fill a hole")
    desk.page.keyboard.press("Escape")
    desk.until("state.asks === null && state.selection !== null")
    desk.click(28, 28)
    (found,) = done(desk, 2)["objects"]
    assert len(found["clicks"]) == 1


def test_parts_become_objects(opened: Callable[..., Desk]) -> None:
    desk = opened(lambda page: paint(page, (ring(20, 20, 16), False), ([[70, 50]], False)))
    press(desk, "Split into parts")
    assert len(done(desk, 3)["objects"]) == 2
    press(desk, "Split into parts")
    desk.page.locator(".toast", has_text="is of one part").wait_for()


def test_vertices_are_moved_added_taken_away_and_undone(opened: Callable[..., Desk]) -> None:
    def make(page: Desk) -> int:
        return paint(page, *((([[x, 20.0], [x, 40.0]]), False) for x in range(20, 41, 5)))

    desk = opened(make)
    press(desk, "To polygon")
    revision = done(desk, 6)["revision"]
    (ring,) = desk.stored()["objects"][0]["polygon"]
    x, y = ring[0]
    area = desk.stored()["objects"][0]["area"]
    move(desk, (x, y), (2, 2))
    (moved,) = done(desk, revision + 1)["objects"][0]["polygon"]
    assert moved[0] == pytest.approx([2, 2], abs=0.6)
    assert moved[1:] == ring[1:]
    assert desk.stored()["objects"][0]["area"] > area
    (ax, ay), (bx, by) = max(
        zip(moved, [*moved[1:], moved[0]], strict=True),
        key=lambda pair: np.hypot(pair[0][0] - pair[1][0], pair[0][1] - pair[1][1]),
    )
    move(desk, ((ax + bx) / 2, (ay + by) / 2), (60, 50))
    (added,) = done(desk, revision + 2)["objects"][0]["polygon"]
    assert len(added) == len(ring) + 1
    click(desk, (60, 50), button="right")
    (fewer,) = done(desk, revision + 3)["objects"][0]["polygon"]
    assert fewer == moved
    click(desk, moved[0])
    desk.page.keyboard.press("ArrowRight")
    (nudged,) = done(desk, revision + 4)["objects"][0]["polygon"]
    assert nudged[0] == pytest.approx([moved[0][0] + 1, moved[0][1]])
    desk.page.keyboard.press("Delete")
    (without,) = done(desk, revision + 5)["objects"][0]["polygon"]
    assert without == moved[1:]
    press(desk, "To mask")
    assert done(desk, revision + 6)["objects"][0]["polygon"] is None
    for _ in range(6):
        desk.page.keyboard.press("z")
    assert done(desk, revision + 12)["objects"][0]["polygon"] == [ring]


def test_a_mask_is_drawn_anew(opened: Callable[..., Desk]) -> None:
    desk = opened(
        lambda page: paint(page, *(([[x, 14.0], [x, 34.0]], False) for x in range(14, 35, 5)))
    )
    press(desk, "Snap to the photograph")
    (found,) = done(desk, 6)["objects"]
    assert mask(found)[box(16, 16, 32, 32)].all()
    assert found["made_by"]


def corner(desk: Desk, point: Any) -> tuple[float, float]:
    """Where a point, not a pixel, of the photograph is on the screen."""
    return desk.screen(point[0] - 0.5, point[1] - 0.5)


def move(desk: Desk, start: Any, stop: Any) -> None:
    desk.page.mouse.move(*corner(desk, start))
    desk.page.mouse.down()
    desk.page.mouse.move(*corner(desk, stop), steps=4)
    desk.page.mouse.up()


def click(desk: Desk, point: Any, **options: Any) -> None:
    desk.page.mouse.click(*corner(desk, point), **options)
