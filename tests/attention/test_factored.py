"""The factored attention against its own dense matrix and against a matrix made by hand."""

import numpy as np
import pytest
import torch

from m2n2v2.attention import _factored as kernel
from m2n2v2.attention.base import FEW
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.reduction import factored
from m2n2v2.reduction.chain import shortest_saturation_time, walk_of
from m2n2v2.reduction.factored import FactoredWalk, SlowDirections

CELLS, LARGE = Size(2, 2), Size(48, 48)


def by_hand() -> tuple[FactoredAttention, torch.Tensor]:
    """One head over two segments: cells 0 and 1 in the first, 3 in the second, 2 half in each."""
    head = Head(
        cell=torch.tensor([0, 1, 2, 2, 3]),
        segment=torch.tensor([0, 0, 0, 1, 1]),
        share=torch.tensor([1.0, 1.0, 0.5, 0.5, 1.0]),
        affinity=torch.tensor([[4.0, 1.0], [1.0, 2.0]]),
    )
    matrix = torch.tensor(
        [
            [4.0, 4.0, 2.5, 1.0],  # sums to 11.5
            [4.0, 4.0, 2.5, 1.0],
            [2.5, 2.5, 2.0, 1.5],  # 8.5
            [1.0, 1.0, 1.5, 2.0],  # 5.5
        ]
    )
    return FactoredAttention(CELLS, [head]), matrix / matrix.sum(1, keepdim=True)


def random_heads() -> FactoredAttention:
    cells = Size(3, 4)
    generator = torch.Generator().manual_seed(0)
    heads = []
    for m in (2, 3, 4):
        share = torch.rand(cells.area, m, generator=generator) * (
            torch.rand(cells.area, m, generator=generator) < 0.6
        )
        share[share.sum(1) == 0, 0] = 1
        cell, segment = torch.nonzero(share, as_tuple=True)
        affinity = torch.rand(m, m, generator=generator)
        affinity = affinity + affinity.T
        heads.append(Head(cell, segment, share[cell, segment], affinity))
    return FactoredAttention(cells, heads)


def test_one_head_is_the_matrix_worked_out_by_hand() -> None:
    attention, expected = by_hand()
    torch.testing.assert_close(attention.dense().matrix, expected)


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_products_are_those_of_the_dense_matrix(count: int) -> None:
    """Of few vectors, one by one, and of many, together."""
    attention = random_heads()
    matrix = attention.dense().matrix
    p, v, columns = torch.rand(count, 12), torch.rand(12), torch.rand(12, count)
    torch.testing.assert_close(attention.left(p), p @ matrix)
    torch.testing.assert_close(attention.left(columns.T), columns.T @ matrix)
    torch.testing.assert_close(attention.right(v), matrix @ v)
    torch.testing.assert_close(attention.right(columns), matrix @ columns)


