"""Scribbles: which pixels a stroke crosses, what is refused, and its laws."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.errors import ClickError, PromptError
from m2n2v2.grid import Size
from m2n2v2.prompts import Click, Scribble, check_sequence

SIZE = Size(height=6, width=8)
inside = st.tuples(st.integers(0, 7), st.integers(0, 5))
around = st.tuples(st.integers(-20, 30), st.integers(-20, 30))


def crossed(points, size: Size = SIZE) -> set[tuple[int, int]]:
    return {(x, y) for x, y in Scribble(points).pixels(size, size).tolist()}


def stepped(points, size: Size = SIZE) -> set[tuple[int, int]]:
    """The same the long way: along the longer axis, rounding the other both ways on ties."""
    found = set()
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[-1]], strict=True):
        n = max(abs(bx - ax), abs(by - ay), 1)
        for k in range(n + 1):
            exact = ax + (bx - ax) * k / n, ay + (by - ay) * k / n
            choices = [{math.ceil(v - 0.5), math.floor(v + 0.5)} for v in exact]
            found |= {(x, y) for x in choices[0] for y in choices[1]}
    return {(x, y) for x, y in found if 0 <= x < size.width and 0 <= y < size.height}


def test_by_hand():
    assert crossed([(1, 1), (4, 1)]) == {(1, 1), (2, 1), (3, 1), (4, 1)}
    assert crossed([(2.9, 3.1)]) == {(2, 3)}, "a fraction falls into its pixel"
    assert crossed([(0, 0), (2, 1)]) == {(0, 0), (1, 0), (1, 1), (2, 1)}, "both on a tie"
    assert crossed([(-3, 2), (20, 2)]) == {(x, 2) for x in range(8)}, "outside is cut off"


@given(st.lists(around, min_size=1, max_size=6))
def test_as_stepped_by_hand(points):
    if stepped(points):
        assert crossed(points) == stepped(points)


@given(st.lists(around, min_size=1, max_size=6))
def test_mirrored_and_reversed_strokes_cross_the_mirrored_pixels(points):
    mirrored = [(7 - x, y) for x, y in points]
    assert crossed(mirrored) == {(7 - x, y) for x, y in crossed(points)}
    assert crossed(points[::-1]) == crossed(points)


@given(st.lists(inside, min_size=1, max_size=6), st.lists(inside, min_size=1, max_size=6))
def test_crossing_itself_changes_nothing(points, more):
    there_and_back = [*points, *points[::-1], *points]
    assert crossed(there_and_back) == crossed(points)


def test_a_hundred_thousand_points():
    points = np.random.default_rng(0).uniform(-50, 700, (100_000, 2))
    pixels = Scribble(points).pixels(Size(48, 64), Size(48, 64))
    assert len(np.unique(pixels, axis=0)) == len(pixels) == 48 * 64


def test_points_at_the_end_of_the_world():
    assert (7, 3) in crossed([(4, 3), (1e300, 3)])


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_every_way_to_give_points(kind):
    assert Scribble(kind([[1, 2], [3, 4]])) == Scribble([(1, 2), (3, 4)])


@pytest.mark.parametrize("label", [True, 1, np.True_, 1.0])
def test_labels_are_those_of_clicks(label):
    assert Scribble([(1, 2)], label).positive is True
    with pytest.raises(ClickError, match="label"):
        Scribble([(1, 2)], 2)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([], "shape"),
        (None, "None"),
        ([1, 2], "1"),
        ([(1, 2, 3)], "shape"),
        ([(1, 2), (3,)], "no pairs"),
        ([("a", 2)], "no pairs"),
        ([(True, 2)], "no pairs"),
        ([(1, 2), (math.nan, 3)], "nan"),
        ([(1, 2), (math.inf, 3)], "inf"),
    ],
)
def test_malformed_strokes_are_refused(points, says):
    with pytest.raises((PromptError, ClickError), match=says):
        Scribble(points)


def test_a_stroke_outside_is_refused_and_one_partly_outside_is_cut():
    with pytest.raises(PromptError, match=r"\(-5, 2\).*outside the 8x6"):
        Scribble([(-5, 2), (-1, 2)]).inside(SIZE)
    stroke = Scribble([(-5, 2), (3, 2)])
    assert stroke.inside(SIZE) is stroke
    with pytest.raises(PromptError, match="outside"):
        Scribble([(-4, 3), (3, -4)]).inside(SIZE)  # past the corner


def test_strokes_that_contradict():
    across, down = Scribble([(0, 3), (7, 3)]), Scribble([(4, 0), (4, 5)], False)
    with pytest.raises(PromptError, match=r"\(4, 3\) is marked both"):
        check_sequence((across, down), SIZE)
    with pytest.raises(PromptError, match=r"\(4, 3\) is marked both"):
        check_sequence((Click(4, 3), down), SIZE)
    assert check_sequence((Click(4, 3, False), down), SIZE)


def test_a_reduced_image_has_the_pixels_that_hold_theirs():
    pixels = Scribble([(0, 0), (7, 0)]).pixels(SIZE, Size(3, 4)).tolist()
    assert pixels == [[0, 0], [1, 0], [2, 0], [3, 0]]
