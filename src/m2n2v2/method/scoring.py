"""Scale by score: which level set of a Markov-map is the segment (section 3.4, Eq. 4-10).

Every value of a map is a candidate threshold, and four terms score it; their product decides.
Areas and edge strength depend on the map alone and are computed once for all its candidates
(`candidates`); what the other prompts say changes with every click and costs microseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int32

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.compiled.threads import over_rows
from m2n2v2.compiled.workspace import workspace
from m2n2v2.method import _scoring as kernel
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.settings import CandidateRule, Settings

LEAST = 1e-7
"""M2N2 raises smaller thresholds to this."""

EDGE_STEPS = 1024
"""Gradients are quantised to this many steps, so that sums over borders are exact (M2N2)."""


@dataclass(frozen=True)
class Candidates:
    """The candidate thresholds of one map and what they need nobody else to know.

    Attributes:
        thresholds: the map's distinct values, ascending; or the values of all its pixels.
        area: pixels of each candidate: at or below its threshold, or the pixels up to it in order.
        edge: `s_edge` of each, in [0, 1].
    """

    thresholds: Float[np.ndarray, " L"]
    area: Int32[np.ndarray, " L"]
    edge: Float32[np.ndarray, " L"]


@dataclass(frozen=True)
class Scale:
    """The threshold chosen for one map: lambda in Eq. 4.

    Attributes:
        threshold: lambda, a value of the map; None if no candidate scores, and then the segment
            is the prompt's own pixel.
        score: its score, in [0, 1].
        area: pixels at or below it.
    """

    threshold: float | None
    score: float
    area: int


def candidates(values: PixelMap, levels: LevelSets | None = None) -> Candidates:
    """The candidate thresholds of a map, their areas and their edge scores.

    `s_edge` is the mean gradient magnitude (`edge_strength`) over the pixels just outside the
    segment, by 4-neighbours; 0 where there is none.

    Args:
        values: a Markov-map `M_i`, in [0, 1].
        levels: its level sets, if known (`filled_level_sets` finds them), or one for every pixel
            (`LevelSets.pixel_by_pixel`).
    """
    levels = levels or LevelSets.of(values)
    array = np.ascontiguousarray(values.detach().cpu().numpy())
    count = len(levels.thresholds)
    edge = np.empty(count, np.float32)
    with workspace((array.shape, array.dtype), ((count, 2), np.int64)) as (magnitude, sums):
        to_steps = _gradient(array, magnitude)
        kernel.edge_scores(levels.level, magnitude, to_steps, EDGE_STEPS, sums, edge)
    return Candidates(levels.thresholds, levels.area, edge)


def edge_strength(values: PixelMap) -> Int32[np.ndarray, "H W"]:
    """Sobel gradient magnitude over its maximum, quantised to 0 ... 1024; all 0 on a flat map."""
    array = np.ascontiguousarray(values.detach().cpu().numpy())
    magnitude = np.empty_like(array)
    to_steps = _gradient(array, magnitude)
    strength: Int32[np.ndarray, "H W"] = (magnitude * to_steps).astype(np.int32)
    return strength


def _gradient(
    values: Float[np.ndarray, "H W"], magnitude: Float[np.ndarray, "H W"]
) -> np.floating[Any]:
    """Fill `magnitude`; return what turns it into steps."""
    over_rows(kernel.sobel, len(values), values, magnitude)
    largest = magnitude.max()
    steps: np.floating[Any] = EDGE_STEPS / largest if largest > 0 else largest
    return steps


def s_prior(
    area: Int32[np.ndarray, " L"], image_area: int, fraction: float = Settings.prior_fraction
) -> Float32[np.ndarray, " L"]:
    """1 while a segment covers less than `fraction` of the image, else 0 (M2N2, Eq. 7)."""
    return (area < fraction * image_area).astype(np.float32)


def s_adapt(
    area: Int32[np.ndarray, " L"],
    image_area: int,
    limit: float,
    fraction: float = Settings.prior_fraction,
) -> Float32[np.ndarray, " L"]:
    """1 while a segment is smaller than the prior and than the prompt's limit, else 0 (Eq. 8)."""
    return (area < min(fraction * image_area, limit)).astype(np.float32)


