"""In which order frames are followed: every one from the nearest frame of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from m2n2v2.errors import TrackError


@dataclass(frozen=True)
class Run:
    """Frames followed one after another.

    Attributes:
        start: the frame of a person that it begins at.
        frames: the frames in their order, the first beside `start`.
    """

    start: int
    frames: range


def runs(count: int, anchors: Sequence[int], *, backward: bool) -> list[Run]:
    """The runs that reach every frame.

    Frames between two of a person's are reached from the nearer one, from the earlier where both
    are as near. Those before the first are reached only if `backward`.

    Args:
        count: of frames.
        anchors: the frames of a person, ascending.

    Raises:
        TrackError: there are none, or one is not there.
    """
    if not anchors:
        raise TrackError("no mask and no click came", cure="give the objects of one frame")
    for anchor in anchors:
        if not 0 <= anchor < count:
            raise TrackError(
                f"frame {anchor} of a clip of {count} was named", cure=f"use 0 to {count - 1}"
            )
    reached = []
    if backward:
        reached.append(Run(anchors[0], range(anchors[0] - 1, -1, -1)))
    for before, after in pairwise(anchors):
        middle = before + (after - before) // 2
        reached.append(Run(before, range(before + 1, middle + 1)))
        reached.append(Run(after, range(after - 1, middle, -1)))
    reached.append(Run(anchors[-1], range(anchors[-1] + 1, count)))
    return [run for run in reached if len(run.frames)]


def after_correction(
    count: int, anchors: Sequence[int], corrected: int, *, before: bool
) -> list[Run]:
    """The runs to be done again after a person said something in a frame.

    What follows up to the next frame of a person, which is the person's own; and what comes before
    back to the one before it, or to the clip's begin, if `before`.
    """
    ahead = beside(count, anchors, corrected, ahead=True)
    behind = beside(count, anchors, corrected, ahead=False) if before else range(0)
    return [
        run
        for run in runs(count, anchors, backward=before)
        if run.frames[0] in ahead or run.frames[0] in behind
    ]


def beside(count: int, anchors: Sequence[int], frame: int, *, ahead: bool) -> range:
    """The frames from a person's to the next one's, or to the one's before or the clip's begin,
    both left out."""
    at = list(anchors).index(frame)
    if ahead:
        return range(frame + 1, anchors[at + 1] if at + 1 < len(anchors) else count)
    return range(frame - 1, anchors[at - 1] if at else -1, -1)


def reached(count: int, anchors: Sequence[int], frame: int, *, ahead: bool) -> range:
    """The frames that are followed from a person's: of those beside it, the ones nearest to it."""
    step = 1 if ahead else -1
    for run in runs(count, anchors, backward=True):
        if run.start == frame and run.frames.step == step:
            return run.frames
    return range(0)
