"""A slow server, a failing one, answers that get lost or come late, another window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image as PILImage

from tests.annotator.page.conftest import Desk, Served

Open = Callable[..., Desk]

EDITS = "**/api/images/*/edits"


class Held:
    """Requests that wait until they are let through."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.open = False

    def __call__(self, route: Any) -> None:
        if self.open:
            route.continue_()
        else:
            self.waiting.append(route)

    def release(self) -> None:
        self.open = True
        for route in self.waiting:
            route.continue_()


def made(me: Desk) -> list[tuple[int, int, bool]]:
    """The clicks that are stored, of all objects."""
    return [
        (int(click["x"]), int(click["y"]), click["positive"])
        for each in me.stored()["objects"]
        for click in each["clicks"]
    ]


def test_a_slow_server_blocks_nothing_and_keeps_the_order(desk: Open) -> None:
    me = desk().open()
    held = Held()
    me.page.route(EDITS, held)
    me.click(24, 24)
    me.click(60, 30, button="right")
    me.click(30, 30)
    me.page.keyboard.press("Enter")
    assert me.state("state.pending") == 4
    assert "Saving" in me.page.locator(".status").inner_text()
    assert me.page.locator(".object").count() == 1, "what is on its way is shown"
    assert "waiting" in me.page.locator(".object").inner_text()
    me.click(62, 30)  # the page does not wait: the next object is begun
    assert me.page.locator(".object").count() == 2
    assert len(held.waiting) == 1, "one at a time"
    held.release()
    me.settled()
    first, second = me.stored()["objects"]
    assert [click["positive"] for click in first["clicks"]] == [True, False, True]
    assert first["finished"] is True
    assert [(int(click["x"]), int(click["y"])) for click in second["clicks"]] == [(62, 30)]
    assert me.page.locator(".object").count() == 2
    assert me.state("state.selection") == second["id"]


def test_a_failing_server_is_asked_again_and_nothing_is_lost(desk: Open) -> None:
    me = desk().open()
    seen: list[str] = []

    def fail(route: Any) -> None:
        seen.append(route.request.post_data)
        if len(seen) == 1:
            route.fulfill(status=503, headers={"Retry-After": "0"}, body="busy")
        elif len(seen) == 2:
            route.abort()
        else:
            route.continue_()

    me.page.route(EDITS, fail)
    me.click(24, 24)
    me.click(60, 30, button="right")
    me.until("state.connection.lost")
    assert "none is lost" in me.page.locator(".lost").inner_text()
    me.settled()
    assert made(me) == [(24, 24, True), (60, 30, False)]
    assert seen[0] == seen[1] == seen[2]
    assert me.page.locator(".lost").is_hidden()


def test_an_answer_that_gets_lost_is_not_made_twice(desk: Open) -> None:
    """The edit is stored, the answer never comes; the page asks again with the old revision."""
    me = desk().open()
    lost = 0

    def lose(route: Any) -> None:
        nonlocal lost
        if lost % 2 == 0:
            route.fetch()
            route.abort()
        else:
            route.continue_()
        lost += 1

    me.page.route(EDITS, lose)
    me.page.route("**/undo", lose)
    me.click(24, 24)
    me.settled()
    assert made(me) == [(24, 24, True)]
    assert me.state("state.selection") == 1, "the object is known although its answer was lost"
    me.click(60, 30, button="right")
    me.settled()
    assert made(me) == [(24, 24, True), (60, 30, False)]
    me.page.keyboard.press("b")
    me.click(70, 56)
    me.settled()
    assert len(me.stored()["objects"][0]["strokes"]) == 1
    me.page.keyboard.press("z")
    me.settled()
    assert me.stored()["objects"][0]["strokes"] == []
    assert me.state("state.image.revision") == me.stored()["revision"] == 4


