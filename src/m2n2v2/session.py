"""Clicking on one image: click, undo, redo, remove, reset, over a history of immutable steps."""

from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.errors import ClickError
from m2n2v2.kept import by_bytes
from m2n2v2.method.values import ImageState, MarkovMap, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.prompts import Click, check_sequence

BYTES = 256 << 20
"""That a session's segmentations, or a cache's maps, take at most; the newest always stays, and
older ones are made again when they are asked for."""


class MapCache:
    """The Markov-maps of one image by clicked pixel, the least recently used dropped first.

    A map depends on its pixel, the image and the settings, nothing else, so it can be kept
    through undo, removal and relabelling.

    Args:
        limit: bytes that they take, at most.
    """

    def __init__(self, state: ImageState, limit: int = BYTES) -> None:
        self.state = state
        self._maps: LRUCache[tuple[int, int], MarkovMap] = by_bytes(limit, _bytes)

    @property
    def nbytes(self) -> int:
        """What the maps that are kept take."""
        return int(self._maps.currsize)

    def keep(self, click: Click, known: MarkovMap) -> None:
        """Know the map of a click, computed elsewhere."""
        self._maps[click.x, click.y] = known

    def __call__(self, clicks: Iterable[Click]) -> tuple[MarkovMap, ...]:
        """The map of each click; those not known are computed together, in one chain."""
        clicks = tuple(clicks)
        wanted = [(click.x, click.y) for click in clicks]
        maps = {at: self._maps[at] for at in wanted if at in self._maps}
        missing = {at: click for at, click in zip(wanted, clicks, strict=True) if at not in maps}
        if missing:
            maps |= zip(missing, markov_maps(self.state, tuple(missing.values())), strict=True)
        for at in wanted:
            self._maps[at] = maps[at]
        return tuple(maps[at] for at in wanted)


def replay(
    state: ImageState,
    clicks: Iterable[Click],
    *,
    maps: MapCache | None = None,
    previous: Mask | None = None,
) -> Segmentation:
    """The segmentation after a sequence of clicks, in their order.

    Args:
        previous: the segmentation that the last click corrects, at the photograph's size; what
            the clicks before it gave, if not given.

    Raises:
        ClickError: no clicks, one outside the image, or two opposite ones on a pixel.
    """
    clicks = check_sequence(clicks, state.size)
    if not clicks:
        raise ClickError("no clicks came", cure="give at least one click")
    known_maps = (maps or MapCache(state))(clicks)
    result = empty(state)
    for click, known in zip(clicks[:-1], known_maps[:-1], strict=True):
        result = segment(state, result, click, known)
    if previous is not None:
        result = result.corrected(empty(state, previous).margin)
    return segment(state, result, clicks[-1], known_maps[-1])


@dataclass(frozen=True, eq=False)
class _Step:
    """A place in the history: one click more than before. Sequences share their beginnings."""

    before: "_Step | None" = None
    click: Click | None = None

    def path(self) -> list["_Step"]:
        """The steps up to this one, the first of them without a click."""
        steps, step = [self], self.before
        while step is not None:
            steps.append(step)
            step = step.before
        return steps[::-1]


class Session:
    """A person clicking on one image.

    Order matters, as the method says: a click's limit depends on the segmentation before it. So
    removing a click replays those that remain. The clicks of every state are kept, and `undo` and
    `redo` move among them; the segmentations of the newest only, so that a session may go on for
    ever.

    Args:
        state: the prepared image (`prepare`, or `Predictor.session()`).
        previous: a mask to correct, at the photograph's size; it stays wherever no click claims a
            pixel. Empty if not given.
    """

    def __init__(self, state: ImageState, previous: Mask | None = None) -> None:
        self.state = state
        self._maps = MapCache(state, BYTES)
        self._history = [_Step()]
        self._at = 0
        self._start = empty(state, previous)
        self._kept: LRUCache[_Step, Segmentation] = by_bytes(BYTES, _own_bytes)

    @property
    def segmentation(self) -> Segmentation:
        """The current segmentation: clicks, maps, scales and mask."""
        return self._made(self._history[self._at])

    @property
    def clicks(self) -> tuple[Click, ...]:
        return tuple(step.click for step in self._history[self._at].path() if step.click)

    @property
    def mask(self) -> Mask:
        """The current mask, at the photograph's size."""
        return self.segmentation.mask

    @property
    def soft_mask(self) -> PixelMap:
        """The current margin, at the photograph's size; over 0 on the object."""
        return self.segmentation.soft_mask

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at < len(self._history) - 1

    def click(self, x: float, y: float, positive: bool = True) -> Segmentation:
        """Click at (x, y) in pixels; `positive=False` marks background.

        Raises:
            ClickError: outside the image, or contradicting an earlier click; nothing changes.
        """
        click = Click(x, y, positive).inside(self.state.size)
        (known,) = self._maps((click,))
        result = segment(self.state, self.segmentation, click, known)
        step = _Step(self._history[self._at], click)
        self._kept[step] = result
        return self._record(step)

    def undo(self) -> Segmentation:
        """Back to before the last change; without one, nothing happens."""
        self._at = max(self._at - 1, 0)
        return self.segmentation

    def redo(self) -> Segmentation:
        """Forward again; without anything undone, nothing happens."""
        self._at = min(self._at + 1, len(self._history) - 1)
        return self.segmentation

    def remove(self, index: int) -> Segmentation:
        """Take one click out, as if it had never been made; later ones are replayed.

        Raises:
            ClickError: no click of that index.
        """
        path = self._history[self._at].path()
        count = len(path) - 1
        if not -count <= index < count:
            raise ClickError(f"there is no click {index} among {count}", cure="use an index from 0")
        index %= count
        step = path[index]
        for later in path[index + 2 :]:
            step = _Step(step, later.click)
        return self._record(step)

    def reset(self) -> Segmentation:
        """Back to the start, as a change that can be undone."""
        return self._record(self._history[0])

    def _record(self, step: _Step) -> Segmentation:
        result = self._made(step)
        self._history[self._at + 1 :] = [step]
        self._at += 1
        return result

    def _made(self, wanted: _Step) -> Segmentation:
        """A step's segmentation: kept, or made from the last one before it that is."""
        if wanted.click is None:
            return self._start
        if wanted in self._kept:
            return self._kept[wanted]
        path = wanted.path()
        known = max((at for at, step in enumerate(path) if step in self._kept), default=0)
        result = self._kept[path[known]] if known else self._start
        clicks = [step.click for step in path[known + 1 :] if step.click]
        for click, markov_map in zip(clicks, self._maps(clicks), strict=True):
            result = segment(self.state, result, click, markov_map)
        self._kept[wanted] = result
        return result


def _own_bytes(kept: Segmentation) -> int:
    """What a segmentation takes beside the one before it, whose maps it shares."""
    return int(kept.margin.nbytes) + _bytes(kept.prompts[-1].map)


def _bytes(markov_map: MarkovMap) -> int:
    scales = markov_map.candidates
    return int(
        markov_map.values.nbytes
        + scales.thresholds.nbytes
        + scales.area.nbytes
        + scales.edge.nbytes
    )
