"""The outline drawn to the photograph's own edges: colour models and smoothness in a band.

A Markov-map's outline is as fine as the attention's cells and segments. In a narrow band around
it, each pixel is asked again: which side's colours, nearby, are its own (what GrabCut asks; Rother
et al. 2004), and what say its neighbours, the more the liker they are. Around the new outline the
same is asked again, with what the new sides' colours are. Ours, not the paper's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int8
from scipy import ndimage

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.photograph import _refinement as kernel
from m2n2v2.photograph.base import Photograph
from m2n2v2.prompts.clicks import Pixels

COLOUR_WEIGHT = 0.5
"""Of the log likelihood ratio of a pixel's colour, cut to [-3, 3]."""

PLACE_WEIGHT = 0.5
"""Of keeping a label, at the band's edge; it falls with the square to 0 on the outline."""

SMOOTHNESS = 0.9
"""Of agreeing with a neighbour of the same colour."""

TILES = 5
"""Along the shorter side; colour models are of the 3 x 3 tiles around a pixel."""

PRIOR = 100.0
"""Pixels that the colours of the whole image count as, in a tile's models."""

CLICK_RADIUS = 0.006
"""Of the squares around clicks that keep their label, as a share of the shorter side."""

ROUNDS = 8
"""Of relaxation."""

PASSES = 3
"""Outlines drawn one after another; fewer where one stays as it is."""


def refined(
    margin: PixelMap,
    photograph: Photograph,
    pixels: Sequence[Pixels | tuple[int, int]],
    labels: Sequence[bool],
    reach: float,
    *,
    passes: int | None = None,
) -> PixelMap:
    """A margin whose outline follows the photograph; clicked pixels keep their label.

    Args:
        margin: over 0 on the object.
        pixels, labels: what the prompts mark, and with which label.
        reach: half the band's width, as a share of the shorter side, over 0.
        passes: outlines drawn one after another, at least 1; `PASSES` if not given.

    Returns:
        The margin, in the band of each pass replaced by the belief in the object, in [-1, 1].
    """
    array = given = margin.cpu().numpy()
    fixed = _fixed(array.shape, pixels, labels)
    for _ in range(passes or PASSES):
        mask = array > 0
        if mask.all() or not mask.any():
            break
        array = _drawn(array, mask, photograph, fixed, reach)
        if np.array_equal(array > 0, mask):
            break
    return margin if array is given else torch.from_numpy(array).to(margin.device)


def _fixed(
    shape: tuple[int, ...], pixels: Sequence[Pixels | tuple[int, int]], labels: Sequence[bool]
) -> Int8[np.ndarray, "H W"]:
    """1 and -1 on the squares around marked pixels that keep their label, 0 elsewhere."""
    fixed = np.zeros(shape, np.int8)
    radius = max(1, round(CLICK_RADIUS * min(shape)))
    for grown in (radius, 0):
        for marked, positive in zip(pixels, labels, strict=True):
            fixed[_around(marked, grown, shape)] = 1 if positive else -1
    return fixed


def _drawn(
    margin: Float32[np.ndarray, "H W"],
    mask: Mask,
    photograph: Photograph,
    fixed: Int8[np.ndarray, "H W"],
    reach: float,
) -> Float32[np.ndarray, "H W"]:
    """One pass: the margin with the outline of `mask` drawn anew."""
    side = min(mask.shape)
    band = np.float32(max(3, round(reach * side)))
    rows = _near_outline(mask, int(band))
    distance = np.full(mask.shape, band + 1, np.float32)
    kernel.distances(mask[rows], band, distance[rows])
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
    belief = np.array(margin, np.float32)
    np.copyto(belief, fixed, where=fixed != 0)
    kernel.relax(
        photograph.likeness[rows],
        mask[rows],
        distance[rows],
        band,
        ratio[rows],
        fixed[rows],
        np.float32(COLOUR_WEIGHT),
        np.float32(PLACE_WEIGHT),
        np.float32(SMOOTHNESS),
        ROUNDS,
        belief[rows],
    )
    return belief


def _near_outline(mask: Mask, band: int) -> slice:
    """The rows that the band around the outline reaches, and two more on either side."""
    across = (mask[:, 1:] != mask[:, :-1]).any(1)
    down = (mask[1:] != mask[:-1]).any(1)
    across[1:] |= down
    across[:-1] |= down
    (near,) = across.nonzero()
    return slice(max(int(near[0]) - band - 2, 0), int(near[-1]) + band + 3)


def _around(marked: Pixels | tuple[int, int], grown: int, shape: tuple[int, ...]) -> Any:
    """Where the squares around pixels (x, y) are, as an index."""
    x, y = np.asarray(marked, np.int64).reshape(-1, 2).T
    if len(x) == 1:
        rows = slice(max(int(y[0]) - grown, 0), int(y[0]) + grown + 1)
        return rows, slice(max(int(x[0]) - grown, 0), int(x[0]) + grown + 1)
    painted = np.zeros(shape, bool)
    painted[y, x] = True
    return ndimage.maximum_filter(painted, 2 * grown + 1)