def test_products_of_few_keep_double_precision() -> None:
    heads = [
        Head(h.cell, h.segment, h.share.double(), h.affinity.double()) for h in random_heads().heads
    ]
    attention = FactoredAttention(Size(3, 4), heads)
    p = torch.rand(2, 12, dtype=torch.float64)
    expected = p @ attention.dense().matrix
    torch.testing.assert_close(attention.left(p), expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(attention.right(p[0]), attention.dense().matrix @ p[0])


def test_heads_count_alike_and_rows_sum_to_one() -> None:
    attention = random_heads()
    single = [FactoredAttention(attention.cells, [head]).dense().matrix for head in attention.heads]
    torch.testing.assert_close(attention.dense().matrix, torch.stack(single).mean(0))
    torch.testing.assert_close(attention.right(torch.ones(12)), torch.ones(12))


def test_balancing_the_factors_balances_the_matrix() -> None:
    attention = random_heads()
    factored = doubly_stochastic(attention, temperature=1, tolerance=1e-6).dense()
    torch.testing.assert_close(factored.sum(0), torch.ones(12))
    torch.testing.assert_close(factored.sum(1), torch.ones(12))
    dense = doubly_stochastic(attention.dense(), temperature=1, tolerance=1e-6).dense()
    torch.testing.assert_close(factored, dense)


def test_moving_keeps_the_products() -> None:
    attention, expected = by_hand()
    torch.testing.assert_close(attention.to("cpu").dense().matrix, expected)


def test_a_temperature_is_refused_and_the_dense_matrix_takes_it() -> None:
    attention, _ = by_hand()
    assert attention.sharpened(1.0) is attention
    with pytest.raises(AttentionError, match=r"temperature is 0\.65.*dense\(\)"):
        attention.sharpened(0.65)
    assert attention.dense().sharpened(0.65).matrix.shape == (4, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": torch.tensor([0, 1, 2, 2, 4])}, "do not fit 4 cells"),
        ({"segment": torch.tensor([0, 0, 0, 1, 2])}, "do not fit 2 segments"),
        ({"cell": torch.tensor([-1, 1, 2, 2, 3])}, "do not fit 4 cells"),
        ({"segment": torch.tensor([-1, 0, 0, 1, 1])}, "do not fit 2 segments"),
        ({"cell": torch.tensor([1, 0, 2, 2, 3])}, "disorder"),
        ({"cell": torch.tensor([0, 2, 1, 2, 3])}, "disorder"),
        ({"cell": torch.tensor([0, 1, 1, 1, 3])}, "no share"),
        ({"share": torch.tensor([1.0, -1.0, 0.5, 0.5, 1.0])}, "share has a negative"),
        ({"affinity": torch.tensor([[1.0, float("nan")], [1.0, 2.0]])}, "affinity has a negative"),
        ({"affinity": torch.zeros(2, 2)}, "row of a head vanishes"),
        ({"affinity": torch.tensor([[0.0, 0.0], [0.0, 2.0]])}, "row of a head vanishes"),
        ({"affinity": torch.full((2, 2), 2e38)}, "row of a head vanishes or overflows"),
        ({"affinity": torch.tensor([[4.0, 1.0], [2.0, 2.0]])}, "is not symmetric"),
    ],
)
def test_factors_that_are_no_attention(change: dict[str, torch.Tensor], message: str) -> None:
    head = by_hand()[0].heads[0]
    broken = Head(**({name: getattr(head, name) for name in vars(head)} | change))
    with pytest.raises(AttentionError, match=message):
        FactoredAttention(CELLS, [broken])


def test_one_cell_and_none() -> None:
    head = Head(torch.tensor([0]), torch.tensor([0]), torch.ones(1), torch.full((1, 1), 3.0))
    assert FactoredAttention(Size(1, 1), [head]).dense().matrix.tolist() == [[1]]
    none = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(AttentionError, match="do not fit 4 cells"):
        FactoredAttention(CELLS, [Head(none, none, torch.zeros(0), head.affinity)])


def test_no_heads() -> None:
    with pytest.raises(AttentionError, match="without heads"):
        FactoredAttention(CELLS, [])


@pytest.mark.parametrize("m", range(1, 14))
def test_the_loop_over_a_triangle_is_the_product_with_the_matrix(m: int) -> None:
    generator = np.random.default_rng(m)
    affinity = generator.random((m, m))
    affinity += affinity.T
    v, out = generator.random(m), np.full(m, np.nan)
    kernel.symmetric(affinity[np.tril_indices(m)], v, out)
    np.testing.assert_allclose(out, affinity @ v, rtol=1e-12)


def test_a_file_has_a_triangle_and_gives_the_same_heads() -> None:
    attention = random_heads()
    arrays = attention.arrays()
    assert arrays["2.triangle"].shape == (10,)  # of 4 x 4
    again = FactoredAttention.from_arrays(arrays)
    for head, copy in zip(attention.heads, again.heads, strict=True):
        assert all(torch.equal(getattr(head, name), getattr(copy, name)) for name in vars(head))


@pytest.mark.parametrize(("n", "kind"), [(2**15, torch.int16), (2**15 + 1, torch.int32)])
def test_indices_are_kept_in_16_bits_where_they_fit(n: int, kind: torch.dtype) -> None:
    head = Head(torch.arange(n), torch.arange(n) * 2 // n, torch.ones(n), torch.ones(2, 2))
    arrays = FactoredAttention(Size(1, n), [head]).arrays()
    assert (arrays["0.cell"].dtype, arrays["0.segment"].dtype) == (kind, kind)
    (back,) = FactoredAttention.from_arrays(arrays).heads
    assert torch.equal(back.cell, head.cell)
    assert torch.equal(back.segment, head.segment)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("2.triangle", torch.ones(11), "no triangle"),
        ("2.triangle", torch.ones(4, 4), "no triangle"),
        ("1.cell", torch.ones(3), "no whole numbers"),
    ],
)
def test_arrays_that_are_no_heads(name: str, array: torch.Tensor, message: str) -> None:
    with pytest.raises(AttentionError, match=message):
        FactoredAttention.from_arrays(random_heads().arrays() | {name: array})


