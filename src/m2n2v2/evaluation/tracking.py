"""How well objects are followed: J, F and J&F as DAVIS defines them, and with a person's clicks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from m2n2v2.arrays import Mask
from m2n2v2.datasets.davis import Sequence
from m2n2v2.errors import DatasetError
from m2n2v2.evaluation.clicker import largest_error_click
from m2n2v2.evaluation.contour import contour_accuracy
from m2n2v2.evaluation.metrics import iou
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.tracks import Tracks

RECALLED = 0.5
"""A frame whose J is over this counts as recalled."""


@dataclass(frozen=True)
class Scores:
    """One sequence's measures, those of its first and last frame left out.

    Attributes:
        region: J of each object in each frame.
        contour: F, likewise.
    """

    name: str
    region: Float[np.ndarray, "objects frames"]
    contour: Float[np.ndarray, "objects frames"]

    @property
    def j(self) -> float:
        """Mean over frames, then over objects."""
        return float(self.region.mean())

    @property
    def f(self) -> float:
        return float(self.contour.mean())

    @property
    def j_and_f(self) -> float:
        return (self.j + self.f) / 2

    @property
    def recall(self) -> float:
        """Share of the frames that are recalled."""
        return float((self.region > RECALLED).mean())


def scores(sequence: Sequence, tracks: Tracks) -> Scores:
    """Measure what was tracked against the truth.

    The benchmark's rule: the first frame, which is given, and the last are not scored; objects
    are those of the first frame.

    Raises:
        DatasetError: the sequence has under three frames, or no object in the first.
    """
    numbers = sequence.objects()
    count = len(sequence.frames)
    if count < 3 or not numbers:
        raise DatasetError(
            f"{sequence.name} has {count} frames and {len(numbers)} objects in the first",
            cure="score sequences of three frames or more",
        )
    scored = range(1, count - 1)
    region = np.zeros((len(numbers), len(scored)))
    contour = np.zeros_like(region)
    for at, frame in enumerate(scored):
        labels, void = sequence.labels(frame)
        labelled = tracks[frame].labels
        for row, number in enumerate(numbers):
            truth, predicted = labels == number, labelled == number
            region[row, at] = iou(truth, predicted, void)
            contour[row, at] = contour_accuracy(truth, predicted, void)
    return Scores(sequence.name, region, contour)


def mean(sequences: list[Scores]) -> tuple[float, float]:
    """J and F over all objects of all sequences: an object counts as much as another."""
    return (
        float(np.mean(np.concatenate([one.region.mean(1) for one in sequences]))),
        float(np.mean(np.concatenate([one.contour.mean(1) for one in sequences]))),
    )


def corrected(
    sequence: Sequence, session: TrackingSession, clicks: int, *, before: bool = True
) -> Iterator[tuple[int, Scores]]:
    """The measures after 0, 1, 2, ... corrective clicks; fewer where no error is left.

    A click goes to the frame with the lowest J&F (`worst_first`), onto the middle of an object's
    largest error there (`clicker.largest_error_click`); then what it changes is followed again. A
    frame may be clicked more than once, a pixel may not.

    Args:
        session: in which the first frame is given and everything was followed.
        before: frames before the one that is clicked in are followed again, too.
    """
    measured = scores(sequence, session.tracks)
    yield 0, measured
    clicked: dict[tuple[int, int], Mask] = {}
    for count in range(1, clicks + 1):
        frame = _correct(sequence, session, measured, clicked)
        if frame is None:
            return
        for _ in session.follow_from(frame, before=before):
            pass
        measured = scores(sequence, session.tracks)
        yield count, measured


def worst_first(measured: Scores) -> list[tuple[int, int]]:
    """Frames and rows of objects in the order in which a person would look at them.

    The frame with the lowest J&F, mean over its objects, comes first, and in a frame the object
    with the lowest. Frames are counted as the clip's, so those that are not scored are left out.
    """
    both = (measured.region + measured.contour) / 2
    rows = range(both.shape[0])
    frames = sorted(range(both.shape[1]), key=lambda at: float(both[:, at].mean()))
    return [(at + 1, row) for at in frames for row in sorted(rows, key=lambda r: both[r, at])]


def _correct(
    sequence: Sequence,
    session: TrackingSession,
    measured: Scores,
    clicked: dict[tuple[int, int], Mask],
) -> int | None:
    """Click once where it is worst; the frame clicked in, or None if no error is left."""
    numbers = sequence.objects()
    for frame, row in worst_first(measured):
        number = numbers[row]
        labels, void = sequence.labels(frame)
        before = clicked.setdefault((frame, number), np.zeros(labels.shape, bool))
        if _click(session, frame, number, labels == number, void, before):
            return frame
    return None


def _click(
    session: TrackingSession, frame: int, number: int, truth: Mask, void: Mask, before: Mask
) -> bool:
    """Click onto the largest error of an object, at no pixel twice; is there one?

    Args:
        before: the pixels clicked so far, to which this one is added.
    """
    click = largest_error_click(truth, void, session.labels(frame) == number, before)
    if click is None:
        return False
    session.click(frame, click.x, click.y, click.positive, number)
    before[click.y, click.x] = True
    return True


def click_first_frame(sequence: Sequence, session: TrackingSession, clicks: int) -> None:
    """Give the objects of the first frame by clicks in place of their true masks."""
    labels, void = sequence.labels(0)
    for number in sequence.objects():
        clicked = np.zeros(labels.shape, bool)
        for _ in range(clicks):
            if not _click(session, 0, number, labels == number, void, clicked):
                break
