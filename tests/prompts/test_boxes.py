"""Boxes: what is taken, what is refused, what they cover."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.errors import ClickError, PromptError
from m2n2v2.grid import Size
from m2n2v2.prompts import (
    SNAP,
    Box,
    Click,
    Scribble,
    boxes_from_array,
    check_sequence,
    check_steps,
    prompts_from_json,
    prompts_to_json,
    steps_from_json,
    steps_to_json,
)

SIZE = Size(height=6, width=8)


def covered(box: Box, size: Size = SIZE) -> tuple[int, int, int, int]:
    rows, columns = box.window(size, size)
    return columns.start, rows.start, columns.stop, rows.stop


def test_every_order_of_corners_is_one_box():
    assert Box(5, 4, 1, 2) == Box(1, 2, 5, 4) == Box(5, 2, 1, 4)


def test_a_box_covers_every_pixel_it_touches():
    assert covered(Box(1, 2, 5, 4)) == (1, 2, 5, 4)
    assert covered(Box(1.5, 2.5, 4.5, 3.5)) == (1, 2, 5, 4)
    assert covered(Box(3, 3, 4, 4)) == (3, 3, 4, 4), "one pixel"
    assert covered(Box(-9, -9, 99, 99)) == (0, 0, 8, 6), "all of it"
    assert covered(Box(6, 4, 99, 99)) == (6, 4, 8, 6), "the rest is cut off"
    rows, columns = Box(2, 2, 3, 3).window(SIZE, Size(3, 4))
    assert (rows, columns) == (slice(1, 2), slice(1, 2)), "one pixel at least, when reduced"


@given(*(st.floats(-4, 12) for _ in range(4)))
def test_mirrored_boxes_cover_the_mirrored_pixels(x0, y0, x1, y1):
    if x0 == x1 or y0 == y1 or 8 - x0 == 8 - x1:  # numbers too small to tell apart from 8
        return
    box, mirrored = Box(x0, y0, x1, y1), Box(8 - x0, y0, 8 - x1, y1)
    if not (box.right > 0 and box.left < 8 and box.bottom > 0 and box.top < 6):
        return
    left, top, right, bottom = covered(box)
    if (8 - box.left, 8 - box.right) == (mirrored.right, mirrored.left) and all(
        8 - (8 - v) == v for v in (x0, x1)
    ):
        assert covered(mirrored) == (8 - right, top, 8 - left, bottom)


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        ((math.nan, 0, 1, 1), "nan.*no finite"),
        ((0, 0, math.inf, 1), "inf.*no finite"),
        ((0, 0, "2", 1), "'2'.*no finite"),
        ((0, 0, True, 1), "True.*no finite"),
        ((2, 1, 2, 5), "empty"),
        ((1, 5, 2, 5), "empty"),
    ],
)
def test_malformed_boxes_are_refused(corners, says):
    with pytest.raises(PromptError, match=says):
        Box(*corners)


@pytest.mark.parametrize("corners", [(8, 0, 9, 1), (-3, 0, 0, 1), (0, 6, 1, 9), (0, -2, 1, 0)])
def test_a_box_outside_is_refused(corners):
    with pytest.raises(PromptError, match="outside the 8x6 image"):
        Box(*corners).inside(SIZE)


def test_labels_are_those_of_clicks():
    assert Box(0, 0, 1, 1, np.False_) == Box(0, 0, 1, 1, 0)
    with pytest.raises(ClickError, match="label"):
        Box(0, 0, 1, 1, "yes")


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_arrays_as_sam_has_them(kind):
    assert boxes_from_array(kind([1, 2, 5, 4])) == (Box(1, 2, 5, 4),)
    assert boxes_from_array(kind([[1, 2, 5, 4], [0, 0, 2, 2]])) == (
        Box(1, 2, 5, 4),
        Box(0, 0, 2, 2),
    )


@pytest.mark.parametrize("box", [[], 3, [1, 2, 3], [[1, 2, 3]], [[1, 2, 3, 4], [1, 2]], [[]], None])
def test_arrays_of_another_shape_are_refused(box):
    with pytest.raises((PromptError, ClickError)):
        boxes_from_array(box)


def test_contradictions():
    nothing = Box(2, 2, 6, 5, False)
    with pytest.raises(PromptError, match=r"\(3, 3\) is marked both"):
        check_sequence((Click(3, 3), nothing), SIZE)
    with pytest.raises(PromptError, match="is marked both"):
        check_sequence((nothing, Scribble([(0, 3), (7, 3)])), SIZE)
    with pytest.raises(PromptError, match="where nothing belongs"):
        check_sequence((Box(3, 3, 5, 4), nothing), SIZE)
    assert check_sequence((Box(1, 1, 5, 4), nothing, Click(3, 3, False), Click(1, 1)), SIZE)


def test_json_round_trip_and_its_errors():
    prompts = (
        Click(1, 2),
        Scribble([(0, 0), (3.5, 2)], False),
        Box(1, 2, 5, 4),
        Box(0, 0, 1, 1, 0),
    )
    assert prompts_from_json(prompts_to_json(prompts)) == prompts
    assert prompts_from_json([{"box": [1, 2, 5, 4]}]) == (Box(1, 2, 5, 4),)
    for wrong in ({"box": [1, 2, 5, 4]}, [{"circle": [1, 2]}], [[1, 2]], ["a"], [{"label": 1}]):
        with pytest.raises(PromptError):
            prompts_from_json(wrong)
    with pytest.raises(PromptError):
        prompts_from_json([{"box": [[1, 2, 5, 4], [1, 2, 5, 4]]}])


def test_a_snap_is_a_step_and_no_prompt():
    steps = (Click(1, 2), SNAP, Click(1, 2, False))
    assert steps_from_json(steps_to_json(steps)) == steps
    check_steps(steps, SIZE)
    with pytest.raises(ClickError, match="both as object and as background"):
        check_steps((SNAP, *steps, Click(1, 2)), SIZE)
    with pytest.raises(PromptError, match="no known kind"):
        prompts_from_json([{"snap": True}])
    with pytest.raises(PromptError, match="no known kind"):
        steps_from_json([{"snap": False}])
