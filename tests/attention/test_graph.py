"""The graph of segments, and the ranking on it, beside loops over every pair and way."""

import numpy as np
import pytest

from m2n2v2.attention.affinity import AffinityParameters
from m2n2v2.attention.affinity.cues import Segments
from m2n2v2.attention.affinity.graph import manifold_ranking, weights
from m2n2v2.errors import AttentionError


def segments(seed: int, count: int = 9) -> Segments:
    """Some linked to many, the last to none; some at the border."""
    generator = np.random.default_rng(seed)
    linked = np.triu(generator.random((count, count)) < 0.3, 1)
    linked[:, -1] = False
    pairs = np.argwhere(linked)
    return Segments(
        generator.random((count, 2)),
        generator.random(count) < 0.5,
        pairs,
        generator.random(len(pairs)),
    )


def by_loops(given: Segments, parameters: AffinityParameters) -> np.ndarray:
    count = len(given.features)
    direct = np.full((count, count), np.inf)
    for (i, j), strength in zip(given.pairs, given.boundary, strict=True):
        direct[i, j] = direct[j, i] = strength
    boundary = direct.copy()
    for i, j, k in np.ndindex(count, count, count):
        boundary[i, j] = min(boundary[i, j], max(direct[i, k], direct[k, j]))
    apart = np.linalg.norm(given.features[:, None] - given.features[None], axis=2)
    spread = np.zeros(count)
    for i in range(count):
        near = sorted(apart[i, j] for j in range(count) if j != i and np.isfinite(boundary[i, j]))
        spread[i] = np.clip(near[:3][-1] if near else 0, *parameters.spread_limits)
    out = np.zeros((count, count))
    for i, j in np.ndindex(count, count):
        scale = 2 * parameters.neighbour_scale * np.sqrt(spread[i] * spread[j])
        colour = apart[i, j] ** 2 / scale
        if i != j and np.isfinite(boundary[i, j]):
            strength = boundary[i, j] / parameters.boundary_scale
            out[i, j] = np.exp(-(colour + strength)) + parameters.ridge
        if i != j and given.border[i] and given.border[j]:
            out[i, j] = max(out[i, j], parameters.border_weight * np.exp(-colour))
    return out


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limits", [(0.01, 9.0), (0.35, 0.6)])
def test_links_are_weighed_as_by_loops_over_pairs(seed: int, limits: tuple[float, float]) -> None:
    """Spreads within their limits and beyond them; a ridge that is seen."""
    parameters = AffinityParameters(
        neighbour_scale=0.7, boundary_scale=0.4, spread_limits=limits, border_weight=0.3, ridge=0.02
    )
    given = segments(seed)
    expected = by_loops(given, parameters)
    assert 0 < np.count_nonzero(expected) < expected.size - len(expected)
    np.testing.assert_allclose(weights(given, parameters), expected, rtol=1e-12)


def test_steps_that_keep_more_than_all_have_no_ranking() -> None:
    with pytest.raises(AttentionError, match=r"no ranking with a share of 1\.5"):
        manifold_ranking(np.array([[0.0, 1.0], [1.0, 0.0]]), 1.5)
