"""What the object looks like: by hand, by least squares, and the laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from m2n2v2.attention.featured import Looks
from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.errors import SettingsError
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.photograph import _object_model as kernel
from m2n2v2.photograph import object_model
from m2n2v2.photograph.object_model import supported
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click


def looks(rows: int, columns: int, thing: tuple[slice, slice]) -> torch.Tensor:
    """Features of patches that look alike inside and outside of a thing."""
    features = torch.zeros(rows, columns, 2)
    features[..., 0] = 1
    features[thing] = torch.tensor([0.0, 1.0])
    return features


def at(*points: tuple[int, int]) -> list[np.ndarray]:
    """Clicks at these pixels."""
    return [np.array([point]) for point in points]


def test_a_correction_of_one_part_speaks_for_what_looks_like_it() -> None:
    margin = torch.full((60, 80), -1.0)
    margin[:, :60] = 0.1
    leaks = looks(6, 8, (slice(0, 2), slice(2, 6)))
    out = supported(margin, Looks.of(leaks), at((5, 50), (25, 5)), [True, False], 1.0)
    assert bool((out[25:, 5:55] > 0).all())
    assert bool((out[3:15, 30:55] < 0).all()), "the whole part, though the click was at its left"


def test_a_weight_bounds_what_is_added() -> None:
    margin = torch.linspace(-1, 1, 30 * 40).reshape(30, 40)
    features = looks(3, 4, (slice(0, 3), slice(0, 2)))
    out = supported(margin, Looks.of(features), [], [], 0.25)
    assert float((out - margin).abs().max()) <= 0.25 + 1e-6


def test_the_belief_by_least_squares() -> None:
    generator = np.random.default_rng(1)
    features = torch.from_numpy(generator.normal(size=(4, 5, 3)))
    margin = torch.from_numpy(generator.normal(size=(4, 5)).astype(np.float32))
    points, labels = [(1, 0), (4, 3), (1, 0)], [True, False, True]
    rows = [np.append(row, 1) for row in features.reshape(-1, 3).numpy()]
    targets = [float(value > 0) for value in margin.flatten()]
    for (x, y), positive in zip(points, labels, strict=True):
        for _ in range(int(object_model.CLICK_WEIGHT)):  # so many patches beside itself
            rows.append(rows[5 * y + x])
            targets.append(float(positive))
    rows += list(np.sqrt(object_model.PENALTY) * np.eye(4))
    targets += [0.0] * 4
    solution, *_ = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)
    expected = (np.array(rows[:20]) @ solution).reshape(4, 5)
    belief = object_model._belief(margin.numpy(), Looks.of(features), at(*points), labels)
    np.testing.assert_allclose(belief, expected, atol=1e-10)


def test_a_stroke_counts_once_for_each_patch_it_touches() -> None:
    margin = torch.linspace(-1, 1, 30 * 40).reshape(30, 40)
    features = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0))
    stroke = np.stack([np.arange(2, 28), np.full(26, 15)], 1)
    clicks = at((2, 15), (15, 15), (25, 15))
    by_stroke = object_model._belief(margin.numpy(), Looks.of(features), [stroke], [True])
    by_clicks = object_model._belief(margin.numpy(), Looks.of(features), clicks, [True] * 3)
    np.testing.assert_allclose(by_stroke, by_clicks)


SIDES = st.integers(1, 23)


@given(st.integers(0, 2**31), SIDES, SIDES, SIDES, SIDES)
def test_what_is_covered_is_the_mean_over_a_finer_grid(
    seed: int, height: int, width: int, rows: int, columns: int
) -> None:
    margin = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    fine = np.kron(margin > 0, np.ones((rows, columns)))  # pixels and patches share its lines
    expected = fine.reshape(rows, height, columns, width).mean((1, 3))
    covered = np.empty((rows, columns))
    kernel.covered(margin, covered)
    np.testing.assert_allclose(covered, expected, atol=1e-12)


@given(st.integers(0, 2**31), SIDES, SIDES, SIDES, SIDES, st.floats(0.015625, 2, width=32))
def test_a_belief_is_interpolated_and_cut(
    seed: int, height: int, width: int, rows: int, columns: int, weight: float
) -> None:
    generator = np.random.default_rng(seed)
    margin = generator.uniform(-1, 1, (height, width)).astype(np.float32)
    belief = generator.uniform(-0.5, 1.5, (rows, columns)).astype(np.float32)
    between = functional.interpolate(
        torch.from_numpy(belief)[None, None], (height, width), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    expected = (margin + weight * (3 * (between - 0.5)).clip(-1, 1)).clip(-1, 1)
    out = np.empty_like(margin)
    kernel.believed(belief, np.float32(3), np.float32(weight), margin, out)
    np.testing.assert_allclose(out, expected, atol=1e-5)


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 2))
def test_clicks_keep_their_label_whatever_the_features(
    seed: int, height: int, width: int, weight: float
) -> None:
    generator = np.random.default_rng(seed)
    margin = torch.from_numpy(generator.uniform(-1, 1, (height, width)).astype(np.float32))
    features = torch.from_numpy(generator.normal(size=(3, 4, 5)).astype(np.float16))
    points = [(int(x * width), int(y * height)) for x, y in generator.random((3, 2))]
    labels = [points.index(point) % 2 == 0 for point in points]
    before = margin.clone()
    out = supported(margin, Looks.of(features), at(*points), labels, weight)
    assert torch.equal(margin, before)
    assert bool((out.abs() <= 1).all())
    for (x, y), positive in zip(points, labels, strict=True):
        assert bool(out[y, x] > 0) == positive


def test_an_attention_without_features_is_refused() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    state = prepare(image, Precomputed(torch.eye(16) * 0.5 + 0.5 / 16), settings=Settings.offline())
    asking = state.with_settings(state.settings.replace(object_model=0.4))
    with pytest.raises(SettingsError, match=r"object_model is 0\.4.*has no features"):
        segment(asking, empty(asking), Click(3, 3))
