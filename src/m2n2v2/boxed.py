"""A box in the method's terms: a chain that its outside absorbs. Ours; the paper names boxes as
future work.

A click says where a walk begins, a box where it ends: outside is background. Walks over the
attention's cells stop for good where they step out of the box, and a cell inside is the likelier
object the longer walks that begin there stay. In the limit the shares left are the chain's
quasi-stationary distribution: 1 where walks stay longest, 0 outside. One less them is the box's
map, upsampled and filled as a click's; its scale is the smallest segment that fills the box.

What other readings gave is in docs/decisions/boxes.md.
"""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from m2n2v2.arrays import CellMap, PixelMap
from m2n2v2.grid import Size, overlaps
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.scoring import Candidates, candidates
from m2n2v2.method.transition import Transition
from m2n2v2.method.values import ImageState, MarkovMap
from m2n2v2.prompts import Box
from m2n2v2.prompts.clicks import Pixels

STEPS = 20
"""Of the absorbing chain; from 10 to 40 nothing changes."""

CHOICES = 64
"""Scales weighed: of so many bands of the threshold, evenly spaced, the strongest edge."""

EDGE_POWER = 0.5
"""Of the edge score, in the score of a box's segment."""

GAP_WEIGHT = 5.0
"""The score falls to 1/e for every fifth of the box's side that the segment stays away from a side
of the box."""

USUAL, USUAL_WEIGHT = 0.5, 5.0
"""The usual threshold of a segment, and how strongly others fall behind."""

AREA_POWER = -0.5
"""Of the share of the box that a segment covers: the smallest that fills the box."""

Window = tuple[slice, slice]


def box_map(state: ImageState, box: Box, held: CellMap | None = None) -> MarkovMap:
    """The map of a box, 0 where its object is surest, and its scales, scored.

    A negative box's map is 0 inside, which is background for certain, and 1 outside.

    Args:
        held: how much of a walk a step in a cell leaves, in (0, 1]; all, if not given.
    """
    window = box.window(state.size, state.working_size)
    marked = box.pixels(state.size, state.working_size)
    values = torch.ones(state.working_size.shape)
    if not box.positive:
        values[window] = 0
        area = np.array([len(marked), state.working_size.area], np.int32)
        only = Candidates(np.array([0, 1], np.float32), area, np.array([1, 0], np.float32))
        return MarkovMap(values, _middle(marked), only, marked, window)
    cells = state.transition.cells
    inside = _inside(window, state.working_size, cells)
    times = staying(state.transition, inside if held is None else inside * held)
    upsampled = 1 - state.upsampling(times[None]).cpu()[0]  # H W, [0, 1]
    values[window] = upsampled[window]
    surest = np.argwhere(values.numpy() == values.numpy().min())[:, ::-1]
    levels = filled_level_sets(values, surest).over_maximum()
    choices = scored(levels.values, candidates(levels.values, levels), window)
    return MarkovMap(levels.values, _middle(surest), choices, marked, window)


def staying(transition: Transition, inside: CellMap) -> CellMap:
    """How likely a walk that begins in a cell is to be inside still after `STEPS` steps, over its
    maximum, in [0, 1].

    Args:
        inside: the share of a walk that a step in a cell leaves: what of the cell lies inside.
    """
    free: Float[Tensor, "n 1"] = inside.reshape(-1, 1).to(transition.rows)
    left = free
    for _ in range(STEPS):
        left = free * transition.step_back(left)
        left = left / left.max()
    return left.reshape(inside.shape)


def scored(values: PixelMap, known: Candidates, window: Window) -> Candidates:
    """Some of a box's candidates, by how well they fill it, the largest score being 1.

    Args:
        values: the box's map.
        known: its candidates.
        window: the box's rows and columns.
    """
    chosen = _strongest(known, window)
    thresholds, area = known.thresholds[chosen], known.area[chosen]
    part = values[window].numpy()
    gap = np.maximum(_gaps(part.min(axis=1), thresholds), _gaps(part.min(axis=0), thresholds))
    log_score = (
        EDGE_POWER * np.log(known.edge[chosen] + 0.01)
        - GAP_WEIGHT * gap
        - USUAL_WEIGHT * (thresholds - USUAL) ** 2
        + AREA_POWER * np.log(area / part.size)
    )
    score = np.exp(log_score - log_score.max()).astype(np.float32)
    return Candidates(  # all of the image, which is never chosen, comes last
        np.append(thresholds, known.thresholds[-1]).astype(thresholds.dtype),
        np.append(area, known.area[-1]).astype(area.dtype),
        np.append(score, np.float32(0)),
    )


def _strongest(known: Candidates, window: Window) -> Int[np.ndarray, " k"]:
    """The candidates to weigh, none larger than the box; at least one."""
    rows, columns = window
    size = (rows.stop - rows.start) * (columns.stop - columns.start)
    stop = max(1, int(np.searchsorted(known.area, size, side="right")))
    edges = np.searchsorted(known.thresholds[:stop], np.linspace(0.02, 1, CHOICES + 1))
    strongest = [a + int(known.edge[a:b].argmax()) for a, b in pairwise(edges.tolist()) if a < b]
    return np.array(strongest or [stop - 1], np.int64)


def _gaps(
    least: Float[np.ndarray, " n"], thresholds: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """How far segments stay away from the farther of two opposite sides, as a share of the length.

    Args:
        least: the map's least value on every line between the two sides.
    """

    def first(lines: Float[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
        return np.searchsorted(-np.minimum.accumulate(lines), -thresholds, side="left")

    return np.minimum(np.maximum(first(least), first(least[::-1])), len(least)) / len(least)


def _inside(window: Window, working: Size, cells: Size) -> CellMap:
    """The share of every cell inside; where a box leaves nothing outside, but the frame's cells."""
    rows, columns = (
        _shares(part, pixels, count)
        for part, pixels, count in zip(window, working.shape, cells.shape, strict=True)
    )
    inside = torch.from_numpy(rows[:, None] * columns)
    if bool((inside >= 1).all()) and min(cells.shape) > 2:
        inside[0], inside[-1], inside[:, 0], inside[:, -1] = 0, 0, 0, 0
    return inside


def _shares(part: slice, pixels: int, cells: int) -> Float[np.ndarray, " c"]:
    pixel, cell, share = overlaps(pixels, cells)
    within = (pixel >= part.start) & (pixel < part.stop)
    return np.minimum(np.bincount(cell[within], share[within], minlength=cells), 1)


def _middle(pixels: Pixels) -> tuple[int, int]:
    x, y = pixels[len(pixels) // 2].tolist()
    return x, y
