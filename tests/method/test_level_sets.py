"""Level sets by hand, and that every way to them gives those of the map itself."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from m2n2v2.method.level_sets import LevelSets

NEAR = st.integers(0, 40).map(lambda k: np.float32(2 - k * 2.0**-23))
"""Neighbouring floats, which division by 3.9 makes one, two by two."""

MAPS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.one_of(NEAR, st.floats(0, 3, width=32), st.just(np.float32(3.9))),
)


def same(ours: LevelSets, theirs: LevelSets) -> None:
    for name in ("thresholds", "area", "level"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_by_hand() -> None:
    levels = LevelSets.of(torch.tensor([[2.0, 0.0, 2.0], [4.0, 2.0, 0.0]]))
    assert levels.thresholds.tolist() == [0, 2, 4]
    assert levels.area.tolist() == [2, 5, 6]
    assert levels.level.tolist() == [[1, 0, 1], [2, 1, 0]]
    halved = levels.over_maximum()
    assert halved.thresholds.tolist() == [0, 0.5, 1]
    assert halved.area is levels.area
    small = LevelSets.of(torch.tensor([[0.25, 0.5]])).over_maximum()
    assert small.thresholds.tolist() == [0.5, 1]


def test_a_map_of_zeros_stays_as_it_is() -> None:
    levels = LevelSets.of(torch.zeros(2, 3))
    assert levels.over_maximum() is levels


def test_values_that_division_makes_one_become_one_set() -> None:
    near = np.array([[0, 2 - 3 * 2.0**-23, 2 - 2 * 2.0**-23, 2 - 2.0**-23, 3.9]], np.float32)
    levels = LevelSets.of(torch.from_numpy(near)).over_maximum()
    assert len(levels.thresholds) == 4
    same(levels, LevelSets.of(torch.from_numpy(near / np.float32(3.9))))


@given(MAPS)
def test_over_the_maximum_they_are_those_of_the_map_over_its_maximum(values: np.ndarray) -> None:
    largest = values.max()
    scaled = values / largest if largest > 0 else values
    same(
        LevelSets.of(torch.from_numpy(values)).over_maximum(),
        LevelSets.of(torch.from_numpy(scaled)),
    )


@given(MAPS)
def test_the_map_comes_back(values: np.ndarray) -> None:
    levels = LevelSets.of(torch.from_numpy(values))
    np.testing.assert_array_equal(levels.values.numpy(), values)
    by_pixel = levels.pixel_by_pixel()
    np.testing.assert_array_equal(by_pixel.values.numpy(), values)
    assert sorted(by_pixel.level.flat) == list(range(values.size))
    assert by_pixel.area.tolist() == list(range(1, values.size + 1))
