"""Run lengths: drawn by hand, then laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

DRAWN = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9), fill=st.booleans())


def test_drawn_by_hand() -> None:
    runs = Runs.of(DRAWN)
    assert runs.counts.tolist() == [1, 2, 1, 2, 6]
    assert runs.area == 4
    assert runs.bbox == (0, 0, 3, 2)
    assert Runs.of(~DRAWN).counts.tolist() == [0, 1, 2, 1, 2, 6]


def test_empty_and_full() -> None:
    size = Size(2, 3)
    assert Runs.empty(size) == Runs.of(np.zeros((2, 3), bool))
    assert Runs.empty(size).bbox == (0, 0, 0, 0)
    full = Runs.of(np.ones((2, 3), bool))
    assert full.counts.tolist() == [0, 6]
    assert full.bbox == (0, 0, 3, 2)


@given(MASKS)
def test_round_trips(mask: Mask) -> None:
    runs = Runs.of(mask)
    np.testing.assert_array_equal(runs.mask, mask)
    assert Runs.from_bytes(runs.size, runs.to_bytes()) == runs
    assert Runs.checked(runs.size, runs.counts.tolist()) == runs
    assert (runs.counts[1:] > 0).all()


@given(MASKS)
def test_area_and_box_are_the_masks(mask: Mask) -> None:
    runs = Runs.of(mask)
    assert runs.area == mask.sum()
    x, y, width, height = runs.bbox
    assert mask[y : y + height, x : x + width].sum() == mask.sum()
    rows, columns = mask.any(1), mask.any(0)
    if mask.any():
        assert (height, width) == (
            np.ptp(np.flatnonzero(rows)) + 1,
            np.ptp(np.flatnonzero(columns)) + 1,
        )


def test_counts_of_zero_inside_are_joined() -> None:
    assert Runs.checked(Size(1, 6), [1, 2, 0, 1, 2]).counts.tolist() == [1, 3, 2]


@pytest.mark.parametrize("counts", [[], [5], [7], [-1, 7], [3, 2.0, 1], [2**40, 1]])
def test_counts_that_fill_no_mask(counts: list[object]) -> None:
    with pytest.raises(MaskError, match="3x2"):
        Runs.checked(Size(2, 3), counts)


def test_damaged_bytes() -> None:
    packed = Runs.of(DRAWN).to_bytes()
    for bad in (b"", packed[:-6], b"x" + packed, Runs.empty(Size(9, 9)).to_bytes()):
        with pytest.raises(MaskError):
            Runs.from_bytes(Size(3, 4), bad)
