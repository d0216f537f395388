"""What values mean: by hand, and the law that nothing is read in two ways."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from m2n2v2.errors import MaskError
from m2n2v2.masks.conventions import RULES, Convention, checked_convention, marked


def row(*values: float, dtype: str = "uint8") -> np.ndarray:
    return np.array([values], dtype)


@pytest.mark.parametrize(
    ("values", "numbers", "void"),
    [
        ([0, 0], [0, 0], []),
        ([0, 1, 1], [0, 1, 1], []),
        ([0, 255, 0], [0, 255, 0], []),
        ([0, 200], [0, 200], []),
        ([255, 255], [255, 255], []),
        ([0, 1, 2, 3], [0, 1, 2, 3], []),
        ([0, 3, 7], [0, 3, 7], []),
        ([0, 128, 255], [0, 0, 1], [1]),
        ([0, 1, 2, 255], [0, 1, 2, 0], [3]),
    ],
)
def test_values_that_leave_no_doubt(values: list[int], numbers: list[int], void: list[int]) -> None:
    found = marked(row(*values))
    assert found.numbers.tolist() == [numbers]
    assert np.flatnonzero(found.void).tolist() == void
    assert bool(found.rule) == (len(set(values) - {0}) > 1)  # what needs a rule tells it


@pytest.mark.parametrize(
    "values",
    [[0, 128], [0, 200, 255], [0, 64, 128, 255], [0, 16, 128, 240, 255], [0, 3, 7, 255], [1, 2]],
)
def test_values_that_fit_two_readings_are_refused(values: list[int]) -> None:
    with pytest.raises(MaskError, match=r"m\.png has .*--mask-values half"):
        marked(row(*values), name="m.png")


@pytest.mark.parametrize(
    ("convention", "numbers", "void"),
    [
        ("any", [0, 1, 1, 1, 1], []),
        ("half", [0, 0, 1, 1, 1], []),
        ("alpha", [0, 0, 1, 1, 1], []),
        ("trimap", [0, 0, 0, 1, 1], [2]),
        ("voc", [0, 64, 128, 200, 0], [4]),
        ("index", [0, 64, 128, 200, 255], []),
    ],
)
def test_declared_conventions(convention: Convention, numbers: list[int], void: list[int]) -> None:
    found = marked(row(0, 64, 128, 200, 255), convention)
    assert found.numbers.tolist() == [numbers]
    assert np.flatnonzero(found.void).tolist() == void


def test_a_void_value_is_apart_whatever_the_convention() -> None:
    found = marked(row(0, 77, 255), void=77)
    assert (found.numbers.tolist(), found.void.tolist()) == ([[0, 0, 255]], [[False, True, False]])
    found = marked(row(0, 77, 255), "any", void=77)
    assert found.object.tolist() == [[False, False, True]]


@pytest.mark.parametrize(
    ("values", "full", "object_at"),
    [
        (row(0, 65535, dtype="uint16"), 65535, [1]),
        (row(0, 255, dtype="uint16"), 65535, [1]),
        (row(0.0, 1.0, dtype="float32"), 1, [1]),
        (row(False, True, dtype="bool"), 255, [1]),
    ],
)
def test_other_scales(values: np.ndarray, full: float, object_at: list[int]) -> None:
    assert np.flatnonzero(marked(values, full=full).object).tolist() == object_at


def test_half_of_other_scales() -> None:
    assert marked(row(0, 32767, 32768, dtype="uint16"), "half", full=65535).present == [1]
    assert marked(row(0.49, 0.5, dtype="float32"), "half", full=1).object.tolist() == [
        [False, True]
    ]


@pytest.mark.parametrize(
    "values",
    [
        row(0, -1, dtype="int32"),
        row(0, np.nan, dtype="float32"),
        row(0, np.inf, dtype="float64"),
        row(0, 0.3, 1, dtype="float32"),
        row(0, 1, 1j, dtype="complex64"),
        row(0, 2**40, 2**41, dtype="int64"),
    ],
)
def test_no_numbers_of_objects(values: np.ndarray) -> None:
    with pytest.raises(MaskError):
        marked(values)


def test_indices_of_a_palette_are_no_shades() -> None:
    found = marked(row(0, 128, 200, 255), palette=True)
    assert found.present == [128, 200]
    assert found.void.tolist() == [[False, False, False, True]]
    assert marked(row(0, 128), palette=True).present == [128]


BYTES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6))


@given(BYTES, st.sampled_from(get_args(Convention)))
def test_a_mask_is_read_or_refused_and_no_pixel_is_two_things(
    values: np.ndarray, convention: Convention
) -> None:
    try:
        found = marked(values, convention)
    except MaskError as error:
        refused = error
    else:
        refused = None
    if refused:
        assert convention == "auto"
        assert "--mask-values" in refused.cure
        return
    assert not (found.object & found.void).any()
    assert not found.object[values == 0].any()
    unread = (values > 0) & ~found.object & ~found.void
    assert not unread.any() or found.rule  # what is not object is told


@given(BYTES)
def test_what_is_read_by_itself_is_what_some_declared_reading_gives(values: np.ndarray) -> None:
    try:
        found = marked(values)
    except MaskError:
        return
    readings = [marked(values, name) for name in RULES if name != "auto"]
    assert any(
        (found.object == other.object).all() and (found.void == other.void).all()
        for other in readings
    )


def test_conventions_by_name() -> None:
    assert checked_convention("half") == "half"
    with pytest.raises(MaskError, match="'soft'; use auto, any, half"):
        checked_convention("soft")
