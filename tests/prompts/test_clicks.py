"""Clicks: what is taken, what is refused, and that all spellings mean the same."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.errors import ClickError
from m2n2v2.grid import Size
from m2n2v2.prompts import Click, check_sequence, clicks_from_arrays

SIZE = Size(height=480, width=640)
OBJECT = [True, 1, np.True_, 1.0, np.int64(1), np.float32(1), np.uint8(1)]
BACKGROUND = [False, 0, np.False_, 0.0, np.int64(0), np.float32(0), np.uint8(0)]


@pytest.mark.parametrize("label", OBJECT, ids=lambda v: f"{type(v).__name__}-{v}")
def test_every_way_to_say_object(label):
    assert Click(3, 4, label) == Click(3, 4, True)
    assert Click(3, 4, label).positive is True


@pytest.mark.parametrize("label", BACKGROUND, ids=lambda v: f"{type(v).__name__}-{v}")
def test_every_way_to_say_background(label):
    assert Click(3, 4, label) == Click(3, 4, False)
    assert Click(3, 4, label).positive is False


@pytest.mark.parametrize("label", [2, -1, 3, 0.5, math.nan, "1", "foreground", None, b"1", [1]])
def test_labels_of_another_kind_are_refused(label):
    with pytest.raises(ClickError, match="label"):
        Click(3, 4, label)


@given(st.integers() | st.floats() | st.text() | st.none())
def test_a_label_is_0_or_1_or_refused(label):
    try:
        accepted = Click(0, 0, label).positive
    except ClickError:
        assert label not in (0, 1)
    else:
        assert accepted is (label == 1)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -1, -0.01, "3", None, True, np.True_, 1j, [3], np.array([1])],
    ids=repr,
)
def test_coordinates_that_are_no_pixels_are_refused(value):
    with pytest.raises(ClickError, match="click x is"):
        Click(value, 0)
    with pytest.raises(ClickError, match="click y is"):
        Click(0, value)


@pytest.mark.parametrize("value", [7.9, np.float32(7.5), np.int16(7), Fraction(15, 2)])
def test_a_fraction_falls_into_its_pixel(value):
    click = Click(value, 0)
    assert click.x == 7
    assert type(click.x) is int


def test_clicks_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Click(1, 2).x = 3


@pytest.mark.parametrize("place", [(640, 12), (0, 480), (10_000, 10_000), (640.0, 0)])
def test_clicks_outside_are_refused_with_both_sizes(place):
    with pytest.raises(ClickError, match=r"lies outside the 640x480 image; use 0 <= x < 640"):
        Click(*place).inside(SIZE)


@pytest.mark.parametrize("place", [(0, 0), (639, 479), (639.9, 479.9)])
def test_corners_are_inside(place):
    assert Click(*place).inside(SIZE) == Click(*place)


POINTS = [[5, 6], [7, 8]]


@pytest.mark.parametrize("make", [list, tuple, np.array, torch.tensor], ids=lambda f: f.__name__)
@pytest.mark.parametrize("labels", [[1, 0], [True, False]])
def test_arrays_of_any_kind_are_taken_in_order(make, labels):
    expected = (Click(5, 6, True), Click(7, 8, False))
    assert clicks_from_arrays(make(POINTS), make(labels)) == expected


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([], [], "no clicks"),
        (np.zeros((0, 2)), np.zeros(0), "no clicks"),
        (POINTS, [1], "2 points came with 1 labels"),
        ([[1, 2]], [1, 0], "1 points came with 2 labels"),
        ([[1, 2, 3]], [1], "no pair"),
        ([[1]], [1], "no pair"),
        ([5, 6], [1, 1], "point is 5"),
        (None, [1], "point_coords is None"),
        ("12", [1], "point_coords is '12'"),
        (POINTS, None, "point_labels is None"),
        (POINTS, 1, "point_labels is 1"),
        ([[1, 2]], [2], "label is 2"),
        ([[1, 2]], np.array([[1]]), "label is"),
        ([[math.nan, 2]], [1], "x is nan"),
        (np.array([[1, np.inf]]), [1], "y is inf"),
        (torch.tensor([[-1, 2]]), [1], "x is -1"),
    ],
)
def test_malformed_arrays_are_refused(points, labels, message):
    with pytest.raises(ClickError, match=message):
        clicks_from_arrays(points, labels)


def test_opposite_clicks_on_one_pixel_are_refused():
    with pytest.raises(ClickError, match=r"\(3, 4\).*both as object and as background"):
        check_sequence([Click(3, 4, True), Click(5, 4), Click(3, 4, False)], SIZE)


def test_the_same_click_twice_is_allowed():
    twice = (Click(3, 4), Click(3, 4))
    assert check_sequence(twice, SIZE) == twice
    assert check_sequence([], SIZE) == ()


def test_any_click_outside_is_found():
    with pytest.raises(ClickError, match="outside"):
        check_sequence([Click(3, 4), Click(640, 4)], SIZE)
