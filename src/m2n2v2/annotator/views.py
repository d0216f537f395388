"""What the curious may look at: depth, the Markov-map of a click, its score curve, a cut-out."""

from dataclasses import dataclass

import numpy as np

from m2n2v2.arrays import Image
from m2n2v2.errors import MissingError
from m2n2v2.masks.runs import Runs
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import score_curve_of
from m2n2v2.overlays import png

POINTS = 512
"""Of a score curve, at most, and the chosen one."""


STOPS = [
    (252, 250, 190),
    (252, 176, 68),
    (238, 105, 62),
    (189, 55, 96),
    (120, 34, 118),
    (54, 22, 92),
    (9, 8, 28),
]
"""Colours of a Markov-map from near to far, equally apart."""

TINTS = np.stack(
    [
        np.interp(np.linspace(0, len(STOPS) - 1, 256), range(len(STOPS)), channel).round()
        for channel in zip(*STOPS, strict=True)
    ],
    axis=1,
).astype(np.uint8)
"""The colour (R, G, B) of each of 256 values of a map."""


@dataclass(frozen=True)
class Curve:
    """The score of a click's candidate thresholds.

    Attributes:
        chosen: the threshold taken; None if no candidate scores.
    """

    thresholds: list[float]
    area: list[int]
    score: list[float]
    chosen: float | None


def depth_png(state: ImageState) -> bytes:
    """The depth map, bright near, at working size.

    Raises:
        MissingError: the image was prepared without depth.
    """
    if state.depth is None:
        raise MissingError("this preset uses no depth", cure="start with a preset that has one")
    return png(np.round(state.depth.cpu().numpy() * 255).astype(np.uint8))


def map_png(segmentation: Segmentation, index: int, *, tinted: bool = False) -> bytes:
    """The Markov-map of a click at working size: grey, dark near, or in colours, bright near."""
    values = segmentation.prompts[index].map.values.numpy()
    grey = np.round(values * 255).astype(np.uint8)
    return png(TINTS[grey] if tinted else grey)


def curve(state: ImageState, segmentation: Segmentation, index: int) -> Curve:
    """The score curve of a click among the others."""
    prompt, scale = segmentation.prompts[index], segmentation.scales[index]
    choices = prompt.choices
    score = score_curve_of(state, prompt, segmentation.prompts)
    count = len(choices.thresholds)
    shown = np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(np.int64))
    if scale.threshold is not None:
        at = min(int(np.searchsorted(choices.thresholds, scale.threshold)), count - 1)
        shown = np.unique(np.append(shown, at))
    return Curve(
        choices.thresholds[shown].tolist(),
        choices.area[shown].tolist(),
        score[shown].tolist(),
        scale.threshold,
    )


def box_of(runs: Runs) -> tuple[int, int, int, int]:
    """Left, top, width and height of an object.

    Raises:
        MissingError: it has no pixel.
    """
    if not runs.area:
        raise MissingError("this object has no pixel", cure="click on it first")
    return runs.bbox


def cutout_png(image: Image, runs: Runs) -> bytes:
    """The object alone, cropped to its box, transparent around it.

    Raises:
        MissingError: it has no pixel.
    """
    x, y, width, height = box_of(runs)
    box = np.s_[y : y + height, x : x + width]
    return png(np.dstack([image[box], np.where(runs.mask[box], 255, 0).astype(np.uint8)]))
