"""Flood fill of a Markov-map from its prompt, plain (M2N2) and depth-guided (section 3.3)."""

import numpy as np
import torch
from jaxtyping import Float, Int32

from m2n2v2.arrays import DepthMap, PixelMap
from m2n2v2.kernels import flood_fill as kernel


def flood_fill(
    values: PixelMap, start: tuple[int, int], *, depth: DepthMap | None = None
) -> PixelMap:
    """The smallest possible largest distance to the start's own value, over paths to each pixel.

    Paths go over 4-neighbours. The distance of a pixel is `|m - m_start|`; with depth, that of
    the pairs: `sqrt((m - m_start)^2 + (d - d_start)^2)`. Local minima away from the prompt are
    filled, so every set `fill <= t` is one connected region that holds the prompt. Exact, in one
    pass over the pixels; morphological reconstruction by erosion computes the same.

    Args:
        values: Markov-map, divided by its maximum so that it shares depth's range.
        start: the prompt's pixel (x, y).
        depth: normalised inverse depth in [0, 1]; None for the plain fill.

    Returns:
        Distances >= 0, 0 at the start, in the unit of `values`, on its device and of its dtype.
    """
    return ordered_flood_fill(values, start, depth=depth)[0]


def ordered_flood_fill(
    values: PixelMap, start: tuple[int, int], *, depth: DepthMap | None = None
) -> tuple[PixelMap, Int32[np.ndarray, " N"]]:
    """`flood_fill`, and the flat pixel indices sorted by it, which the fill finds on its way."""
    x, y = start
    cost = _cost(values.detach().cpu().numpy(), y, x, depth)
    out = np.empty_like(cost)
    order = np.empty(cost.size, np.int32)
    kernel.fill(cost, y * cost.shape[1] + x, out, order)
    return torch.from_numpy(out).to(values.device), order


def _cost(
    values: Float[np.ndarray, "H W"], y: int, x: int, depth: DepthMap | None
) -> Float[np.ndarray, "H W"]:
    away = np.abs(values - values[y, x])
    if depth is None:
        return np.ascontiguousarray(away)
    behind = depth.detach().cpu().numpy().astype(values.dtype)
    return np.sqrt(np.square(away) + np.square(behind - behind[y, x]))
