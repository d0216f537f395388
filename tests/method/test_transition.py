"""Temperature and balancing: a matrix by hand, the textbook on the full matrix, the laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.attention.base import DenseAttention
from m2n2v2.errors import AttentionError
from m2n2v2.method import transition
from m2n2v2.method.transition import MAX_ROUNDS, doubly_stochastic


def attention(matrix: object, dtype: torch.dtype = torch.float64) -> DenseAttention:
    tensor = torch.as_tensor(matrix, dtype=dtype)
    n = len(tensor)
    return DenseAttention((tensor / tensor.sum(1, keepdim=True)).reshape(1, n, 1, n))


def random_attention(n: int, seed: int, dtype: torch.dtype = torch.float64) -> DenseAttention:
    spread = np.random.default_rng(seed).normal(0, 2, (n, n))
    return attention(np.exp(spread), dtype)


def full_matrix_ipf(matrix: np.ndarray, temperature: float, rounds: int) -> np.ndarray:
    """The textbook, and M2N2: softmax, then divide columns and rows in turn."""
    p = np.exp(np.log(matrix) / temperature)
    p /= p.sum(1, keepdims=True)
    for _ in range(rounds):
        p = p / p.sum(0, keepdims=True)
        p = p / p.sum(1, keepdims=True)
    return p


def test_by_hand():
    """Balanced, two cells are [[a, b], [b, a]], and a / b is sqrt(0.8 * 0.5 / (0.2 * 0.5))."""
    found = doubly_stochastic(attention([[0.8, 0.2], [0.5, 0.5]]), 1.0, tolerance=1e-12)
    expected = torch.tensor([[2 / 3, 1 / 3], [1 / 3, 2 / 3]], dtype=torch.float64)
    torch.testing.assert_close(found.dense(), expected)


def test_a_doubly_stochastic_matrix_stays():
    matrix = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5]]
    found = doubly_stochastic(attention(matrix), 1.0)
    assert found.rounds == 1
    torch.testing.assert_close(found.dense(), torch.tensor(matrix, dtype=torch.float64))


@given(st.integers(2, 12), st.integers(0, 1000), st.sampled_from([0.4, 0.65, 1.0, 1.7]))
def test_agrees_with_the_textbook(n, seed, temperature):
    source = random_attention(n, seed)
    found = doubly_stochastic(source, temperature, rounds=20)
    expected = full_matrix_ipf(source.matrix.numpy(), temperature, 20)
    np.testing.assert_allclose(found.dense(), expected, atol=1e-12)


@given(st.integers(1, 20), st.integers(0, 1000))
def test_rows_and_columns_sum_to_1(n, seed):
    found = doubly_stochastic(random_attention(n, seed), tolerance=1e-8)
    dense = found.dense()
    assert (dense >= 0).all()
    np.testing.assert_allclose(dense.sum(1), 1, atol=1e-12)
    assert found.residual <= 1e-8
    assert float((dense.sum(0) - 1).abs().max()) == pytest.approx(found.residual, abs=1e-12)


@given(st.integers(2, 20), st.integers(0, 1000))
def test_float32_agrees_with_float64(n, seed):
    single = doubly_stochastic(random_attention(n, seed, torch.float32), rounds=50).dense()
    double = doubly_stochastic(random_attention(n, seed, torch.float64), rounds=50).dense()
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, double, atol=1e-5)


def test_a_step_is_a_product_with_the_matrix():
    found = doubly_stochastic(random_attention(6, 1))
    p = torch.rand(3, 6, dtype=torch.float64)
    torch.testing.assert_close(found.step(p), p @ found.dense())


def test_the_tolerance_decides_how_long_it_runs():
    source = random_attention(10, 2)
    loose, tight = (doubly_stochastic(source, tolerance=t) for t in (1e-1, 1e-10))
    assert loose.rounds < tight.rounds
    assert tight.residual <= 1e-10 < loose.residual <= 1e-1


def test_a_fixed_number_of_rounds_is_run_to_its_end():
    assert doubly_stochastic(random_attention(4, 3), rounds=37).rounds == 37


def test_an_attention_of_zeros_and_ones_is_balanced_through_its_floor():
    """The identity is balanced; a permutation with an isolated row is, too."""
    found = doubly_stochastic(attention(np.eye(4)), 1.0)
    torch.testing.assert_close(found.dense(), torch.eye(4, dtype=torch.float64))


def test_where_balancing_is_slow_the_residual_says_so():
    """All cells attend to the first: no doubly stochastic matrix is near."""
    matrix = np.full((3, 3), 1e-9)
    matrix[:, 0] = 1
    matrix[0, 1:] = 0
    found = doubly_stochastic(attention(matrix), 0.1)
    assert found.rounds <= MAX_ROUNDS
    torch.testing.assert_close(found.dense().sum(1), torch.ones(3, dtype=torch.float64))
    assert float((found.dense().sum(0) - 1).abs().max()) == pytest.approx(found.residual, abs=1e-9)


def test_what_vanishes_in_its_precision_is_refused():
    """In float32, 1e-12 to the power 20 is 0: the cell that nobody attends to cannot be reached."""
    matrix = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(AttentionError, match="cannot be balanced"):
        doubly_stochastic(attention(matrix, torch.float32), 0.05)


def test_the_attention_given_is_not_changed():
    source = random_attention(5, 4)
    before = source.matrix.clone()
    doubly_stochastic(source)
    assert torch.equal(source.matrix, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("three_threads")
def test_a_round_in_one_read_is_the_two_products(dtype):
    source = random_attention(70, 5, dtype)
    columns = torch.rand(70, dtype=dtype) + 0.1
    rows, sums = transition._round(source, columns)
    torch.testing.assert_close(rows, 1 / (source.matrix @ columns))
    torch.testing.assert_close(sums, (1 / (source.matrix @ columns)) @ source.matrix)


def test_extrapolation_reaches_the_plain_limit_in_fewer_rounds():
    """Two groups of cells that hardly attend to each other, and unevenly: plain rounds are slow."""
    matrix = np.full((8, 8), 0.03)
    matrix[:4, :4] = matrix[4:, 4:] = 1
    matrix[:4, 4:] *= np.linspace(1, 4, 4)
    source = attention(matrix * np.linspace(1, 3, 8))
    found = doubly_stochastic(source, 1.0, tolerance=1e-9)
    plain = doubly_stochastic(source, 1.0, rounds=20 * found.rounds)
    assert plain.residual < 1e-9
    fewer = doubly_stochastic(source, 1.0, rounds=found.rounds)
    assert fewer.residual > 10 * found.residual
    np.testing.assert_allclose(found.dense(), plain.dense(), atol=1e-8)


@given(st.integers(2, 12), st.integers(0, 1000), st.sampled_from([0.2, 0.65, 1.0]))
def test_extrapolation_never_stops_short_of_what_plain_rounds_reach(n, seed, temperature):
    source = random_attention(n, seed)
    found = doubly_stochastic(source, temperature, tolerance=1e-6)
    plain = doubly_stochastic(source, temperature, rounds=MAX_ROUNDS)
    if plain.residual <= 1e-8:
        assert found.residual <= 1e-6
        np.testing.assert_allclose(found.dense(), plain.dense(), atol=1e-4)


def test_what_is_given_away_is_overwritten_to_the_same_end():
    source = random_attention(6, 7)
    expected = doubly_stochastic(source).dense()
    memory = source.matrix.data_ptr()
    found = doubly_stochastic(source, overwrite=True)
    assert isinstance(found.attention, DenseAttention)
    assert found.attention.matrix.data_ptr() == memory
    torch.testing.assert_close(found.dense(), expected)


def test_rows_and_products_from_the_right_are_those_of_the_matrix():
    found = doubly_stochastic(random_attention(6, 8))
    v = torch.rand(6, 2, dtype=torch.float64)
    torch.testing.assert_close(found.step_back(v), found.dense() @ v)
    torch.testing.assert_close(found.step_back(v[:, 0]), found.dense() @ v[:, 0])
    torch.testing.assert_close(found.rows_of(1, 4), found.dense()[1:4])


def test_what_overflows_in_its_precision_is_refused():
    """A column that sums to 1e-44 is no zero, but no number of 32 bits scales it to 1."""
    source = attention(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.float32)
    with pytest.raises(AttentionError, match="cannot be balanced"):
        doubly_stochastic(source, 0.273, rounds=1)


def test_extrapolation_of_a_linear_map_is_its_limit():
    """In two dimensions, which logarithms of three scales have but for their mean, so that two
    moves tell where all lead; after one move it is the secant's answer."""
    generator = np.random.default_rng(0)
    level = np.eye(3) - 1 / 3
    turn = level @ generator.normal(0, 0.4, (3, 3)) @ level
    shift = level @ generator.normal(size=3)
    limit = np.linalg.solve(np.eye(3) - turn, shift)
    extrapolation, at, past = transition._Extrapolation(), np.zeros(3), []
    for step in range(3):
        change = turn @ at + shift - at
        past.append((at, change))
        made = torch.as_tensor(np.exp(at + change))
        at = extrapolation(torch.as_tensor(np.exp(at)), made, 0.5**step).log().numpy()
        if step == 0:
            np.testing.assert_allclose(at, past[0][0] + change)
        if step == 1:
            move, bend = (now - before for before, now in zip(*past, strict=True))
            share = bend @ change / (bend @ bend)
            np.testing.assert_allclose(at, past[1][0] + change - share * (move + bend), atol=1e-8)
            assert abs(at - limit).max() > 1e-2
    np.testing.assert_allclose(at, limit, atol=1e-6)


def test_where_extrapolation_led_astray_the_plain_round_is_taken():
    """More than four times the least residual, or no number; then it begins anew."""
    made = [torch.rand(4, dtype=torch.float64) + 0.5 for _ in range(9)]
    made[6] = made[6].clone()
    made[6][1] = torch.inf
    plain = []
    residuals = (1.0, 4.0, 4.01, 0.5, 2.0, 2.01, 0.4, 0.4, 0.4)
    extrapolation = transition._Extrapolation()
    for number, residual in enumerate(residuals):
        given = torch.rand(4, dtype=torch.float64) + 0.5
        plain.append(extrapolation(given, made[number], residual) is made[number])
    assert plain == [True, False, True, True, False, True, True, True, False]
