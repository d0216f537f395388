"""A person following objects through a clip: masks, clicks, undo; what a person said stays."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from m2n2v2.arrays import Image, Mask
from m2n2v2.errors import MaskError, TrackError
from m2n2v2.method.values import ImageState
from m2n2v2.prompts import Click
from m2n2v2.session import Session
from m2n2v2.tracking.changes import Change
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import Run, after_correction, beside, reached, runs
from m2n2v2.tracking.tracks import MOST, Labels, Tracked, Tracks, people

Prepare = Callable[[Image], ImageState]
"""From a photograph to what clicking on it needs: `states.preparing.Preparer`, or the like."""

HISTORY = 200
"""Changes that can be undone; they share what they did not change."""


@dataclass(frozen=True)
class _Moment:
    """All that is known at one time.

    Attributes:
        tracks: by the frame's index.
        clicks: of a person, by frame and object, in their order.
        before: what was known of a frame when it was first clicked in.
        told: of a person's frame, by whether ahead of it or behind: what was known of it when the
            frames there were last followed.
    """

    tracks: Mapping[int, Tracked]
    clicks: Mapping[tuple[int, int], tuple[Click, ...]]
    before: Mapping[int, Tracked | None]
    told: Mapping[tuple[int, bool], Tracked]


@dataclass(frozen=True)
class _Following(_Moment):
    """A moment while frames are followed."""

    tracks: dict[int, Tracked]
    told: dict[tuple[int, bool], Tracked]


class TrackingSession:
    """Masks through a clip, corrected where they drift.

    A mask or a click makes its frame a person's: no propagation ever changes it, and frames are
    followed from the nearest one (`plan.runs`). Nothing is followed before `follow` is called.

    Args:
        follower: of the clip.
        prepare: makes a frame ready for clicks; None where only masks come.
        tracks: what is known already, as when a session goes on.
    """

    def __init__(
        self,
        follower: Follower,
        prepare: Prepare | None = None,
        tracks: Mapping[int, Tracked] | None = None,
    ) -> None:
        self.follower, self._prepare = follower, prepare
        self._history = [_Moment(dict(tracks or {}), {}, {}, {})]
        self._at = 0
        self._state: tuple[int, ImageState] | None = None

    @property
    def tracks(self) -> Mapping[int, Tracked]:
        """What is known, by the frame's index."""
        return self._now.tracks

    @property
    def touched(self) -> tuple[int, ...]:
        """The frames in which a person said something."""
        return people(self.tracks)

    def clicks(self, frame: int, number: int = 1) -> tuple[Click, ...]:
        """A person's clicks on an object in a frame."""
        return self._now.clicks.get((frame, number), ())

    def labels(self, frame: int) -> Labels:
        """The object of each pixel of a frame; 0 everywhere where nothing is known yet.

        Raises:
            TrackError: there is no such frame.
        """
        known = self.tracks.get(self._checked(frame))
        return (
            np.zeros(self.follower.frames.size.shape, np.int32) if known is None else known.labels
        )

    def set_labels(self, frame: int, labels: Labels) -> None:
        """A person's masks of all objects of a frame; objects that the mask leaves out are absent.

        Raises:
            TrackError: there is no such frame.
            MaskError: the size is another, or a number is out of range.
        """
        self._checked(frame)
        if labels.shape != self.follower.frames.size.shape:
            raise MaskError(
                f"a mask is {labels.shape[1]}x{labels.shape[0]} and its frame "
                f"{self.follower.frames.size}",
                cure="give a mask of the frame's size",
            )
        there = {int(value) for value in np.unique(labels) if value}
        spoken = frozenset(
            there | {n for tracked in self.tracks.values() for n in tracked.by_person}
        )
        if not spoken:
            raise TrackError("the mask is empty", cure="mark an object in it")
        self._said(frame, labels, spoken)

    def set_mask(self, frame: int, mask: Mask, number: int = 1) -> None:
        """A person's mask of one object; other objects keep what it leaves them.

        Raises:
            TrackError, MaskError: as `set_labels`.
        """
        self._number(number)
        labels = self.labels(frame)
        if mask.shape != labels.shape:
            raise MaskError(
                f"a mask is {mask.shape[1]}x{mask.shape[0]} and its frame "
                f"{self.follower.frames.size}",
                cure="give a mask of the frame's size",
            )
        self._said(frame, _with(labels, mask, number), frozenset({number}))

    def restore(self, frame: int, tracked: Tracked) -> None:
        """A frame of a person as it was kept earlier; it cannot be undone.

        Raises:
            TrackError: there is no such frame.
        """
        self._checked(frame)
        now = self._now
        self._history[self._at] = replace(now, tracks={**now.tracks, frame: tracked})

    def click(self, frame: int, x: float, y: float, positive: bool = True, number: int = 1) -> Mask:
        """Click on an object in a frame; its mask there, which is now a person's.

        The first click on a frame corrects the mask that was there. Following again is another
        call (`follow`).

        Raises:
            TrackError: there is no such frame, or nothing that prepares frames.
            ClickError: it lies outside, or contradicts another one; nothing changes.
            FrameError: the frame is broken.
        """
        self._checked(frame)
        self._number(number)
        click = Click(x, y, positive).inside(self.follower.frames.size)
        now = self._now
        start = now.before.get(frame, self.tracks.get(frame))
        clicks = (*self.clicks(frame, number), click)
        session = Session(self._prepared(frame), None if start is None else start.mask(number))
        for made in clicks:
            session.click(made.x, made.y, made.positive)
        mask = session.mask
        labels = _with(self.labels(frame), mask, number)
        kept = replace(
            now,
            clicks={**now.clicks, (frame, number): clicks},
            before={**now.before, frame: start},
        )
        self._said(frame, labels, frozenset({number}), kept)
        return mask

    def follow(self, *, backward: bool = True) -> Iterator[tuple[int, Tracked]]:
        """Follow all frames that are not a person's, from the nearest that is.

        Every frame's answer is kept as soon as it is there, so stopping in between loses nothing;
        the whole can be undone as one change.

        Args:
            backward: frames before the first of a person, too.

        Raises:
            TrackError: a person said nothing yet.
        """
        todo = runs(len(self.follower.frames.names), self.touched, backward=backward)
        moment = self._begun()
        yield from _kept(moment.tracks, self.follower.follow(dict(moment.tracks), todo))
        for frame, ahead in product(people(moment.tracks), (True, False)):
            moment.told[frame, ahead] = moment.tracks[frame]

    def follow_from(self, frame: int, *, before: bool = False) -> Iterator[tuple[int, Tracked]]:
        """Follow what a correction in a frame changed into what comes after it, up to the next
        frame of a person.

        Where all frames there are known, and were followed with this one as it was before, only
        the change is followed (`changes`), so that the rest of a mask that is not yet right harms
        none of them, and as far as this frame is the person's nearest (`plan.reached`). Else they
        are followed anew.

        Args:
            before: into what comes before it, too, back to the one before.

        Raises:
            TrackError: a person said nothing in this frame.
        """
        if frame not in self.touched:
            raise TrackError(
                f"frame {frame} is nobody's", cure="click in it or give it a mask first"
            )
        count, touched = len(self.follower.frames.names), self.touched
        moment = self._begun()
        for ahead in (True, False) if before else (True,):
            was = moment.told.get((frame, ahead))
            span = beside(count, touched, frame, ahead=ahead)
            if was is not None and all(index in moment.tracks for index in span):
                near = reached(count, touched, frame, ahead=ahead)
                answers = self._carried(moment.tracks, frame, was.labels, near)
            else:
                again = after_correction(count, touched, frame, before=not ahead)
                todo = [run for run in again if run.frames[0] in span]
                answers = self.follower.follow(dict(moment.tracks), todo)
            yield from _kept(moment.tracks, answers)
            moment.told[frame, ahead] = moment.tracks[frame]

    def _carried(
        self, tracks: Tracks, frame: int, was: Labels, span: range
    ) -> Iterator[tuple[int, Tracked]]:
        """Frames in which a change of another is followed; the rest of them stays."""
        change = Change.between(was, tracks[frame].labels)
        if not change.became:
            yield from ((index, tracks[index]) for index in span)
            return
        kinds = frozenset(range(1, len(change.became) + 1))
        known = {frame: Tracked.of(change.labels, {}, kinds)}
        # a part looks like what is around it, and moves with it
        no_thing = self.follower.settings.replace(model=0, motion=0)
        todo = [Run(frame, span)] if span else []
        for index, moved in self.follower.follow(known, todo, settings=no_thing):
            labels = change.applied(tracks[index].labels, moved.labels)
            yield index, Tracked.of(labels, tracks[index].confidence)

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at < len(self._history) - 1

    def undo(self) -> None:
        """Back to before the last change: a click, a mask, or a following; without one, nothing."""
        self._at = max(self._at - 1, 0)

    def redo(self) -> None:
        """Forward again; without anything undone, nothing happens."""
        self._at = min(self._at + 1, len(self._history) - 1)

    @property
    def _now(self) -> _Moment:
        return self._history[self._at]

    def _begun(self) -> "_Following":
        """A change that grows while frames are followed."""
        now = self._now
        moment = _Following(dict(now.tracks), now.clicks, now.before, dict(now.told))
        self._record(moment)
        return moment

    def _said(
        self,
        frame: int,
        labels: Labels,
        numbers: frozenset[int],
        moment: _Moment | None = None,
    ) -> None:
        moment = moment or self._now
        before = self.tracks.get(frame)
        spoken = numbers | (before.by_person if before else frozenset())
        confidence = dict(before.confidence if before else {}) | dict.fromkeys(spoken, 1.0)
        tracked = Tracked.of(labels, confidence, spoken)
        told = dict(moment.told)
        if before is not None:
            for ahead in (True, False):
                told.setdefault((frame, ahead), before)
        self._record(replace(moment, tracks={**moment.tracks, frame: tracked}, told=told))

    def _record(self, moment: _Moment) -> None:
        self._history[self._at + 1 :] = [moment]
        del self._history[: -HISTORY - 1]
        self._at = len(self._history) - 1

    def _prepared(self, frame: int) -> ImageState:
        if self._prepare is None:
            raise TrackError(
                "a click came, and nothing that prepares frames for clicks",
                cure="give TrackingSession a Preparer, or the frame's mask",
            )
        if self._state is None or self._state[0] != frame:
            self._state = (frame, self._prepare(self.follower.frames.read(frame)))
        return self._state[1]

    def _checked(self, frame: int) -> int:
        count = len(self.follower.frames.names)
        if isinstance(frame, bool) or not 0 <= frame < count:
            raise TrackError(f"frame {frame} of a clip of {count} was named", cure="count from 0")
        return frame

    def _number(self, number: int) -> None:
        if isinstance(number, bool) or not 1 <= number <= MOST:
            raise TrackError(f"object {number} was named", cure=f"use 1 to {MOST}")


def _kept(
    tracks: dict[int, Tracked], answers: Iterator[tuple[int, Tracked]]
) -> Iterator[tuple[int, Tracked]]:
    """The answers, each kept as soon as it is there."""
    for index, tracked in answers:
        tracks[index] = tracked
        yield index, tracked


def _with(labels: Labels, mask: Mask, number: int) -> Labels:
    """The labels with an object's pixels replaced."""
    out = np.where(labels == number, 0, labels)
    return np.where(mask, number, out).astype(np.int32)
