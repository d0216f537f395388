"""Prepared images and what clicks make of them: bounded, one model, stale work dropped.

Two threads prepare: one what people wait for, one (at a lower priority) what they will open next.
They share the model's lock. Clicks on one image wait for each other, on different images they do
not. Everything here can be lost: it is made again from photograph and clicks.
"""

import ctypes
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from time import monotonic
from typing import Any, Protocol

import numpy as np
import torch
from cachetools import LRUCache

from m2n2v2.adjusting import nudged
from m2n2v2.annotator.document import Placed
from m2n2v2.annotator.folder import Content
from m2n2v2.annotator.models import Model
from m2n2v2.annotator.wire import WireState
from m2n2v2.arrays import Mask
from m2n2v2.compiled import threads
from m2n2v2.errors import BusyError, ClickError, M2N2Error
from m2n2v2.kept import by_bytes
from m2n2v2.masks.runs import Runs
from m2n2v2.method.values import ImageState, MarkovMap, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.predictor import Predictor
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click, Given, check_sequence
from m2n2v2.session import MapCache
from m2n2v2.snapping import snapped

MEMORY = 2 << 30
"""Bytes that prepared images take together, at most, and not over a quarter of the machine's; one
is always kept."""

MAPS = 256 << 20
"""Bytes of Markov-maps kept for one image, at most."""

MOST = 1 << 30
"""Bytes of Markov-maps of one object, at most, but 20 clicks are always taken."""

PER_CLICK = 28
"""Bytes that a click's map and its scales take per pixel, at most."""

GLIMPSE = 0.25
"""Seconds that a preview may take; after a slower one there is a rest of ten times as long."""

WAITING = 8
"""Images that may wait to be prepared while nobody watches them; older ones are dropped."""


class Images(Protocol):
    """What the engine asks of the folder."""

    def content(self, image: int) -> Content:
        """The photograph, decoded."""
        ...

    def following(self, image: int) -> int | None:
        """The unfinished image that a person will open next."""
        ...


class StaleError(Exception):
    """Nobody waits for this preparation any more."""


