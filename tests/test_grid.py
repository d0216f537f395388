"""Coordinates: half-pixel centres, and mirroring commutes with everything."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from m2n2v2.grid import Size, cell_coordinates, limited, linear_taps, rescaled_pixel

SIDES = st.integers(1, 60)
SIZES = st.builds(Size, SIDES, SIDES)


def interpolation_matrix(pixels: int, cells: int) -> np.ndarray:
    left, weight = linear_taps(pixels, cells)
    matrix = np.zeros((pixels, cells))
    matrix[np.arange(pixels), left] += 1 - weight
    matrix[np.arange(pixels), np.minimum(left + 1, cells - 1)] += weight
    return matrix


def test_linear_taps_by_hand():
    expected = [
        [1.00, 0.00],  # outside the first centre: clamped
        [0.75, 0.25],
        [0.25, 0.75],
        [0.00, 1.00],
    ]
    assert interpolation_matrix(4, 2).tolist() == expected


def test_linear_taps_of_as_many_cells_as_pixels_is_the_identity():
    assert np.array_equal(interpolation_matrix(5, 5), np.eye(5))


@given(SIDES, SIDES)
def test_interpolation_weights_sum_to_1_and_commute_with_mirroring(pixels, cells):
    matrix = interpolation_matrix(pixels, cells)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), 1)
    np.testing.assert_allclose(matrix[::-1, ::-1], matrix, atol=1e-12)


def test_cell_coordinates_by_hand():
    image, cells = Size(8, 16), Size(2, 4)  # four pixels a cell: centres at 1.5, 5.5, ...
    assert cell_coordinates(0, 0, image, cells) == (0.0, 0.0)  # clamped
    assert cell_coordinates(2, 2, image, cells) == (0.125, 0.125)
    assert cell_coordinates(6, 3, image, cells) == (1.125, 0.375)
    assert cell_coordinates(15, 7, image, cells) == (3.0, 1.0)


@given(SIZES, SIZES, st.data())
def test_placing_a_click_commutes_with_mirroring(image, cells, data):
    x = data.draw(st.integers(0, image.width - 1))
    y = data.draw(st.integers(0, image.height - 1))
    column, row = cell_coordinates(x, y, image, cells)
    mirrored = cell_coordinates(image.width - 1 - x, image.height - 1 - y, image, cells)
    assert mirrored == pytest.approx((cells.width - 1 - column, cells.height - 1 - row), abs=1e-9)


@given(SIZES, SIZES, st.data())
def test_placing_a_click_is_where_interpolation_reads_it(image, cells, data):
    """A ramp over the cells, upsampled, has at the pixel the coordinate of its click."""
    x = data.draw(st.integers(0, image.width - 1))
    ramp = interpolation_matrix(image.width, cells.width) @ np.arange(cells.width)
    assert cell_coordinates(x, 0, image, cells)[0] == pytest.approx(ramp[x], abs=1e-9)


def test_corner_placement_is_m2n2s_and_not_mirror_symmetric():
    """Known defect of M2N2: `(cells - 1) * x / W` never reaches the last cell."""
    image, cells = Size(8, 8), Size(4, 4)
    assert cell_coordinates(0, 0, image, cells, "corner") == (0.0, 0.0)
    assert cell_coordinates(7, 7, image, cells, "corner") == (2.625, 2.625)


@given(SIZES, SIZES, st.data())
def test_every_coordinate_lies_in_the_grid(image, cells, data):
    x = data.draw(st.integers(0, image.width - 1))
    y = data.draw(st.integers(0, image.height - 1))
    for placement in ("half-pixel", "corner"):
        column, row = cell_coordinates(x, y, image, cells, placement)
        assert 0 <= column <= cells.width - 1
        assert 0 <= row <= cells.height - 1


@given(SIZES, SIZES, st.data())
def test_rescaled_pixels_lie_in_the_target_and_commute_with_mirroring(source, target, data):
    x = data.draw(st.integers(0, source.width - 1))
    y = data.draw(st.integers(0, source.height - 1))
    column, row = rescaled_pixel(x, y, source, target)
    assert 0 <= column < target.width
    assert 0 <= row < target.height
    # a centre on the edge between two pixels has no mirror-symmetric choice
    assume((2 * x + 1) * target.width % (2 * source.width))
    assume((2 * y + 1) * target.height % (2 * source.height))
    assert rescaled_pixel(source.width - 1 - x, source.height - 1 - y, source, target) == (
        target.width - 1 - column,
        target.height - 1 - row,
    )


@given(SIZES, st.data())
def test_rescaling_to_the_same_size_changes_nothing(size, data):
    x = data.draw(st.integers(0, size.width - 1))
    assert rescaled_pixel(x, 0, size, size) == (x, 0)


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        (Size(2000, 3000), 1000, Size(1000, 1500)),
        (Size(3000, 2000), 1000, Size(1500, 1000)),
        (Size(480, 320), 1024, Size(480, 320)),
        (Size(5000, 5000), None, Size(5000, 5000)),
        (Size(1, 100_000), 16, Size(1, 100_000)),
        (Size(17, 33), 16, Size(16, 31)),
    ],
)
def test_the_shorter_side_is_limited(size, limit, expected):
    assert limited(size, limit) == expected
