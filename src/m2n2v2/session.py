"""Clicking on one image: click, scribble, box, snap, undo, redo, remove, reset, over a history of
immutable steps."""

from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from m2n2v2.arrays import Image, Mask, PixelMap
from m2n2v2.errors import ClickError, PromptError
from m2n2v2.kept import by_bytes
from m2n2v2.method.values import ImageState, MarkovMap, Segmentation
from m2n2v2.method.walk import empty, markov_maps, segment
from m2n2v2.overlays import overlay, png, rescaled
from m2n2v2.prompts import SNAP, Box, Click, Given, Scribble, Snap, Step, check_sequence
from m2n2v2.snapping import snapped

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
class _Place:
    """A place in the history: one step more than before. Sequences share their beginnings."""

    before: "_Place | None" = None
    step: Step | None = None

    def path(self) -> list["_Place"]:
        """The places up to this one, the first of them without a step."""
        places, place = [self], self.before
        while place is not None:
            places.append(place)
            place = place.before
        return places[::-1]

    def since(self) -> list["_Place"]:
        """The places of prompts up to this one, those before the last snap left out."""
        path = self.path()
        begin = max(at for at, place in enumerate(path) if not isinstance(place.step, Given))
        return path[begin + 1 :]


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
        self._history = [_Place()]
        self._at = 0
        self._start = empty(state, previous)
        self._kept: LRUCache[_Place, Segmentation] = by_bytes(BYTES, _own_bytes)

    @property
    def segmentation(self) -> Segmentation:
        """The current segmentation: clicks, maps, scales and mask."""
        return self._made(self._history[self._at])

    @property
    def steps(self) -> tuple[Step, ...]:
        """All that was done so far, in order, snaps among the prompts: another session that makes
        the same steps has the same mask."""
        return tuple(place.step for place in self._history[self._at].path() if place.step)

    @property
    def prompts(self) -> tuple[Given, ...]:
        """What was given so far, in order; those before the last snap are spent."""
        steps = (place.step for place in self._history[self._at].since())
        return tuple(step for step in steps if isinstance(step, Given))

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

    def snap(self) -> Segmentation:
        """Draw the mask anew to the photograph, near its own outline (`snapping`).

        From then on it stands for itself, as one that a session began with: the prompts before it
        are spent, and further ones correct it.

        Raises:
            PromptError: it has no pixel; nothing changes.
        """
        return self.add(SNAP)

    def add(self, step: Step) -> Segmentation:
        """One prompt more, or a snap.

        Raises:
            ClickError, PromptError: outside the image, contradicting an earlier prompt, or nothing
                to draw anew; nothing changes.
        """
        if isinstance(step, Snap):
            if not self.mask.any():
                raise PromptError(
                    "there is no mask to draw anew", cure="click on the object, or begin with one"
                )
        else:
            step = step.inside(self.state.size)
            check_sequence((*self.prompts, step), self.state.size)
        place = _Place(self._history[self._at], step)
        self._kept[place] = self._after(self.segmentation, [step])
        return self._record(place)

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
        places = self._history[self._at].since()
        count = len(places)
        if not -count <= index < count:
            raise ClickError(f"there is no click {index} among {count}", cure="use an index from 0")
        index %= count
        place = places[index].before
        for later in places[index + 1 :]:
            place = _Place(place, later.step)
        return self._record(place or self._history[0])

    def reset(self) -> Segmentation:
        """Back to the start, as a change that can be undone."""
        return self._record(self._history[0])

    @property
    def picture(self) -> Image:
        """The photograph at working size, with the mask and the numbered prompts on it."""
        state, made = self.state, self.segmentation
        prompts = tuple(rescaled(given, state.size, state.working_size) for given in made.given)
        return overlay(state.guide, made.working_mask, prompts)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: `picture`."""
        return png(self.picture)

    def _record(self, place: _Place) -> Segmentation:
        result = self._made(place)
        self._history[self._at + 1 :] = [place]
        self._at += 1
        return result

    def _made(self, wanted: _Place) -> Segmentation:
        """A place's segmentation: kept, or made from the last one before it that is."""
        if wanted.step is None:
            return self._start
        if wanted in self._kept:
            return self._kept[wanted]
        path = wanted.path()
        known = max((at for at, place in enumerate(path) if place in self._kept), default=0)
        result = self._kept[path[known]] if known else self._start
        result = self._after(result, [place.step for place in path[known + 1 :] if place.step])
        self._kept[wanted] = result
        return result

    def _after(self, result: Segmentation, steps: list[Step]) -> Segmentation:
        """The segmentation after some steps; the maps not known are computed in one chain."""
        maps = iter(self._maps(step for step in steps if not isinstance(step, Snap)))
        for step in steps:
            if isinstance(step, Snap):
                result = empty(self.state, snapped(self.state, result.mask))
            else:
                result = segment(self.state, result, step, next(maps))
        return result


def _own_bytes(kept: Segmentation) -> int:
    """What a segmentation takes beside the one before it, whose maps it shares."""
    return int(kept.margin.nbytes) + (_bytes(kept.prompts[-1].map) if kept.prompts else 0)


def _bytes(markov_map: MarkovMap) -> int:
    scales = markov_map.candidates
    return int(
        markov_map.values.nbytes
        + scales.thresholds.nbytes
        + scales.area.nbytes
        + scales.edge.nbytes
    )
