"""What the photograph says about a box: whose colours are the outside's. Ours."""

import numpy as np
import torch
from jaxtyping import Int32

from m2n2v2.arrays import CellMap
from m2n2v2.boxed import Window
from m2n2v2.grid import Size
from m2n2v2.images import resized_map

POWER = 0.12
"""Of the share of a colour's density that is inside; weak, as walks are slowed at every step."""

RARE = 0.02
"""Density, over the number of colours, added on both sides: a colour seen nowhere says nothing."""


def held(colours: Int32[np.ndarray, "H W"], kinds: int, window: Window, cells: Size) -> CellMap:
    """How much of a walk a step in a cell leaves, in (0, 1]: less where its colours are those of
    the outside.

    Args:
        colours: the number of each pixel's colour, 0 to `kinds - 1`.
        window: the box's rows and columns.
        cells: the grid.
    """
    inside = np.zeros(colours.shape, bool)
    inside[window] = True
    within, without = (
        _density(colours[chosen], kinds) + RARE / kinds for chosen in (inside, ~inside)
    )
    share = (within / (within + without)).astype(np.float32)[colours]
    return resized_map(torch.from_numpy(share), cells) ** POWER


def _density(colours: Int32[np.ndarray, " n"], kinds: int) -> np.ndarray:
    return np.bincount(colours, minlength=kinds) / max(len(colours), 1)
