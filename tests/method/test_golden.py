"""The stages against what the official M2N2 returned (../shared/golden/README.md)."""

import numpy as np
import pytest
import torch

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.method.flood_fill import flood_fill
from m2n2v2.method.scoring import EDGE_STEPS
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import empty, markov_map_stages, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click, clicks_from_arrays


@pytest.fixture(scope="module")
def clicks(golden) -> tuple[Click, ...]:
    return clicks_from_arrays(golden["points_xy"], golden["labels"])


@pytest.fixture(scope="module")
def state(golden) -> ImageState:
    return prepare(golden.image, Precomputed(golden["attention"]), settings=Settings.m2n2())


@pytest.fixture(scope="module")
def steps(state, clicks) -> list[Segmentation]:
    """The segmentation after 0, 1, ... 8 clicks."""
    done = [empty(state)]
    for click in clicks:
        done.append(segment(state, done[-1], click))
    return done


def test_transition(golden, state):
    assert state.transition.rounds == 200
    np.testing.assert_allclose(state.transition.dense(), golden["transition"], rtol=0, atol=1e-5)


def test_saturation_times_and_upsampling(golden, state, clicks):
    for k, stages in enumerate(markov_map_stages(state, clicks[:3])):
        np.testing.assert_allclose(stages.times, golden["markov_map"][k], rtol=0, atol=1e-2)
        expected = golden["upsampled"][k] / golden["upsampled"][k].max()
        np.testing.assert_allclose(stages.upsampled, expected, rtol=1e-3)


def test_upsampling_alone(golden, state):
    upsampled = state.upsampling(torch.from_numpy(golden["markov_map"]))
    np.testing.assert_allclose(upsampled, golden["upsampled"], rtol=1e-3)


def test_flood_fill_alone(golden, clicks):
    for k, click in enumerate(clicks[:3]):
        values = torch.from_numpy(golden["upsampled"][k] / golden["upsampled"][k].max())
        filled = flood_fill(values, (click.x, click.y))
        np.testing.assert_allclose(filled, golden["flood_fill"][k], rtol=0, atol=1e-6)


def test_scales_of_every_prompt_after_every_click(golden, steps):
    """Thresholds, areas and scores; where thresholds differ, their scores must tie."""
    for k, i, threshold, score, area in golden["per_prompt"].tolist():
        found = steps[int(k)].scales[int(i)]
        where = f"{golden.name}, prompt {i:g} of {k:g}"
        assert found.score * EDGE_STEPS == pytest.approx(score, rel=2e-3), where
        if found.threshold == pytest.approx(threshold, abs=1e-4):
            assert found.area == pytest.approx(area, rel=2e-3, abs=2), where
        else:
            assert found.score * EDGE_STEPS == pytest.approx(score, rel=1e-4), where


def test_masks_after_every_click(golden, steps):
    for k, expected in enumerate(golden.masks, 1):
        agree = float((steps[k].mask == expected).mean())
        assert agree >= 0.999, f"{golden.name}, {k} clicks"
