"""The passes behind superpixels, beside loops over every pixel, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from m2n2v2.attention.affinity import _superpixels as kernel

SIDES = st.integers(1, 11)


@given(st.integers(0, 2**31), *(st.integers(1, 7) for _ in range(4)))
def test_every_pixel_has_the_nearest_centre_of_the_nine_around_it(
    seed: int, height: int, width: int, rows: int, columns: int
) -> None:
    """Of whole numbers, so that ties are ties; rows that are not asked for stay."""
    rows, columns = min(rows, height), min(columns, width)
    generator = np.random.default_rng(seed)
    lab = generator.integers(0, 4, (height, width, 3)).astype(np.float32)
    centres = generator.integers(0, 4, (rows, columns, 5)).astype(np.float32)
    centres[..., 3:] += generator.integers(0, 8, (rows, columns, 2))
    start, stop = sorted(generator.integers(0, height + 1, 2).tolist())
    labels = np.full((height, width), -1, np.int32)
    kernel.assign(start, stop, lab, centres, np.float32(0.5), labels)
    expected = np.full((height, width), -1)
    for y, x in np.ndindex(height, width):
        home = int((y + 0.5) * rows / height), int((x + 0.5) * columns / width)
        around = [
            (((lab[y, x] - c[:3]) ** 2).sum() + 0.5 * ((y - c[3]) ** 2 + (x - c[4]) ** 2), i, j)
            for (i, j), c in ((place, centres[place]) for place in np.ndindex(rows, columns))
            if abs(i - home[0]) <= 1 and abs(j - home[1]) <= 1
        ]
        if start <= y < stop:
            _, i, j = min(around)
            expected[y, x] = i * columns + j
    np.testing.assert_array_equal(labels, expected)


def test_a_centre_moves_to_the_mean_of_its_pixels_and_stays_without_any() -> None:
    generator = np.random.default_rng(0)
    lab = generator.normal(size=(5, 7, 3)).astype(np.float32)
    labels = generator.choice([0, 1, 3], (5, 7)).astype(np.int32)
    labels[0, 0] = 4
    before = generator.normal(size=(5, 5)).astype(np.float32)
    centres = before.copy()
    kernel.update(lab, labels, centres, np.full((5, 6), np.nan))
    y, x = np.mgrid[:5, :7]
    pixels = np.dstack([lab, y, x])
    for segment in (0, 1, 3, 4):
        mean = pixels[labels == segment].mean(0)
        np.testing.assert_allclose(centres[segment], mean, atol=1e-6)
    np.testing.assert_array_equal(centres[2], before[2])


def components_are_scipys(labels: np.ndarray) -> None:
    """In the order of their first pixels."""
    components = np.empty_like(labels)
    count = kernel.connected(labels, components, np.empty(labels.size, np.int32))
    ones, zeros = ndimage.label(labels)[0], ndimage.label(labels == 0)[0]
    seen: dict[int, int] = {}
    order = [seen.setdefault(number, len(seen)) for number in (ones - zeros).ravel().tolist()]
    np.testing.assert_array_equal(components.ravel(), order)
    assert count == len(seen)


@given(st.integers(0, 2**31), SIDES, SIDES)
def test_components_by_scipy(seed: int, height: int, width: int) -> None:
    components_are_scipys(np.random.default_rng(seed).integers(0, 2, (height, width), np.int32))


@pytest.mark.parametrize(
    "rows", [["01", "11"], ["101", "111"], ["1111", "1111", "1111", "1111"], ["100", "111", "001"]]
)
def test_components_go_every_way_and_nowhere_twice(rows: list[str]) -> None:
    """Left and up to the edge; the queue has room for every pixel once."""
    components_are_scipys(np.array([list(map(int, row)) for row in rows], np.int32))


def joined(
    links: list[tuple[int, int]], colours: list[tuple[float, ...]], areas: list[float]
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Roots, colours and areas after components below 6 pixels were joined to neighbours."""
    pairs = np.array(sorted(links + [(b, a) for a, b in links]), np.int64).reshape(-1, 2)
    start = np.searchsorted(pairs[:, 0], np.arange(len(areas) + 1))
    colour, area = np.array(colours, float), np.array(areas, float)
    root = np.empty(len(areas), np.int64)
    kernel.absorb(pairs, start, colour, area, 6.0, root)
    return root.tolist(), colour, area


def test_a_small_component_goes_to_the_neighbour_of_the_nearest_colour() -> None:
    """1 to 2, for which it is not far; both, still small, to 3. 4 has no neighbour, 5 is just
    large enough."""
    links = [(0, 1), (1, 2), (2, 3), (0, 5)]
    colours = [(0, 0, 0), (0, 0, 4), (0, 3, 4), (9, 3, 4), (1, 1, 1), (0, 0, 0)]
    root, colour, area = joined(links, colours, [10, 2, 3, 10, 1, 6])
    assert root == [0, 3, 3, 3, 4, 5]
    assert area[[0, 3, 4, 5]].tolist() == [10, 15, 1, 6]
    np.testing.assert_allclose(colour[3], [6, 2.6, 4])
    np.testing.assert_array_equal(colour[[0, 4, 5]], np.array(colours)[[0, 4, 5]])


@pytest.mark.parametrize(("other", "target"), [(9.0, 0), (8.0, 0), (7.0, 2)])
def test_of_colours_equally_far_the_first_neighbours_is_taken(other: float, target: int) -> None:
    root, _, _ = joined([(0, 1), (1, 2)], [(0, 0, 0), (4, 0, 0), (other, 0, 0)], [10, 2, 10])
    assert root == [0, target, 2]


def test_what_is_small_after_joining_goes_on() -> None:
    """2 has no neighbour but 1, which joined it: both go where 1 could have gone."""
    root, _, area = joined([(0, 1), (1, 2)], [(0, 0, 0), (4, 0, 0), (5, 0, 0)], [10, 2, 3])
    assert root == [0, 0, 0]
    assert area[0] == 15
