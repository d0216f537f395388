"""A dense attention: what it refuses, and its two products."""

import pytest
import torch

from m2n2v2.attention.base import FEW, FLOOR, DenseAttention
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size


def random_attention(height: int = 2, width: int = 3) -> torch.Tensor:
    values = torch.rand(height, width, height, width, generator=torch.Generator().manual_seed(0))
    return values / values.sum((2, 3), keepdim=True)


def test_products_are_those_of_the_matrix():
    tensor = random_attention()
    attention = DenseAttention(tensor)
    assert attention.cells == Size(2, 3)
    p, v = torch.rand(2, 6), torch.rand(6)
    by_row = torch.stack([sum(row[i] * tensor.reshape(6, 6)[i] for i in range(6)) for row in p])
    torch.testing.assert_close(attention.left(p), by_row)
    torch.testing.assert_close(
        attention.right(v), torch.stack([(row * v).sum() for row in tensor.reshape(6, 6)])
    )


@pytest.mark.parametrize("count", [1, 3, FEW, FEW + 1])
@pytest.mark.parametrize("cells", [(1, 3), (5, 271)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_few_vectors_and_many_are_multiplied_alike(count, cells, dtype, monkeypatch):
    """More columns than a tile has; two bands of rows, no multiple of four, one from an odd row."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    attention = DenseAttention(random_attention(*cells).to(dtype))
    p = torch.rand(count, attention.cells.area, dtype=torch.float64)
    expected = p @ attention.matrix.double()
    found = attention.left(p.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)


def test_a_matrix_in_another_order_multiplies_the_same():
    attention = DenseAttention(random_attention(4, 5))
    turned = attention._with_matrix(attention.matrix.T.contiguous().T)
    p = torch.rand(2, 20)
    torch.testing.assert_close(turned.left(p), attention.left(p))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sharpening_is_softmax_of_the_logarithm_up_to_a_factor_per_row(temperature):
    tensor = random_attention()
    sharp = DenseAttention(tensor).sharpened(temperature).matrix
    expected = torch.softmax(tensor.reshape(6, 6).log() / temperature, 1)
    torch.testing.assert_close(sharp / sharp.sum(1, keepdim=True), expected)
    assert sharp.amax(1).tolist() == [1] * 6


def test_sharpening_leaves_the_original_alone():
    tensor = random_attention()
    before = tensor.clone()
    DenseAttention(tensor).sharpened(0.5)
    DenseAttention(tensor).sharpened(1.0)
    assert torch.equal(tensor, before)


def test_zeros_are_raised_to_the_floor():
    sharp = DenseAttention(torch.eye(4).reshape(2, 2, 2, 2)).sharpened(1.0).matrix
    assert float(sharp.min()) == pytest.approx(FLOOR)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(4, 4) / 4, r"shape \(4, 4\)"),
        (torch.ones(2, 3, 3, 2) / 6, r"shape \(2, 3, 3, 2\)"),
        (torch.ones(0, 2, 0, 2), "shape"),
        (torch.ones(1, 1, 1, 1, dtype=torch.int64), "int64"),
        (torch.full((2, 2, 2, 2), float("nan")), "NaN"),
        (torch.full((2, 2, 2, 2), float("inf")), "infinite"),
        (torch.tensor([[0.5, 0.5], [float("nan"), 0.5]]).reshape(1, 2, 1, 2), "NaN"),
        (torch.tensor([[2.0, -1.0], [0.5, 0.5]]).reshape(1, 2, 1, 2), "negative entry"),
        (torch.tensor([[0.5, 0.5], [0.5, 0.6]]).reshape(1, 2, 1, 2), "row 1 .* sums to 1.1"),
        (torch.tensor([[0.2, 0.3], [0.5, 0.5]]).reshape(1, 2, 1, 2), "row 0 .* sums to 0.5"),
        (torch.zeros(2, 2, 2, 2), "row 0 .* sums to 0"),
    ],
)
def test_what_is_no_attention_is_refused(tensor, message):
    with pytest.raises(AttentionError, match=message):
        DenseAttention(tensor)
