"""Following objects through a sequence while people go on working: one at a time, stoppable.

Every frame is stored as soon as it is followed, as an edit of who asked, so that a stop, a kill or
a closed browser loses nothing. One undo takes the last following back, wherever nobody has edited
since. A person's masks are the frames that following goes on from; they are never overwritten
(`tracks.merged`).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from m2n2v2.annotator.document import Document, Object
from m2n2v2.annotator.engine import lower_priority
from m2n2v2.annotator.timeline import Glance, ProjectFrames, Timeline
from m2n2v2.annotator.tracks import Followed, merged
from m2n2v2.errors import (
    ConflictError,
    EditError,
    FolderError,
    ImageError,
    M2N2Error,
    MissingError,
)
from m2n2v2.masks.runs import Runs
from m2n2v2.tracking.cells import CellFeatures
from m2n2v2.tracking.features_file import FeatureCache
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import Run, runs
from m2n2v2.tracking.settings import TrackingSettings
from m2n2v2.tracking.tracks import Labels, Tracked
from m2n2v2.version import __version__

Loaded = tuple[CellFeatures, TrackingSettings]


@dataclass(frozen=True)
class Means:
    """What frames are compared by.

    Attributes:
        name: for people; a name is of one means.
        load: loads it, when it is first needed.
    """

    name: str
    load: Callable[[], Loaded]


@dataclass(frozen=True)
class Plan:
    """What is to be followed: a stretch of the sequence, and what is known in it.

    Attributes:
        images: the ids of the stretch's frames, in order.
        known: the frames that a person spoke in, by their place in the stretch.
        todo: in which order the others are followed.
        objects: those that are followed, by identity: 1, 2, ... of tracking, in this order.
    """

    frames: ProjectFrames
    images: tuple[int, ...]
    known: dict[int, Tracked]
    todo: tuple[Run, ...]
    objects: dict[int, Object]

    @property
    def count(self) -> int:
        """Of the frames to follow."""
        return sum(len(run.frames) for run in self.todo)

    def followed(self, tracked: Tracked) -> list[Followed]:
        """What one frame's answer says of every object."""
        labels = tracked.labels
        return [
            Followed(identity, like, Runs.of(labels == n), tracked.confidence.get(n, 0.0))
            for n, (identity, like) in enumerate(self.objects.items(), 1)
        ]


@dataclass(frozen=True)
class Progress:
    """How far following is.

    Attributes:
        done, total: frames.
        written: the images that were answered, in their order; those of the last run if none is on.
        seconds_per_frame: so far; None before the first.
        error: why it ended before its time; None if it did not.
    """

    running: bool = False
    done: int = 0
    total: int = 0
    written: tuple[int, ...] = field(default=(), repr=False)
    seconds_per_frame: float | None = None
    error: str | None = None


