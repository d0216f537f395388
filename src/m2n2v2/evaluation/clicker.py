"""Where the simulated annotator clicks next. One function per protocol's rule."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.prompts import Click


def largest_error_click(
    truth: Mask, void: Mask, predicted: Mask, clicked: Mask | None = None
) -> Click | None:
    """The `ritm` rule: the centre of the larger of the two kinds of error.

    False negatives and false positives apart, void pixels excluded, clicked pixels never again.
    The exact Euclidean distance transform of each counts pixels outside the image as correct. The
    click is on the object only if its largest distance is strictly larger; of equal distances the
    first in row-major order is taken.

    Args:
        clicked: pixels clicked before.

    Returns:
        None if no pixel is left to click. RITM clicks the corner (0, 0) as background then.
    """
    missed = _depth_inside(truth & ~predicted & ~void)
    extra = _depth_inside(~truth & predicted & ~void)
    if clicked is not None:
        missed[clicked] = 0
        extra[clicked] = 0
    positive = bool(missed.max() > extra.max())
    distance = missed if positive else extra
    return _first_maximum(distance, positive) if distance.max() > 0 else None


def union_error_click(truth: Mask, void: Mask, predicted: Mask) -> Click:
    """The `m2n2` rule: the centre of the largest error of either kind, labelled by the truth.

    One distance transform of the union of the errors; a pixel may be clicked again. Without any
    error the click is the centre of the truth.
    """
    error = (truth ^ predicted) & ~void
    distance = _depth_inside(error if error.any() else truth)
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return Click(int(x), int(y), bool(truth[y, x]))


def random_error_click(
    truth: Mask, void: Mask, predicted: Mask, generator: np.random.Generator
) -> Click | None:
    """The `random` rule: uniform over the error region (supplement 11); None without an error."""
    candidates = np.flatnonzero((truth ^ predicted) & ~void)
    if candidates.size == 0:
        return None
    y, x = np.unravel_index(int(generator.choice(candidates)), truth.shape)
    return Click(int(x), int(y), bool(truth[y, x]))


def _first_maximum(distance: Float[np.ndarray, "H W"], positive: bool) -> Click:
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return Click(int(x), int(y), positive)


def _depth_inside(region: Mask) -> Float[np.ndarray, "H W"]:
    """Distance to the nearest pixel outside `region`; outside the image counts as outside.

    Computed on the region's bounding box only, which changes nothing: all around it is outside.
    """
    distance = np.zeros(region.shape)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if rows.size:
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        padded = np.pad(region[box], 1)
        distance[box] = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
    return distance
