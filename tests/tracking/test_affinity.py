"""Label propagation, against every pair of cells written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.tracking.affinity import Context, propagated


def made_up(seed: int, height: int, width: int, count: int) -> tuple[np.ndarray, list[Context]]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((height, width, 5)).astype(np.float32)
    contexts = []
    for number in range(count):
        shares = rng.random((height, width, 3)).astype(np.float32)
        shares /= shares.sum(2, keepdims=True)
        moved = (4 * rng.standard_normal((height, width, 2))).astype(np.float32)
        others = rng.standard_normal((height, width, 5)).astype(np.float32)
        contexts.append(Context(others, shares, moved, float("inf") if number else 2.0))
    return features, contexts


def textbook(
    features: np.ndarray, contexts: list[Context], keep: int, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    height, width, _ = features.shape
    labels, best = np.zeros((height, width, 3)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            found = []
            for context in contexts:
                row = min(max(y + context.moved[y, x, 1], 0), height - 1)
                column = min(max(x + context.moved[y, x, 0], 0), width - 1)
                for i in range(height):
                    for j in range(width):
                        if max(abs(i - row), abs(j - column)) <= context.radius:
                            apart = features[y, x] - context.features[i, j]
                            found.append((-float(apart @ apart) / 2, context.labels[i, j]))
            found.sort(key=lambda pair: -pair[0])
            weights = np.exp([(s - found[0][0]) / temperature for s, _ in found[:keep]])
            labels[y, x] = np.average([c for _, c in found[:keep]], axis=0, weights=weights)
            best[y, x] = found[0][0]
    return labels, best


@given(
    st.integers(0, 1000), st.integers(1, 6), st.integers(1, 7), st.integers(1, 3), st.integers(1, 4)
)
def test_the_same_as_every_pair_written_out(
    seed: int, height: int, width: int, count: int, keep: int
) -> None:
    features, contexts = made_up(seed, height, width, count)
    labels, best = propagated(features, contexts, keep=keep, temperature=0.5)
    expected, highest = textbook(features, contexts, keep, 0.5)
    np.testing.assert_allclose(labels, expected, atol=1e-4)
    np.testing.assert_allclose(best, highest, atol=1e-4)
    np.testing.assert_allclose(labels.sum(2), 1, atol=1e-5)


def test_a_cell_takes_the_labels_of_its_like() -> None:
    """Two cells that changed places."""
    one, other = [1.0, 0.0], [0.0, 1.0]
    before = np.array([[one, other]], np.float32)
    shares = np.array([[[1, 0], [0, 1]]], np.float32)
    context = Context(before, shares, np.zeros((1, 2, 2), np.float32), 1)
    labels, best = propagated(before[:, ::-1].copy(), [context], keep=1, temperature=0.1)
    assert labels.tolist() == [[[0, 1], [1, 0]]]
    assert best == pytest.approx(np.zeros((1, 2)))


def test_the_window_follows_what_moved() -> None:
    """Only the cell two to the right may be asked, and its like stands elsewhere, too."""
    features = np.array([[[1.0], [0.0], [1.0], [0.0]]], np.float32)
    shares = np.eye(4, dtype=np.float32)[None]
    moved = np.zeros((1, 4, 2), np.float32)
    moved[0, 0, 0] = 2
    labels, _ = propagated(features, [Context(features, shares, moved, 0.4)], keep=1, temperature=1)
    assert labels[0, 0].tolist() == [0, 0, 1, 0]
    assert labels[0, 1].tolist() == [0, 1, 0, 0]
