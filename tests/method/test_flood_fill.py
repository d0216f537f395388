"""The minimax fill: by hand, by relaxation to a fixed point, the laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import label
from skimage.morphology import reconstruction

from m2n2v2.errors import MapError
from m2n2v2.method.flood_fill import filled_level_sets, flood_fill
from m2n2v2.method.level_sets import LevelSets

# scikit-image gives arrays a shape in a way that NumPy 2.5 warns of
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy:DeprecationWarning")

FLOATS = st.floats(0, 1, width=32)
MAPS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=FLOATS | st.sampled_from([np.float32(v) for v in (0, 0.25, 0.5, 1)]),
)


@st.composite
def maps_with_start(draw) -> tuple[np.ndarray, tuple[int, int]]:
    values = draw(MAPS)
    height, width = values.shape
    return values, (draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1)))


def fill_by_relaxation(cost: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Lower every pixel to max(its cost, its lowest neighbour) until nothing changes."""
    x, y = start
    out = np.full(cost.shape, np.inf, cost.dtype)
    out[y, x] = cost[y, x]
    while True:
        padded = np.pad(out, 1, constant_values=np.inf)
        lowest = np.minimum.reduce(
            [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
        )
        new = np.minimum(out, np.maximum(cost, lowest))
        if np.array_equal(new, out):
            return out
        out = new


def test_by_hand():
    """The valley of 1 at the right lies behind a ridge whose lowest gap is 7."""
    values = torch.tensor(
        [
            [0.0, 2, 9, 1, 1],
            [1.0, 3, 7, 1, 4],
            [1.0, 1, 9, 2, 8],
        ]
    )
    expected = [
        [0, 2, 9, 7, 7],
        [1, 3, 7, 7, 7],
        [1, 1, 9, 7, 8],
    ]
    assert flood_fill(values, (0, 0)).tolist() == expected


def test_paths_do_not_take_corners():
    values = torch.tensor([[0.0, 5], [5, 0]])
    assert flood_fill(values, (0, 0)).tolist() == [[0, 5], [5, 5]]


def test_depth_by_hand():
    """3-4-5: 3 away from the start in the map and 4 in depth is 5 away."""
    values = torch.tensor([[0.0, 3, 0, 0]])
    depth = torch.tensor([[1.0, 5, 1, 13]])
    assert flood_fill(values, (0, 0), depth=depth).tolist() == [[0, 5, 5, 12]]


@given(maps_with_start())
def test_agrees_with_relaxation(case):
    values, (x, y) = case
    expected = fill_by_relaxation(np.abs(values - values[y, x]), (x, y))
    assert np.array_equal(flood_fill(torch.from_numpy(values), (x, y)), expected)


@given(maps_with_start())
def test_the_level_sets_it_finds_are_those_of_its_values(case):
    values, start = case
    found = filled_level_sets(torch.from_numpy(values), start)
    expected = LevelSets.of(flood_fill(torch.from_numpy(values), start))
    for name in ("thresholds", "area", "level"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@given(maps_with_start(), st.data())
def test_agrees_with_relaxation_under_depth(case, data):
    values, (x, y) = case
    depth = data.draw(arrays.arrays(np.float32, values.shape, elements=FLOATS))
    cost = np.sqrt(np.square(values - values[y, x]) + np.square(depth - depth[y, x]))
    found = flood_fill(torch.from_numpy(values), (x, y), depth=torch.from_numpy(depth))
    np.testing.assert_allclose(found, fill_by_relaxation(cost, (x, y)), rtol=1e-6)


@given(maps_with_start())
def test_agrees_with_morphological_reconstruction(case):
    values, (x, y) = case
    cost = np.abs(values - values[y, x])
    seed = np.full_like(cost, cost.max())
    seed[y, x] = 0
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    expected = reconstruction(seed, cost, method="erosion", footprint=cross)
    assert np.array_equal(flood_fill(torch.from_numpy(values), (x, y)), expected)


@pytest.mark.parametrize("levels", [2, 5, 100_000])
def test_maps_of_many_words_of_the_queue(levels):
    """The queue holds 64 ranks a word; small maps fill one."""
    rng = np.random.default_rng(levels)
    values = (rng.integers(0, levels, (30, 41)) / levels).astype(np.float32)
    cost = np.abs(values - values[12, 17])
    seed = np.full_like(cost, cost.max())
    seed[12, 17] = 0
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    expected = reconstruction(seed, cost, method="erosion", footprint=cross)
    levels_of = filled_level_sets(torch.from_numpy(values), (17, 12))
    np.testing.assert_array_equal(levels_of.values.numpy(), expected.astype(np.float32))
    assert levels_of.area[-1] == values.size


@given(maps_with_start())
def test_the_fill_is_never_below_the_distance(case):
    values, (x, y) = case
    found = flood_fill(torch.from_numpy(values), (x, y)).numpy()
    assert (found >= np.abs(values - values[y, x])).all()
    assert found[y, x] == 0
    assert found.max() == np.abs(values - values[y, x]).max()


@given(maps_with_start())
def test_every_level_set_is_one_region_with_the_start(case):
    """Monotone along some path: whatever is at most t is reached through what is at most t."""
    values, (x, y) = case
    found = flood_fill(torch.from_numpy(values), (x, y)).numpy()
    for threshold in np.unique(found):
        regions, count = label(found <= threshold)
        assert count == 1
        assert regions[y, x] == 1


@given(maps_with_start())
def test_mirroring_commutes(case):
    values, (x, y) = case
    height, width = values.shape
    found = flood_fill(torch.from_numpy(values), (x, y))
    mirrored = torch.from_numpy(values[::-1, ::-1].copy())
    assert torch.equal(flood_fill(mirrored, (width - 1 - x, height - 1 - y)).flip(0, 1), found)


@given(maps_with_start())
def test_a_flat_depth_changes_nothing(case):
    values, start = case
    tensor = torch.from_numpy(values)
    flat = torch.full(values.shape, 0.5)
    plain = flood_fill(tensor, start)
    np.testing.assert_allclose(flood_fill(tensor, start, depth=flat), plain, rtol=1e-6, atol=1e-18)


@given(maps_with_start())
def test_float32_agrees_with_float64(case):
    values, start = case
    single = flood_fill(torch.from_numpy(values), start)
    double = flood_fill(torch.from_numpy(values.astype(np.float64)), start)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    np.testing.assert_allclose(single, double, atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, 5)])
