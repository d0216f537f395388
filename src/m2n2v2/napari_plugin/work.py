"""Objects of a stack of slices: a session for every slice and object, and labels that they fill."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt16

from m2n2v2.arrays import Image, Mask
from m2n2v2.errors import PromptError, TrackError
from m2n2v2.method.values import ImageState
from m2n2v2.prompts import Given
from m2n2v2.session import Session
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import after_correction
from m2n2v2.tracking.tracks import Labels, Tracked

Place = tuple[int, int]
"""A slice, from 0, and an object, from 1."""


@dataclass(frozen=True)
class Answer:
    """What a session says after a change.

    Attributes:
        prompts: of the session, in their order.
    """

    place: Place
    prompts: tuple[Given, ...]
    mask: Mask


@dataclass(frozen=True)
class Change:
    """One thing that can be undone.

    Attributes:
        place: of the session that changed; None where no session did.
        slices: what a slice was before, and after.
    """

    place: Place | None
    slices: dict[int, tuple[Tracked, Tracked]]


class Work:
    """Prompts go in, labels come out.

    `add`, `remove` and `undo` compute, and belong into one thread at a time; what they answer is
    painted by `paint` and `restore`, in the thread that owns `labels`, before the next is asked.

    Args:
        read: a slice's pixels.
        prepare: makes pixels ready for clicks.
        labels: the object of each pixel, filled in place; slices first, or one picture.
    """

    def __init__(
        self,
        read: Callable[[int], Image],
        prepare: Callable[[Image], ImageState],
        labels: UInt16[np.ndarray, "*S H W"],
    ) -> None:
        self._read, self._prepare = read, prepare
        self._labels: UInt16[np.ndarray, "S H W"] = labels.reshape(-1, *labels.shape[-2:])
        self._states: dict[int, ImageState] = {}
        self._sessions: dict[Place, Session] = {}
        self._changes: list[Change] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._changes)

    @property
    def clicked(self) -> frozenset[int]:
        """The slices in which there are prompts."""
        return frozenset(at for (at, _), session in self._sessions.items() if session.prompts)

    def labels(self, index: int) -> Labels:
        """A slice's labels, a copy."""
        return self._labels[index].astype(np.int32)

    def add(self, place: Place, prompt: Given) -> Answer:
        """One prompt more. The first in a slice prepares it; that on an object corrects its mask.

        Raises:
            ClickError, PromptError: outside, or contradicting an earlier prompt; nothing changes.
            M2N2Error: the slice cannot be read or prepared.
        """
        index, number = place
        if not 0 <= index < len(self._labels):
            raise PromptError(
                f"slice {index} of {len(self._labels)} was clicked",
                cure=f"use slices 0 to {len(self._labels) - 1}",
            )
        session = self._sessions.get(place)
        if session is None:
            mask = self._labels[index] == number
            session = Session(self._state(index), mask if mask.any() else None)
        session.add(prompt)
        self._sessions[place] = session
        return self._answer(place)

    def remove(self, place: Place, prompt: Given) -> Answer:
        """The last such prompt taken out, as if it had never been made.

        Raises:
            PromptError: there is none.
        """
        session = self._sessions.get(place)
        prompts = () if session is None else session.prompts
        if session is None or prompt not in prompts:
            raise PromptError("that prompt is gone already", cure="look at the layer again")
        session.remove(len(prompts) - 1 - prompts[::-1].index(prompt))
        return self._answer(place)

    def undo(self) -> tuple[Change, Answer | None] | None:
        """Take the last change out of its session; `restore` takes it out of the labels.

        Returns:
            The change, and what its session says then, if one changed; None without any change.
        """
        if not self._changes:
            return None
        change = self._changes[-1]
        session = None if change.place is None else self._sessions.get(change.place)
        if change.place is None or session is None or not session.can_undo:
            return change, None
        session.undo()
        return change, self._answer(change.place)

    def paint(self, answer: Answer) -> None:
        """Give an object the pixels of its mask; others keep what it leaves them."""
        index, number = answer.place
        before = self.labels(index)
        after = np.where(answer.mask, number, np.where(before == number, 0, before))
        self._labels[index] = after
        both = _both(before, after.astype(np.int32))
        self._changes.append(Change(answer.place, {index: both}))

    def put(self, index: int, labels: Labels) -> None:
        """Give a slice the labels that were followed to it; `followed` makes it a change."""
        self._labels[index] = labels

    def followed(self, before: Mapping[int, Labels]) -> None:
        """All slices that were put, with their labels before that, are one change.

        What sessions without prompts there knew is outdated, and forgotten.
        """
        for place in [place for place, session in self._sessions.items() if not session.prompts]:
            if place[0] in before:
                del self._sessions[place]
        self._changes.append(
            Change(None, {at: _both(labels, self.labels(at)) for at, labels in before.items()})
        )

    def restore(self, change: Change) -> None:
        """Take a change out of the labels; pixels painted over since then stay."""
        for index, (before, after) in change.slices.items():
            here = self._labels[index]
            back = (before.labels != after.labels) & (here == after.labels)
            here[back] = before.labels[back]
        self._changes.remove(change)

    def follow(
        self, follower: Follower, start: int, *, backward: bool
    ) -> Iterator[tuple[int, Labels]]:
        """Follow the objects of a slice through those behind it, or before it, up to the next
        slice with prompts, which is followed towards it.

        Raises:
            TrackError: the slice has no object, or nothing lies there.
        """
        anchors = {index: self.labels(index) for index in sorted({*self.clicked, start})}
        if not anchors[start].any():
            raise TrackError(
                f"slice {start} has no object to follow", cure="click on one in it first"
            )
        numbers = frozenset(int(n) for labels in anchors.values() for n in np.unique(labels) if n)
        tracks = {
            index: Tracked.of(labels, dict.fromkeys(numbers, 1.0), numbers)
            for index, labels in anchors.items()
        }
        todo = [
            run
            for run in after_correction(len(self._labels), sorted(tracks), start, before=backward)
            if (run.frames[0] < start) == backward
        ]
        if not todo:
            side = "before" if backward else "behind"
            raise TrackError(f"nothing lies {side} slice {start}", cure="go to another slice")
        for index, tracked in follower.follow(tracks, todo):
            yield index, tracked.labels

    def _state(self, index: int) -> ImageState:
        if index not in self._states:
            self._states[index] = self._prepare(self._read(index))
        return self._states[index]

    def _answer(self, place: Place) -> Answer:
        session = self._sessions[place]
        return Answer(place, session.prompts, session.mask)


def _both(before: Labels, after: Labels) -> tuple[Tracked, Tracked]:
    return Tracked.of(before, {}), Tracked.of(after, {})
