"""Where things went between two frames: dense optical flow, warping, and whether to believe it.

The flow is OpenCV's DIS (Kroeger et al. 2016), which needs no weights.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32

from m2n2v2.arrays import Image
from m2n2v2.errors import BackendError

Field = Float32[np.ndarray, "H W 2"]
"""For each pixel how far it is to its place in another frame, as (x, y) in pixels."""

TOLERANCE = 1.0
"""Pixels by which there and back may miss; what is farther off is hardly believed."""

LONG = 0.02
"""Of the flows' squared lengths, which is allowed on top (Sundaram et al. 2010)."""


def opencv() -> Any:
    """OpenCV, if it is here.

    Raises:
        BackendError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            "following objects needs OpenCV", cure="pip install 'm2n2v2[tracking]'"
        ) from error
    return cv2


def flow(start: Image, stop: Image) -> Field:
    """For each pixel of `start`, how far it is to its place in `stop`.

    Frames smaller than 16 pixels along an edge, which are too small to be searched, stand still.
    """
    height, width = start.shape[:2]
    if min(height, width) < 16:
        return np.zeros((height, width, 2), np.float32)
    cv2 = opencv()
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (start, stop)]
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    field: Field = dis.calc(grey[0], grey[1], None)
    return field


def warped(values: Float32[np.ndarray, "H W *c"], field: Field) -> Float32[np.ndarray, "H W *c"]:
    """What stands at each pixel's place in the other frame, of which `values` are.

    Bilinear; beside the frame its edge goes on.
    """
    cv2 = opencv()
    height, width = field.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moved: Float32[np.ndarray, "H W *c"] = cv2.remap(
        values,
        x + field[:, :, 0],
        y + field[:, :, 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return moved


def belief(there: Field, back: Field) -> Float32[np.ndarray, "H W"]:
    """How far a flow is to be believed, in [0, 1]: whether the flow back leads home again.

    Args:
        there: from the frame in question to another.
        back: from that one to this.
    """
    returned = warped(back, there)
    missed = np.square(there + returned).sum(2)
    length = np.square(there).sum(2) + np.square(returned).sum(2)
    return np.exp(-missed / (2 * (TOLERANCE**2 + LONG * length)))


def chained(
    first: Float32[np.ndarray, "h w 2"], then: Float32[np.ndarray, "h w 2"]
) -> Float32[np.ndarray, "h w 2"]:
    """The way along `first` and from there along `then`."""
    return first + warped(then, first)
