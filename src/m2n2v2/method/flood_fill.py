"""Flood fill of a Markov-map from its prompt, plain (M2N2) and depth-guided (section 3.3)."""

import numpy as np
from jaxtyping import Float, Int, UInt32

from m2n2v2.arrays import DepthMap, PixelMap
from m2n2v2.compiled.sorting import DIGIT, PASSES
from m2n2v2.compiled.threads import over_rows
from m2n2v2.compiled.workspace import workspace
from m2n2v2.errors import MapError
from m2n2v2.method import _flood_fill as kernel
from m2n2v2.method.level_sets import LevelSets

Start = tuple[int, int] | Int[np.ndarray, "_ 2"]
"""The prompt's pixel (x, y), or its pixels."""


def flood_fill(values: PixelMap, start: Start, *, depth: DepthMap | None = None) -> PixelMap:
    """The smallest possible largest distance to the start's own value, over paths to each pixel.

    Paths go over 4-neighbours. The distance of a pixel is `|m - m_start|`; with depth, that of
    the pairs: `sqrt((m - m_start)^2 + (d - d_start)^2)`. Local minima away from the prompt are
    filled, so every set `fill <= t` is one connected region that holds the prompt. Exact, in one
    pass over the sorted pixels; morphological reconstruction by erosion computes the same.

    Args:
        values: Markov-map, divided by its maximum so that it shares depth's range.
        start: the prompt's pixel (x, y), or its pixels: the distance is then that to the range of
            their values (and of their depths), and paths begin at any of them.
        depth: normalised inverse depth in [0, 1]; None for the plain fill.

    Returns:
        Distances >= 0, 0 at the start, in the unit of `values`, on its device and of its dtype.

    Raises:
        MapError: a value is NaN or infinite.
    """
    return filled_level_sets(values, start, depth=depth).values.to(values.device)


def filled_level_sets(
    values: PixelMap, start: Start, *, depth: DepthMap | None = None
) -> LevelSets:
    """The level sets of `flood_fill`, which it finds on its way."""
    starts = np.asarray(start, np.int64).reshape(-1, 2)
    height, width = values.shape
    n = height * width
    source = np.ascontiguousarray(values.detach().cpu().numpy())
    level = np.empty((height, width), np.int32)
    with workspace(
        ((height, width), source.dtype),
        (n, np.uint32),
        (n, np.int32),
        (n, np.uint32),
        (n, np.uint64),
        (n, np.uint64),
        ((height + 2) * (width + 1), np.uint32),
        (n + 1, np.bool_),
        ((PASSES, 1 << DIGIT), np.int32),
    ) as (cost, distinct, area, *rest):
        _distance(source, starts, depth, cost)
        if not np.isfinite(cost.sum()):
            raise MapError(
                "the map or the depth to fill has NaN or infinite values",
                cure="fill finite maps only (saturation times are)",
            )
        keys, table = _ordered_keys(cost)
        first = starts[:, 1] * width + starts[:, 0]
        count = kernel.fill(keys, first, level, distinct, area, *rest)
        ranks = distinct[:count]
        thresholds = ranks.view(np.float32).copy() if table is None else table[ranks]
        return LevelSets(thresholds, area[:count].copy(), level)


def _distance(
    values: Float[np.ndarray, "H W"],
    starts: Int[np.ndarray, "_ 2"],
    depth: DepthMap | None,
    out: Float[np.ndarray, "H W"],
) -> None:
    x, y = starts.T
    if len(starts) > 1:
        _beyond(values, values[y, x], out)
        if depth is not None:
            behind = np.ascontiguousarray(depth.detach().cpu().numpy(), values.dtype)
            np.hypot(out, _beyond(behind, behind[y, x], np.empty_like(out)), out=out)
    elif depth is None:
        np.abs(np.subtract(values, values[y[0], x[0]], out=out), out=out)
    else:
        behind = np.ascontiguousarray(depth.detach().cpu().numpy(), values.dtype)
        over_rows(kernel.distance, len(values), values, behind, int(y[0]), int(x[0]), out)


def _beyond(
    values: Float[np.ndarray, "H W"],
    known: Float[np.ndarray, " k"],
    out: Float[np.ndarray, "H W"],
) -> Float[np.ndarray, "H W"]:
    """How far every value lies outside the range of those known."""
    np.subtract(values, np.clip(values, known.min(), known.max()), out=out)
    return np.abs(out, out=out)


def _ordered_keys(
    cost: Float[np.ndarray, "H W"],
) -> tuple[UInt32[np.ndarray, "H W"], Float[np.ndarray, " L"] | None]:
    """Integers in the order of `cost`, and its value for each; None if those share their bits."""
    if cost.dtype == np.float32:  # the bits of floats from 0 up are in the order of the floats
        return cost.view(np.uint32), None
    table, keys = np.unique(cost, return_inverse=True)
    return keys.reshape(cost.shape).astype(np.uint32), table