def s_pos(
    thresholds: Float[np.ndarray, " L"], same_class: Sequence[float]
) -> Float32[np.ndarray, " L"]:
    """The fraction of the prompts of the map's class inside each segment (M2N2).

    Args:
        thresholds: candidate thresholds.
        same_class: the map's value at each such prompt, its own (0) included; with none, 1.
    """
    if not same_class:
        return np.ones(len(thresholds), np.float32)
    inside = np.searchsorted(np.sort(np.asarray(same_class)), thresholds, side="right")
    return (inside / len(same_class)).astype(np.float32)


def s_neg(
    thresholds: Float[np.ndarray, " L"], other_class: Sequence[float]
) -> Float32[np.ndarray, " L"]:
    """1 while no prompt of the other class is inside the segment, else 0 (M2N2).

    With none given, the whole image is excluded: 1 below the map's maximum.
    """
    bound = min(other_class, default=float(thresholds[-1]))
    return (thresholds < bound).astype(np.float32)


def score_curve(
    found: Candidates, same_class: Sequence[float], other_class: Sequence[float], area_bound: float
) -> Float32[np.ndarray, " L"]:
    """The score of every candidate: the product of the four terms (Eq. 6)."""
    return (
        found.edge
        * s_pos(found.thresholds, same_class)
        * s_neg(found.thresholds, other_class)
        * (found.area < area_bound)
    )


def best_scale(
    found: Candidates,
    same_class: Sequence[float],
    other_class: Sequence[float],
    area_bound: float,
    *,
    least: float | None = None,
) -> Scale:
    """The candidate of the highest `s_edge * s_pos * s_neg * s_adapt`, first on ties (Eq. 5-6).

    `s_neg` and `s_adapt` cut off a tail of the candidates and `s_pos` is a staircase of as many
    steps as there are prompts, so it is enough to look for the strongest edge on each step.

    Args:
        found: the map's candidates.
        same_class, other_class: the map's value at each prompt of its own and of the other class.
        area_bound: segments have fewer pixels than this: `min(tau * H * W, limit)`.
        least: the least threshold, which holds where nothing scores, too (M2N2's is `LEAST`); None
            for none of that.
    """
    kind = found.thresholds.dtype.type
    excluded = kind(min(other_class, default=float(found.thresholds[-1])))
    largest = np.int32(math.ceil(min(area_bound, int(found.area[-1]) + 1)))
    stop = min(
        int(np.searchsorted(found.thresholds, excluded)),
        int(np.searchsorted(found.area, largest)),
    )
    inside = np.sort(np.asarray(same_class, kind))
    steps = np.searchsorted(found.thresholds, inside).tolist()
    best, best_score = -1, 0.0
    for count, (first, last) in enumerate(zip([0, *steps], [*steps, stop], strict=True)):
        last = min(last, stop)
        if first < last:
            at = first + int(found.edge[first:last].argmax())
            score = float(found.edge[at]) * (count / len(steps) if steps else 1.0)
            if score > best_score:
                best, best_score = at, score
    if best < 0 and least is None:
        return Scale(None, 0.0, 1)
    threshold = float(found.thresholds[max(best, 0)])
    return scale_at(found, threshold if least is None else max(threshold, least), best_score)


def scale_at(found: Candidates, threshold: float, score: float) -> Scale:
    """A scale of this threshold, with the area of all pixels at or below it."""
    kind = found.thresholds.dtype.type
    within = int(np.searchsorted(found.thresholds, kind(threshold), side="right"))
    return Scale(threshold, score, int(found.area[within - 1]))


def prior_bound(image_area: int, fraction: float, rule: CandidateRule) -> float:
    """The pixels that a segment is smaller than by M2N2's prior (Eq. 7): `tau * H * W`.

    Its code spreads the candidates, but for the whole image, evenly over [0, 1] and asks for less
    than tau; so do candidates by pixel.
    """
    return fraction * (image_area - 2) + 1 if rule == "pixels" else fraction * image_area


def size_limit(click: tuple[int, int], positive: bool, previous: Mask, alpha: float) -> float:
    """The largest change of area a new prompt is taken to intend, in pixels (Eq. 9-10).

    `alpha * pi * d^2`, with d the Euclidean distance in pixels from the prompt to the closest
    pixel of its own class in the previous segmentation; infinite where there is none.
    """
    squared: int = kernel.nearest_squared(previous, *click, positive)
    return math.inf if squared < 0 else alpha * math.pi * squared


def values_at(values: PixelMap, points: Sequence[tuple[int, int]]) -> list[float]:
    """A map's value at each pixel (x, y)."""
    if not points:
        return []
    x, y = zip(*points, strict=True)
    found: list[float] = values.cpu().numpy()[list(y), list(x)].tolist()
    return found
