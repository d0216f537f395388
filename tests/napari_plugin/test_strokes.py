"""Boxes and scribbles from a shapes layer, and layers that are scaled, turned and moved."""

from typing import Any

import numpy as np
import pytest

from m2n2v2.predictor import Predictor
from m2n2v2.prompts import Box, Click, Scribble
from tests.napari_plugin.pictures import picture

BOX = np.array([(6, 7), (6, 41), (41, 41), (41, 7)])


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    made = Predictor.from_preset("offline", device="cpu")
    made.set_image(picture())
    return made


def test_a_box_and_a_scribble_as_a_session_takes_them(
    started: Any, settle: Any, predictor: Predictor
) -> None:
    widget = started(picture())
    desk, alone = widget.desk, predictor.session()
    desk.strokes.add(BOX, shape_type="rectangle")
    settle(widget)
    alone.box(7.5, 6.5, 41.5, 41.5)
    assert np.array_equal(desk.objects.data, alone.mask)
    desk.mark(False)
    desk.strokes.add(np.array([(12, 55), (30, 60), (45, 70)]), shape_type="path")
    settle(widget)
    alone.scribble([(55.5, 12.5), (60.5, 30.5), (70.5, 45.5)], positive=False)
    assert np.array_equal(desk.objects.data, alone.mask)
    assert (desk.strokes.edge_color[0] != desk.strokes.edge_color[1]).any()
    widget.undo.click()
    settle(widget)
    assert desk.strokes.shape_type == ["rectangle"]
    widget.undo.click()
    settle(widget)
    assert not desk.objects.data.any()
    assert desk.strokes.shape_type == []


@pytest.mark.parametrize(
    ("outline", "kind", "message"),
    [
        ([(6, 7), (6, 41), (41, 41), (41, 7)], "ellipse", "a shape is of kind ellipse; draw a"),
        ([(6, 7), (6, 41), (41, 41)], "polygon", "a shape is of kind polygon; draw a rectangle"),
        ([(6, 20), (20, 34), (34, 20), (20, 6)], "rectangle", "a rectangle is turned; draw it"),
        ([(70, 7), (80, 41)], "line", "a scribble from (7.5, 70.5) to (41.5, 80.5) lies outside"),
    ],
)
def test_shapes_that_are_no_prompts(
    started: Any, settle: Any, outline: Any, kind: str, message: str
) -> None:
    widget = started(picture())
    widget.desk.strokes.add(np.array(outline), shape_type=kind)
    settle(widget)
    assert widget.status.text().startswith(message)
    assert widget.desk.strokes.shape_type == []


def test_transformed_layers_are_clicked_through_their_transforms(
    started: Any, settle: Any, predictor: Predictor
) -> None:
    widget = started(picture(), scale=(0.5, 3), rotate=30, translate=(100, -7))
    desk, alone = widget.desk, predictor.session()
    desk.clicks.translate = (0, 0)  # a points layer somewhere else than the image
    world = desk.image.data_to_world((24.3, 21.8))
    desk.clicks.add(desk.clicks.world_to_data(world))
    settle(widget)
    alone.click(22, 24)
    assert np.array_equal(desk.objects.data, alone.mask)
    assert np.allclose(desk.objects.data_to_world((5, 6)), desk.image.data_to_world((5, 6)))
    desk.strokes.add(BOX, shape_type="rectangle")
    settle(widget)
    alone.box(7.5, 6.5, 41.5, 41.5)
    assert np.array_equal(desk.objects.data, alone.mask)
    desk.new_object()
    desk.objects.selected_label = 1  # drawn anew, and the same prompts
    assert np.allclose(
        desk.clicks.data_to_world(desk.clicks.data[0]), desk.image.data_to_world((24, 22))
    )
    desk.clicks.add(desk.clicks.world_to_data(desk.image.data_to_world((50, 5))))
    desk.strokes.add(np.array([(50, 5), (55, 30)]), shape_type="line")
    settle(widget)
    assert desk.work._sessions[0, 1].prompts == (
        Click(22, 24),
        Box(7.5, 6.5, 41.5, 41.5),
        Click(5, 50),
        Scribble([(5.5, 50.5), (30.5, 55.5)]),
    )
