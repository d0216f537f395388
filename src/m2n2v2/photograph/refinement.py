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
from m2n2v2.compiled.workspace import workspace
from m2n2v2.photograph import _refinement as kernel
from m2n2v2.photograph.base import Photograph
from m2n2v2.prompts.clicks import Pixels

COLOUR_WEIGHT = 0.5
"""Of the log likelihood ratio of a pixel's colour, cut to [-3, 3]."""

PLACE_WEIGHT = 0.5
"""Of keeping a label, at the band's edge; it falls with the square to 0 on the outline."""

SMOOTHNESS = 0.9
"""Of agreeing with a neighbour of the same colour."""

PRIOR = 100.0
"""Pixels that the colours of the whole image count as, in a tile's models."""

CLICK_RADIUS = 0.006
"""Of the squares around clicks that keep their label, as a share of the shorter side."""

ROUNDS = 8
"""Of relaxation."""

PASSES = 3
"""Outlines drawn one after another; fewer where one stays as it is."""

Window = tuple[int, int, int, int]
"""Rows from, to, columns from, to."""


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
    given = margin.cpu().numpy()
    mask = given > 0
    if _of_one_side(mask):
        return margin
    fixed = _fixed(mask.shape, pixels, labels)
    belief = np.array(given, np.float32)
    np.copyto(belief, fixed, where=fixed != 0)
    band = _Band(photograph, fixed, max(3, round(reach * min(mask.shape))))
    for _ in range(passes or PASSES):
        band.draw(mask, belief)
        before, mask = mask, belief > 0
        if np.array_equal(mask, before) or _of_one_side(mask):
            break
    return torch.from_numpy(belief).to(margin.device)


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


def _of_one_side(mask: Mask) -> bool:
    return np.count_nonzero(mask) in (0, mask.size)


class _Band:
    """The pixels around an outline, and what is known of them from one pass to the next."""

    def __init__(self, photograph: Photograph, fixed: Int8[np.ndarray, "H W"], reach: int) -> None:
        self._photograph, self._fixed, self._reach = photograph, fixed, reach
        self._counted = np.zeros(fixed.shape, bool)
        self._local = photograph.tiles.copy()
        kinds = photograph.kinds
        self._models = np.empty((2, 2, kinds), np.float32), np.empty(kinds, np.float32)
        self._distance = np.empty(fixed.shape, np.int16)
        self._ratio = np.empty(fixed.shape, np.float32)

    def draw(self, mask: Mask, belief: Float32[np.ndarray, "H W"]) -> None:
        """One pass: the belief in the object, around the outline of `mask`."""
        photograph, distance, ratio = self._photograph, self._distance, self._ratio
        window, reach = _around_outline(mask, self._reach), self._reach
        height, width = window[1] - window[0], window[3] - window[2]
        line = np.empty((2, width + 2 * ((1 << reach.bit_length()) - 1)), np.int16)
        kernel.distances(mask, window, reach, distance, *line)
        kernel.colour_ratio(
            mask,
            self._counted,
            self._local,
            photograph.colours,
            photograph.tile,
            np.float32(PRIOR),
            window,
            distance,
            reach,
            *self._models,
            ratio,
        )
        bordered, turns = (height + 2) * (width + 2), width + 2 * height
        with workspace((height * width, np.uint32)) as (place,):
            count = kernel.free(distance, reach, self._fixed, window, place)
            with workspace(
                (bordered, np.float32),
                (bordered, np.int32),
                (turns, np.int32),
                (turns, np.int32),
                (count, np.uint32),
                (count, np.int32),
                (count, np.float32),
                (count, np.float32),
                ((count, 8), np.float32),
            ) as arrays:
                kernel.relax(
                    photograph.likeness,
                    mask,
                    distance,
                    np.float32(reach),
                    ratio,
                    self._fixed,
                    window,
                    place[:count],
                    np.float32(COLOUR_WEIGHT),
                    np.float32(PLACE_WEIGHT),
                    np.float32(SMOOTHNESS),
                    ROUNDS,
                    *arrays,
                    belief,
                )


def _around_outline(mask: Mask, band: int) -> Window:
    """Rows from, to, columns from, to that the band around the outline reaches, and two more."""
    top, bottom, left, right = kernel.outline(mask, np.empty((2, mask.shape[1]), bool))
    height, width = mask.shape
    further = band + 2
    rows, columns = (
        (max(top - further, 0), min(bottom + further, height)),
        (max(left - further, 0), min(right + further, width)),
    )
    return *rows, *columns


def _around(marked: Pixels | tuple[int, int], grown: int, shape: tuple[int, ...]) -> Any:
    """Where the squares around pixels (x, y) are, as an index."""
    x, y = np.asarray(marked, np.int64).reshape(-1, 2).T
    if len(x) == 1:
        rows = slice(max(int(y[0]) - grown, 0), int(y[0]) + grown + 1)
        return rows, slice(max(int(x[0]) - grown, 0), int(x[0]) + grown + 1)
    painted = np.zeros(shape, bool)
    painted[y, x] = True
    return ndimage.maximum_filter(painted, 2 * grown + 1)
