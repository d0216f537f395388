"""What objects look like, learned from frames: by least squares, by hand, and the laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.tracking.object_model import LEAST, PENALTY, Moments, ObjectModel


def made_up(seed: int, height: int, width: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of five numbers and the shares of so many objects."""
    rng = np.random.default_rng(seed)
    shares = rng.random((height, width, count + 1)).astype(np.float32)
    shares /= shares.sum(2, keepdims=True)
    return rng.standard_normal((height, width, 5)).astype(np.float32), shares


def plain(coefficients: list[list[float]]) -> ObjectModel:
    """A model that says these sums of the features."""
    values = np.array(coefficients)
    return ObjectModel(np.zeros(len(values)), np.zeros(values.shape[1]), values)


def test_the_coefficients_by_least_squares() -> None:
    """Of two frames, the second counting a half."""
    known, weights = [made_up(0, 3, 4, 2), made_up(1, 3, 4, 2)], np.repeat([1, 0.5], 12)
    rows = np.concatenate([features.reshape(-1, 5) for features, _ in known]).astype(float)
    targets = np.concatenate([shares.reshape(-1, 3)[:, 1:] for _, shares in known]).astype(float)
    mean, share = (np.average(values, 0, weights) for values in (rows, targets))
    rows, targets = (np.sqrt(weights)[:, None] * v for v in (rows - mean, targets - share))
    penalty = np.sqrt(PENALTY * (rows**2).sum(0).mean())
    stacked = np.concatenate([rows, penalty * np.eye(5)])
    wanted = np.concatenate([targets, np.zeros((5, 2))])
    expected, *_ = np.linalg.lstsq(stacked, wanted, rcond=None)
    model = ObjectModel.of([(Moments.of(*known[0]), 1), (Moments.of(*known[1]), 0.5)])
    np.testing.assert_allclose(model.coefficients, expected, atol=1e-10)
    features = known[0][0]
    said = (features.reshape(-1, 5) - mean) @ expected + share
    np.testing.assert_allclose(model.belief(features).reshape(-1, 2), said.clip(0, 1), atol=1e-10)


def test_what_is_said_is_read_by_what_was_said_of_the_last_frame() -> None:
    """Of a row of four cells the object had two, said to be 0.4; of the rest 0.1 was said."""
    last = np.array([[[0.4], [0.4], [0.1], [0.1]]], np.float32)
    shares = np.array([[[0, 1], [0, 1], [1, 0], [1, 0]]], np.float32)
    now = np.array([[[0.1], [0.25], [0.4], [0.9]]], np.float32)
    read = plain([[1.0]]).read(now, last, shares)
    np.testing.assert_allclose(read[0, :, 1], [0, 0.5, 1, 1], atol=1e-6)
    np.testing.assert_allclose(read[0, :, 0], [1, 0.5, 0, 0], atol=1e-6)


def test_an_object_that_the_model_could_not_tell_is_not_made_sure_of() -> None:
    """In the last frame the object was said to be 0.01 more than the rest."""
    last = np.array([[[0.31], [0.3]]], np.float32)
    shares = np.array([[[0, 1], [1, 0]]], np.float32)
    read = plain([[1.0]]).read(last, last, shares)
    assert read[0, 0, 1] == pytest.approx(0.01 / LEAST, rel=1e-3)


def test_an_object_that_was_not_seen_is_read_as_it_is() -> None:
    now = np.array([[[0.1, 0.0], [0.7, 0.2]]], np.float32)
    nothing = np.array([[[1, 0, 0], [1, 0, 0]]], np.float32)
    read = plain([[1.0, 0.0], [0.0, 1.0]]).read(now, np.zeros_like(now), nothing)
    np.testing.assert_allclose(read, [[[0.9, 0.1, 0], [0.1, 0.7, 0.2]]], atol=1e-6)


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
def test_shares_are_shares(seed: int, height: int, width: int, count: int) -> None:
    model = ObjectModel.of([(Moments.of(*made_up(seed, height, width, count)), 1)])
    last, shares = made_up(seed + 1, height, width, count)
    read = model.read(made_up(seed + 2, height, width, count)[0], last, shares)
    assert read.dtype == np.float32
    assert read.min() >= 0
    np.testing.assert_allclose(read.sum(2), 1, atol=1e-6)


def test_cells_that_all_look_alike_say_nothing() -> None:
    """Of every cell what was known of the mean one."""
    shares = np.array([[[0.25, 0.75], [0.75, 0.25]]], np.float32)
    model = ObjectModel.of([(Moments.of(np.ones((1, 2, 3), np.float32), shares), 1)])
    np.testing.assert_allclose(model.belief(np.ones((1, 2, 3), np.float32)), 0.5)
