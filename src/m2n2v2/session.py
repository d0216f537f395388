"""Clicking on one image: click, scribble, box, undo, redo, remove, reset, over a history of
immutable steps."""

from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from m2n2v2.arrays import Image, Mask, PixelMap
from m2n2v2.errors import ClickError
from m2n2v2.kept import by_bytes
from m2n2v2.method.values import ImageState, MarkovMap, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.overlays import overlay, png, rescaled
from m2n2v2.prompts import Box, Click, Given, Scribble, check_sequence

BYTES = 256 << 20
"""That a session's segmentations, or a cache's maps, take at most; the newest always stays, and
older ones are made again when they are asked for."""


class MapCache:
    """The Markov-maps of one image by their prompts' place, the least recently used dropped first.

    A map depends on its place, the image and the settings, nothing else, so it can be kept
    through undo, removal and relabelling.

    Args:
        limit: bytes that they take, at most.
    """

    def __init__(self, state: ImageState, limit: int = BYTES) -> None:
        self.state = state
        self._maps: LRUCache[object, MarkovMap] = by_bytes(limit, _bytes)

    @property
    def nbytes(self) -> int:
        """What the maps that are kept take."""
        return int(self._maps.currsize)

    def keep(self, prompt: Given, known: MarkovMap) -> None:
        """Know the map of a prompt, computed elsewhere."""
        self._maps[prompt.place] = known

    def __call__(self, prompts: Iterable[Given]) -> tuple[MarkovMap, ...]:
        """The map of each prompt; those not known are computed together, in one chain."""
        prompts = tuple(prompts)
        wanted: list[object] = [prompt.place for prompt in prompts]
        maps = {at: self._maps[at] for at in wanted if at in self._maps}
        missing = {at: prompt for at, prompt in zip(wanted, prompts, strict=True) if at not in maps}
        if missing:
            maps |= zip(missing, markov_maps(self.state, tuple(missing.values())), strict=True)
        for at in wanted:
            self._maps[at] = maps[at]
        return tuple(maps[at] for at in wanted)


def replay(
    state: ImageState,
    prompts: Iterable[Given],
    *,
    maps: MapCache | None = None,
    previous: Mask | None = None,
) -> Segmentation:
    """The segmentation after a sequence of prompts, in their order.

    Args:
        previous: the segmentation that the last prompt corrects, at the photograph's size; what
            the prompts before it gave, if not given.

    Raises:
        ClickError: no prompts, a click outside the image, or two opposite ones on a pixel.
        PromptError: the same of scribbles and boxes.
    """
    prompts = check_sequence(prompts, state.size)
    if not prompts:
        raise ClickError("no clicks came", cure="give at least one click, scribble or box")
    known_maps = (maps or MapCache(state))(prompts)
    result = empty(state)
    for prompt, known in zip(prompts[:-1], known_maps[:-1], strict=True):
        result = segment(state, result, prompt, known)
    if previous is not None:
        result = result.corrected(empty(state, previous).margin)
    return segment(state, result, prompts[-1], known_maps[-1])


@dataclass(frozen=True, eq=False)
class _Step:
    """A place in the history: one prompt more than before. Sequences share their beginnings."""

    before: "_Step | None" = None
    prompt: Given | None = None

    def path(self) -> list["_Step"]:
        """The steps up to this one, the first of them without a prompt."""
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
    def prompts(self) -> tuple[Given, ...]:
        """What was given so far, in order."""
        return tuple(step.prompt for step in self._history[self._at].path() if step.prompt)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The clicks among them."""
        return tuple(prompt for prompt in self.prompts if isinstance(prompt, Click))

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
        return self.add(Click(x, y, positive))

    def scribble(self, points: object, positive: bool = True) -> Segmentation:
        """Draw a stroke through points (x, y), `N x 2`; `positive=False` marks background.

        Raises:
            PromptError: malformed, outside the image, or contradicting an earlier prompt; nothing
                changes.
        """
        return self.add(Scribble(points, positive))

    def box(
        self, x0: float, y0: float, x1: float, y1: float, positive: bool = True
    ) -> Segmentation:
        """Draw a box by two corners: the object is inside; `positive=False`: nothing inside is.

        Raises:
            PromptError: malformed, outside the image, or contradicting an earlier prompt; nothing
                changes.
        """
        return self.add(Box(x0, y0, x1, y1, positive))

    def add(self, prompt: Given) -> Segmentation:
        """One prompt more.

        Raises:
            ClickError, PromptError: outside the image, or contradicting an earlier prompt; nothing
                changes.
        """
        prompt = prompt.inside(self.state.size)
        check_sequence((*self.prompts, prompt), self.state.size)
        (known,) = self._maps((prompt,))
        result = segment(self.state, self.segmentation, prompt, known)
        step = _Step(self._history[self._at], prompt)
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
        """Take one prompt out, as if it had never been made; later ones are replayed.

        Raises:
            ClickError: no prompt of that index.
        """
        path = self._history[self._at].path()
        count = len(path) - 1
        if not -count <= index < count:
            raise ClickError(f"there is no click {index} among {count}", cure="use an index from 0")
        index %= count
        step = path[index]
        for later in path[index + 2 :]:
            step = _Step(step, later.prompt)
        return self._record(step)

    def reset(self) -> Segmentation:
        """Back to the start, as a change that can be undone."""
        return self._record(self._history[0])

    @property
    def picture(self) -> Image:
        """The photograph at working size, with the mask and the numbered prompts on it."""
        state, made = self.state, self.segmentation
        prompts = tuple(rescaled(each, state.size, state.working_size) for each in self.prompts)
        return overlay(state.guide, made.working_mask, prompts)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: `picture`."""
        return png(self.picture)

    def _record(self, step: _Step) -> Segmentation:
        result = self._made(step)
        self._history[self._at + 1 :] = [step]
        self._at += 1
        return result

    def _made(self, wanted: _Step) -> Segmentation:
        """A step's segmentation: kept, or made from the last one before it that is."""
        if wanted.prompt is None:
            return self._start
        if wanted in self._kept:
            return self._kept[wanted]
        path = wanted.path()
        known = max((at for at, step in enumerate(path) if step in self._kept), default=0)
        result = self._kept[path[known]] if known else self._start
        prompts = [step.prompt for step in path[known + 1 :] if step.prompt]
        for prompt, markov_map in zip(prompts, self._maps(prompts), strict=True):
            result = segment(self.state, result, prompt, markov_map)
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
