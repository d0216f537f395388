"""Scale by score: which level set of a Markov-map is the segment (section 3.4, Eq. 4-10).

Every value of a map is a candidate threshold, and four terms score it; their product decides.
Areas and edge strength depend on the map alone and are computed once for all its candidates
(`candidates`); what the other prompts say changes with every click and costs microseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int32, Int64
from scipy import ndimage

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.compiled.threads import over_rows
from m2n2v2.compiled.workspace import workspace
from m2n2v2.method import _scoring as kernel
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.settings import CandidateRule
from m2n2v2.prompts.clicks import Pixels

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
        edge: `s_edge` of the candidates, in [0, 1].
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


OWN_PIXEL = Scale(None, 0.0, 1)
"""Where no candidate scores."""


def candidates(values: PixelMap, levels: LevelSets | None = None) -> Candidates:
    """The candidate thresholds of a map, their areas and their edge scores.

    Args:
        values: a Markov-map `M_i`, in [0, 1].
        levels: its level sets, if known (`filled_level_sets` finds them), or one for every pixel
            (`LevelSets.pixel_by_pixel`).
    """
    levels = levels or LevelSets.of(values)
    return Candidates(levels.thresholds, levels.area, s_edge(values, levels))


def s_edge(values: PixelMap, levels: LevelSets) -> Float32[np.ndarray, " L"]:
    """The mean gradient magnitude just outside each segment, in [0, 1] (M2N2).

    The magnitude is Sobel's over its largest on the map, in 1024 steps; all 0 on a flat map.
    Just outside are the 4-neighbours of the segment's pixels; where there is none, the score is 0.

    Args:
        values: a Markov-map `M_i`, in [0, 1].
        levels: its segments.
    """
    array = np.ascontiguousarray(values.detach().cpu().numpy())
    count = len(levels.thresholds)
    edge = np.empty(count, np.float32)
    with workspace((array.shape, array.dtype), (count, np.int64)) as (magnitude, sums):
        to_steps = _gradient(array, magnitude)
        kernel.edge_scores(levels.level, magnitude, to_steps, EDGE_STEPS, sums, edge)
    return edge


def _gradient(
    values: Float[np.ndarray, "H W"], magnitude: Float[np.ndarray, "H W"]
) -> np.floating[Any]:
    """Fill `magnitude`; return what turns it into steps."""
    over_rows(kernel.sobel, len(values), values, magnitude)
    largest = magnitude.max()
    steps: np.floating[Any] = largest.dtype.type(EDGE_STEPS) / largest if largest > 0 else largest
    return steps


def s_prior(area: Int32[np.ndarray, " L"], prior: float) -> Float[np.ndarray, " L"]:
    """1 while a segment has fewer pixels than the prior, else 0 (M2N2, Eq. 7).

    Args:
        prior: `tau * H * W` pixels (`prior_bound`).
    """
    return (area < prior).astype(np.float64)


def s_adapt(area: Int32[np.ndarray, " L"], prior: float, limit: float) -> Float[np.ndarray, " L"]:
    """1 while a segment has fewer pixels than the prior and than the limit, else 0 (Eq. 8).

    Args:
        prior: as of `s_prior`.
        limit: what the prompt was taken to intend when it was placed (`size_limit`), in pixels;
            infinite for none, and then this is `s_prior`.
    """
    return s_prior(area, min(prior, limit))


def s_pos(
    thresholds: Float[np.ndarray, " L"], same_class: Sequence[float]
) -> Float[np.ndarray, " L"]:
    """The fraction of the prompts of the map's class inside each segment (M2N2).

    Args:
        thresholds: candidate thresholds.
        same_class: the map's value at each such prompt, its own (0) included; with none, 1.
    """
    if not same_class:
        return np.ones(len(thresholds))
    inside = np.searchsorted(np.sort(np.asarray(same_class)), thresholds, side="right")
    return inside / len(same_class)


def s_neg(
    thresholds: Float[np.ndarray, " L"], other_class: Sequence[float], largest: float
) -> Float[np.ndarray, " L"]:
    """1 while no prompt of the other class is inside the segment, else 0 (M2N2).

    Args:
        thresholds: candidate thresholds.
        other_class: the map's value at each such prompt.
        largest: value of the map; with no such prompt, the whole image is excluded.
    """
    return (thresholds < min(other_class, default=largest)).astype(np.float64)


def score_curve(
    known: Candidates,
    same_class: Sequence[float],
    other_class: Sequence[float],
    prior: float,
    limit: float = math.inf,
    *,
    only: Int64[np.ndarray, " k"] | None = None,
) -> Float[np.ndarray, " k"]:
    """The score of every candidate: the product of the four terms (Eq. 6).

    Args:
        known: the map's candidates.
        same_class, other_class: the map's value at each prompt of its own and of the other class.
        prior, limit: in pixels, as of `s_adapt`.
        only: the places of some candidates, where those of the others are not wanted.
    """
    chosen = slice(None) if only is None else only
    thresholds, area = known.thresholds[chosen], known.area[chosen]
    return (
        known.edge[chosen]
        * s_pos(thresholds, same_class)
        * s_neg(thresholds, other_class, float(known.thresholds[-1]))
        * s_adapt(area, prior, limit)
    )


def best_scale(
    known: Candidates,
    same_class: Sequence[float],
    other_class: Sequence[float],
    prior: float,
    limit: float = math.inf,
    *,
    least: float | None = None,
) -> Scale:
    """The candidate of the highest score, first on ties (Eq. 5).

    `s_neg` and `s_adapt` cut off a tail of the candidates and `s_pos` is a staircase of as many
    steps as there are prompts, so only the strongest edge on each step can be the best.

    Args:
        known, same_class, other_class, prior, limit: as of `score_curve`.
        least: the least threshold, which holds where nothing scores, too (M2N2's is `LEAST`); None
            for none of that.
    """
    places = _contenders(known, same_class, other_class, min(prior, limit))
    score = score_curve(known, same_class, other_class, prior, limit, only=places)
    best = int(score.argmax()) if len(score) else 0
    scores = len(score) > 0 and score[best] > 0
    if not scores and least is None:
        return OWN_PIXEL
    threshold = float(known.thresholds[places[best] if scores else 0])
    threshold = threshold if least is None else max(threshold, least)
    return scale_at(known, threshold, float(score[best]) if scores else 0.0)


def _contenders(
    known: Candidates, same_class: Sequence[float], other_class: Sequence[float], bound: float
) -> Int64[np.ndarray, " k"]:
    """The places, ascending, of the strongest edge on each step of `s_pos` before the tail."""
    kind = known.thresholds.dtype.type
    excluded = kind(min(other_class, default=float(known.thresholds[-1])))
    largest = np.int32(math.ceil(min(bound, int(known.area[-1]) + 1)))
    stop = min(
        int(np.searchsorted(known.thresholds, excluded)),
        int(np.searchsorted(known.area, largest)),
    )
    steps = np.searchsorted(known.thresholds, np.sort(np.asarray(same_class, kind)))
    edges = [0, *np.minimum(steps, stop).tolist(), stop]
    strongest = [a + int(known.edge[a:b].argmax()) for a, b in pairwise(edges) if a < b]
    return np.array(strongest, np.int64)


def scale_at(known: Candidates, threshold: float, score: float) -> Scale:
    """A scale of this threshold, with the area of all pixels at or below it."""
    kind = known.thresholds.dtype.type
    within = int(np.searchsorted(known.thresholds, kind(threshold), side="right"))
    return Scale(threshold, score, int(known.area[within - 1]))


def prior_bound(image_area: int, fraction: float, rule: CandidateRule) -> float:
    """The pixels that a segment is smaller than by M2N2's prior (Eq. 7): `tau * H * W`.

    Its code spreads the candidates, but for the whole image, evenly over [0, 1] and asks for less
    than tau; so do candidates by pixel.
    """
    return fraction * (image_area - 2) + 1 if rule == "pixels" else fraction * image_area


def size_limit(
    pixels: Pixels | tuple[int, int], positive: bool, previous: Mask, alpha: float
) -> float:
    """The largest change of area a new prompt is taken to intend, in pixels (Eq. 9-10).

    `alpha * pi * d^2`, with d the Euclidean distance in pixels from the prompt to the closest
    pixel of its own class in the previous segmentation; infinite where there is none. Of a stroke
    the pixel counts that is nearest the boundary among those that ask for a change.

    Args:
        pixels: (x, y), of the prompt, one or more.
    """
    marked = np.asarray(pixels, np.int64).reshape(-1, 2)
    x, y = marked.T
    asking = marked[previous[y, x] != positive]
    if not len(asking):
        return 0.0
    if len(asking) > 1:
        depth = ndimage.distance_transform_edt(previous != positive)
        asking = asking[[int(depth[asking[:, 1], asking[:, 0]].argmin())]]
    at, row = asking[0].tolist()
    squared: int = kernel.nearest_squared(previous, at, row, positive)
    return math.inf if squared < 0 else alpha * math.pi * squared


def values_at(values: PixelMap, pixels: Pixels | Sequence[tuple[int, int]]) -> list[float]:
    """A map's value at each pixel (x, y)."""
    x, y = np.asarray(pixels, np.int64).reshape(-1, 2).T
    at_pixels: list[float] = values.cpu().numpy()[y, x].tolist()
    return at_pixels
