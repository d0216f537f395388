"""Start state and saturation times: by hand, the chain by matrix power, the laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.attention.base import DenseAttention
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import crossed, saturation_time, start_state
from m2n2v2.method.transition import Transition, doubly_stochastic


def chain(matrix: object, cells: Size, dtype: torch.dtype = torch.float64) -> Transition:
    """A transition that is exactly `matrix`, which must be doubly stochastic."""
    tensor = torch.as_tensor(matrix, dtype=dtype).reshape(*cells.shape, *cells.shape)
    ones = torch.ones(cells.area, dtype=dtype)
    return Transition(DenseAttention(tensor), ones, ones, 0, 0.0)


def random_chain(cells: Size, seed: int, dtype: torch.dtype = torch.float64) -> Transition:
    spread = np.random.default_rng(seed).normal(0, 2, (cells.area, cells.area))
    matrix = torch.as_tensor(np.exp(spread), dtype=dtype)
    tensor = (matrix / matrix.sum(1, keepdim=True)).reshape(*cells.shape, *cells.shape)
    return doubly_stochastic(DenseAttention(tensor), 1.0, tolerance=1e-5)


def times_by_matrix_power(
    matrix: np.ndarray, start: np.ndarray, threshold: float, max_steps: int
) -> np.ndarray:
    """The definition: relative probability after t steps is `start A^t` over its maximum."""
    times = np.full(len(start), float(max_steps))
    relative = [start]
    for step in range(1, max_steps + 1):
        p = start @ np.linalg.matrix_power(matrix, step)
        relative.append(p / p.max())
    for cell in range(len(start)):
        if start[cell] > threshold:
            times[cell] = 0
            continue
        for step in range(1, max_steps + 1):
            now, before = relative[step][cell], relative[step - 1][cell]
            if now > threshold:
                rise = now - before if step > 1 else 1 - threshold
                times[cell] = step - (now - threshold) / rise
                break
    return times


def test_start_states_by_hand():
    found = start_state([(0.0, 0.0), (1.5, 1.0), (1.25, 0.75)], Size(2, 3))
    expected = [
        [[1, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 1]],
        [[0, 1 / 3, 1 / 9], [0, 1, 1 / 3]],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(st.floats(0, 3), st.floats(0, 4))
def test_a_start_state_has_its_maximum_at_the_nearest_cell(column, row):
    (found,) = start_state([(column, row)], Size(5, 4), dtype=torch.float64)
    assert float(found.max()) == 1
    assert float(found.min()) >= 0
    at = divmod(int(found.argmax()), 4)
    assert abs(at[0] - row) <= 0.5 + 1e-9
    assert abs(at[1] - column) <= 0.5 + 1e-9


def test_times_by_hand():
    """A line of three cells; from the left one, relative probabilities over the steps are
    1 0 0, then 1 1/4 0, then 1 8/17 1/17, ... and 0.3 is crossed within the second step."""
    lazy = [[0.8, 0.2, 0.0], [0.2, 0.6, 0.2], [0.0, 0.2, 0.8]]
    start = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=torch.float64)
    (found,) = saturation_time(chain(lazy, Size(1, 3)), start, max_steps=2)
    first, second = 0.2 / 0.8, (0.8 * 0.2 + 0.2 * 0.6) / (0.64 + 0.04)
    expected = [0, 1 + (0.3 - first) / (second - first), 2]  # the last is not reached in time
    np.testing.assert_allclose(found[0], expected)


def test_the_first_step_counts_a_rise_of_1_minus_the_threshold():
    """M2N2's rule: reached in step one at probability p, the time is 1 - (p - t) / (1 - t)."""
    half = [[0.5, 0.5], [0.5, 0.5]]
    start = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    assert saturation_time(chain(half, Size(1, 2)), start).tolist() == [[[0.0, 0.0]]]
    (found,) = saturation_time(chain([[0.6, 0.4], [0.4, 0.6]], Size(1, 2)), start)
    assert float(found[0, 1]) == pytest.approx(1 - (0.4 / 0.6 - 0.3) / 0.7)


