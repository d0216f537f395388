"""Boundary strength: what it leaves out is nothing, and what it remembers is the same."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from m2n2v2.attention import Affinity
from m2n2v2.boundaries import (
    BINS,
    RANGES,
    analysed,
    boundary_strength,
    forget,
    tensor_strength,
)
from m2n2v2.photograph.base import Photograph


@pytest.mark.parametrize("top", [1, 60, 256])
def test_bins_that_no_colour_falls_into_change_nothing(top: int) -> None:
    image = np.random.default_rng(0).integers(0, top, (23, 31, 3)).astype(np.uint8)
    lab = rgb2lab(image).astype(np.float32)
    bins = []
    for channel, (count, (low, high)) in enumerate(zip(BINS, RANGES, strict=True)):
        place = np.clip((lab[:, :, channel] - low) / (high - low), 0, 1) * (count - 1)
        bins += [np.clip(1 - np.abs(place - i), 0, None).astype(np.float32) for i in range(count)]
    assert np.array_equal(boundary_strength(lab, 2.8), tensor_strength(bins, 2.8))


def test_a_photograph_is_told_from_one_of_other_pixels_shape_or_width() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 36, 3)).astype(np.uint8)
    other = image.copy()
    other[0, 0] ^= 255
    for each, sigma in ((image, 2.8), (other, 2.8), (image.reshape(36, 24, 3), 2.8), (image, 1.4)):
        lab = rgb2lab(each).astype(np.float32)
        found = analysed(each, 10_000, sigma)
        assert np.array_equal(found.lab, lab)
        assert np.array_equal(found.strength, boundary_strength(lab, sigma))


def test_what_is_remembered_cannot_be_written_to() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 36, 3)).astype(np.uint8)
    first = analysed(image, 10_000, 2.8)
    kept = first.strength.copy()
    first.strength[:] = -1
    assert np.array_equal(analysed(image, 10_000, 2.8).strength, kept)


def test_boundaries_are_measured_once_for_attention_and_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return boundary_strength(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("m2n2v2.boundaries.boundary_strength", counted)
    Affinity().extract(image)
    Photograph.of(image)
    assert len(calls) == 1
    forget()
    Photograph.of(image)
    assert len(calls) == 2
