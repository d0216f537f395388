"""Attention from an array or a file."""

import numpy as np
import pytest
import torch

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.errors import AttentionError
from m2n2v2.grid import Size

IMAGE = np.zeros((5, 7, 3), np.uint8)
ROWS = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.25] * 4, [0.7, 0.1, 0.1, 0.1]])


def test_a_matrix_is_taken_over_a_square_grid():
    found = Precomputed(ROWS).extract(IMAGE)
    assert found.cells == Size(2, 2)
    assert np.array_equal(found.matrix.numpy(), ROWS)


def test_four_axes_may_be_oblong():
    assert Precomputed(np.full((1, 4, 1, 4), 0.25)).extract(IMAGE).cells == Size(1, 4)


def test_tensors_are_taken():
    assert torch.equal(Precomputed(torch.tensor(ROWS)).extract(IMAGE).matrix, torch.tensor(ROWS))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_files_are_read_and_named(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, ROWS)
    else:
        np.savez(path, attention=ROWS)
    source = Precomputed(path)
    assert np.array_equal(source.extract(IMAGE).matrix.numpy(), ROWS)
    assert name in source.name


def test_normalize_divides_rows():
    found = Precomputed(ROWS * np.array([[1], [2], [3], [4]]), normalize=True).extract(IMAGE)
    np.testing.assert_allclose(found.matrix, ROWS)


def test_half_precision_is_taken():
    assert Precomputed(ROWS.astype(np.float16)).extract(IMAGE).cells == Size(2, 2)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((3, 3), 1 / 3), "3 cells"),
        (np.full((4, 5), 0.2), r"shape \(4, 5\)"),
        (np.full((4,), 0.25), r"shape \(4,\)"),
        (np.where(np.eye(4), np.nan, ROWS), "NaN"),
        (ROWS * 2, "sums to 2"),
        (ROWS - 0.2 * np.array([1, -1, 1, -1]), "negative"),
        (np.eye(4, dtype=np.int64), "int64"),
        (np.zeros((4, 4)), "sums to 0"),
        (np.zeros((0, 0)), "shape"),
    ],
)
def test_what_is_no_attention_is_refused(array, message):
    with pytest.raises(AttentionError, match=message):
        Precomputed(array)


def test_rows_of_zeros_cannot_be_normalized():
    with pytest.raises(AttentionError, match="NaN"):
        Precomputed(np.zeros((4, 4)), normalize=True)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(AttentionError, match=r"missing\.npy"):
        Precomputed(tmp_path / "missing.npy")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(AttentionError, match=r"text\.npy"):
        Precomputed(tmp_path / "text.npy")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(AttentionError, match=r"text\.npz"):
        Precomputed(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", maps=ROWS)
    with pytest.raises(AttentionError, match="attention"):
        Precomputed(tmp_path / "other.npz")


def test_objects_are_refused():
    with pytest.raises(AttentionError):
        Precomputed(np.array([["a", "b"], ["c", "d"]]))
