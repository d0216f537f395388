"""Superpixels and their shares of cells, beside loops over every pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from m2n2v2.attention.affinity import Slic, partitions
from m2n2v2.attention.affinity import _superpixels as kernel
from m2n2v2.attention.affinity.partitions import colour_gradient, partitioned, shares, slic
from m2n2v2.grid import Size


def clustered(lab: np.ndarray, rows: int, columns: int, compactness: float) -> np.ndarray:
    """The nearest centre of the nine around each pixel, after as many rounds as ours has."""
    height, width = lab.shape[:2]
    weight = compactness**2 / (height * width / (rows * columns))
    homes = np.empty((height, width, 2), int)
    for y, x in np.ndindex(height, width):
        homes[y, x] = int((y + 0.5) * rows / height), int((x + 0.5) * columns / width)
    chosen = homes.copy()
    pixels = np.dstack([lab, *np.mgrid[:height, :width]])
    centres = np.empty((rows, columns, 5))
    for turn in range(partitions.SLIC_ROUNDS + 1):
        for place in np.ndindex(rows, columns):
            members = pixels[(chosen == place).all(2)]
            centres[place] = members.mean(0) if len(members) else centres[place]
        for y, x in np.ndindex(height, width):
            if turn < partitions.SLIC_ROUNDS:
                near = [p for p in np.ndindex(rows, columns) if abs(p - homes[y, x]).max() <= 1]
                away = [(pixels[y, x] - centres[p]) ** 2 for p in near]
                costs = [square[:3].sum() + weight * square[3:].sum() for square in away]
                chosen[y, x] = near[int(np.argmin(costs))]
    return chosen[..., 0] * columns + chosen[..., 1]


@pytest.mark.parametrize(
    ("size", "segments", "rows", "columns"),
    [
        (Size(9, 14), 8, 2, 4),
        (Size(12, 5), 6, 4, 2),
        (Size(12, 2), 2, 3, 1),
        (Size(5, 6), 30, 5, 6),  # a pixel each
        (Size(2, 50), 55, 1, 50),
        (Size(1, 60), 3, 1, 3),
        (Size(60, 1), 3, 13, 1),
    ],
)
def test_segments_by_loops_and_which_fragments_are_small(
    size: Size, segments: int, rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = np.random.default_rng(0).normal(0, 10, (*size.shape, 3)).astype(np.float32)
    asked = []

    def kept(labels: np.ndarray, lab: np.ndarray, least: float) -> np.ndarray:
        asked.append(least)
        return labels

    monkeypatch.setattr(partitions, "_without_fragments", kept)
    labels = slic(lab, segments, 7.0)
    np.testing.assert_array_equal(labels, clustered(lab, rows, columns, 7.0))
    assert asked == [pytest.approx(0.5 * size.area / (rows * columns))]


@pytest.mark.parametrize(("asked", "expected"), [(20, 20), (62, 62), (5000, 63)])
def test_segments_are_as_many_as_asked_for_and_never_more_than_pixels(
    asked: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, seen = np.zeros((7, 9, 3), np.float32), []

    def counted(lab: np.ndarray, segments: int, compactness: float) -> np.ndarray:
        seen.append((segments, compactness))
        return np.zeros(lab.shape[:2], np.int32)

    monkeypatch.setattr(partitions, "slic", counted)
    partitioned(lab, Slic(asked, 3.0))
    assert seen == [(expected, 3.0)]


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 2, 3.5]))
def test_fragments_are_components_joined_by_mean_colour(
    seed: int, height: int, width: int, least: float
) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, (height, width), np.int32)
    lab = generator.normal(size=(height, width, 3)).astype(np.float32)
    components, count = np.full((height, width), -1), 0
    for y, x in np.ndindex(height, width):
        if components[y, x] < 0:
            same, _ = ndimage.label(labels == labels[y, x])
            components[same == same[y, x]] = count
            count += 1
    members = [components == number for number in range(count)]
    pairs = sorted(
        (i, j)
        for i, j in np.ndindex(count, count)
        if i != j and (ndimage.binary_dilation(members[i]) & members[j]).any()
    )
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    start = np.array([sum(i < number for i, _ in pairs) for number in range(count + 1)])
    colour = np.array([lab[member].mean(0, np.float64) for member in members])
    area, root = np.array([float(member.sum()) for member in members]), np.empty(count, np.int64)
    kernel.absorb(edges, start, colour, area, least, root)
    expected = np.unique(root, return_inverse=True)[1][components]
    found = partitions._without_fragments(labels, lab, least)
    np.testing.assert_array_equal(found, expected)


def test_values_that_occur_are_told_once() -> None:
    keys = np.array([3, 1, 3, 2, 1, 3], np.int64)
    assert partitions._distinct(keys).tolist() == [1, 2, 3]


SIDES = st.integers(1, 7)


@given(st.integers(0, 2**31), SIDES, SIDES, SIDES, SIDES)
def test_shares_are_counted_on_a_finer_grid(
    seed: int, height: int, width: int, rows: int, columns: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (height, width), np.int32)
    fine = labels.repeat(rows, 0).repeat(columns, 1)  # pixels and cells share its lines
    expected = {}
    for i, j in np.ndindex(rows, columns):
        block = fine[i * height : (i + 1) * height, j * width : (j + 1) * width]
        for segment, count in zip(*np.unique(block, return_counts=True), strict=True):
            expected[i * columns + j, int(segment)] = count / (height * width)
    cell, segment, share = shares(labels, Size(rows, columns))
    entries = list(zip(cell.tolist(), segment.tolist(), strict=True))
    assert entries == sorted(expected)
    np.testing.assert_allclose(share, [expected[entry] for entry in entries], rtol=1e-5)


def test_the_gradient_of_a_ramp_is_its_slope_over_all_channels() -> None:
    y, x = np.mgrid[:30, :40]
    slopes = ((1, 2), (2, 4), (-1, -2))  # all the same way, so that squares add up
    lab = np.stack([down * y + across * x for down, across in slopes], 2).astype(np.float32)
    np.testing.assert_allclose(colour_gradient(lab)[6:-6, 6:-6], 30**0.5, rtol=1e-4)
