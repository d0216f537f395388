"""What moves with the background, where the object moves otherwise, is not the object."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size
from m2n2v2.tracking.flow import belief, flow, warped
from m2n2v2.tracking.motion import left_behind, without
from m2n2v2.tracking.settings import NETWORK
from tests.tracking.clips import texture

SIZE, CELLS = Size(112, 192), Size(14, 24)
"""Cells of 8 pixels."""


def frame(ground: int, disc: int) -> np.ndarray:
    """A ground moved so many pixels to the right, and before it a square moved so many."""
    image = np.array([70.0, 90, 130]) + 90 * np.roll(texture(*SIZE.shape, 0), ground, 1)[:, :, None]
    pattern = np.array([170.0, 90, 60]) + 90 * texture(*SIZE.shape, 1)[:, :, None]
    rows, columns = slice(32, 80), slice(64 + disc, 112 + disc)
    image[rows, columns] = pattern[32:80, 64:112]
    return image.clip(0, 255).astype(np.uint8)


def vetoed(last: np.ndarray, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The veto in a frame, given the object's pixels of the last."""
    there = flow(image, last)
    shares = np.stack([~labels, labels], 2).astype(np.float32)
    believed = belief(there, flow(last, image))
    return left_behind(image, last, there, believed, warped(shares, there), CELLS)[:, :, 0]


def test_a_piece_of_the_ground_is_left_behind() -> None:
    labels = np.zeros(SIZE.shape, bool)
    labels[32:80, 64:112] = True
    labels[40:72, 32:56] = True  # what the object once stood before
    veto = vetoed(frame(0, 0), frame(-3, 4), labels)
    assert veto[6:8, 4:6].min() > 0.4  # cells 40 to 55 across, 48 to 63 down
    assert veto[5:9, 10:13].max() == 0  # the square, which moved to 68 to 115


def test_a_camera_that_follows_the_object_makes_no_difference() -> None:
    """The object stands still in the picture while the ground goes by."""
    labels = np.zeros(SIZE.shape, bool)
    labels[32:80, 64:112] = True
    labels[40:72, 32:56] = True
    veto = vetoed(frame(0, 0), frame(-6, 0), labels)
    assert veto[6:8, 4:6].min() > 0.4
    assert veto[5:9, 9:13].max() == 0


@pytest.mark.parametrize("step", [0, 4])
def test_nothing_is_left_behind_where_all_moves_alike(step: int) -> None:
    labels = np.zeros(SIZE.shape, bool)
    labels[32:80, 64:112] = True
    labels[40:72, 32:56] = True
    assert vetoed(frame(0, 0), frame(step, step), labels).max() == 0


def test_behind_what_has_just_moved_off_little_is_said() -> None:
    """A card moves off over an object that stands still: there the flow leads nowhere."""
    last, image = (frame(0, 0) for _ in range(2))
    labels = np.zeros(SIZE.shape, bool)
    labels[16:96, 48:144] = True
    pattern = np.array([200.0, 180, 90]) + 30 * texture(*SIZE.shape, 3)[16:96, 48:144, None]
    for picture, left in ((last, 80), (image, 88)):
        picture[16:96, 48:144] = pattern.clip(0, 255).astype(np.uint8)
        picture[:, left : left + 32] = 60
    labels[:, 80:112] = False
    assert vetoed(last, image, labels)[2:12, 6:18].max() < 0.2


def test_of_an_object_of_few_cells_nothing_is_said() -> None:
    labels = np.zeros(SIZE.shape, bool)
    labels[40:56, 72:88] = True  # 4 cells, and the post beside it
    labels[40:56, 40:56] = True
    assert vetoed(frame(0, 0), frame(-3, 4), labels).max() == 0


def test_what_an_object_loses_is_the_background_s() -> None:
    shares = np.array([[[0.2, 0.8, 0.0], [0.1, 0.3, 0.6]]], np.float32)
    veto = np.array([[[0.5, 1.0], [0.0, 0.25]]], np.float32)
    expected = [[[0.6, 0.4, 0.0], [0.25, 0.3, 0.45]]]
    np.testing.assert_allclose(without(shares, veto), expected, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_shares_sum_to_1_whatever_is_vetoed(seed: int, objects: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.ones(objects + 1), (3, 4)).astype(np.float32)
    veto = generator.random((3, 4, objects)).astype(np.float32)
    left = without(shares, veto)
    np.testing.assert_allclose(left.sum(2), 1, atol=1e-5)
    assert (left[:, :, 1:] <= shares[:, :, 1:]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("motion", 1.5),
        ("motion", -0.1),
        ("lags", ()),
        ("lags", (2, 3)),
        ("lags", (1, 4, 4)),
        ("lags", (True, 2)),
    ],
)
def test_settings_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        NETWORK.replace(**{name: value})
