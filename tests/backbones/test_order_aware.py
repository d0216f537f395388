"""Order-aware attention (supplement 10): our reading of what the paper tried and left out."""

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention import DenseAttention, NoAttention
from m2n2v2.attention import Precomputed as PrecomputedAttention
from m2n2v2.depth import Precomputed
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import doubly_stochastic, order_aware
from m2n2v2.preparation import prepare


@pytest.fixture
def attention() -> DenseAttention:
    scores = torch.randn(12, 12, generator=torch.Generator().manual_seed(0))
    return DenseAttention(scores.softmax(1).reshape(3, 4, 3, 4))


DEPTH = torch.linspace(0, 1, 12).reshape(3, 4) ** 2


def test_by_hand() -> None:
    uniform = DenseAttention(torch.full((1, 3, 1, 3), 1 / 3))
    found = order_aware(uniform, torch.tensor([[0.0, 0.5, 1.0]]), 2 * np.log(2))
    expected = torch.tensor([[4, 2, 1], [1, 2, 1], [1, 2, 4]]) / torch.tensor([[7], [4], [7]])
    torch.testing.assert_close(found.matrix, expected)


def test_it_acts_between_temperature_and_balancing(attention: DenseAttention) -> None:
    found = doubly_stochastic(attention, 0.65, depth=DEPTH, order_weight=3.0, tolerance=1e-6)
    logits = attention.matrix.log() / 0.65
    d = DEPTH.flatten()
    weighted = torch.softmax(logits - 3 * (d[:, None] - d).abs(), 1)
    expected = doubly_stochastic(DenseAttention(weighted.reshape(3, 4, 3, 4)), 1.0, tolerance=1e-6)
    torch.testing.assert_close(found.dense(), expected.dense(), atol=1e-5, rtol=1e-5)


def test_the_attention_given_is_not_changed(attention: DenseAttention) -> None:
    before = attention.matrix.clone()
    order_aware(attention, DEPTH, 1.0)
    assert torch.equal(attention.matrix, before)


def test_zero_weight_and_flat_depth_change_nothing(attention: DenseAttention) -> None:
    plain = doubly_stochastic(attention)
    off = doubly_stochastic(attention, depth=DEPTH, order_weight=0.0)
    assert torch.equal(off.dense(), plain.dense())
    flat = doubly_stochastic(attention, depth=torch.zeros(3, 4), order_weight=5.0, tolerance=1e-6)
    exact = doubly_stochastic(attention, tolerance=1e-6)
    torch.testing.assert_close(flat.dense(), exact.dense(), atol=1e-5, rtol=1e-5)


def test_any_kind_of_attention_can_be_weighted() -> None:
    found = order_aware(NoAttention().extract(np.zeros((2, 2, 3), np.uint8)), torch.rand(32, 32), 1)
    torch.testing.assert_close(found.matrix.sum(1), torch.ones(1024))


def test_it_is_a_setting_off_by_default(photograph: Image, attention: DenseAttention) -> None:
    assert Settings.paper().order_weight == 0
    source = PrecomputedAttention(attention.matrix.reshape(3, 4, 3, 4))
    depth = Precomputed(torch.from_numpy(photograph[:, :, 0].astype(np.float32)))
    off = prepare(photograph, source, depth).transition
    on = prepare(photograph, source, depth, Settings.ours().replace(order_weight=4)).transition
    assert torch.equal(off.dense(), doubly_stochastic(attention).dense())
    assert not torch.allclose(on.dense(), off.dense(), atol=1e-3)