@pytest.mark.parametrize("most", [1, 2, 200])
def test_the_walk_in_one_loop_is_the_walk_step_by_step(most: int) -> None:
    attention = random_heads()
    chain = doubly_stochastic(attention, temperature=1)
    start = start_state([(0.0, 0.0), (2.3, 1.0), (3.0, 2.0)], attention.cells)
    how = {"threshold": 0.6, "max_steps": most}
    expected = saturation_time(chain, start, **how)
    kept = start.clone()
    torch.testing.assert_close(shortest_saturation_time(chain, start, **how), expected)
    assert torch.equal(start, kept)


def smooth(cells: Size = LARGE, m: int = 120) -> Transition:
    """A grid whose segments, stripes of a few cells, are alike where they are near; most directions
    are forgotten soon, a few of them slowly."""
    cell = torch.arange(cells.area)
    at = torch.arange(m, dtype=torch.float32)
    near = torch.exp(-(((at[:, None] - at) / 6) ** 2)) + 1e-3
    head = Head(cell, cell * m // cells.area, torch.ones(cells.area), (near + near.T) / 2)
    return doubly_stochastic(FactoredAttention(cells, [head]), temperature=1)


def test_slow_directions_walk_as_the_steps_do() -> None:
    """To within the rounding of the steps, where they have far to go and where they stop early."""
    chain = smooth()
    walk = walk_of(chain)
    assert isinstance(walk, FactoredWalk)
    start = start_state([(3.0, 5.0), (20.3, 17.8), (47.0, 47.0)], chain.cells)
    for threshold, most in ((0.3, 1000), (0.05, 1000), (0.3, 21), (0.3, 3)):
        how = {"threshold": threshold, "max_steps": most}
        expected = saturation_time(chain, start, **how)
        torch.testing.assert_close(walk(chain, start, **how), expected, atol=5e-4, rtol=2e-4)
    assert float(saturation_time(chain, start, threshold=0.3).max()) > 30
    assert since(chain, walk.slow) == kernel.FIRST + 1


def test_slow_directions_of_a_small_grid_walk_as_the_steps_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(factored, "FEWEST_CELLS", 1)
    monkeypatch.setattr(factored, "DIRECTIONS", 12)
    chain = smooth(Size(8, 5), 40)
    walk = walk_of(chain)
    assert isinstance(walk, FactoredWalk)
    begun = since(chain, walk.slow)
    assert begun == kernel.FIRST + 1
    start = start_state([(3.0, 5.0), (4.0, 0.0)], chain.cells)
    for most in (begun - 1, begun, begun + 3, 1000):
        how = {"threshold": 0.7, "max_steps": most}
        expected = saturation_time(chain, start, **how)
        torch.testing.assert_close(walk(chain, start, **how), expected, atol=5e-4, rtol=2e-4)
    assert float(expected.max()) > begun + 3


def test_directions_that_do_not_tell_the_next_step_are_not_walked_on() -> None:
    chain = smooth()
    slow = walk_of(chain).slow
    wrong = SlowDirections(slow.basis, slow.turn * 0.9 + 0.1 * np.eye(len(slow.turn)))
    start = start_state([(3.0, 5.0)], chain.cells)
    how = {"threshold": 0.3, "max_steps": 1000}
    assert since(chain, wrong) == 0
    torch.testing.assert_close(
        FactoredWalk(chain, wrong)(chain, start, **how), saturation_time(chain, start, **how)
    )


def test_another_transition_is_walked_step_by_step() -> None:
    chain, other = smooth(), doubly_stochastic(random_heads(), temperature=1)
    start = start_state([(1.0, 1.0)], other.cells)
    found = walk_of(chain)(other, start, threshold=0.3, max_steps=50)
    torch.testing.assert_close(found, saturation_time(other, start, threshold=0.3, max_steps=50))


def test_a_small_grid_has_no_slow_directions() -> None:
    assert walk_of(doubly_stochastic(random_heads(), temperature=1)).slow.basis.shape == (0, 12)


def since(chain: Transition, slow: SlowDirections) -> int:
    """The step from which a click was walked by slow directions."""
    p = start_state([(3.0, 5.0)], chain.cells).flatten().numpy()
    waiting = np.where(p > 0.3, np.float32(0), np.float32(np.inf))
    scales = chain.rows.numpy(), chain.columns.numpy()
    packed = slow.basis, slow.turn, *chain.attention.packed.leftwards
    return kernel.walk(p.copy(), *scales, np.float32(0.3), 1000, waiting, *packed)
