"""How well two masks' outlines agree, as the video benchmark DAVIS measures it.

Perazzi et al. 2016, "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation".
`metrics.boundary_f_score`, of single photographs, is the same measure with outlines drawn inside
the object; the benchmark's lie between pixels, so that mask and complement have the same one.
"""

import math

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.evaluation.metrics import CONTOUR_TOLERANCE


def contour_accuracy(truth: Mask, predicted: Mask, void: Mask) -> float:
    """F: the harmonic mean of the precision and the recall of the outline's pixels.

    A pixel is met if the other outline passes within 0.8 % of the image's diagonal, rounded up to
    whole pixels. Void pixels count as background in both. 1 where neither mask has an outline,
    0 where only one has.
    """
    true_line, found_line = outline(truth & ~void), outline(predicted & ~void)
    if not true_line.any() or not found_line.any():
        return float(true_line.any() == found_line.any())
    reach = math.ceil(CONTOUR_TOLERANCE * math.hypot(*truth.shape))
    precision = float(_near(true_line, reach)[found_line].mean())
    recall = float(_near(found_line, reach)[true_line].mean())
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0


def outline(mask: Mask) -> Bool[np.ndarray, "H W"]:
    """Pixels whose right, lower or lower right neighbour is of the other class."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = padded[:-1, :-1]
    return (here != padded[:-1, 1:]) | (here != padded[1:, :-1]) | (here != padded[1:, 1:])


def _near(pixels: Bool[np.ndarray, "H W"], reach: int) -> Bool[np.ndarray, "H W"]:
    """The pixels within `reach` of one of those given; there is at least one."""
    distance = ndimage.distance_transform_edt(~pixels)
    return np.asarray(distance) <= reach
