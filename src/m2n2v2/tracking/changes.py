"""What a correction changed in a frame, as labels that can be followed themselves.

A click mends a part of a frame whose rest may still be wrong. If the whole mask were followed from
there, what is wrong in it would be followed, too, over frames that were right; so what was changed
is followed, and replaces what lies under it.
"""

from dataclasses import dataclass

import numpy as np

from m2n2v2.tracking.tracks import Labels


@dataclass(frozen=True)
class Change:
    """What became of the pixels that changed.

    Attributes:
        labels: 0 where nothing changed, else 1 more than an index into `became`.
        became: the objects, ascending; 0 for the background.
    """

    labels: Labels
    became: tuple[int, ...]

    @classmethod
    def between(cls, before: Labels, after: Labels) -> "Change":
        """The pixels whose object is another after than before."""
        differs = before != after
        became = np.unique(after[differs])
        labels = np.zeros(after.shape, np.int32)
        labels[differs] = np.searchsorted(became, after[differs]) + 1
        return cls(labels, tuple(became.tolist()))

    def applied(self, to: Labels, where: Labels) -> Labels:
        """The labels of another frame, changed where the change came to lie there.

        Args:
            where: as `labels`, of that frame.
        """
        return np.where(where > 0, np.array([0, *self.became], np.int32)[where], to)
