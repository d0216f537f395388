"""A matrix kept as a basis, weights and the largest of the rest, beside the matrix itself."""

import pytest
import torch

from m2n2v2.attention.reduced import LEAD, ReducedAttention
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size

CELLS = Size(2, 3)


def parts() -> tuple[torch.Tensor, ...]:
    """Basis, weights, columns and values of a rest, two for each row, one column twice."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(6, 3, generator=generator))[0].T
    weights = torch.randn(6, 3, generator=generator)
    column = torch.tensor([[0, 5], [1, 2], [3, 3], [5, 0], [2, 4], [1, 0]])
    rest = torch.randn(6, 2, generator=generator).half().float()
    return basis, weights, column, rest


def left_over() -> torch.Tensor:
    """E as a matrix."""
    _, _, column, rest = parts()
    matrix = torch.zeros(6, 6)
    for row, entry in ((row, entry) for row in range(6) for entry in range(2)):
        matrix[row, column[row, entry]] += rest[row, entry]
    return matrix


def test_products_are_those_of_the_matrix() -> None:
    basis, weights, _, _ = parts()
    attention, matrix = ReducedAttention(CELLS, *parts()), weights @ basis + left_over()
    p, v = torch.rand(2, 6), torch.rand(6, 3)
    torch.testing.assert_close(attention.left(p), p @ matrix)
    torch.testing.assert_close(attention.right(v), matrix @ v)
    torch.testing.assert_close(attention.right(v[:, 0]), matrix @ v[:, 0])
    torch.testing.assert_close(attention.rows(1, 4), matrix[1:4])


def test_two_steps_are_coefficients_and_what_they_miss() -> None:
    """Of what a step misses, that part is taken off which lies in the basis."""
    basis, weights, _, _ = parts()
    attention, p = ReducedAttention(CELLS, *parts()), torch.rand(2, 6)
    walked, missed = attention.first(p)
    torch.testing.assert_close(walked, p @ weights)
    torch.testing.assert_close(missed, p @ left_over())
    again, beyond = attention.second(walked, missed)
    state = walked @ basis + missed - missed @ basis.T @ basis
    torch.testing.assert_close(again, state @ weights)
    torch.testing.assert_close(beyond, missed @ left_over())


def test_powers_are_of_1_2_and_up_to_64_steps() -> None:
    """To the last bit or two: squares of squares in 32 bits would be further off."""
    basis, weights, column, rest = parts()
    weights /= torch.linalg.eigvals(basis @ weights).abs().max()  # so that no power fades
    attention = ReducedAttention(CELLS, basis, weights, column, rest)
    walk = basis.double() @ weights.double()
    assert len(attention.powers) == 7
    for power, matrix in enumerate(attention.powers):
        expected = torch.linalg.matrix_power(walk, 2**power).float()
        torch.testing.assert_close(matrix, expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(attention.walk, walk.float())


def many(n: int, m: int) -> ReducedAttention:
    """Of n cells, m directions, and nothing left over but at the last cell."""
    generator = torch.Generator().manual_seed(1)
    basis, weights = torch.randn(m, n, generator=generator), torch.randn(n, m, generator=generator)
    return ReducedAttention(Size(1, n), basis, weights, torch.full((n, 1), n - 1), torch.ones(n, 1))


def test_slow_directions_are_kept_in_32_bits_and_others_in_16() -> None:
    attention = many(5, LEAD + 2)
    arrays = attention.arrays()
    for name in ("basis", "weights"):
        assert (arrays[name].shape, arrays[name].dtype) == ((LEAD, 5), torch.float32)
        assert (arrays[f"{name}_half"].shape, arrays[f"{name}_half"].dtype) == ((2, 5), torch.half)
    generator = torch.Generator().manual_seed(1)
    given = torch.randn(LEAD + 2, 5, generator=generator)
    assert torch.equal(attention.basis[:LEAD], given[:LEAD])
    assert torch.equal(attention.basis[LEAD:], given[LEAD:].half().float())
    given = torch.randn(5, LEAD + 2, generator=generator)
    assert torch.equal(attention.weights[:, :LEAD], given[:, :LEAD])
    assert torch.equal(attention.weights[:, LEAD:], given[:, LEAD:].half().float())
    back = ReducedAttention.from_arrays(arrays)
    for name in ("basis", "weights", "rest_cell", "rest"):
        assert torch.equal(getattr(back, name), getattr(attention, name))


@pytest.mark.parametrize(("n", "kind"), [(2**15, torch.int16), (2**15 + 1, torch.int32)])
def test_cells_are_numbered_in_16_bits_where_they_fit(n: int, kind: torch.dtype) -> None:
    attention = many(n, 1)
    assert attention.rest_cell.dtype == kind
    assert int(attention.rest_cell.min()) == n - 1


def test_no_rest_at_all() -> None:
    basis, weights, _, _ = parts()
    nothing = torch.zeros(6, 0, dtype=torch.int64), torch.zeros(6, 0)
    attention, p = ReducedAttention(CELLS, basis, weights, *nothing), torch.rand(2, 6)
    torch.testing.assert_close(attention.left(p), p @ weights @ basis)
    torch.testing.assert_close(attention.right(p[0]), weights @ basis @ p[0])


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        *((0, torch.nan), (1, torch.nan), (3, torch.inf)),
        *((2, -1), (2, 6)),
    ],
)
def test_numbers_that_are_none_and_cells_that_are_not_there(place: int, wrong: float) -> None:
    given = list(parts())
    given[place][0, 0] = wrong
    with pytest.raises(AttentionError, match="NaN or infinite entries, or cells outside the grid"):
        ReducedAttention(CELLS, *given)


def test_a_grid_of_another_size_and_no_directions() -> None:
    for cells in (Size(2, 2), Size(7, 1)):
        with pytest.raises(AttentionError, match="reduced arrays of shapes"):
            ReducedAttention(cells, *parts())
    with pytest.raises(AttentionError, match="reduced arrays of shapes"):
        ReducedAttention(CELLS, torch.zeros(0, 6), torch.zeros(6, 0), *parts()[2:])


def test_no_temperature_but_1() -> None:
    attention = ReducedAttention(CELLS, *parts())
    assert attention.sharpened(1.0) is attention
    with pytest.raises(AttentionError, match=r"temperature is 0\.5"):
        attention.sharpened(0.5)


def test_arrays_that_do_not_belong_together() -> None:
    arrays = ReducedAttention(CELLS, *parts(), (0.1, 0.2)).arrays()
    assert ReducedAttention.from_arrays(arrays).error == (0.1, 0.2)
    for change, message in (
        ({"basis": arrays["basis"][:, :5]}, "'basis' does not fit"),
        ({"basis_half": arrays["basis_half"][:, :5]}, "'basis' does not fit"),
        ({"weights": arrays["weights"][None]}, "'weights' does not fit"),
        ({"weights_half": torch.zeros(6)}, "'weights' does not fit"),
        ({"rest": arrays["rest"][:5]}, "do not belong"),
        ({"rest": arrays["rest"][:, :1]}, "do not belong"),
        ({"rest": arrays["rest"][:5], "rest_cell": arrays["rest_cell"][:5]}, "do not belong"),
        ({"rest": arrays["rest"][:, 0], "rest_cell": arrays["rest_cell"][:, 0]}, "do not belong"),
        ({"rest_cell": arrays["rest"]}, "do not belong"),
        ({"rest_cell": arrays["rest_cell"] + 6}, "outside the grid"),
        ({"error": torch.zeros(3)}, "do not belong"),
        ({"basis": arrays["basis"] * torch.nan}, "NaN"),
    ):
        with pytest.raises(AttentionError, match=message):
            ReducedAttention.from_arrays(arrays | change)
