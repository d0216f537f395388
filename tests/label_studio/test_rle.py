"""Label Studio's packed runs: bits by hand, its own decoder beside ours, laws."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.label_studio.rle import decoded, encoded

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


@given(MASKS)
def test_label_studios_own_decoder_reads_ours_and_ours_its_own(mask: np.ndarray) -> None:
    """Where label-studio-sdk is; else the end-to-end test asks it in its own environment."""
    names = ("label_studio_sdk.converter.brush", "label_studio_converter.brush")
    brush: Any = None
    for name in names:
        try:
            brush = importlib.import_module(name)
        except ImportError:
            continue
        break
    if brush is None:
        pytest.skip("neither label-studio-sdk nor label-studio-converter is installed")
    theirs = np.asarray(brush.decode_rle(encoded(mask))).reshape(*mask.shape, 4)
    assert np.array_equal(theirs[:, :, 3] > 0, mask)
    rle = brush.mask2rle(mask.astype(np.uint8) * 255)
    assert np.array_equal(decoded(rle, Size(*mask.shape)), mask)
