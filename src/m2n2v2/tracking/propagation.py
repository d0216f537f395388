"""From frames with labels to the labels of the next one: affinity, flow, the photograph's outline.

frame UInt8 "H W 3"
  features                Float "h w c"    of cells (`cells`)
  affinity to known cells Float "h w k"    shares of the objects, which sum to 1 (`affinity`)
  + objects' model        Float "h w k"    what tells them from the rest (`object_model`)
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
from m2n2v2.tracking.flow import belief, chained, flow, opencv, over_cells, warped
from m2n2v2.tracking.object_model import RECENT, Moments, ObjectModel, Shares
from m2n2v2.tracking.settings import TrackingSettings
from m2n2v2.tracking.tracks import Labels

FeaturesOf = Callable[[Image], Features]


@dataclass(frozen=True)
class Known:
    """A frame whose labels are known, at working size.

    Attributes:
        index: of the frame.
        shares: of its cells.
    """

    index: int
    image: Image
    labels: Labels
    features: Features
    shares: Shares

    @cached_property
    def moments(self) -> Moments:
        """What it tells the objects' model."""
        return Moments.of(self.features, self.shares)


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
        anchors: Sequence[Known],
        settings: TrackingSettings,
    ) -> None:
        self._features, self._numbers, self._settings = features, tuple(numbers), settings
        self._anchors = tuple(anchors)
        self._recent: deque[tuple[Known, Float32[np.ndarray, "h w 2"]]] = deque(
            maxlen=settings.recent
        )  # the newest first, with the way to it from the newest frame

    def known(self, index: int, image: Image, labels: Labels) -> Known:
        """A frame with its labels, to be an anchor or to go on from."""
        features = self._features(image) if self._settings.keep else _NOTHING
        cells = Size(*features.shape[:2])
        return Known(index, image, labels, features, shares_of(labels, self._numbers, cells))

    def remember(self, known: Known) -> None:
        """Go on from a frame whose labels are known: the person's, or an earlier result."""
        if self._recent:
            there = flow(known.image, self._recent[0][0].image)
            self._move(over_cells(there, Size(*known.features.shape[:2])))
        still = np.zeros((*known.features.shape[:2], 2), np.float32)
        self._recent.appendleft((known, still))

    def step(self, index: int, image: Image) -> Answer:
        """The labels of the next frame; `settle` remembers it."""
        settings, (last, _) = self._settings, self._recent[0]
        size = Size(*image.shape[:2])
        there = flow(image, last.image)
        known = self.known(index, image, np.zeros(size.shape, np.int32))
        self._move(over_cells(there, Size(*known.features.shape[:2])))
        likely = np.zeros((*size.shape, len(self._numbers) + 1), np.float32)
        if settings.keep:
            cells, _ = propagated(
                known.features,
                self._contexts(),
                keep=settings.keep,
                temperature=settings.temperature,
            )
            if settings.model:
                told = self._model().read(known.features, last.features, last.shares)
                cells += np.float32(settings.model) * (told - cells)
            likely += enlarged(cells, size)
        if settings.flow_weight:
            share = np.ones((*size.shape, 1), np.float32)
            if settings.keep:
                believed = belief(there, flow(last.image, image))
                share = np.float32(settings.flow_weight) * believed[:, :, None]
            prior = shares_of(last.labels, self._numbers, size)
            likely += share * _channels(warped(prior, there))
            likely /= share + (1 if settings.keep else 0)
        self._stepped = known
        labels = decided(likely, self._numbers, image, settings.refinement)
        return Answer(labels, confidences(likely, labels, self._numbers))

    def settle(self, labels: Labels) -> None:
        """Go on from the frame of the last step, with the labels that are kept of it."""
        known = self._stepped
        cells = Size(*known.features.shape[:2])
        shares = shares_of(labels, self._numbers, cells)
        still = np.zeros((*cells.shape, 2), np.float32)
        self._recent.appendleft((replace(known, labels=labels, shares=shares), still))

    def _model(self) -> ObjectModel:
        """What the frames that are known say that the objects look like."""
        anchors = {known.index: (known.moments, 1.0) for known in self._anchors}
        recent = {known.index: (known.moments, RECENT) for known, _ in self._recent}
        return ObjectModel.of(list((recent | anchors).values()))

    def _move(self, step: Float32[np.ndarray, "h w 2"]) -> None:
        """Every recent frame is one step farther away."""
        for at, (known, way) in enumerate(self._recent):
            self._recent[at] = (known, chained(step, way))

    def _contexts(self) -> list[Context]:
        settings = self._settings
        short = min(self._recent[0][0].features.shape[:2])
        near, far = settings.radius * short, settings.anchor_radius * short
        here = set(np.unique(self._recent[0][0].labels).tolist())
        if not here.issuperset(self._numbers):  # one is hidden: it may come back anywhere
            far = float("inf")
        contexts = [Context(k.features, k.shares, way, near) for k, way in self._recent]
        recent = {known.index for known, _ in self._recent}
        for known in self._anchors:
            if known.index not in recent:
                still = np.zeros((*known.features.shape[:2], 2), np.float32)
                contexts.append(Context(known.features, known.shares, still, far))
        return contexts


PASSES = 1
"""Of the refinement: the next frame goes on from its outline, so more would wander."""

_NOTHING: Features = np.zeros((1, 1, 1), np.float32)


def shares_of(labels: Labels, numbers: Sequence[int], cells: Size) -> Shares:
    """How much of each cell the background and each object cover; other numbers are background."""
    cv2 = opencv()
    masks = np.stack([labels == number for number in numbers], 2).astype(np.float32)
    if masks.shape[:2] != cells.shape:
        small = [
            cv2.resize(masks[:, :, i], (cells.width, cells.height), interpolation=cv2.INTER_AREA)
            for i in range(len(numbers))
        ]
        masks = np.stack(small, 2)
    background = np.clip(1 - masks.sum(2, keepdims=True), 0, 1)
    return np.concatenate([background, masks], 2).astype(np.float32)


def enlarged(cells: Shares, size: Size) -> Float32[np.ndarray, "H W k"]:
    """Shares of cells as shares of pixels, bilinear between the cells' centres."""
    cv2 = opencv()
    out = cv2.resize(cells, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return _channels(out)


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


def _channels(values: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "H W k"]:
    """OpenCV drops the last axis where it is 1."""
    return values if values.ndim == 3 else values[:, :, None]
