"""What is measured: masks against the truth, and the course of a session.

Empty masks: where the truth and the prediction both have no scored pixel, a measure is 1; where
only one has none, it is 0.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import ndimage

from m2n2v2.arrays import Mask

BOUNDARY_WIDTH = 0.02
"""Of boundary IoU, as a share of the image's diagonal (Cheng et al. 2021)."""

CONTOUR_TOLERANCE = 0.008
"""Of the boundary F-score, likewise (Perazzi et al. 2016)."""


def iou(truth: Mask, predicted: Mask, void: Mask) -> float:
    """Intersection over union, over the pixels that are not void."""
    scored = ~void
    union = int(((truth | predicted) & scored).sum())
    return int((truth & predicted & scored).sum()) / union if union else 1.0


def boundary_iou(truth: Mask, predicted: Mask, void: Mask) -> float:
    """IoU of the two bands inside the outlines, 2 % of the diagonal wide (Cheng et al. 2021)."""
    width = max(1, round(BOUNDARY_WIDTH * math.hypot(*truth.shape)))
    return iou(_band(truth, width), _band(predicted, width), void)


def boundary_f_score(truth: Mask, predicted: Mask, void: Mask) -> float:
    """F-score of the outlines, matched within 0.8 % of the diagonal (Perazzi et al. 2016)."""
    radius = math.ceil(CONTOUR_TOLERANCE * math.hypot(*truth.shape))
    true_line, found_line = _band(truth, 1) & ~void, _band(predicted, 1) & ~void
    if not true_line.any() or not found_line.any():
        return float(not true_line.any() and not found_line.any())
    precision = _share_within(found_line, true_line, radius)
    recall = _share_within(true_line, found_line, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def number_of_clicks(ious: Sequence[float], threshold: float, budget: int) -> int:
    """NoC: the first click with an IoU of at least `threshold`, else the budget."""
    return next((k for k, value in enumerate(ious, 1) if value >= threshold), budget)


def is_failure(ious: Sequence[float], threshold: float) -> bool:
    """Whether no click reached `threshold`."""
    return all(value < threshold for value in ious)


def is_failure_as_counted_by_ritm(ious: Sequence[float], threshold: float, budget: int) -> bool:
    """NoC equal to the budget: a success on the last click counts as failure, too."""
    return number_of_clicks(ious, threshold, budget) == budget


def iou_at(ious: Sequence[float], click: int) -> float:
    """IoU after a click; after an early stop, the last one is carried forward."""
    return ious[min(click, len(ious)) - 1]


def largest_drop(ious: Sequence[float]) -> float:
    """The largest loss of IoU from one click to the next, 0 if there was none."""
    return max([0.0, *(before - after for before, after in pairwise(ious))])


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean over objects: percentiles of 2000 resamples (Efron 1979)."""
    array = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).integers(0, array.size, (2000, array.size))
    low, high = np.quantile(array[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _band(mask: Mask, width: int) -> Mask:
    """Pixels of `mask` within `width` steps (of 8 neighbours) of what is outside it."""
    depth = ndimage.distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
    band: Mask = mask & (depth <= width)
    return band


def _share_within(line: Mask, other: Mask, radius: float) -> float:
    return float((ndimage.distance_transform_edt(~other)[line] <= radius).mean())
