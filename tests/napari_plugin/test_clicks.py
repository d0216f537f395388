"""Clicks in the points layer fill the labels layer, as a session does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from m2n2v2.predictor import Predictor
from m2n2v2.session import Session
from tests.napari_plugin.pictures import picture


@pytest.fixture(scope="module")
def session() -> Callable[[], Session]:
    predictor = Predictor.from_preset("offline", device="cpu")
    predictor.set_image(picture())
    return predictor.session


def test_labels_are_the_sessions_masks_pixel_for_pixel(
    started: Any, settle: Any, session: Any
) -> None:
    widget = started(picture())
    desk, alone = widget.desk, session()
    assert alone.click(22, 24).mask.any()
    desk.clicks.add((24, 22))
    settle(widget)
    assert np.array_equal(desk.objects.data, alone.mask)
    widget.negative.click()
    desk.clicks.add((30.4, 45.4))
    settle(widget)
    alone.click(45, 30, positive=False)
    assert np.array_equal(desk.objects.data, alone.mask)
    assert list(desk.clicks.features["label"]) == ["object", "background"]
    colours = desk.clicks.face_color
    assert (colours[0] != colours[1]).any()
    assert widget.status.text() == "Object 1."


def test_undo_and_a_second_object(started: Any, settle: Any, session: Any) -> None:
    widget = started(picture())
    desk = widget.desk
    desk.clicks.add((24, 22))
    settle(widget)
    first = desk.objects.data.copy()
    widget.new.click()
    assert (desk.number, len(desk.clicks.data)) == (2, 0)
    desk.clicks.add((30, 60))
    settle(widget)
    other = session()
    other.click(60, 30)
    assert np.array_equal(desk.objects.data, np.where(other.mask, 2, first))
    desk.objects.selected_label = 1
    assert np.array_equal(desk.clicks.data, [(24, 22)])
    widget.undo.click()
    settle(widget)
    assert np.array_equal(desk.objects.data, first)
    assert (desk.number, len(desk.clicks.data)) == (2, 0)
    widget.undo.click()
    settle(widget)
    assert not desk.objects.data.any()
    assert (desk.number, len(desk.clicks.data)) == (1, 0)
    widget.undo.click()
    settle(widget)
    assert not desk.objects.data.any()


def test_a_point_taken_out_is_a_prompt_taken_out(started: Any, settle: Any, session: Any) -> None:
    widget = started(picture())
    desk, alone = widget.desk, session()
    for at in ((24, 22), (30, 60)):
        desk.clicks.add(at)  # the second while the first is still prepared for
    assert widget.status.text().endswith("...")
    settle(widget)
    alone.click(22, 24), alone.click(60, 30)
    assert np.array_equal(desk.objects.data, alone.mask)
    desk.clicks.selected_data = {0}
    desk.clicks.remove_selected()
    settle(widget)
    alone.remove(0)
    assert np.array_equal(desk.objects.data, alone.mask)
    widget.undo.click()
    settle(widget)
    alone.undo()
    assert np.array_equal(desk.objects.data, alone.mask)
    assert np.array_equal(desk.clicks.data, [(24, 22), (30, 60)])
