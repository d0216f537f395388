"""From frames with labels to the labels of the next one: affinity, flow, the photograph's outline.

frame UInt8 "H W 3"
  features                Float "h w c"    of cells (`cells`)
  affinity to known cells Float "h w k"    shares of the objects, which sum to 1 (`affinity`)
  + objects' model        Float "h w k"    what tells them from the rest (`object_model`)
  - what is left behind   Float "h w k"    moves with the background (`motion`)
  bilinear upsampling     Float "H W k"
  + warped masks          Float "H W k"    as far as the flow is believed (`flow`)
  margin of each object   Float "H W"      over the best of the others
  refinement              Float "H W"      the method's own last step (`photograph.refinement`)
= labels                  Int "H W"        the largest margin, or background
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32

from m2n2v2.arrays import Image
from m2n2v2.grid import Size
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined
from m2n2v2.tracking.affinity import Context, propagated
from m2n2v2.tracking.cells import Features
from m2n2v2.tracking.flow import belief, chained, flow, warped
from m2n2v2.tracking.motion import left_behind, without
from m2n2v2.tracking.object_model import RECENT, Moments, ObjectModel, Shares
from m2n2v2.tracking.resampling import cell_means, enlarged, over_cells, with_channels
from m2n2v2.tracking.settings import TrackingSettings
from m2n2v2.tracking.tracks import Labels

FeaturesOf = Callable[[Image], Features]


@dataclass(frozen=True)
class Cells:
    """What is known of a frame's cells.

    Attributes:
        index: of the frame.
    """

    index: int
    features: Features
    shares: Shares

    @cached_property
    def moments(self) -> Moments:
        """What they tell the objects' model."""
        return Moments.of(self.features, self.shares)

    @property
    def grid(self) -> Size:
        return Size(*self.features.shape[:2])


@dataclass(frozen=True)
class Known:
    """A frame whose labels are known, at working size."""

    image: Image
    labels: Labels
    cells: Cells


@dataclass(frozen=True)
class Answer:
    """What propagation says of a frame: labels at working size, and how sure it is."""

    labels: Labels
    confidence: dict[int, float]


