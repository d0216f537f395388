"""Cleaning and editing masks: by hand, by brute force, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from m2n2v2.errors import MaskError
from m2n2v2.masks.cleaning import Cleaning, smoothed
from m2n2v2.masks.editing import hole_filled, intersected, merged, parts, subtracted

MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def drawn(text: str) -> np.ndarray:
    return np.array([[c == "#" for c in line] for line in text.split()])


def test_holes_and_specks_by_hand() -> None:
    mask = drawn("""
        ######..#
        #.##.#...
        ####.#...
        ######...
        ...#.....
    """)
    one = Cleaning(holes=1).of(mask)
    assert (one.added, one.removed) == (1, 0)
    assert one.mask[1, 1]
    assert not one.mask[1, 4]
    two = Cleaning(holes=2, specks=1).of(mask)
    assert (two.added, two.removed) == (3, 1)
    assert not two.mask[0, 8]
    assert np.array_equal(Cleaning(holes=99).of(mask).mask[:, 6:], mask[:, 6:]), (
        "the frame is no hole"
    )


def test_an_object_of_specks_keeps_its_largest() -> None:
    cleaned = Cleaning(specks=50).of(drawn("#..## ..... #...."))
    assert np.array_equal(cleaned.mask, drawn("...## ..... ....."))
    assert cleaned.removed == 2


def test_a_hole_is_four_connected_and_a_part_eight_connected() -> None:
    ring = drawn(".#. #.# .#.")
    assert Cleaning(specks=3).of(ring).removed == 0, "one part of four pixels"
    assert Cleaning(holes=1).of(ring).added == 1


@given(MASKS, st.integers(0, 4))
def test_smoothing_as_by_hand(mask: np.ndarray, radius: int) -> None:
    height, width = mask.shape
    expected = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            near = [
                mask[v, u]
                for v in range(height)
                for u in range(width)
                if (v - y) ** 2 + (u - x) ** 2 <= radius**2
            ]
            votes = 2 * sum(near) - len(near)
            expected[y, x] = mask[y, x] if votes == 0 else votes > 0
    if mask.any() and not expected.any():
        expected = mask
    assert np.array_equal(smoothed(mask, radius), expected)


@given(MASKS, *(st.integers(0, 12) for _ in range(3)))
def test_what_changed_is_counted_and_no_object_is_lost(
    mask: np.ndarray, holes: int, specks: int, smooth: int
) -> None:
    cleaned = Cleaning(holes=holes, specks=specks, smooth=smooth).of(mask)
    assert cleaned.added == (cleaned.mask & ~mask).sum()
    assert cleaned.removed == (mask & ~cleaned.mask).sum()
    assert cleaned.mask.any() == mask.any()
    if not smooth:
        again = Cleaning(holes=holes, specks=specks).of(cleaned.mask)
        assert np.array_equal(again.mask, cleaned.mask)
    mirrored = Cleaning(holes=holes, smooth=smooth).of(mask[:, ::-1])
    assert np.array_equal(
        mirrored.mask[:, ::-1], Cleaning(holes=holes, smooth=smooth).of(mask).mask
    )


@pytest.mark.parametrize("wrong", [{"holes": -1}, {"specks": -2}, {"smooth": -1}, {"smooth": 51}])
def test_numbers_out_of_range_are_named(wrong: dict[str, int]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(MaskError, match=f"{name} is {value}"):
        Cleaning(**wrong)


@given(MASKS)
def test_parts_are_apart_and_together_the_mask(mask: np.ndarray) -> None:
    apart = parts(mask)
    assert sum(part.sum() for part in apart) == mask.sum()
    if apart:
        assert np.array_equal(merged(apart), mask)
        first = [int(part.argmax()) for part in apart]
        assert first == sorted(first)
        assert all(len(parts(part)) == 1 for part in apart)


def test_two_masks_by_hand() -> None:
    one, other = drawn("##. ##."), drawn(".## ...")
    assert np.array_equal(merged((one, other)), drawn("### ##."))
    assert np.array_equal(subtracted(one, other), drawn("#.. ##."))
    assert np.array_equal(intersected((one, other)), drawn(".#. ..."))
    for wrong in (lambda: merged(()), lambda: subtracted(one, one.T)):
        with pytest.raises(MaskError, match="sizes"):
            wrong()


def test_a_hole_is_filled_where_it_is_pointed_at() -> None:
    mask = drawn("#####. #.#.#. #####.")
    assert np.array_equal(hole_filled(mask, 1, 1), drawn("#####. ###.#. #####."))
    for x, y, says in ((0, 0, "on the object"), (5, 0, "frame"), (6, 0, "outside the 6x3")):
        with pytest.raises(MaskError, match=says):
            hole_filled(mask, x, y)
