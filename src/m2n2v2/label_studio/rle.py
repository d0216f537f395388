"""Label Studio's coding of brush masks: packed runs of the bytes of an RGBA image.

A stream of bits, the highest of each byte first. It begins with the number of bytes coded (32
bits), the bits of a word less one (5), and four block sizes, each less one (4 each). Blocks
follow: one bit says whether a word is repeated, two which block size, then the number of words
less one in as many bits, then the word once or all the words. Zeros fill the last byte.
"""

from collections.abc import Sequence

import numpy as np

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

CHANNELS = 4
WORD = 8
SIZES = (3, 7, 11, 16)
"""Bits of the lengths that we write; other writers' sizes are read from the head."""


def encoded(mask: Mask) -> list[int]:
    """A mask as the bytes of an opaque white image, transparent black where there is no object."""
    runs = Runs.of(mask)
    parts = [f"{CHANNELS * mask.size:032b}{WORD - 1:05b}", *(f"{n - 1:04b}" for n in SIZES)]
    for index, count in enumerate(runs.counts.tolist()):
        left = CHANNELS * count
        while left:
            length = min(left, 1 << SIZES[-1])
            which = next(i for i, bits in enumerate(SIZES) if length <= 1 << bits)
            word = 255 * (index % 2)
            parts.append(f"1{which:02b}{length - 1:0{SIZES[which]}b}{word:0{WORD}b}")
            left -= length
    text = "".join(parts)
    bits = np.frombuffer(text.encode(), np.uint8) - ord("0")
    packed: list[int] = np.packbits(bits).tolist()
    return packed


def decoded(rle: Sequence[object], size: Size) -> Mask:
    """The mask of `size` that a brush region holds: where its image is not transparent.

    Raises:
        MaskError: it holds no bytes, ends early, or is of an image of another size.
    """
    whole = [value for value in rle if isinstance(value, int) and 0 <= value <= 255]
    if len(whole) != len(rle):
        raise MaskError("a brush's rle holds something else than bytes", cure="give 0 to 255")
    bits = _Bits(bytes(whole))
    expected = CHANNELS * size.area
    count, word = bits.number(32), bits.number(5) + 1
    if count != expected or word != WORD:
        raise MaskError(
            f"a brush's rle holds {count} words of {word} bits, an image of {size} "
            f"{expected} of {WORD}",
            cure="draw it on the image as it is, neither cropped nor resized",
        )
    sizes = [bits.number(4) + 1 for _ in range(4)]
    values = np.empty(count, np.uint8)
    at = 0
    while at < count:
        repeated, which = bits.number(1), bits.number(2)
        length = bits.number(sizes[which]) + 1
        if at + length > count:
            raise MaskError("a brush's rle runs over its image", cure="get the annotation again")
        if repeated:
            values[at : at + length] = bits.number(WORD)
        else:
            for place in range(at, at + length):
                values[place] = bits.number(WORD)
        at += length
    alpha: Mask = values.reshape(*size.shape, CHANNELS)[:, :, -1] > 0
    return alpha


class _Bits:
    """A stream of bits, read from its beginning."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, bits: int) -> int:
        first, self._at = self._at, self._at + bits
        last = (self._at + 7) // 8
        if last > len(self._data):
            raise MaskError("a brush's rle ends early", cure="get the annotation again")
        part = int.from_bytes(self._data[first // 8 : last])
        return part >> (8 * last - self._at) & ((1 << bits) - 1)
