"""Label Studio's packed runs: bits by hand, its own coder beside ours, laws."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.label_studio.rle import decoded, encoded
from tests.label_studio.samples import program

MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 40)))


def packed(bits: str) -> list[int]:
    bits = bits.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


HEAD = f"{8:032b} 00111 0010 0110 1010 1111"
"""8 bytes, words of 8 bits, blocks of 3, 7, 11 and 16 bits."""


def test_one_pixel_of_two_bit_by_bit() -> None:
    """Four zeros, then four times 255: each a repeated word, with a length of 3 bits."""
    expected = packed(f"{HEAD} 1 00 011 00000000 1 00 011 11111111")
    assert encoded(np.array([[False, True]])) == expected


def test_words_one_by_one_as_a_brush_writes_them() -> None:
    """An unlike block: opaque white, then a half transparent black, which is marked, too."""
    words = [255, 255, 255, 255, 0, 0, 0, 128]
    bits = f"{HEAD} 0 00 111" + "".join(f"{word:08b}" for word in words)
    assert decoded(packed(bits), Size(1, 2)).tolist() == [[True, True]]


@given(MASKS)
def test_decoding_gives_back_what_was_encoded(mask: np.ndarray) -> None:
    again = decoded(encoded(mask), Size(*mask.shape))
    assert again.dtype == np.bool_
    assert np.array_equal(again, mask)


def test_a_run_longer_than_any_block() -> None:
    mask = np.zeros((300, 301), bool)
    mask[10:290] = True
    assert np.array_equal(decoded(encoded(mask), Size(300, 301)), mask)
    assert len(encoded(mask)) < 100


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rle: rle[:-3], "ends early"),
        (lambda rle: [], "ends early"),
        (lambda rle: [*rle[:-1], 256], "something else than bytes"),
        (lambda rle: [*rle[:-1], "a"], "something else than bytes"),
        (lambda rle: [0, 0, 0, 12, *rle[4:]], "an image of 2x1 8 of 8"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused(
    change: Callable[[list[int]], list[Any]], reason: str
) -> None:
    with pytest.raises(MaskError, match=reason):
        decoded(change(encoded(np.array([[True, False]]))), Size(1, 2))


def test_a_run_over_the_end_is_refused() -> None:
    with pytest.raises(MaskError, match="runs over"):
        decoded(packed(f"{HEAD} 1 01 0001000 11111111"), Size(1, 2))


SDK = """
import sys
import numpy as np
from label_studio_sdk.converter import brush
asked = np.load(sys.argv[1])
said = {}
for name, value in asked.items():
    kind, number = name.split("_")
    if kind == "rle":
        said[f"image_{number}"] = brush.decode_rle(value.tolist())
    elif kind == "mask":
        said[f"rle_{number}"] = brush.mask2rle(value.astype(np.uint8) * 255)
    else:
        said[f"soft_{number}"] = brush.encode_rle(value.ravel())
np.savez(sys.argv[2], **said)
"""
"""Decodes what is called rle, encodes what is called mask, or soft (images of four channels)."""


def random_masks(count: int) -> list[np.ndarray]:
    """Of one pixel to 40 x 60, sparse to dense, and two of longer runs than a block holds."""
    generator = np.random.default_rng(0)
    masks = []
    for _ in range(count):
        height, width = generator.integers(1, (40, 60))
        masks.append(generator.random((height, width)) < generator.choice([0, 0.02, 0.5, 0.9, 1]))
    ring = np.zeros((300, 301), bool)
    ring[10:290, 5:] = True
    return [*masks, ring, ~ring]


def test_the_sdk_reads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    """Masks both ways, and its coding of brushes with soft edges, in its own environment."""
    python = program().parent / "python"
    masks = random_masks(60)
    generator = np.random.default_rng(1)
    soft = [np.where(m[:, :, None], generator.integers(0, 256, (*m.shape, 4)), 0) for m in masks]
    asked = {
        **{f"rle_{n}": np.array(encoded(mask), np.uint8) for n, mask in enumerate(masks)},
        **{f"mask_{n}": mask for n, mask in enumerate(masks)},
        **{f"soft_{n}": image.astype(np.uint8) for n, image in enumerate(soft[:-2])},
    }
    np.savez(tmp_path / "asked.npz", **asked)  # type: ignore[arg-type]
    words = [str(python), "-c", SDK, str(tmp_path / "asked.npz"), str(tmp_path / "said.npz")]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": ""})
    said = np.load(tmp_path / "said.npz")
    assert len(said) == 2 * len(masks) + len(soft) - 2
    for number, mask in enumerate(masks):
        size = Size(*mask.shape)
        white = np.repeat(np.where(mask, 255, 0)[:, :, None], 4, axis=2)
        np.testing.assert_array_equal(said[f"image_{number}"].reshape(white.shape), white)
        np.testing.assert_array_equal(decoded(said[f"rle_{number}"].tolist(), size), mask)
    for number, image in enumerate(soft[:-2]):
        rle = said[f"soft_{number}"].tolist()
        np.testing.assert_array_equal(decoded(rle, Size(*image.shape[:2])), image[:, :, 3] > 0)
