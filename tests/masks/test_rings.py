"""Rings to pixels, against a pixel-by-pixel twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from m2n2v2.masks.rings import filled
from tests.masks.test_simplified import filled as one_by_one

COORDINATES = st.integers(-40, 120).map(lambda n: n / 8 + 1 / 64)
"""Never the height of a pixel's middle, where sides differ by convention."""

RINGS = st.lists(
    st.integers(3, 8).flatmap(lambda n: arrays(np.float64, (n, 2), elements=COORDINATES)),
    min_size=1,
    max_size=3,
)


@given(RINGS)
@settings(deadline=None)
def test_any_rings_cover_the_pixels_whose_middles_are_inside(rings: list[np.ndarray]) -> None:
    assert np.array_equal(filled(rings, (7, 9)), one_by_one(rings, (7, 9)))


def test_a_square_on_the_lattice_covers_its_pixels() -> None:
    square = np.array([[1, 1], [4, 1], [4, 3], [1, 3]], float)
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    assert np.array_equal(filled([square], (5, 6)), expected)
    assert np.array_equal(filled([square[::-1]], (5, 6)), expected)
    assert not filled([square, square], (5, 6)).any()


def test_what_lies_outside_is_cut_off() -> None:
    everything = np.array([[-9, -9], [99, -9], [99, 99], [-9, 99]], float)
    assert filled([everything], (3, 4)).all()
    assert not filled([everything + 200], (3, 4)).any()
