"""What is known of each frame: who is where, how sure, and whether a person said so."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from jaxtyping import Int32

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size

Labels = Int32[np.ndarray, "H W"]
"""The object of each pixel, 0 for the background: objects never overlap."""

MOST = 65_535
"""The largest number of an object."""


@dataclass(frozen=True)
class Tracked:
    """One frame's answer, packed: some kilobytes, so that those of a long clip fit in memory.

    Attributes:
        confidence: of each object, in [0, 1]; that of an empty mask says how sure its absence is.
        by_person: for which objects a person clicked here or gave a mask.
    """

    size: Size
    packed: bytes = field(repr=False)
    confidence: Mapping[int, float]
    by_person: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        labels: Labels,
        confidence: Mapping[int, float],
        by_person: frozenset[int] = frozenset(),
    ) -> Self:
        """Pack labels of 0 to 65,535.

        Raises:
            MaskError: a number lies beyond.
        """
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high > MOST:
            raise MaskError(
                f"objects are numbered {low} to {high}", cure=f"use 1 to {MOST}, and 0 for none"
            )
        packed = zlib.compress(labels.astype("<u2").tobytes(), 1)
        return cls(Size(*labels.shape), packed, dict(confidence), by_person)

    @property
    def labels(self) -> Labels:
        """The object of each pixel."""
        values = np.frombuffer(zlib.decompress(self.packed), "<u2")
        return values.astype(np.int32).reshape(self.size.shape)

    def mask(self, number: int) -> Mask:
        """The pixels of one object."""
        return self.labels == number


Tracks = Mapping[int, Tracked]
"""What is known, by the frame's index."""


def people(tracks: Tracks) -> tuple[int, ...]:
    """The frames in which a person said something, ascending."""
    return tuple(sorted(index for index, tracked in tracks.items() if tracked.by_person))
