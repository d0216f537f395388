"""Which model finds the masks: shown, and changed by anybody for everybody."""

from collections.abc import Callable

from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]


def test_the_model_is_shown_and_changed_with_its_cost(desk: Open) -> None:
    ann, ben = desk().open(), desk().open()
    ann.page.get_by_text("Why this mask?").click()
    ann.page.get_by_role("button", name="Masks are found by stand-in").click()
    box = ann.page.get_by_role("dialog", name="What finds the masks")
    used = box.locator(".card", has_text="stand-in").first
    assert "s for a photograph" in used.inner_text()
    other = box.locator(".card", has_text="another stand-in")
    assert "not used here yet" in other.inner_text()
    other.click()
    box.get_by_role("button", name="Use it").click()
    ann.until("state.project.preset === 'another stand-in' && state.image.state === 'ready'")
    ann.click(24, 24)
    ann.settled()
    assert len(ann.stored()["objects"]) == 1
    ben.until("state.project.preset === 'another stand-in' && state.image.state === 'ready'")