class Following:
    """Follows objects in a thread of its own.

    Args:
        means: tells what frames are compared by from now on; asked whenever following begins.
        cache: keeps costly features of frames; None keeps none.
    """

    def __init__(
        self,
        timeline: Timeline,
        means: Callable[[], Means],
        *,
        cache: FeatureCache | None = None,
    ) -> None:
        self.timeline, self.means = timeline, means
        self._cache = cache
        self._loaded: tuple[str, Loaded] | None = None
        self._stored: list[tuple[int, int]] = []
        self._by: str | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        with self._lock:
            return self._progress

    def start(self, start: int | None, end: int | None, person: str | None = None) -> Progress:
        """Begin to follow the objects of a frame through others.

        Args:
            start: the image that they are followed from; None for the nearest one before `end`,
                else behind it, in which a person spoke.
            end: the last image that they are followed to, before or behind; None for the
                sequence's last.
            person: whose edits the frames' new masks are.

        Raises:
            ConflictError: frames are being followed already.
            EditError: nothing is to be followed from there.
            M2N2Error: the frames cannot be followed.
        """
        with self._lock:
            self._refuse_second()
        self.timeline.project.store.check_writable()
        plan = planned(self.timeline, start, end)
        with self._lock:
            self._refuse_second()
            self._stop.clear()
            self._progress = Progress(running=True, total=plan.count)
            self._stored, self._by = [], person
            self._thread = threading.Thread(target=self._run, args=(plan, person), daemon=True)
            self._thread.start()
            return self._progress

    def stop(self) -> Progress:
        """Stop after the frame that is being followed; what was followed stays."""
        self._stop.set()
        return self.progress

    def undo(self, person: str | None = None) -> list[int]:
        """Take back what the last following stored; a frame that was edited since stays.

        Returns:
            The images that are as they were before.

        Raises:
            ConflictError: it is not at its end.
            EditError: it was another person's, or there is nothing to take back.
            AccessError, StoreError: nothing can be stored.
        """
        with self._lock:
            self._refuse_second()
            if not self._stored or self._by not in (None, person):
                raise EditError("you have followed nothing that can be undone", cure="go on")
            stored, self._stored = self._stored, []
        back = []
        for image, revision in stored:
            try:
                self.timeline.project.step(image, revision, person, back=True)
            except (ConflictError, FolderError, ImageError):
                continue  # edited since, or another picture by now
            back.append(image)
        return back

    @property
    def undoable(self) -> int:
        """The frames that an undo of the last following would take back, at most."""
        return 0 if self.progress.running else len(self._stored)

    def wait(self, seconds: float | None = None) -> Progress:
        """Wait until nothing is followed any more."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self.progress

    def _refuse_second(self) -> None:
        if self._progress.running:
            raise ConflictError("frames are being followed already", cure="wait, or stop that")

    def _run(self, plan: Plan, person: str | None) -> None:
        lower_priority(10)
        error: str | None = None
        try:
            self._follow(plan, person)
        except M2N2Error as trouble:
            error = str(trouble)
        except Exception as trouble:  # a bug or a lack of memory must not leave it running for ever
            error = f"following ended ({type(trouble).__name__})"
        with self._lock:
            self._progress = replace(self._progress, running=False, error=error)

    def _follow(self, plan: Plan, person: str | None) -> None:
        means = self.means()
        if self._loaded is None or self._loaded[0] != means.name:
            self._loaded = means.name, means.load()
        source, settings = self._loaded[1]
        kept = self._cache if source.costly else None
        follower = Follower(plan.frames, source, settings, kept)
        began = time.perf_counter()
        for index, tracked in follower.follow(plan.known, plan.todo):
            self._put(plan, index, tracked, source.name, person)
            with self._lock:
                done = self._progress.done + 1
                self._progress = replace(
                    self._progress,
                    done=done,
                    written=(*self._progress.written, plan.images[index]),
                    seconds_per_frame=round((time.perf_counter() - began) / done, 3),
                )
            if self._stop.is_set():
                return

    def _put(self, plan: Plan, index: int, tracked: Tracked, name: str, person: str | None) -> None:
        followed = plan.followed(tracked)
        made_by = f"followed by {name}; m2n2v2 {__version__}"
        try:
            change = self.timeline.project.revise(
                plan.images[index], lambda document: merged(document, followed, made_by), person
            )
        except (ConflictError, FolderError, ImageError):
            return  # broken, or another picture than the one annotated: the list says so
        if change is not None:
            self._stored.append((change.after.id, change.after.revision))


def planned(timeline: Timeline, start: int | None, end: int | None) -> Plan:
    """What there is to follow; see `Following.start`.

    Raises:
        EditError, MissingError, FrameError, ImageError, ConflictError: see there.
    """
    listed = timeline.listed()
    place = {frame.id: at for at, frame in enumerate(listed)}
    for image in (start, end):
        if image is not None and image not in place:
            raise MissingError(f"there is no image {image}", cure="look at the list again")
    last = len(listed) - 1 if end is None else place[end]
    first = _nearest(timeline.glances(), last) if start is None else place[start]
    if first == last:
        raise EditError("there is no frame to follow to", cure="choose another one")
    begin = timeline.project.document(listed[first].id)
    if begin.size is None or not any(obj.mask.area for obj in begin.objects):
        raise EditError(
            f"{begin.name} has no object to follow", cure="click on one in it, or in another frame"
        )
    objects = {obj.identity: obj for obj in begin.objects}
    low, high = min(first, last), max(first, last)
    stretch = listed[low : high + 1]
    known: dict[int, Tracked] = {}
    for at, frame in enumerate(stretch):
        if frame.id != begin.id and not frame.objects:
            continue
        document = timeline.project.store.document(frame.id)
        if document.size == begin.size and (frame.id == begin.id or _speaks(document, objects)):
            known[at] = Tracked.of(
                _labels(document, objects), {}, frozenset(range(1, len(objects) + 1))
            )
    return Plan(
        frames=ProjectFrames.of(timeline.project, stretch, begin.size),
        images=tuple(frame.id for frame in stretch),
        known=known,
        todo=tuple(runs(len(stretch), sorted(known), backward=last < first)),
        objects=objects,
    )


def _nearest(glances: list[Glance], to: int) -> int:
    """The frame that a person spoke in nearest before `to`, else behind it."""
    touched = [
        at for at, frame in enumerate(glances) if frame.touched and frame.objects and at != to
    ]
    before = [at for at in touched if at < to]
    if not touched:
        raise EditError("no other frame has an object of a person", cure="click on one first")
    return before[-1] if before else touched[0]


def _speaks(document: Document, objects: dict[int, Object]) -> bool:
    """Is all that is followed known of this frame, and a person's word on some of it?"""
    here = {obj.identity: obj for obj in document.objects}
    if not objects.keys() <= here.keys():
        return False
    return document.done or any(here[identity].by_person for identity in objects)


def _labels(document: Document, objects: dict[int, Object]) -> Labels:
    """Each pixel's object, by its place in `objects` from 1; the upper of two that overlap."""
    assert document.size is not None
    number = {identity: n for n, identity in enumerate(objects, 1)}
    labels = np.zeros(document.size.shape, np.int32)
    for obj in document.objects:
        if obj.identity in number:
            labels[obj.mask.mask] = number[obj.identity]
    return labels