def test_strokes_are_painted_before_they_are_stored_and_taken_back_if_refused(desk: Open) -> None:
    me = desk().open()
    me.click(24, 24)
    me.settled()
    plain, masked = me.colour(45, 57), me.colour(24, 30)
    held = Held()
    me.page.route(EDITS, held)
    me.page.keyboard.press("b")
    for x in (45, 84):
        me.click(x, 57)
        assert me.colour(x, 57) != plain
    me.page.keyboard.press("e")
    me.click(24, 30)
    assert me.colour(24, 30) != masked
    held.waiting[0].fulfill(status=400, json={"error": {"message": "no", "cure": "stop"}})
    me.page.locator(".toast").wait_for()
    me.until("state.pending === 2")
    assert me.colour(45, 57) == plain, "the refused one is gone"
    assert me.colour(84, 57) != plain, "the others stay painted while they wait"
    assert me.colour(24, 30) != masked
    held.waiting.pop(0)
    held.release()
    me.settled()
    assert [stroke["erase"] for stroke in me.stored()["objects"][0]["strokes"]] == [False, True]
    assert me.colour(84, 57) != plain


def test_a_refused_edit_is_taken_back_and_said(desk: Open) -> None:
    me = desk().open()
    error = {"kind": "ClickError", "message": "that pixel is both", "cure": "click elsewhere"}

    def refuse(route: Any) -> None:
        route.fulfill(status=400, json={"error": error})

    me.page.route(EDITS, refuse)
    me.click(24, 24)
    me.page.locator(".toast").wait_for()
    said = me.page.locator(".toast").inner_text()
    assert "That pixel is both. Click elsewhere." in said
    me.settled()
    assert me.page.locator(".object").count() == 0
    me.page.unroute(EDITS)
    me.click(24, 24)
    me.settled()
    assert made(me) == [(24, 24, True)]


def test_the_server_restarts_under_the_page(
    browser: Any, serve: Callable[..., Served], photographs: Path
) -> None:
    first = serve(photographs)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    me = Desk(context, first.url).open()
    me.click(24, 24)
    me.settled()
    first.stop()
    me.click(60, 30, button="right")
    me.until("state.connection.lost")
    me.click(4, 56, button="right")
    serve(photographs, port=int(first.url.split(":")[-1].strip("/")))
    try_now = me.page.get_by_role("button", name="Try now", include_hidden=True)
    try_now.dispatch_event("click")  # hidden already, where the page has asked again of itself
    me.settled()
    assert made(me) == [(24, 24, True), (60, 30, False), (4, 56, False)]
    context.close()


def test_a_late_answer_does_not_overwrite_a_newer_one(desk: Open) -> None:
    me = desk().open()
    late = Held()
    me.page.route("**/api/images/2", late)
    me.page.keyboard.press("d")
    me.until("state.image.id === 2")
    me.page.locator(".image").nth(2).click()
    me.named("10.jpg")
    me.ready()
    late.release()
    me.page.wait_for_timeout(300)
    assert me.name() == "10.jpg"
    me.click(24, 24)
    me.settled()
    assert [len(me.stored(image)["objects"]) for image in (1, 2, 3)] == [0, 0, 1]


def test_an_old_answer_does_not_overwrite_the_image(desk: Open) -> None:
    """The image as it was is fetched before a click and comes after it."""
    me = desk().open()
    before = me.stored()
    me.click(24, 24)
    me.settled()
    me.page.route("**/api/images/1", lambda route: route.fulfill(json=before))
    me.page.evaluate(
        "async () => { const { state } = await import('/state.js');"
        " await (await import('/edits.js')).refresh(state.image); }"
    )
    assert me.state("state.image.objects.length") == 1
    assert me.state("state.image.revision") == 1


def test_clicks_of_an_image_that_was_left_are_stored_there(desk: Open) -> None:
    me = desk().open()
    held = Held()
    me.page.route(EDITS, held)
    me.click(24, 24)
    me.click(60, 30, button="right")
    me.page.keyboard.press("d")
    me.named("2.png")
    me.ready()
    held.release()
    me.settled()
    assert len(made(me)) == 2
    assert me.stored(2)["objects"] == []
    assert me.state("state.image.objects.length") == 0


def test_two_windows_on_one_folder(desk: Open) -> None:
    one = desk().open()
    other = desk(beside=one).open()
    one.click(24, 24)
    one.settled()
    other.until("state.image.objects.length === 1")
    other.click(62, 30)
    one.click(60, 30, button="right")
    one.settled()
    other.settled()
    assert len(made(one)) == 3
    for each in (one, other):
        each.until("state.image.revision === 3 && state.image.objects.length === 2")