class Propagation:
    """The memory of one run through the frames, away from a person's frame.

    Args:
        features: describes the cells of a frame.
        numbers: of the objects, ascending.
        anchors: frames of a person, whichever are to be asked beside the recent ones.
        settings: constants.
    """

    def __init__(
        self,
        features: FeaturesOf,
        numbers: Sequence[int],
        anchors: Sequence[Cells],
        settings: TrackingSettings,
    ) -> None:
        self._features, self._numbers, self._settings = features, tuple(numbers), settings
        self._anchors = tuple(anchors)
        self._last: Known | None = None
        self._recent: deque[tuple[Cells, Float32[np.ndarray, "h w 2"]]] = deque(
            maxlen=settings.lags[-1]
        )  # the newest first, with the way to it from the newest frame

    def known(self, index: int, image: Image, labels: Labels) -> Known:
        """A frame with its labels, to be an anchor or to go on from."""
        features = self._features(image) if self._settings.keep else _NOTHING
        shares = shares_of(labels, self._numbers, Size(*features.shape[:2]))
        return Known(image, labels, Cells(index, features, shares))

    def remember(self, known: Known) -> None:
        """Go on from a frame whose labels are known: the person's, or an earlier result."""
        if self._last is not None:
            there = flow(known.image, self._last.image)
            self._move(over_cells(there, known.cells.grid))
        self._add(known)

    def step(self, index: int, image: Image) -> Answer:
        """The labels of the next frame; `settle` remembers it."""
        settings, last = self._settings, self._last
        assert last is not None, "remember comes first"
        size = Size(*image.shape[:2])
        there = flow(image, last.image)
        self._stepped = known = self.known(index, image, np.zeros(size.shape, np.int32))
        self._move(over_cells(there, known.cells.grid))
        likely = with_channels(warped(shares_of(last.labels, self._numbers, size), there))
        if settings.keep:
            believed = belief(there, flow(last.image, image))
            cells = self._propagated(known.cells)
            if settings.motion:
                veto = left_behind(image, last.image, there, believed, likely, known.cells.grid)
                cells = without(cells, np.float32(settings.motion) * veto)
            weight = np.float32(settings.flow_weight) * believed[:, :, None]
            likely = (enlarged(cells, size) + weight * likely) / (1 + weight)
        labels = decided(likely, self._numbers, image, settings.refinement)
        return Answer(labels, confidences(likely, labels, self._numbers))

    def settle(self, labels: Labels) -> None:
        """Go on from the frame of the last step, with the labels that are kept of it."""
        cells = self._stepped.cells
        shares = shares_of(labels, self._numbers, cells.grid)
        self._add(replace(self._stepped, labels=labels, cells=replace(cells, shares=shares)))

    def _propagated(self, cells: Cells) -> Shares:
        """By affinity, and by the objects' model."""
        settings, (last, _) = self._settings, self._recent[0]
        shares, _ = propagated(
            cells.features,
            self._contexts(),
            keep=settings.keep,
            temperature=settings.temperature,
        )
        if settings.model:
            told = self._model().read(cells.features, last.features, last.shares)
            shares += np.float32(settings.model) * (told - shares)
        return shares

    def _add(self, known: Known) -> None:
        self._last = known
        still = np.zeros((*known.cells.grid.shape, 2), np.float32)
        self._recent.appendleft((known.cells, still))

    def _model(self) -> ObjectModel:
        """What the frames that are known say that the objects look like."""
        anchors = {cells.index: (cells.moments, 1.0) for cells in self._anchors}
        recent = {cells.index: (cells.moments, RECENT) for cells, _ in self._recent}
        return ObjectModel.of(list((recent | anchors).values()))

    def _move(self, step: Float32[np.ndarray, "h w 2"]) -> None:
        """Every recent frame is one step farther away."""
        for at, (cells, way) in enumerate(self._recent):
            self._recent[at] = (cells, chained(step, way))

    def _contexts(self) -> list[Context]:
        settings, (last, _) = self._settings, self._recent[0]
        short = min(last.grid.shape)
        near, far = settings.radius * short, settings.anchor_radius * short
        seen = last.shares[:, :, 1:].any((0, 1))
        if not seen.all():  # one is hidden: it may come back anywhere
            far = float("inf")
        asked = [self._recent[lag - 1] for lag in settings.lags if lag <= len(self._recent)]
        contexts = [Context(cells.features, cells.shares, way, near) for cells, way in asked]
        already = {cells.index for cells, _ in asked}
        for cells in self._anchors:
            if cells.index not in already:
                still = np.zeros((*cells.grid.shape, 2), np.float32)
                contexts.append(Context(cells.features, cells.shares, still, far))
        return contexts


PASSES = 1
"""Of the refinement: the next frame goes on from its outline, so more would wander."""

_NOTHING: Features = np.zeros((1, 1, 1), np.float32)


def shares_of(labels: Labels, numbers: Sequence[int], cells: Size) -> Shares:
    """How much of each cell the background and each object cover; other numbers are background."""
    masks = np.stack([labels == number for number in numbers], 2).astype(np.float32)
    if masks.shape[:2] != cells.shape:
        masks = np.stack([cell_means(mask, cells) for mask in masks.transpose(2, 0, 1)], 2)
    background = np.clip(1 - masks.sum(2, keepdims=True), 0, 1)
    return np.concatenate([background, masks], 2).astype(np.float32)


def decided(
    likely: Float32[np.ndarray, "H W k"],
    numbers: Sequence[int],
    image: Image,
    reach: float,
) -> Labels:
    """Each pixel's object: the one whose refined margin over all others is the largest over 0."""
    photograph = Photograph.of(image, boundaries=False) if reach else None
    best = np.zeros(likely.shape[:2], np.float32)
    labels = np.zeros(likely.shape[:2], np.int32)
    for at, number in enumerate(numbers, 1):
        others = np.delete(likely, at, axis=2).max(2)
        margin = likely[:, :, at] - others
        if photograph is not None:
            margin = refined(
                torch.from_numpy(margin), photograph, [], [], reach, passes=PASSES
            ).numpy()
        ahead = margin > best
        labels[ahead], best[ahead] = number, margin[ahead]
    return labels


def confidences(
    likely: Float32[np.ndarray, "H W k"], labels: Labels, numbers: Sequence[int]
) -> dict[int, float]:
    """How sure each object's mask is: the mean share it has there; of an empty one, what the
    largest share that it has anywhere leaves."""
    sure = {}
    for at, number in enumerate(numbers, 1):
        mask = labels == number
        value = likely[:, :, at][mask].mean() if mask.any() else 1 - likely[:, :, at].max()
        sure[number] = float(np.clip(value, 0, 1))
    return sure
