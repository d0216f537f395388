"""The reduced chain against the exact one, its laws, and what becomes of hopeless matrices."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.attention import _reduced as kernel
from m2n2v2.attention.base import DenseAttention
from m2n2v2.attention.reduced import LEAD, ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import start_state
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.method.walk import Settings, markov_maps
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click
from m2n2v2.reduction import subspace
from m2n2v2.reduction.chain import (
    _COMPILED,
    _VECTORISED,
    _look_compiled,
    _look_vectorised,
    shortest_saturation_time,
)
from m2n2v2.reduction.subspace import FEWEST_CELLS, reduced, reduced_attention
from tests.scenes import ColourAttention, iou, photograph

BOXES = [(4, 4, 24, 30), (34, 10, 58, 40), (10, 44, 50, 60)]


def coloured(cells: Size, seed: int = 0) -> DenseAttention:
    return ColourAttention(cells).extract(photograph(Size(64, 64), BOXES, seed))


@pytest.fixture(scope="module")
def exact() -> Transition:
    return doubly_stochastic(coloured(Size(46, 48)))


@pytest.fixture(scope="module")
def fast(exact) -> Transition:
    found = reduced(exact)
    assert isinstance(found.attention, ReducedAttention)
    return found


POINTS = [(3.0, 5.0), (20.3, 17.8), (41.0, 44.2), (46.9, 0.1)]


def times(
    transition: Transition,
    points=POINTS,
    *,
    threshold=Settings.chain_threshold,
    max_steps=Settings.chain_steps,
) -> torch.Tensor:
    start = start_state(points, transition.cells)
    return shortest_saturation_time(transition, start, threshold=threshold, max_steps=max_steps)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7])
def test_times_are_the_exact_chains(exact, fast, threshold):
    expected = times(exact, threshold=threshold)
    apart = (times(fast, threshold=threshold) - expected).abs() / expected.amax()
    assert float(apart.mean()) < 2e-3
    assert float(apart.max()) < 5e-2


def test_the_recorded_error_is_that_of_the_clicks_tried(exact, monkeypatch):
    """In so few dimensions that there is an error to record."""
    monkeypatch.setattr(subspace, "DIMENSIONS", (8,))
    monkeypatch.setattr(subspace, "LARGEST_ERROR", 1.0)
    rough, points = reduced(exact), subspace._probe_points(exact)
    expected = times(exact, points, max_steps=subspace.PROBE_STEPS)
    apart = (times(rough, points, max_steps=subspace.PROBE_STEPS) - expected).abs()
    share = (apart / expected.amax((1, 2), keepdim=True)).flatten()
    mean, high = rough.attention.error
    assert mean == pytest.approx(float(share.mean()), rel=1e-4)
    assert mean > 1e-3
    assert high == pytest.approx(float(np.quantile(share, 0.99)), rel=1e-4)


def test_too_large_an_error_takes_more_dimensions(exact, monkeypatch):
    monkeypatch.setattr(subspace, "DIMENSIONS", (2, 128))
    assert len(reduced(exact).attention.basis) == 128


def test_clicks_together_or_alone_make_no_difference(fast):
    together = times(fast)
    for k, point in enumerate(POINTS):
        np.testing.assert_allclose(times(fast, [point])[0], together[k], atol=1e-3, rtol=1e-3)


@given(
    st.floats(0, 47),
    st.floats(0, 45),
    st.sampled_from([0.05, 0.3, 0.9]),
    st.sampled_from([1, 2, 7, 9, 40, 1000]),
)
def test_times_are_in_range_and_0_at_the_click(fast, column, row, threshold, max_steps):
    (found,) = times(fast, [(column, row)], threshold=threshold, max_steps=max_steps)
    assert float(found.min()) == 0
    assert float(found.max()) <= max_steps
    assert float(found[round(row), round(column)]) == 0


def test_the_limit_cuts_and_changes_nothing_below_it(fast):
    full, cut = times(fast), times(fast, max_steps=11)
    assert float(full.max()) > 11
    np.testing.assert_allclose(cut, full.clamp_max(11), atol=1e-3)


def test_rows_and_columns_sum_to_1_and_negative_entries_are_small(exact, fast):
    dense = fast.dense()
    np.testing.assert_allclose(dense.sum(1), 1, atol=2e-2)
    np.testing.assert_allclose(dense.sum(0), 1, atol=2e-2)
    assert float(dense.min()) > -0.02 * float(dense.max())
    later = torch.linalg.matrix_power(dense, 4)
    expected = torch.linalg.matrix_power(exact.dense(), 4)
    assert float((later - expected).abs().sum(1).max()) < 0.05


def test_without_truncation_the_parts_are_the_matrix():
    """As many dimensions as cells: nothing is left over, and the walk is the chain."""
    transition = doubly_stochastic(coloured(Size(4, 6)))
    found = reduced_attention(transition, 24)
    p, v = torch.rand(3, 24), torch.rand(24, 2)
    dense = transition.dense()
    torch.testing.assert_close(found.left(p), p @ dense, atol=2e-4, rtol=2e-3)
    torch.testing.assert_close(found.right(v), dense @ v, atol=2e-4, rtol=2e-3)
    torch.testing.assert_close(found.rows(3, 7), dense[3:7], atol=2e-4, rtol=2e-3)
    walk = p @ found.weights @ found.powers[2] @ found.basis
    torch.testing.assert_close(walk, p @ torch.linalg.matrix_power(dense, 5), atol=1e-3, rtol=2e-3)


def test_the_basis_is_orthonormal_and_slowest_first(fast):
    basis, walk = fast.attention.basis, fast.attention.powers[4]
    torch.testing.assert_close(basis @ basis.T, torch.eye(len(basis)), atol=5e-4, rtol=0)
    left = walk.norm(dim=0)  # what 16 steps leave in each direction
    assert float(left[0]) > 0.9
    assert float(left[LEAD:].max()) < float(left[: LEAD // 4].min())


def test_every_number_of_16_bits_is_widened_as_torch_widens_it():
    half = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16)
    half = half[torch.isfinite(half)][:, None].contiguous()
    n = len(half)
    out = np.zeros((1, n), np.float32)
    cell = np.arange(n, dtype=np.int32)[:, None]
    kernel.scatter(np.ones((1, n), np.float32), cell, half.view(torch.int16).numpy(), out)
    np.testing.assert_array_equal(out[0], half[:, 0].to(torch.float32).numpy())


def test_crossings_by_hand():
    """What is just at the threshold waits; how many wait is said exactly."""
    block = np.array([[1, 2, 4], [2, 3, 4]], np.float32)
    for steps, waiting, expected in ((1, 2, [math.inf, math.inf, 0]), (2, 1, [math.inf, 5, 0])):
        previous = np.array([0, 0.25, 1], np.float32)
        times = np.array([math.inf, math.inf, 0], np.float32)
        answer = kernel.cross(block[:steps], 4, previous, times, np.float32(0.5))
        assert answer == (waiting, 4)
        assert times.tolist() == expected
        np.testing.assert_array_equal(previous, block[steps - 1] / 4)


def test_both_ways_to_look_at_a_block_agree():
    generator = torch.Generator().manual_seed(1)
    relative = torch.rand(300, generator=generator) * 0.3
    block = relative + torch.rand(9, 300, generator=generator).cumsum(0) * 0.02
    block = torch.cat([block, torch.ones(9, 1)], 1) * 7
    relative = torch.cat([relative, torch.ones(1)])
    outcomes = []
    for look in (_look_compiled, _look_vectorised):
        times = torch.where(torch.arange(301) % 5 == 0, 0.5, math.inf)
        previous = relative.clone()
        waiting, largest = look(block, 4, previous, times, 0.3)
        outcomes.append((waiting, float(largest), times))
    (waiting, largest, found), (other, also, expected) = outcomes
    assert (waiting, largest) == (other, also)
    torch.testing.assert_close(found, expected)
    assert waiting
    assert len(found.unique()) > 20


def test_both_ways_to_follow_and_to_see_agree(fast):
    """Whole blocks, what is left of eight steps, and a few leading directions."""
    attention = fast.attention
    walked, _ = attention.first(start_state(POINTS[:1], fast.cells).flatten(1))
    for m, steps in ((len(attention.basis), 8), (len(attention.basis), 21), (5, 3), (1, 1)):
        blocks, states = [], []
        for follow, seen, _ in (_COMPILED, _VECTORISED):
            blocks.append(follow(attention, walked[0, :m], steps))
            states.append(seen(attention, blocks[-1]))
        torch.testing.assert_close(*blocks, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(*states, atol=1e-6, rtol=1e-4)
        expected = walked[0, :m].double() @ attention.walk[:m, :m].double()
        torch.testing.assert_close(blocks[0][0].double(), expected, atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(states[0], blocks[0] @ attention.basis[:m], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 8, 19])
def test_passes_over_a_block_are_products(steps):
    """Some leading directions of some cells, more than a tile of them; steps beyond eights."""
    generator = np.random.default_rng(2)
    walk, basis = (generator.random(shape, np.float32) for shape in ((7, 7), (80, 7)))
    coefficient, block = generator.random(5, np.float32), np.full((steps, 5), np.nan, np.float32)
    kernel.follow(coefficient, walk * 0.3, block)
    powers = [np.linalg.matrix_power(0.3 * walk[:5, :5], s + 1) for s in range(steps)]
    np.testing.assert_allclose(block, [coefficient @ power for power in powers], rtol=1e-4)
    seen = np.full((steps, 80), np.nan, np.float32)
    kernel.evaluate(3, 71, block, basis, seen)
    np.testing.assert_allclose(seen[:, 3:71], block @ basis[3:71, :5].T, rtol=1e-4)
    assert np.isnan(seen[:, :3]).all()
    assert np.isnan(seen[:, 71:]).all()


def test_what_is_combined_or_scattered_is_added():
    generator = np.random.default_rng(3)
    p, rows = generator.random((2, 6), np.float32), generator.random((6, 5), np.float32)
    p[0, 3] = 0
    out = np.ones((2, 5), np.float32)
    kernel.combine(p, rows, out)
    np.testing.assert_allclose(out, 1 + p @ rows, rtol=1e-5)
    cell, rest = generator.integers(0, 6, (6, 3)).astype(np.int32), rows[:, :3].astype(np.float16)
    matrix = np.zeros((6, 6))
    for i, j in np.ndindex(cell.shape):
        matrix[i, cell[i, j]] += rest[i, j]
    out = np.ones((2, 6), np.float32)
    kernel.scatter(p, cell, rest.view(np.int16), out)
    np.testing.assert_allclose(out, 1 + p @ matrix, rtol=1e-5)


def test_a_small_grid_is_walked_exactly():
    transition = doubly_stochastic(coloured(Size(8, 8)))
    assert transition.cells.area < FEWEST_CELLS
    assert reduced(transition) is transition


def test_where_nothing_is_slow_to_be_forgotten_the_matrix_is_kept(monkeypatch):
    """Cells that hardly attend to any other: no few directions describe that."""
    monkeypatch.setattr(subspace, "DIMENSIONS", (8, 16))
    n = 2048
    matrix = torch.eye(n) * 0.9 + 0.1 / n
    transition = doubly_stochastic(DenseAttention(matrix.reshape(32, 64, 32, 64)), 1.0)
    assert reduced(transition) is transition


def test_what_comes_back_from_arrays_walks_the_same(fast):
    back = Transition.from_arrays({name: a.clone() for name, a in fast.arrays().items()})
    assert torch.equal(times(back), times(fast))
    assert back.attention.error == fast.attention.error
    moved = back.attention.to("cpu")
    assert torch.equal(moved.basis, fast.attention.basis)


def test_the_setting_decides_and_the_masks_agree():
    image, cells = photograph(Size(64, 64), BOXES), Size(46, 46)
    states = [
        prepare(image, ColourAttention(cells), settings=Settings.ours().replace(chain=chain))
        for chain in ("fast", "exact")
    ]
    assert isinstance(states[0].transition.attention, ReducedAttention)
    assert isinstance(states[1].transition.attention, DenseAttention)
    for point in ((14, 17), (46, 25), (2, 62)):
        maps = [markov_maps(state, (Click(*point),))[0].values for state in states]
        for level in (0.2, 0.5, 0.8):
            below, other = (m.numpy() < level for m in maps)
            assert iou(below, other) > 0.97