def test_two_windows_that_do_not_hear_of_each_other(desk: Open) -> None:
    """In two browsers: the revision alone tells."""
    one = desk().open()
    other = desk().open()
    one.click(24, 24)
    one.settled()
    other.click(62, 30)
    other.settled()
    assert len(one.stored()["objects"]) == 2
    assert other.state("state.image.objects.length") == 2
    one.page.keyboard.press("z")  # their own click, not the newest
    one.settled()
    assert [each["id"] for each in one.stored()["objects"]] == [2]
    one.page.keyboard.press("Shift+Z")
    one.settled()
    assert len(one.stored()["objects"]) == 2
    one.page.keyboard.press(",")
    other.page.keyboard.press("Delete")
    other.settled()
    one.click(4, 56, button="right")
    one.settled()
    assert len(one.stored()["objects"]) == 1
    assert one.state("state.image.objects.length") == 1


def test_clicks_wait_for_the_preparation(desk: Open, gate: Any) -> None:
    gate.open.clear()
    me = desk()
    me.page.goto(me.url)
    me.until("state.image?.pictured && state.image.state === 'preparing'")
    assert "Seeing what belongs together" in me.page.locator("#preparing").inner_text()
    part = me.page.locator("#preparing .bar").evaluate(
        "(bar) => bar.style.getPropertyValue('--part')"
    )
    assert 0 < float(part) < 1
    me.click(24, 24)
    me.click(60, 30, button="right")
    assert me.state("state.pending") == 2
    assert "your clicks follow" in me.page.locator("#preparing").inner_text()
    gate.open.set()
    me.settled()
    assert made(me) == [(24, 24, True), (60, 30, False)]
    assert me.page.locator("#preparing").is_hidden()


def test_an_empty_folder(browser: Any, serve: Callable[..., Served], tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    context = browser.new_context()
    me = Desk(context, serve(folder).url)
    me.page.goto(me.url)
    me.page.get_by_role("heading", name="No images in this folder").wait_for()
    for key in ("Enter", "z", "d", "b", "Space", "Escape", "v", "1", "Shift+Enter"):
        me.page.keyboard.press(key)
    assert me.errors == []
    context.close()


def test_broken_replaced_and_missing_images(
    browser: Any, serve: Callable[..., Served], photographs: Path
) -> None:
    (photographs / "0.png").write_bytes(b"not a picture at all")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    me = Desk(context, serve(photographs).url)
    me.page.goto(me.url)
    me.until("state.project")
    me.page.get_by_role("option", name="0.png").click()
    me.page.get_by_role("heading", name="This image cannot be read").wait_for()
    me.page.get_by_role("option", name="1.png").click()
    me.named("1.png")
    me.ready()
    me.click(24, 24)
    me.settled()
    me.page.keyboard.press("d")
    me.named("2.png")
    PILImage.new("RGB", (90, 60), (9, 99, 9)).save(photographs / "1.png")
    me.page.keyboard.press("a")
    me.page.get_by_role("heading", name="This file is another picture now").wait_for()
    me.page.get_by_text("its objects are kept").wait_for()
    assert "1 object" not in me.page.get_by_role("option", name="2.png").inner_text()
    pixels = me.page.evaluate(
        "async () => { const view = await import('/view.js');"
        " await new Promise((resolve) => view.whenPainted(resolve));"
        " const canvas = document.getElementById('photo');"
        " const { data } = canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height);"
        " return new Set(new Uint32Array(data.buffer)).size; }"
    )
    assert pixels <= 2, "no mask is drawn on another picture, nor the old photograph"
    (photographs / "2.png").unlink()
    me.page.get_by_role("option", name="2.png").click()
    me.page.get_by_role("heading", name="This image is gone").wait_for()
    assert me.errors == []
    context.close()


def test_a_server_that_wants_a_token_takes_it_once(
    browser: Any, serve: Callable[..., Served], photographs: Path
) -> None:
    served = serve(photographs, token="a-secret")
    context = browser.new_context()
    bare = Desk(context, served.url)
    bare.page.goto(bare.url)
    assert "token" in bare.page.content()
    me = Desk(context, served.url + "?token=a-secret")
    me.page.goto(me.url)
    me.ready()
    assert "secret" not in me.page.url, "not in the address bar, so not in the history"
    assert bare.errors == me.errors == []
    context.close()
