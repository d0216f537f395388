"""The weight-free attention put together from its parts, with and without a network's likeness."""

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention.affinity import Affinity, AffinityParameters, Slic, Watershed
from m2n2v2.attention.affinity.cues import measured
from m2n2v2.attention.affinity.graph import manifold_ranking, weights
from m2n2v2.attention.affinity.likeness import LikenessAffinity, principal
from m2n2v2.attention.affinity.partitions import partitioned, shares
from m2n2v2.boundaries import analysed
from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size
from m2n2v2.weights.vit import VisionTransformer

PARAMETERS = AffinityParameters(grid=4, partitions=(Slic(9, 10.0), Watershed(7)), border_weight=0.2)
CELLS = Size(3, 3)


class Known(VisionTransformer):
    """A network that finds what it was told to, whatever it sees."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def pixels(self, image: Image, cells: Size) -> torch.Tensor:
        assert cells == CELLS
        return torch.zeros(1, 3, 14 * cells.height, 14 * cells.width)

    def features(self, pixels: torch.Tensor, wanted: dict) -> dict:
        assert wanted == {-1: frozenset({"keys"})}
        return {(0, "keys"): self.values}


def picture() -> Image:
    y, x = np.mgrid[:24, :20]
    base = np.where((x + y < 22)[..., None], (200, 90, 40), (60, 120, 160))
    noise = np.random.default_rng(0).integers(-30, 31, (24, 20, 3))
    return (base + noise).clip(0, 255).astype(np.uint8)


def values(channels: int = 5) -> torch.Tensor:
    return torch.randn(3, 3, channels, generator=torch.Generator().manual_seed(0))


def centred(found: torch.Tensor) -> np.ndarray:
    """Rows of length 1, the mean taken off before."""
    rows = found.reshape(9, -1).double().numpy()
    rows = rows - rows.mean(0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [None, 0.1, 0.7])
def test_heads_are_rankings_of_links_times_likeness(temperature: float | None) -> None:
    image = picture()
    source = Affinity(PARAMETERS)
    if temperature is not None:
        source = LikenessAffinity(
            Known(values()), side=3, temperature=temperature, parameters=PARAMETERS
        )
    attention = source.extract(image)
    assert attention.cells == Size(4, 4)
    assert len(attention.heads) == 2
    analysis = analysed(image, PARAMETERS.pixels, PARAMETERS.boundary_sigma)
    for head, partition in zip(attention.heads, PARAMETERS.partitions, strict=True):
        labels = partitioned(analysis.lab, partition)
        graph = weights(measured(labels, analysis.lab / 100, analysis.strength), PARAMETERS)
        if temperature is not None:
            cell, segment, share = shares(labels, CELLS)
            means = np.zeros((labels.max() + 1, 5))
            for i, j, part in zip(cell, segment, share, strict=True):
                means[j] += part * centred(values())[i]
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            graph = graph * np.exp((means @ means.T - 1) / temperature)
        expected = manifold_ranking(graph, PARAMETERS.ranking)
        np.testing.assert_allclose(head.affinity, expected, rtol=2e-3, atol=1e-6)
        for given, own in zip(
            (head.cell, head.segment, head.share), shares(labels, Size(4, 4)), strict=True
        ):
            np.testing.assert_array_equal(given, own)


@pytest.mark.parametrize("channels", [5, 70])
def test_features_are_kept_along_their_principal_directions(channels: int) -> None:
    found = values(channels)
    source = LikenessAffinity(Known(found), side=3, parameters=PARAMETERS)
    kept = source.extract(picture()).features
    assert kept.shape == (3, 3, min(channels, 64))
    rows = kept.reshape(9, -1).double().numpy()
    np.testing.assert_allclose(rows @ rows.T, centred(found) @ centred(found).T, atol=5e-3)


def test_principal_directions_are_those_of_the_largest_squares() -> None:
    features = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    _, size, directions = np.linalg.svd(features)
    assert size[1] > 1.05 * size[2]
    along = features @ directions[:2].T
    kept = principal(features, 2)
    np.testing.assert_allclose(abs(kept), abs(along), rtol=1e-3, atol=1e-4)


def test_names_say_what_was_changed() -> None:
    assert Affinity().name == "affinity (no weights)"
    assert Affinity(AffinityParameters(grid=9, ridge=1e-7)).name == (
        "affinity (no weights), grid 9, ridge 1e-07"
    )
    network = Known(values())
    assert LikenessAffinity(network).name == (
        "affinity with the likeness of dinov2, side 37, grid 96"
    )
    other = LikenessAffinity(
        network, side=1, temperature=2.0, parameters=AffinityParameters(), network_name="other"
    )
    assert other.name == "affinity with the likeness of other, side 1, temperature 2"


def test_the_constants_are_those_that_the_figures_are_of() -> None:
    """They were chosen on one half of a set (docs/decisions/offline-attention.md)."""
    constants = AffinityParameters()
    assert (constants.grid, constants.pixels) == (64, 200_000)
    assert constants.partitions == (Slic(600, 5), Slic(1000, 10), Slic(1000, 20), Watershed(800))
    assert (constants.boundary_sigma, constants.boundary_scale) == (2.8, 0.1)
    assert (constants.neighbour_scale, constants.spread_limits) == (0.05, (0.01, 0.3))
    assert (constants.border_weight, constants.ridge, constants.ranking) == (0.1, 1e-8, 0.98)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_temperatures_are_finite_and_over_0(temperature: float) -> None:
    with pytest.raises(SettingsError, match="likeness temperature"):
        LikenessAffinity(Known(values()), temperature=temperature)


def test_a_side_of_no_patches() -> None:
    with pytest.raises(SettingsError, match="likeness side is 0"):
        LikenessAffinity(Known(values()), side=0)


@pytest.mark.parametrize(
    "least",
    [
        {"grid": 1},
        {"pixels": 1},
        {"partitions": (Slic(1, 1e-9),)},
        {"partitions": (Watershed(1),)},
        {"border_weight": 0.0},
        {"spread_limits": (0.2, 0.2)},
        {"ridge": 1e-300},
        {"boundary_sigma": 1e-9},
        {"boundary_scale": 1e-9},
        {"neighbour_scale": 1e-9},
        {"ranking": 1e-9},
    ],
)
def test_the_smallest_parameters_there_may_be(least: dict[str, object]) -> None:
    assert AffinityParameters(**least).changed() == least  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"boundary_sigma": float("nan")},
        {"neighbour_scale": 0.0},
        {"spread_limits": (0.0, 0.3)},
        {"ranking": 0.0},
        {"partitions": (Slic(10, 1.0), Slic(10, -1.0))},
    ],
)
def test_parameters_just_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="affinity parameter"):
        AffinityParameters(**change)  # type: ignore[arg-type]