@dataclass(eq=False)
class Prepared:
    """One image ready for clicks: one click at a time, previews only between them.

    What is kept is bounded in bytes: maps, and segmentations with the maps they hold.
    """

    sha256: str
    state: ImageState

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._clicking: set[object] = set()
        self._newest: object = None
        self._rest_until = 0.0
        self._glimpse: tuple[Click, MarkovMap] | None = None
        self._maps = MapCache(self.state, limit=MAPS)
        self._recent: LRUCache[_Key, Segmentation] = by_bytes(MAPS, nbytes)
        self.nbytes = nbytes(self.state)

    @property
    def most_clicks(self) -> int:
        """On one object: all their maps are needed at once."""
        return max(20, MOST // (PER_CLICK * self.state.working_size.area))

    def segmentation(self, base: Runs | None, clicks: tuple[Placed, ...]) -> Segmentation:
        """The segmentation by these clicks, one at least, from the longest beginning known.

        Raises:
            ClickError: one lies outside, contradicts another, or there are too many.
        """
        if len(clicks) > self.most_clicks:
            raise ClickError(
                f"an object of this image takes {self.most_clicks} clicks",
                cure="correct the rest with the brush, or make another object",
            )
        ticket = object()
        self._clicking.add(ticket)  # previews make way
        try:
            with self._lock:
                return self._segmentation(base, clicks)
        finally:
            self._clicking.discard(ticket)

    def preview(self, base: Runs | None, clicks: tuple[Placed, ...], click: Click) -> Mask:
        """The mask that one more click would give; the newest question is answered.

        Raises:
            BusyError: a click is being worked on, a newer preview came, or previews are slow here.
            ClickError: see `segmentation`.
        """
        ticket = self._newest = object()
        with self._lock:
            started = monotonic()
            if self._clicking or ticket is not self._newest or started < self._rest_until:
                raise BusyError("there is no time for a preview now", cure="ask again")
            before = self._segmentation(base, clicks) if clicks else self._start(base)
            (known,) = markov_maps(self.state, (click.inside(self.state.size),))
            self._glimpse = (click, known)
            mask = segment(self.state, before, click, known).mask
            ended = monotonic()
            if ended - started > GLIMPSE:
                self._rest_until = ended + 10 * (ended - started)
            return mask

    def snapped(self, mask: Mask) -> Mask:
        """A mask drawn anew to the photograph's edges near its own."""
        with self._lock:
            return snapped(self.state, mask)

    def _segmentation(self, base: Runs | None, clicks: tuple[Placed, ...]) -> Segmentation:
        known = len(clicks)
        while known and (base, clicks[:known]) not in self._recent:
            known -= 1
        result = self._recent[base, clicks[:known]] if known else self._start(base)
        placed = check_sequence([c.prompt for c in clicks], self.state.size)
        self._keep_glimpse(placed)
        maps = self._maps(placed[known:]) if known < len(placed) else ()
        for click, by, markov_map in zip(placed[known:], clicks[known:], maps, strict=True):
            result = segment(self.state, result, click, markov_map)
            if by.nudge:
                result = nudged(self.state, result, by.nudge)
        self._recent[base, clicks] = result
        self.nbytes = nbytes(self.state) + int(self._recent.currsize) + self._maps.nbytes
        return result

    def _start(self, base: Runs | None) -> Segmentation:
        return empty(self.state, None if base is None else base.mask)

    def _keep_glimpse(self, placed: tuple[Given, ...]) -> None:
        """A click where the last preview was has its map already."""
        if self._glimpse is not None and placed:
            seen, known = self._glimpse
            if seen.place == placed[-1].place:
                self._maps.keep(seen, known)


_Key = tuple[Runs | None, tuple[Placed, ...]]

_Place = tuple[str, int]
"""A model, and an image that it prepared."""


@dataclass(eq=False)
class Job:
    """An image to be prepared."""

    image: int
    model: Model
    wanted: bool
    was_watched: bool = False
    stage: str | None = None
    running: bool = False
    cancelled: bool = False


class Engine:
    """Prepares images and keeps as many as fit.

    Args:
        model: what prepares them, until another one is chosen.
        images: where photographs come from.
        memory: bytes for prepared images; `MEMORY` if not given.
        ahead: prepare the next image in the background.
    """

    def __init__(
        self,
        model: Model,
        images: Images,
        *,
        memory: int | None = None,
        ahead: bool = True,
    ) -> None:
        self._model = model
        self._images = images
        self._predictor: tuple[Model, Predictor] | None = None
        self._preparing = threading.Lock()
        self._changed = threading.Condition()
        self._prepared: LRUCache[_Place, Prepared] = by_bytes(
            _default_memory() if memory is None else memory, lambda prepared: prepared.nbytes
        )
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._failed: dict[int, str] = {}
        self._watchers: Counter[int] = Counter()
        self._current: int | None = None
        self._closed = False
        self._changes = 0
        threads.start()  # before there are any of a lower priority
        self._threads = [threading.Thread(target=self._work, daemon=True)]
        if ahead:
            self._threads.append(threading.Thread(target=self._work_ahead, daemon=True))
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop working; what is being prepared is dropped at its next stage."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.cancelled = True
            self._notify()

    @property
    def closed(self) -> bool:
        return self._closed

    # What people ask

    def want(self, image: int, sha256: str | None = None) -> WireState:
        """Have an image prepared, before all that nobody watches.

        Args:
            sha256: of its content now; what was prepared of another is dropped.
        """
        with self._changed:
            self._current = image
            self._failed.pop(image, None)
            if not self._holds(image, sha256):
                self._prepared.pop(self._place(image), None)
            if self._place(image) not in self._prepared:
                job = self._jobs.setdefault(image, Job(image, self._model, wanted=True))
                job.wanted, job.cancelled = True, False
                self._jobs.move_to_end(image)
                self._mark_watched()
                self._drop_stale()
            self._notify()
            return self._status(image)

    def holds(self, image: int, sha256: str) -> bool:
        """Is that content ready?"""
        with self._changed:
            return self._holds(image, sha256)

    def status(self, image: int) -> WireState:
        """How far an image is."""
        with self._changed:
            return self._status(image)

    @contextmanager
    def watching(self, image: int) -> Iterator[None]:
        """Somebody waits for this image inside; when nobody does any more, its work is stale."""
        with self._changed:
            self._watchers[image] += 1
            self._mark_watched()
        try:
            yield
        finally:
            with self._changed:
                self._watchers[image] -= 1
                if not self._watchers[image]:
                    del self._watchers[image]
                self._drop_stale()

    def prepared(self, image: int, sha256: str) -> Prepared:
        """An image that is ready, of that content.

        Raises:
            BusyError: it is not; `want` it and wait.
        """
        with self._changed:
            kept = self._prepared.get(self._place(image))
            if kept is not None and kept.sha256 == sha256:
                return kept
            if kept is not None:  # the file was replaced
                del self._prepared[self._place(image)]
            failed = self._failed.get(image)
        raise BusyError(
            failed or "the image is not prepared yet",
            cure="correct that, then prepare it again" if failed else "wait until it is ready",
        )

    def settle(self, image: int) -> None:
        """Let go of the images used longest ago, as many as are too many since this one grew."""
        with self._changed:
            place = self._place(image)
            prepared = self._prepared.get(place)
            dropped = prepared is not None and self._put(place, prepared)
        if dropped:
            _give_back()

    @property
    def nbytes(self) -> int:
        """What all prepared images take in memory, nearly."""
        with self._changed:
            return int(self._prepared.currsize)

    @property
    def model(self) -> Model:
        """What prepares images now."""
        return self._model

    def choose(self, model: Model) -> None:
        """Have images prepared by another model; what the one before has prepared is kept."""
        with self._changed:
            if model == self._model:
                return
            self._model = model
            self._failed.clear()
            for image, job in list(self._jobs.items()):
                job.cancelled = True
                del self._jobs[image]
                if job.wanted and self._place(image) not in self._prepared:
                    self._jobs[image] = Job(image, model, True, job.was_watched)
            self._notify()

    # Inside; the condition's lock is held where a name begins with one underscore

    def _place(self, image: int) -> _Place:
        return (self._model.name, image)

    def _status(self, image: int) -> WireState:
        if self._place(image) in self._prepared:
            depth = self._prepared[self._place(image)].state.depth is not None
            return WireState(state="ready", depth=depth)
        if image in self._failed:
            return WireState(state="failed", error=self._failed[image])
        job = self._jobs.get(image)
        if job is None or job.cancelled:
            return WireState(state="none")
        return WireState(state="preparing" if job.running else "queued", stage=job.stage)

    def _put(self, place: _Place, prepared: Prepared) -> bool:
        """Hold an image, and say whether others had to go; the one people look at stays."""
        before = len(self._prepared.keys() | {place})
        current = None if self._current is None else self._place(self._current)
        seen = None if current == place else current
        looked_at = None if seen is None else self._prepared.get(seen)
        self._prepared[place] = prepared
        if seen is not None and looked_at is not None:
            self._prepared[seen] = looked_at
        return len(self._prepared) < before

    def _holds(self, image: int, sha256: str | None) -> bool:
        prepared = self._prepared.get(self._place(image))
        return prepared is not None and sha256 in (None, prepared.sha256)

    def _mark_watched(self) -> None:
        for image in self._watchers:
            if image in self._jobs:
                self._jobs[image].was_watched = True

    def _drop_stale(self) -> None:
        """Forget what nobody waits for; called when that may have changed."""
        wanted = [j for j in self._jobs.values() if j.wanted]
        unwatched = [j for j in wanted if j.image not in self._watchers]
        left = [j for j in unwatched if j.was_watched]
        over = [j for j in unwatched if not j.was_watched and not j.running][:-WAITING]
        others = len(unwatched) < len(wanted)
        for job in [*left, *over]:
            if not job.running:
                del self._jobs[job.image]
            elif others:
                job.cancelled = True

    def _next(self) -> Job | None:
        """What people wait for: watched ones first, then the newest."""
        waiting = [j for j in self._jobs.values() if j.wanted and not j.running]
        return max(reversed(waiting), key=lambda j: j.image in self._watchers, default=None)

    def _ahead(self, following: int | None) -> Job | None:
        """The image to prepare before anybody asks, if there is nothing else to do."""
        if following is None or self._jobs or following in self._failed:
            return None
        if self._place(following) in self._prepared:
            return None
        job = Job(following, self._model, wanted=False, running=True)
        return self._jobs.setdefault(following, job)

    def _work(self) -> None:
        """Prepare what people wait for."""
        lower_priority(5)  # clicks go first
        while True:
            with self._changed:
                while not self._closed and (job := self._next()) is None:
                    self._changed.wait()
                if self._closed:
                    return
                assert job is not None
                job.running = True
            self._run(job)

    def _work_ahead(self) -> None:
        """Prepare what people will open next; the list is asked for without the lock."""
        lower_priority(10)
        while not self._closed:
            with self._changed:
                seen, current = self._changes, None if self._jobs else self._current
            following = None if current is None else self._images.following(current)
            with self._changed:
                job = self._ahead(following)
                if job is None and seen == self._changes:
                    self._changed.wait()
            if job is not None:
                self._run(job)

    def _notify(self) -> None:
        self._changes += 1
        self._changed.notify_all()

    def _run(self, job: Job) -> None:
        try:
            prepared, new = self._made(job)
        except StaleError:
            self._finish(job)
        except M2N2Error as error:
            self._finish(job, failed=str(error))
        except Exception as error:  # a bug or a lack of memory must not end the thread
            self._finish(job, failed=f"it cannot be prepared ({type(error).__name__})")
        else:
            self._finish(job, prepared=prepared)
            if new and job.model.keep:
                job.model.keep(prepared.state)

    def _finish(
        self, job: Job, *, prepared: Prepared | None = None, failed: str | None = None
    ) -> None:
        with self._changed:
            if self._jobs.get(job.image) is job:
                del self._jobs[job.image]
            place = (job.model.name, job.image)
            dropped = prepared is not None and self._put(place, prepared)
            if failed is not None and job.model == self._model:
                self._failed[job.image] = failed
            self._notify()
        if dropped:
            _give_back()

    def _made(self, job: Job) -> tuple[Prepared, bool]:
        """An image, and whether it was prepared now."""
        content = self._images.content(job.image)
        model = job.model
        elsewhere = model.lookup(content) if model.lookup else None
        if elsewhere is not None:
            return Prepared(content.sha256, elsewhere), False
        with self._preparing:
            self._announce(job, "model")
            if self._predictor is None or self._predictor[0] != model:
                self._predictor = None  # the memory of two would be too much
                self._predictor = (model, model.load())
            _, loaded = self._predictor
            began = monotonic()
            state = prepare(
                content.image,
                loaded.attention,
                loaded.depth,
                loaded.settings,
                device=loaded.device,
                progress=lambda stage: self._announce(job, stage),
            )
            model.took.append(monotonic() - began)
        return Prepared(content.sha256, state), True

    def _announce(self, job: Job, stage: str) -> None:
        """A stage begins: say so, and stop here if nobody wants it any more."""
        with self._changed:
            job.stage = stage
            gives_way = not job.wanted and any(j.wanted for j in self._jobs.values())
            if job.cancelled or gives_way or self._closed:
                if self._jobs.get(job.image) is job:
                    del self._jobs[job.image]  # at once, so that it may be wanted again
                raise StaleError
            self._notify()


def lower_priority(by: int) -> None:
    """Of this thread, and of those it starts; where threads have one."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), by)


def _give_back() -> None:
    """Freed memory goes back to the system, where the C library would keep it (glibc)."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _default_memory() -> int:
    try:
        own = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not every system says
        return MEMORY
    return min(MEMORY, own // 4)


def nbytes(value: Any, seen: set[int] | None = None) -> int:
    """Bytes of the arrays that a value holds."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        return int(value.untyped_storage().nbytes())
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, list | tuple):
        return sum(nbytes(part, seen) for part in value)
    if is_dataclass(value):
        return sum(nbytes(getattr(value, f.name), seen) for f in fields(value))
    return sum(nbytes(part, seen) for part in getattr(value, "__dict__", {}).values())
