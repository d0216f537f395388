"""What a photograph, and the place of a click, say about its scale: terms of ours, for attentions
that are weak.

The paper's score asks the Markov-map alone where its edges are. With the attention of a diffusion
model that is enough; with one computed from colours, the photograph and the click know more:

- a segment ends where the photograph has a boundary;
- few objects follow the image's frame;
- people mean things rather than specks;
- people click in the middle of what they want changed (the premise of Eq. 9 and 10, too), and draw
  strokes along it.

See docs/decisions/offline-attention.md for what the terms are worth.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int32
from scipy import ndimage

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.attention.featured import Looks
from m2n2v2.compiled.threads import over_rows
from m2n2v2.method.scoring import Candidates
from m2n2v2.photograph import _scale_evidence as kernel
from m2n2v2.photograph.base import Photograph
from m2n2v2.prompts.clicks import Pixels

CHOICES = 48
"""Scales weighed: of so many bands of area, evenly spaced in its logarithm, the strongest edge."""

SMALLEST = 12
"""Pixels of the smallest scale weighed."""

BOUNDARY_POWER = 2.0
"""Of the mean boundary strength along the outline."""

BOUNDARY_FLOOR = 0.01
"""Added to that strength."""

FRAME_WEIGHT = 5.0
"""The score falls to 1/e where this share's inverse of the outline lies on the image's frame."""

AREA_POWER = 0.45
"""Of the segment's area."""

MIDDLE_POWER = 4.0
"""Of `middle`, the depth of a first click inside its segment."""

CORRECTION_POWER = 10.0
"""Of `middle`, the depth of a later click inside the change; a correction is meant more exactly."""

STROKE_MIDDLE_POWER = 4.0
"""Of the mean depth of a stroke's pixels inside its segment, over that of the deepest pixel."""

AWAY_POWER = 2.0
"""Of how far a stroke's segment reaches away from it (`_strokes`): people draw along the middle of
what they mean, nearly from end to end."""

LIKENESS_WEIGHT = 10.0
"""Of how much a stroke's segment looks like the stroke to a network, where one was asked: the mean
of `Looks.likeness`, in [-1, 1]."""

COARSE = 12_000
"""Pixels at which the depths of candidates are measured."""


def weighed(
    values: PixelMap,
    known: Candidates,
    pixels: Pixels,
    positive: bool,
    before: Mask,
    photograph: Photograph,
    most: float = math.inf,
    looks: Looks | None = None,
) -> Candidates:
    """Some of a map's candidates, their edge scores multiplied by our terms, the largest being 1.

    Args:
        values: the Markov-map.
        known: its candidates.
        pixels: those (x, y) that the prompt marks, one of a click.
        positive: the prompt's label.
        before: the segmentation it corrects.
        most: pixels of it that a scale may change; the smallest scale always may.
        looks: of the photograph's patches to a network.
    """
    chosen = _strongest(known)
    thresholds, area = known.thresholds[chosen], known.area[chosen]
    array = values.numpy()
    member = np.empty(array.shape, np.int32)
    over_rows(kernel.first_set, len(array), array, thresholds, member)
    free = before != positive
    sums = np.empty((len(chosen) + 1, 4))
    lowest = np.empty(array.shape[1], np.int32)
    kernel.outlines(member, photograph.strength, free, lowest, sums)
    outline, strength, frame, changed = sums[:-1].T
    if len(pixels) > 1:
        place = _strokes(member, len(chosen), free, pixels, looks)
    else:
        (point,) = pixels.tolist()
        power = CORRECTION_POWER if before.any() else MIDDLE_POWER
        place = power * np.log(_middles(member, len(chosen), free, point))
    log_score = (
        np.log(known.edge[chosen] + 1e-3)
        + BOUNDARY_POWER * np.log(strength / np.maximum(outline, 1) + BOUNDARY_FLOOR)
        - FRAME_WEIGHT * frame / np.maximum(frame + outline, 1)
        + AREA_POWER * np.log(area)
        + place
    )
    small = slice(max(int(np.searchsorted(changed, most, "right")), 1))
    log_score = log_score[small]
    score = np.exp(log_score - log_score.max()).astype(np.float32)
    return Candidates(thresholds[small], area[small], score)


