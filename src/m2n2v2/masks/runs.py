"""Masks as run lengths: the one owner of that coding.

Row-major, beginning with the number of background pixels (0 if the first pixel is object). COCO's
own is column-major; `annotator.formats` turns one into the other.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Int32

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size


@dataclass(frozen=True, eq=False)
class Runs:
    """A mask by the lengths of its runs; equal to another if the masks are.

    Attributes:
        size: of the mask, in pixels.
        counts: background, object, background, ...; none is 0 but perhaps the first, and they
            sum to the mask's pixels.
    """

    size: Size
    counts: Int32[np.ndarray, " n"]

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """The runs of a mask of at least one pixel."""
        flat = np.ascontiguousarray(mask).reshape(-1)
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        lead = [0, 0] if flat[0] else [0]
        edges = np.concatenate([lead, changes, [flat.size]])
        return cls(Size(*mask.shape), np.diff(edges).astype(np.int32))

    @classmethod
    def empty(cls, size: Size) -> Self:
        """A mask without any pixel."""
        return cls(size, np.array([size.area], np.int32))

    @classmethod
    def checked(cls, size: Size, counts: Sequence[object]) -> Self:
        """Runs that came from outside.

        Raises:
            MaskError: a count is no whole number of 0 or more, or they do not sum to the pixels.
        """
        whole = [n for n in counts if isinstance(n, int) and 0 <= n <= size.area]
        if len(whole) != len(counts) or sum(whole) != size.area:
            raise MaskError(
                f"run lengths do not fill a {size} mask",
                cure=f"give whole numbers of 0 or more that sum to {size.area}",
            )
        runs = cls(size, np.array(whole, np.int32))
        return cls.of(runs.mask) if (runs.counts[1:] == 0).any() else runs

    @property
    def mask(self) -> Mask:
        """The mask, `H W` bool."""
        inside = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(inside, self.counts).reshape(self.size.shape)

    @property
    def area(self) -> int:
        """Object pixels."""
        return int(self.counts[1::2].sum())

    @cached_property
    def bbox(self) -> tuple[int, int, int, int]:
        """The smallest box around the object as (x, y, width, height); zeros without one."""
        edges = np.cumsum(self.counts)
        first, last = edges[:-1:2], edges[1::2] - 1  # of each object run, in row-major order
        if not len(first):
            return (0, 0, 0, 0)
        width = self.size.width
        (top, left), (bottom, right) = np.divmod(first, width), np.divmod(last, width)
        wraps = bool((top != bottom).any())
        x0, x1 = (0, width - 1) if wraps else (int(left.min()), int(right.max()))
        y0, y1 = int(top[0]), int(bottom[-1])
        return (x0, y0, x1 - x0 + 1, y1 - y0 + 1)

    def to_bytes(self) -> bytes:
        """The counts, packed; `from_bytes` reads them."""
        return zlib.compress(self.counts.astype("<i4").tobytes(), 1)

    @classmethod
    def from_bytes(cls, size: Size, packed: bytes) -> Self:
        """What `to_bytes` wrote for a mask of `size`.

        Raises:
            MaskError: it is damaged, or of another size.
        """
        try:
            data = zlib.decompressobj().decompress(packed, 4 * (size.area + 2))
            counts = np.frombuffer(data, "<i4").astype(np.int32)
        except (zlib.error, ValueError) as error:
            raise MaskError(
                "a stored mask is damaged", cure="restore a copy of the file"
            ) from error
        if not len(counts) or (counts < 0).any() or int(counts.sum(dtype=np.int64)) != size.area:
            raise MaskError(f"a stored mask is none of a {size} image", cure="restore a copy")
        return cls(size, counts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Runs)
            and self.size == other.size
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        return hash((self.size, self.counts.tobytes()))
