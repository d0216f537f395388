"""Tracks as they leave: clean, and no object at the cost of another."""

from pathlib import Path

import numpy as np
import pytest

from m2n2v2.errors import OutputError
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.tracking.cleaned import cleaned, write_cleaned
from m2n2v2.tracking.track_folder import read_labels
from m2n2v2.tracking.tracks import Tracked


def spoilt() -> np.ndarray:
    """A square with two holes, one of which another object fills, and a speck."""
    labels = np.zeros((20, 20), np.int32)
    labels[4:14, 4:14] = 1
    labels[6, 6] = 0
    labels[10, 10] = 2
    labels[18, 18] = 1
    return labels


def test_holes_and_specks_go_and_another_object_stays() -> None:
    made = cleaned(spoilt(), Cleaning(holes=4, specks=4))
    assert made.labels[6, 6] == 1
    assert made.labels[10, 10] == 2
    assert made.labels[18, 18] == 0
    assert (made.added, made.removed) == (1, 1)


def test_a_pixel_that_two_would_take_is_of_the_lower_number() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:7, 2:7] = 3
    labels[3:6, 3:6] = 1
    labels[4, 4] = 0  # a hole of both
    made = cleaned(labels, Cleaning(holes=9))
    assert made.labels[4, 4] == 1
    assert made.added == 1


def test_without_a_cleaning_nothing_changes_and_no_folder_stays_full(tmp_path: Path) -> None:
    tracks = {1: Tracked.of(spoilt(), {1: 0.5, 2: 1.0}, frozenset({2}))}
    folder = tmp_path / "cleaned"
    made = write_cleaned(folder, ("a", "b"), tracks, Cleaning(specks=4))
    assert made.removed == 1
    assert read_labels(folder / "b.png")[18, 18] == 0
    assert (made.tracks[1].confidence, made.tracks[1].by_person) == ({1: 0.5, 2: 1.0}, {2})
    assert write_cleaned(folder, ("a", "b"), tracks, Cleaning()).tracks is tracks
    assert not list(folder.iterdir())


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cleaned").write_text("")
    with pytest.raises(OutputError, match="move it away"):
        write_cleaned(tmp_path / "cleaned", (), {}, Cleaning(holes=1))
