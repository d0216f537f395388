"""Attentions and transitions as flat dicts of arrays, and back."""

import pytest
import torch
from tests.attention.test_factored import random_heads

from m2n2v2.attention.base import Attention, DenseAttention
from m2n2v2.attention.featured import FeaturedAttention
from m2n2v2.attention.kinds import KINDS, attention_arrays, attention_from_arrays
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.attention.uniform import UniformAttention
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.reduction.subspace import reduced_attention


def dense() -> DenseAttention:
    matrix = torch.rand(12, 12, generator=torch.Generator().manual_seed(0))
    return DenseAttention((matrix / matrix.sum(1, keepdim=True)).reshape(3, 4, 3, 4))


def reduced() -> ReducedAttention:
    return reduced_attention(doubly_stochastic(dense(), 1.0), 5)


def uniform() -> UniformAttention:
    return UniformAttention(Size(3, 4))


def featured() -> FeaturedAttention:
    features = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(1))
    return FeaturedAttention(Size(3, 4), random_heads().heads, features.half())


MADE = {
    "dense": dense,
    "factored": random_heads,
    "featured": featured,
    "reduced": reduced,
    "uniform": uniform,
}


def test_every_kind_is_tested() -> None:
    assert MADE.keys() == KINDS.keys()


def copied(arrays: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What a file gives back: other tensors, in another order."""
    return {name: arrays[name].clone() for name in sorted(arrays, reverse=True)}


@pytest.mark.parametrize("kind", KINDS)
def test_an_attention_comes_back(kind: str) -> None:
    attention: Attention = MADE[kind]()
    arrays = attention_arrays(attention)
    assert all(name.startswith(f"{kind}.") for name in arrays)
    back = attention_from_arrays(copied(arrays))
    assert type(back) is type(attention)
    assert back.cells == attention.cells
    p = torch.rand(2, 12)
    assert torch.equal(back.left(p), attention.left(p))
    assert torch.equal(back.right(p[0]), attention.right(p[0]))


def test_a_single_row_of_cells_and_entries_of_zero_come_back() -> None:
    attention = DenseAttention(torch.eye(3).reshape(1, 3, 1, 3))
    back = attention_from_arrays(attention_arrays(attention))
    assert isinstance(back, DenseAttention)
    assert back.cells == Size(1, 3)
    assert torch.equal(back.matrix, torch.eye(3))


def test_features_come_back_and_travel_along() -> None:
    attention = featured()
    arrays = attention_arrays(attention)
    back = attention_from_arrays(copied(arrays))
    assert isinstance(back, FeaturedAttention)
    assert torch.equal(back.features, attention.features)
    assert torch.equal(attention.to("cpu").features, attention.features)
    del arrays["featured.features"]
    with pytest.raises(AttentionError, match="'features' is missing"):
        attention_from_arrays(arrays)


@pytest.mark.parametrize(
    "wrong", [torch.zeros(3, 4), torch.zeros(0, 4, 2), torch.tensor([[[1.0, torch.nan]]])]
)
def test_features_are_numbers_on_a_grid(wrong: torch.Tensor) -> None:
    with pytest.raises(AttentionError, match="rows x columns x features"):
        FeaturedAttention(Size(3, 4), random_heads().heads, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_columns_of_products(kind: str) -> None:
    attention: Attention = MADE[kind]()
    matrix = attention.left(torch.eye(12))
    torch.testing.assert_close(attention.rows(2, 7), matrix[2:7])
    v = torch.rand(12, 3)
    torch.testing.assert_close(attention.right(v), matrix @ v)
    torch.testing.assert_close(attention.right(v[:, 0]), matrix @ v[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_transition_comes_back(kind: str) -> None:
    transition = doubly_stochastic(MADE[kind](), 1.0)
    back = Transition.from_arrays(copied(transition.arrays()))
    p = torch.rand(2, 12)
    assert torch.equal(back.step(p), transition.step(p))
    assert (back.rounds, back.residual) == (transition.rounds, transition.residual)


@pytest.mark.parametrize("kind", KINDS)
def test_every_array_is_needed(kind: str) -> None:
    arrays = doubly_stochastic(MADE[kind](), 1.0).arrays()
    for name in arrays:
        with pytest.raises(AttentionError, match=r"missing|no attention|do not|does not"):
            Transition.from_arrays({key: value for key, value in arrays.items() if key != name})


def test_arrays_that_do_not_fit() -> None:
    arrays = doubly_stochastic(dense(), 1.0).arrays()
    for change, message in (
        ({"rows": torch.ones(11)}, "'rows' does not scale a grid of 4x3"),
        ({"columns": -arrays["columns"]}, "'columns' does not scale"),
        ({"columns": arrays["columns"] * (torch.arange(12) > 0)}, "'columns' does not scale"),
        ({"rows": arrays["rows"].where(torch.arange(12) > 0, torch.nan)}, "'rows' does not scale"),
        ({"rows": arrays["rows"].double()}, "'rows' does not scale"),
        ({"dense.matrix": torch.ones(12, 11)}, r"shape \(12, 11\) came for a grid of 4x3"),
        ({"dense.matrix": torch.full((12, 12), float("nan"))}, "NaN"),
        ({"dense.matrix": torch.eye(12).where(torch.arange(12) > 0, torch.nan)}, "NaN"),
        ({"dense.matrix": torch.eye(12) - 0.01}, "negative"),
        ({"dense.cells": torch.tensor([12])}, r"a grid of \[12\] cells"),
        ({"dense.cells": torch.tensor([0, 12])}, r"a grid of \[0, 12\] cells"),
        ({"factored.cells": torch.tensor([3, 4])}, "dense and factored"),
    ):
        with pytest.raises(AttentionError, match=message):
            Transition.from_arrays(arrays | change)


def test_a_kind_without_a_name_is_refused() -> None:
    class Other(DenseAttention):
        pass

    other = Other(dense().matrix.reshape(3, 4, 3, 4))
    with pytest.raises(AttentionError, match="type Other"):
        attention_arrays(other)
