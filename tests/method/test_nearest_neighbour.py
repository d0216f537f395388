"""Truncated nearest neighbour: by hand, by the written argmin, the laws."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.nearest_neighbour import enlarged_mask, truncated_nearest_neighbour


def mask_by_argmin(maps, scales, points, labels) -> np.ndarray:
    """Eq. 11-12 as written: per pixel argmin of M_i / lambda_i, its class if that is <= 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.stack(
            [
                m / np.float32(s) if s > 0 else np.where(m <= 0, 0, np.inf)
                for m, s in zip(maps, scales, strict=True)
            ]
        )
    nearest = scaled.argmin(0)
    value = np.take_along_axis(scaled, nearest[None], 0)[0]
    mask = np.array(labels)[nearest] & (value <= 1)
    for (x, y), label in zip(points, labels, strict=True):
        mask[y, x] = label
    return mask


@st.composite
def prompts(draw):
    k = draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    maps = rng.choice([0, 0.1, 0.25, 0.5, 0.7, 1], (k, height, width)).astype(np.float32)
    if draw(st.booleans()):
        maps = rng.random((k, height, width), np.float32)
    pixels = rng.permutation(height * width)[:k]
    k = len(pixels)
    points = [(int(p % width), int(p // width)) for p in pixels]
    scales = [float(rng.choice(m.ravel())) for m in maps[:k]]
    return list(maps[:k]), scales, points, [bool(b) for b in rng.integers(0, 2, k)]


def run(maps, scales, points, labels) -> torch.Tensor:
    return truncated_nearest_neighbour([torch.from_numpy(m) for m in maps], scales, points, labels)


def test_by_hand():
    """Object from the left with scale 0.5, background from the right with scale 0.25."""
    left = np.array([[0, 0.2, 0.4, 0.6, 0.8]], np.float32)
    right = np.array([[1, 0.5, 0.1, 0.05, 0]], np.float32)
    margin = run([left, right], [0.5, 0.25], [(0, 0), (4, 0)], [True, False])
    #  scaled: left  0   0.4  0.8  1.2  1.6
    #          right 4   2    0.4  0.2  0
    assert (margin > 0).tolist() == [[True, True, False, False, False]]
    np.testing.assert_allclose(margin, [[1, 0.6, -0.4, -1, -1]], atol=1e-6)


def test_beyond_every_scale_is_background():
    margin = run([np.array([[0, 0.5, 0.6]], np.float32)], [0.5], [(0, 0)], [True])
    assert (margin > 0).tolist() == [[True, True, False]]


def test_the_first_wins_on_ties():
    same = np.array([[0, 0.5, 0.5]], np.float32)
    for labels in ([True, False], [False, True]):
        mask = run([same, same.copy()], [1.0, 1.0], [(0, 0), (2, 0)], labels) > 0
        assert mask.tolist() == [[labels[0], labels[0], labels[1]]]


def test_without_a_scale_a_prompt_claims_its_own_pixel():
    margin = run([np.zeros((2, 2), np.float32)], [None], [(1, 0)], [True])
    assert (margin > 0).tolist() == [[False, True], [False, False]]


def test_scale_0_claims_the_plateau_of_zeros():
    margin = run([np.array([[0, 0, 0.1]], np.float32)], [0.0], [(1, 0)], [True])
    assert (margin > 0).tolist() == [[True, True, False]]


def test_a_base_stays_where_no_prompt_claims():
    base = torch.tensor([[0.5, 0.5, 0.5, -0.5]])
    values = torch.tensor([[1, 0, 0.5, 1]])
    margin = truncated_nearest_neighbour([values], [0.5], [(1, 0)], [False], base)
    assert (margin > 0).tolist() == [[True, False, False, False]]
    assert margin[0, 0] == 0.5


@given(prompts())
def test_agrees_with_the_written_argmin(case):
    assert np.array_equal((run(*case) > 0).numpy(), mask_by_argmin(*case))


@given(prompts())
def test_the_margin_is_bounded_and_prompts_keep_their_label(case):
    margin = run(*case)
    assert float(margin.abs().max()) <= 1
    for (x, y), label in zip(case[2], case[3], strict=True):
        assert float(margin[y, x]) == (1 if label else -1)


@given(prompts())
def test_swapping_classes_swaps_what_was_claimed(case):
    maps, scales, points, labels = case
    ours = run(*case) > 0
    theirs = run(maps, scales, points, [not label for label in labels]) > 0
    assert not (ours & theirs).any()


@given(prompts())
def test_mirroring_commutes(case):
    maps, scales, points, labels = case
    width = maps[0].shape[1]
    mirrored = run(
        [m[:, ::-1].copy() for m in maps], scales, [(width - 1 - x, y) for x, y in points], labels
    )
    assert torch.equal(mirrored.flip(1), run(*case))


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("rows", [1, 15, 16, 100])
def test_bands_of_rows_make_no_difference(rows):
    rng = np.random.default_rng(rows)
    maps = list(rng.random((3, rows, 7), np.float32))
    case = maps, [0.3, 0.5, 0.2], [(0, 0), (1, 0), (2, 0)], [True, False, True]
    assert np.array_equal((run(*case) > 0).numpy(), mask_by_argmin(*case))


@given(
    st.integers(0, 1000),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
@example(0, (2, 1), (1, 0))
def test_the_enlarged_mask_is_the_enlarged_margin_over_0(seed, small, more):
    margin = torch.from_numpy(np.random.default_rng(seed).normal(size=small).astype(np.float32))
    size = Size(small[0] + more[0], small[1] + more[1])
    soft = resized_map(margin, size).numpy()
    found = enlarged_mask(margin, size)
    clear = np.abs(soft) > 1e-5
    np.testing.assert_array_equal(found[clear], soft[clear] > 0)
    assert clear.mean() > 0.9
