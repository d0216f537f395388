"""Tracks as they leave: every object's masks cleaned, none at the cost of another object."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from m2n2v2.errors import OutputError
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.tracking.track_folder import write_labels
from m2n2v2.tracking.tracks import Labels, Tracked, Tracks


@dataclass(frozen=True, eq=False)
class CleanedLabels:
    """Clean labels of one frame, and what was changed.

    Attributes:
        added: pixels of an object now that were background.
        removed: pixels that were of an object and are background.
    """

    labels: Labels
    added: int
    removed: int


def cleaned(labels: Labels, cleaning: Cleaning) -> CleanedLabels:
    """Every object cleaned as if it were alone, but no pixel of another one is taken.

    A pixel of the background that two would take is of the one with the lower number.
    """
    out = labels.copy()
    for number in np.unique(labels[labels > 0]).tolist():
        own = labels == number
        mask = cleaning.of(own).mask
        out[own & ~mask] = 0
        out[mask & (labels == 0) & (out == 0)] = number
    added, removed = (labels == 0) & (out > 0), (labels > 0) & (out == 0)
    return CleanedLabels(out, int(added.sum()), int(removed.sum()))


@dataclass(frozen=True)
class CleanedTracks:
    """Clean tracks of a clip, and what was changed in all frames together, in pixels."""

    tracks: Tracks
    added: int
    removed: int


def write_cleaned(
    folder: Path, names: tuple[str, ...], tracks: Tracks, cleaning: Cleaning
) -> CleanedTracks:
    """Clean tracks, in `folder` as index files under the frames' names; what lay there goes.

    Without any cleaning there is no such folder, and the tracks are those that came.

    Args:
        names: of the clip's frames.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        for old in folder.glob("*.png"):
            old.unlink()
        if cleaning:
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder} ({error.strerror})",
            cure="move it away, or use another --out",
        ) from error
    if not cleaning:
        return CleanedTracks(tracks, 0, 0)
    clean: dict[int, Tracked] = {}
    added = removed = 0
    for index, tracked in tracks.items():
        made = cleaned(tracked.labels, cleaning)
        write_labels(folder / f"{names[index]}.png", made.labels)
        clean[index] = Tracked.of(made.labels, tracked.confidence, tracked.by_person)
        added, removed = added + made.added, removed + made.removed
    return CleanedTracks(clean, added, removed)