def test_a_start_cell_just_at_the_threshold_waits():
    """Relative probabilities of the right cell are 1/2, then 0.7 / 0.8."""
    start = torch.tensor([[[1.0, 0.5]]], dtype=torch.float64)
    (found,) = saturation_time(chain([[0.6, 0.4], [0.4, 0.6]], Size(1, 2)), start, threshold=0.5)
    np.testing.assert_allclose(found, [[0, 1 - (0.7 / 0.8 - 0.5) / 0.5]])


def test_a_cell_just_at_the_threshold_is_not_over_it():
    times, current = torch.tensor([[np.inf, np.inf, 1.0]]), torch.tensor([[0.5, 0.75, 0.75]])
    assert crossed(times, 3, current, torch.full((1, 3), 0.5), 0.5).tolist() == [[np.inf, 2.5, 1]]


def test_cells_never_reached_get_the_largest_time():
    apart = torch.eye(4)
    start = start_state([(0.0, 0.0)], Size(2, 2), dtype=torch.float64)
    (found,) = saturation_time(chain(apart, Size(2, 2)), start, max_steps=7)
    assert found.tolist() == [[0, 7], [7, 7]]


@given(
    st.integers(0, 1000),
    st.floats(0, 2),
    st.floats(0, 1),
    st.sampled_from([0.1, 0.3, 0.6]),
    st.sampled_from([1, 2, 15]),
)
def test_agrees_with_matrix_power(seed, column, row, threshold, max_steps):
    cells = Size(2, 3)
    transition = random_chain(cells, seed)
    start = start_state([(column, row)], cells, dtype=torch.float64)
    (found,) = saturation_time(transition, start, threshold=threshold, max_steps=max_steps)
    expected = times_by_matrix_power(
        transition.dense().numpy(), start.flatten().numpy(), threshold, max_steps
    )
    np.testing.assert_allclose(found.flatten(), expected, atol=1e-9)


@given(st.integers(0, 1000))
def test_clicks_together_or_alone_make_no_difference(seed):
    cells = Size(3, 4)
    transition = random_chain(cells, seed)
    points = [(0.0, 0.0), (1.3, 2.0), (3.0, 0.4)]
    together = saturation_time(transition, start_state(points, cells, dtype=torch.float64))
    for point, found in zip(points, together, strict=True):
        alone = saturation_time(transition, start_state([point], cells, dtype=torch.float64))
        np.testing.assert_allclose(alone[0], found, atol=1e-9)


@given(st.integers(0, 1000))
def test_float32_agrees_with_float64(seed):
    cells, points = Size(3, 3), [(0.4, 1.7), (2.0, 0.0)]
    single, double = (
        saturation_time(random_chain(cells, seed, d), start_state(points, cells, dtype=d))
        for d in (torch.float32, torch.float64)
    )
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-2)


@given(st.integers(0, 1000), st.floats(0, 3), st.floats(0, 2))
def test_mirrored_cells_are_reached_at_the_same_time(seed, column, row):
    cells = Size(3, 4)
    dense = random_chain(cells, seed).dense().reshape(3, 4, 3, 4)
    mirrored = dense.flip(1, 3).contiguous()
    found = saturation_time(
        chain(dense, cells), start_state([(column, row)], cells, dtype=torch.float64)
    )
    other = saturation_time(
        chain(mirrored, cells), start_state([(3 - column, row)], cells, dtype=torch.float64)
    )
    np.testing.assert_allclose(other.flip(2), found, rtol=1e-6, atol=1e-6)


def test_the_start_state_is_not_changed():
    transition, start = random_chain(Size(2, 2), 0), start_state([(0.5, 0.5)], Size(2, 2))
    before = start.clone()
    saturation_time(random_chain(Size(2, 2), 0, torch.float32), start)
    assert torch.equal(start, before)
    assert transition.cells == Size(2, 2)
