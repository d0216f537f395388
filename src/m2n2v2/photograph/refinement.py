"""The outline drawn to the photograph's own edges: colour models and smoothness in a band.

A Markov-map's outline is as fine as the attention's cells and segments. In a narrow band around
it, each pixel is asked again: which side's colours, nearby, are its own (what GrabCut asks; Rother
et al. 2004), and what say its neighbours, the more the liker they are. Ours, not the paper's.
"""

from collections.abc import Sequence

import numpy as np
import torch

from m2n2v2.arrays import PixelMap
from m2n2v2.photograph import _refinement as kernel
from m2n2v2.photograph.base import Photograph

COLOUR_WEIGHT = 0.5
"""Of the log likelihood ratio of a pixel's colour, cut to [-3, 3]."""

PLACE_WEIGHT = 0.5
"""Of keeping a label, at the band's edge; it falls with the square to 0 on the outline."""

SMOOTHNESS = 0.9
"""Of agreeing with a neighbour of the same colour."""

CONTRAST = 1.7
"""Times the mean squared difference of neighbours: where smoothness falls to 1/e."""

TILES = 8
"""Along the shorter side; colour models are of the 3 x 3 tiles around a pixel."""

PRIOR = 100.0
"""Pixels that the colours of the whole image count as, in a tile's models."""

CLICK_RADIUS = 0.006
"""Of the squares around clicks that keep their label, as a share of the shorter side."""

ROUNDS = 8
"""Of relaxation."""


def refined(
    margin: PixelMap,
    photograph: Photograph,
    points: Sequence[tuple[int, int]],
    labels: Sequence[bool],
    reach: float,
) -> PixelMap:
    """A margin whose outline follows the photograph; clicked pixels keep their label.

    Args:
        margin: over 0 on the object.
        points, labels: the clicks.
        reach: half the band's width, as a share of the shorter side, over 0.

    Returns:
        The margin, in the band replaced by the belief in the object, in [-1, 1].
    """
    mask = margin.cpu().numpy() > 0
    if mask.all() or not mask.any():
        return margin
    side = min(mask.shape)
    band = np.float32(max(3, round(reach * side)))
    distance = np.empty(mask.shape, np.float32)
    kernel.distances(mask, band, distance)
    ratio = np.zeros(mask.shape, np.float32)
    tile = max(16, round(side / TILES))
    kernel.colour_ratio(
        mask,
        distance,
        band,
        photograph.colours,
        photograph.kinds,
        tile,
        np.float32(PRIOR),
        ratio,
    )
    fixed = np.zeros(mask.shape, np.int8)
    radius = max(1, round(CLICK_RADIUS * side))
    for grown in (radius, 0):
        for (x, y), positive in zip(points, labels, strict=True):
            rows = slice(max(y - grown, 0), y + grown + 1)
            fixed[rows, max(x - grown, 0) : x + grown + 1] = 1 if positive else -1
    belief = np.empty(mask.shape, np.float32)
    kernel.relax(
        photograph.lab,
        mask,
        distance,
        band,
        ratio,
        fixed,
        np.float32(COLOUR_WEIGHT),
        np.float32(PLACE_WEIGHT),
        np.float32(SMOOTHNESS),
        np.float32(CONTRAST * photograph.contrast),
        ROUNDS,
        belief,
    )
    changed = (distance <= band) | (fixed != 0)
    out = margin.cpu().numpy().copy()
    out[changed] = belief[changed]
    return torch.from_numpy(out).to(margin.device)
