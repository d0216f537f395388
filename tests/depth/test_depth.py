"""Depth sources: whatever came, normalised inverse depth goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.depth import Flat, Measured, Precomputed
from m2n2v2.depth.base import normalized_inverse
from m2n2v2.errors import DepthError

IMAGE: Image = np.zeros((2, 3, 3), np.uint8)
ROW: Image = np.zeros((1, 3, 3), np.uint8)


def test_metres_become_normalised_inverse_depth() -> None:
    # 1/d: 1, 0.5, 0.25 / 1, 0.5, 0.25; stretched from [0.25, 1] to [0, 1]
    found = Measured(np.array([[1.0, 2, 4], [1, 2, 4]]), unit="m").estimate(IMAGE)
    np.testing.assert_allclose(found, [[1, 1 / 3, 0], [1, 1 / 3, 0]], atol=1e-6)
    assert found.dtype == torch.float32


def test_millimetres_of_a_png_are_metres_of_an_array(tmp_path: Path) -> None:
    metres = np.array([[1.0, 2, 4], [1, 2, 4]])
    PILImage.fromarray((metres * 1000).astype(np.uint16)).save(tmp_path / "d.png")
    np.save(tmp_path / "d.npy", metres)
    PILImage.fromarray(metres.astype(np.float32)).save(tmp_path / "d.tiff")
    expected = Measured(metres, unit="m").estimate(IMAGE)
    for name, unit in (("d.png", "mm"), ("d.npy", "m"), ("d.tiff", "m")):
        found = Measured(tmp_path / name, unit=unit)
        np.testing.assert_allclose(found.estimate(IMAGE), expected, atol=1e-6)
        assert name in found.name


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf])
def test_holes_take_the_nearest_reading(hole: float) -> None:
    found = Measured(np.array([[1.0, hole, hole, hole, 2.0]]), unit="m").estimate(
        np.zeros((1, 5, 3), np.uint8)
    )
    np.testing.assert_array_equal(found[0, [0, 1, 3, 4]], [1, 1, 0, 0])
    assert found[0, 2] in (0, 1)


def test_disparity_and_orderings() -> None:
    values = np.array([[0.0, 1.0, 4.0]])
    np.testing.assert_allclose(
        Measured(values, unit="inverse").estimate(ROW), [[0, 0.25, 1]], atol=1e-6
    )
    np.testing.assert_allclose(
        Measured(values, unit="relative").estimate(ROW), [[1, 0.75, 0]], atol=1e-6
    )


def test_a_constant_map_switches_guidance_off() -> None:
    assert not Measured(np.full((2, 3), 7.0), unit="m").estimate(IMAGE).any()
    assert not Precomputed(np.full((2, 3), 7.0)).estimate(IMAGE).any()
    assert not Flat().estimate(IMAGE).any()
    assert Flat().estimate(IMAGE).shape == (2, 3)


def test_precomputed_is_stretched() -> None:
    found = Precomputed(torch.tensor([[2, 3, 6]])).estimate(ROW)
    np.testing.assert_allclose(found, [[0, 0.25, 1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_without_a_meaning_are_refused(bad: float) -> None:
    with pytest.raises(DepthError, match="NaN or infinite"):
        normalized_inverse(torch.tensor([[0.0, bad]]))
    with pytest.raises(DepthError, match="NaN or infinite"):
        Precomputed(np.array([[0.0, bad]]))


def test_depth_of_another_size_is_refused() -> None:
    for source in (Precomputed(np.eye(3)), Measured(np.ones((3, 3)), unit="m")):
        with pytest.raises(DepthError, match="the depth map is 3x3, the image 3x2"):
            source.estimate(IMAGE)


def test_bad_maps(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match=r"unit is 'feet'.*mm"):
        Measured(np.ones((2, 2)), unit="feet")
    with pytest.raises(DepthError, match="no valid reading"):
        Measured(np.zeros((2, 2)), unit="mm")
    with pytest.raises(DepthError, match=r"shape \(2, 2, 3\)"):
        Measured(np.ones((2, 2, 3)), unit="mm")
    with pytest.raises(DepthError, match="shape"):
        Precomputed(np.ones(4))
    with pytest.raises(DepthError, match="shape"):
        Precomputed(np.ones((0, 4)))
    with pytest.raises(DepthError, match=r"missing\.png"):
        Measured(tmp_path / "missing.png", unit="mm")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(DepthError, match=r"text\.npy"):
        Measured(tmp_path / "text.npy", unit="mm")
