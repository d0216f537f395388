"""The weight-free attention: its parts by hand on tiny pictures, its laws, and bad input."""

from functools import partial, reduce

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from m2n2v2.attention import Affinity
from m2n2v2.attention.affinity import AffinityParameters, Slic, Watershed
from m2n2v2.attention.affinity.cues import Segments, measured
from m2n2v2.attention.affinity.graph import manifold_ranking, two_ring_boundary, weights
from m2n2v2.attention.affinity.partitions import partitioned, shares
from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size, overlaps
from m2n2v2.images import read_image
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click

SMALL = AffinityParameters(grid=16, partitions=(Slic(60, 10.0), Slic(100, 20.0), Watershed(80)))


def disc(size: int = 64, radius: int = 18) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc on dark ground, a little off the middle, and its mask."""
    y, x = np.mgrid[:size, :size]
    mask = (x - size // 2 - 4) ** 2 + (y - size // 2) ** 2 < radius**2
    noise = np.random.default_rng(0).integers(0, 20, (size, size, 3))
    return (np.where(mask[:, :, None], 200, 60) + noise).astype(np.uint8), mask


# parts, by hand


def test_cells_take_their_share_of_pixels_along_one_axis() -> None:
    pixel, cell, share = overlaps(3, 2)
    assert pixel.tolist() == [0, 1, 1, 2]
    assert cell.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(share, [2 / 3, 1 / 3, 1 / 3, 2 / 3])


def test_more_cells_than_pixels_share_a_pixel() -> None:
    pixel, cell, share = overlaps(1, 3)
    assert pixel.tolist() == [0, 0, 0]
    assert cell.tolist() == [0, 1, 2]
    np.testing.assert_allclose(share, 1)


@given(st.integers(1, 40), st.integers(1, 40))
def test_shares_of_a_cell_sum_to_one_and_pixels_count_alike(pixels: int, cells: int) -> None:
    pixel, cell, share = overlaps(pixels, cells)
    np.testing.assert_allclose(np.bincount(cell, share), np.ones(cells))
    np.testing.assert_allclose(np.bincount(pixel, share), np.full(pixels, cells / pixels))


def test_segments_of_a_cell_by_area() -> None:
    labels = np.array([[0, 0, 1, 1], [0, 2, 1, 1]], np.int32)
    cell, segment_, share = shares(labels, Size(1, 2))
    assert (cell.tolist(), segment_.tolist()) == ([0, 0, 1], [0, 2, 1])
    np.testing.assert_allclose(share, [0.75, 0.25, 1.0])


def test_colours_borders_and_boundaries_of_segments() -> None:
    labels = np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 0]], np.int32)
    channels = np.zeros((3, 4, 2), np.float32)
    channels[1, 1, 0], channels[1, 2, 0] = 0.5, 1.0
    channels[0, :, 1] = 1.0  # four of the ten pixels of segment 0
    strength = np.zeros((3, 4), np.float32)
    strength[1, 1], strength[1, 2] = 1, 3
    found = measured(labels, channels, strength)
    means, deviations = found.features[:, :2], found.features[:, 2:]
    np.testing.assert_allclose(means, [[0, 0.4], [0.5, 0], [1, 0]], rtol=1e-6)
    np.testing.assert_allclose(deviations, [[0, 0.24**0.5], [0, 0], [0, 0]], rtol=1e-6)
    assert found.border.tolist() == [True, False, False]
    assert found.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_allclose(found.boundary, [0.5, 1.5, 2.0])  # means of both pixels of a step


def chain_of_four() -> Segments:
    """Four segments in a row, colours 0, 0, 1, 1, a strong boundary in the middle."""
    features = np.zeros((4, 6))
    features[2:, 0] = 1.0
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    return Segments(
        features, np.array([True, False, False, True]), pairs, np.array([0.1, 0.5, 0.2])
    )


def test_a_way_of_two_steps_is_as_weak_as_its_stronger_boundary() -> None:
    none = np.inf
    np.testing.assert_allclose(
        two_ring_boundary(chain_of_four()),
        [
            [none, 0.1, 0.5, none],
            [0.1, none, 0.5, 0.5],
            [0.5, 0.5, none, 0.2],
            [none, 0.5, 0.2, none],
        ],
    )


def test_weights_by_hand() -> None:
    parameters = AffinityParameters(neighbour_scale=0.05, boundary_scale=0.1, ridge=1e-12)
    found = weights(chain_of_four(), parameters)
    # nearest linked distances: segment 0 has 0, 1 and segment 1 has 0, 1, 1, and so on: the last
    # is 1, clipped to 0.3, so that 2 s_i s_j = 2 * 0.05 * 0.3
    scale = 2 * 0.05 * 0.3
    np.testing.assert_allclose(found[0, 1], np.exp(-0.1 / 0.1))
    np.testing.assert_allclose(found[2, 3], np.exp(-0.2 / 0.1))
    np.testing.assert_allclose(found[1, 2], np.exp(-1 / scale - 5), rtol=1e-2, atol=2e-12)
    np.testing.assert_allclose(found[0, 3], 0.1 * np.exp(-1 / scale))  # both at the border
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(np.diag(found), 0)


def test_ranking_is_the_sum_over_all_ways() -> None:
    graph = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 3.0], [0.0, 3.0, 0.0]])
    root = np.diag(graph.sum(1) ** -0.5)
    step = 0.5 * root @ graph @ root
    ways = sum(np.linalg.matrix_power(step, i) for i in range(60))
    np.testing.assert_allclose(manifold_ranking(graph, 0.5), ways, rtol=1e-9)


def test_a_segment_without_neighbours_keeps_its_affinity_to_itself() -> None:
    np.testing.assert_allclose(manifold_ranking(np.zeros((2, 2)), 0.98), np.eye(2))


@pytest.mark.parametrize("partition", [Slic(60, 10.0), Watershed(60)])
def test_partitions_follow_a_sharp_edge(partition: Slic | Watershed) -> None:
    lab = np.zeros((40, 60, 3), np.float32)
    lab[:, 27:, 0] = 80
    labels = partitioned(lab, partition)
    assert labels.shape == (40, 60)
    assert sorted(set(labels.ravel().tolist())) == list(range(labels.max() + 1))
    assert not set(labels[:, :27].ravel().tolist()) & set(labels[:, 27:].ravel().tolist())


# laws


def test_rows_sum_to_one_and_a_disc_attends_to_itself() -> None:
    image, mask = disc()
    attention = Affinity(SMALL).extract(image)
    assert attention.cells == Size(16, 16)
    assert attention.dtype == torch.float32
    matrix = attention.dense().matrix
    torch.testing.assert_close(matrix.sum(1), torch.ones(256))
    share = torch.from_numpy(mask.reshape(16, 4, 16, 4).mean((1, 3)).ravel())
    inside, outside = share == 1, share == 0
    assert matrix[inside][:, inside].mean() > 20 * matrix[inside][:, outside].mean()


def test_the_same_image_gives_the_same_bits() -> None:
    image, _ = disc()
    first, second = (Affinity(SMALL).extract(image).dense().matrix for _ in range(2))
    assert torch.equal(first, second)


def test_a_mirrored_image_has_the_mirrored_attention_nearly() -> None:
    """Nearly: watershed and the joining of fragments go through the image in one direction."""
    image, _ = disc()
    plain = Affinity(SMALL).extract(image).dense().matrix.reshape(16, 16, 16, 16)
    mirrored = Affinity(SMALL).extract(np.ascontiguousarray(image[:, ::-1]))
    back = mirrored.dense().matrix.reshape(16, 16, 16, 16).flip(1, 3)
    total_variation = (plain - back).abs().sum((2, 3)) / 2
    assert total_variation.mean() < 0.05


def test_one_click_on_a_disc_through_the_whole_pipeline() -> None:
    image, mask = disc()
    state = prepare(image, Affinity(SMALL), settings=Settings.offline())
    found = segment(state, empty(state), Click(36, 32, True)).mask
    assert (found & mask).sum() / (found | mask).sum() > 0.9


# bad input

NOISE = np.random.default_rng(1).integers(0, 256, (48, 48, 3)).astype(np.uint8)
TRANSPARENT = np.zeros((40, 40, 4), np.uint8)
TRANSPARENT[10:30, 10:30] = (200, 30, 30, 255)
IMAGES = {
    "one colour": np.full((50, 70, 3), 128, np.uint8),
    "noise": NOISE,
    "one pixel": NOISE[:1, :1],
    "one row": NOISE[:1],
    "two pixels wide": NOISE[:, :2],
    "two pixels high": NOISE[:2],
    "grey": NOISE[:, :, 0],
    "a transparent region": TRANSPARENT,
    "black": np.zeros((32, 32, 3), np.uint8),
}


@pytest.mark.parametrize("name", IMAGES)
def test_odd_images_give_an_attention_that_balances_and_a_mask(name: str) -> None:
    image = read_image(IMAGES[name])
    height, width = image.shape[:2]
    state = prepare(image, Affinity(SMALL), settings=Settings.offline())
    assert state.transition.residual <= 1e-3
    clicks = [
        Click(width // 2, height // 2, True),
        Click(width - 1, 0, (width // 2, height // 2) == (width - 1, 0)),
    ]
    mask = reduce(partial(segment, state), clicks, empty(state)).mask
    assert mask.shape == (height, width)
    assert mask[height // 2, width // 2]


def test_more_segments_than_pixels() -> None:
    parameters = AffinityParameters(grid=8, partitions=(Slic(5000, 10.0), Watershed(5000)))
    attention = Affinity(parameters).extract(NOISE[:7, :9])
    assert all(len(head.affinity) <= 63 for head in attention.heads)
    torch.testing.assert_close(attention.right(torch.ones(64)), torch.ones(64))


@pytest.mark.slow
def test_twenty_megapixels_are_reduced_for_the_analysis() -> None:
    small, _ = disc(64)
    image = np.ascontiguousarray(small.repeat(80, 0).repeat(62, 1))
    assert image.shape[0] * image.shape[1] > 20_000_000
    attention = Affinity(AffinityParameters(grid=16)).extract(image)
    assert attention.cells == Size(16, 16)
    assert all(len(head.affinity) < 1500 for head in attention.heads)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_any_small_image_gives_a_stochastic_matrix(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    attention = Affinity(AffinityParameters(grid=6, partitions=SMALL.partitions)).extract(image)
    torch.testing.assert_close(attention.right(torch.ones(36)), torch.ones(36))
    assert bool((attention.dense().matrix >= 0).all())


@pytest.mark.parametrize(
    "change",
    [
        {"grid": 0},
        {"pixels": 0},
        {"partitions": ()},
        {"partitions": (Slic(0, 1.0),)},
        {"partitions": (Slic(10, 0.0),)},
        {"partitions": (Watershed(0),)},
        {"boundary_sigma": 0.0},
        {"boundary_scale": float("nan")},
        {"spread_limits": (0.3, 0.01)},
        {"border_weight": -1.0},
        {"ridge": 0.0},
        {"ranking": 1.0},
    ],
)
def test_parameters_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="affinity parameter"):
        AffinityParameters(**change)  # type: ignore[arg-type]