def middle(before: Mask, after: Mask, point: tuple[int, int]) -> float:
    """How far a click is in the middle of what it changed: its depth inside the change over the
    depth of the deepest pixel; 1 where nothing changed."""
    changed = before != after
    rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
    if not len(rows):
        return 1.0
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    free = np.ascontiguousarray(changed[window])
    x, y = point[0] - int(columns[0]), point[1] - int(rows[0])
    share = np.empty(1)
    depth = np.empty(free.shape, np.float32)
    kernel.depths(np.zeros(free.shape, np.int32), free, x, y, depth, share)
    return float(share[0])


def _strongest(known: Candidates) -> Int32[np.ndarray, " k"]:
    """The candidates to weigh; at least one."""
    largest = max(0.9 * float(known.area[-1]), SMALLEST + 1)
    areas = np.ceil(np.geomspace(SMALLEST, largest, CHOICES + 1)).astype(known.area.dtype)
    edges = np.searchsorted(known.area, areas)
    edges = np.minimum(edges, len(known.area) - 1)
    chosen = [a + int(known.edge[a:b].argmax()) for a, b in pairwise(edges) if a < b]
    return np.array(chosen or [int(edges[-1])], np.int32)


def _middles(
    member: Int32[np.ndarray, "H W"], count: int, free: Mask, point: Sequence[int]
) -> Float[np.ndarray, " k"]:
    """The depth shares of a click in the sets `free & (member <= k)`, seen coarsely."""
    step, half = _coarse(member.shape)
    coarse = np.ascontiguousarray(member[half::step, half::step])
    share = np.empty(count)
    x, y = (min(at // step, side - 1) for at, side in zip(point, coarse.shape[::-1], strict=True))
    coarse_free = np.ascontiguousarray(free[half::step, half::step])
    kernel.depths(coarse, coarse_free, x, y, np.empty(coarse.shape, np.float32), share)
    return share


def _strokes(
    member: Int32[np.ndarray, "H W"],
    count: int,
    free: Mask,
    pixels: Pixels,
    looks: Looks | None = None,
) -> Float[np.ndarray, " k"]:
    """What a stroke's place and looks say about the sets `free & (member <= k)`, as a log score.

    A stroke along the middle of a set is deep inside everywhere, and no pixel is farther away from
    it than the set is wide: the mean distance from the stroke, over the mean depth, is about 1. It
    crosses what the thing is made of, so that the set looks like it.
    """
    step, half = _coarse(member.shape)
    x, y = pixels.T
    elsewhere = np.ones(member.shape, bool)
    elsewhere[y, x] = False
    away = ndimage.distance_transform_edt(elsewhere)[half::step, half::step] / step
    coarse, coarse_free = member[half::step, half::step], free[half::step, half::step]
    rows, columns = (
        np.minimum(at // step, side - 1) for at, side in zip((y, x), coarse.shape, strict=True)
    )
    like = None if looks is None else _seen(looks, pixels, member.shape)
    score = np.zeros(count)
    for k in range(count):
        inside = coarse_free & (coarse <= k)
        if not inside.any():
            continue
        depth = ndimage.distance_transform_edt(inside)
        middle = max(depth[rows, columns].mean(), 0.5) / depth.max()
        reach = (away[inside].mean() + 1) / (depth[inside].mean() + 1)
        score[k] = STROKE_MIDDLE_POWER * np.log(middle) - AWAY_POWER * np.log(max(reach, 1.0))
        if like is not None:
            score[k] += LIKENESS_WEIGHT * like[inside].mean()
    return score


def _seen(looks: Looks, pixels: Pixels, shape: tuple[int, ...]) -> Float[np.ndarray, "h w"]:
    """How much what is seen coarsely looks like the pixels of a stroke."""
    step, half = _coarse(shape)
    height, width = shape
    rows, columns = (
        np.arange(side)[half::step] * patches // side
        for side, patches in zip(shape, looks.grid.shape, strict=True)
    )
    return looks.likeness(looks.under(pixels, height, width))[np.ix_(rows, columns)]


def _coarse(shape: tuple[int, ...]) -> tuple[int, int]:
    """At which step pixels are seen coarsely, and which is the first."""
    step = max(1, round(math.sqrt(math.prod(shape) / COARSE)))
    return step, min(step // 2, min(shape) - 1)
