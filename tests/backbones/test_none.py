"""No attention: what is left is depth."""

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention import NoAttention
from m2n2v2.attention.none import UniformAttention
from m2n2v2.depth import Precomputed
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import markov_maps
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click


def test_products_are_those_of_the_matrix() -> None:
    found, n = UniformAttention(Size(3, 4)), 12
    matrix = torch.full((n, n), 1 / n)
    p, v = torch.rand(2, n), torch.rand(n)
    torch.testing.assert_close(found.left(p), p @ matrix)
    torch.testing.assert_close(found.right(v), matrix @ v)
    assert found.to("cpu").sharpened(0.65).cells == Size(3, 4)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.77])
def test_the_markov_map_is_the_flood_fill_of_depth_alone(
    threshold: float, photograph: Image
) -> None:
    """From the click over 4-neighbours, the smallest possible largest step in depth."""
    ramp = np.tile(np.abs(np.linspace(-1, 1, photograph.shape[1])), (photograph.shape[0], 1))
    settings = Settings.ours().replace(chain_threshold=threshold)
    state = prepare(photograph, NoAttention(), Precomputed(torch.from_numpy(ramp)), settings)
    (found,) = markov_maps(state, (Click(10, 40),))
    assert state.depth is not None
    away = (state.depth - state.depth[40, 10]).abs()
    expected = torch.empty_like(away)
    expected[:, 10:] = away[:, 10:].cummax(1).values
    expected[:, :10] = away[:, :10].flip(1).cummax(1).values.flip(1)
    torch.testing.assert_close(found.values, expected / expected.max(), atol=1e-5, rtol=1e-5)


def test_without_depth_nothing_is_left(photograph: Image) -> None:
    state = prepare(photograph, NoAttention())
    (found,) = markov_maps(state, (Click(10, 40),))
    assert float(found.values.abs().max()) == 0