def test_a_flat_map_is_0_everywhere(shape):
    assert torch.equal(flood_fill(torch.full(shape, 0.7), (0, 0)), torch.zeros(shape))


def test_a_spiral_is_walked_to_its_end():
    """A corridor of one pixel between walls: no value along it may exceed its own climb."""
    side = 41
    maze = np.ones((side, side), np.float32)
    row, column, step = 0, 0, (0, 1)
    length = 0
    while True:
        maze[row, column] = 0.5 * length / side**2
        length += 1
        for _ in range(2):
            to = row + step[0], column + step[1]
            beyond = to[0] + step[0], to[1] + step[1]
            free = all(0 <= i < side for i in to) and maze[to] == 1
            if free and not (all(0 <= i < side for i in beyond) and maze[beyond] < 1):
                break
            step = (step[1], -step[0])
        else:
            break
        row, column = to
    assert length > 700
    found = flood_fill(torch.from_numpy(maze), (0, 0))
    assert float(found[row, column]) == maze[row, column]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_without_a_meaning_are_refused(bad):
    values = torch.zeros(2, 3)
    values[1, 2] = bad
    with pytest.raises(MapError, match="NaN or infinite"):
        flood_fill(values, (0, 0))
    with pytest.raises(MapError, match="NaN or infinite"):
        flood_fill(torch.zeros(2, 3), (0, 0), depth=values)
