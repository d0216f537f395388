"""The least cut of a grid of pixels, by the largest flow (Boykov and Kolmogorov 2004)."""

import numpy as np
from jaxtyping import Float

from m2n2v2.arrays import Mask
from m2n2v2.baselines import _max_flow as kernel

OFFSETS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
"""A pixel's neighbours, (rows down, columns right); opposite ones stand side by side."""


def least_cut(terminal: Float[np.ndarray, "H W"], arcs: Float[np.ndarray, "8 H W"]) -> Mask:
    """The source's side of the least cut; of equal cuts, the one whose side is smallest.

    Args:
        terminal: what it costs to leave a pixel to the sink; below 0, what it costs, with the sign
            turned, to leave it to the source. Finite.
        arcs: what it costs that a pixel is the source's and its neighbour the sink's, 0 or more,
            finite, by `OFFSETS`; those over the image's edge are not looked at.
    """
    height, width = terminal.shape
    framed = height + 2, width + 2
    given = np.zeros(framed)
    given[1:-1, 1:-1] = terminal
    left = np.zeros((8, *framed))
    left[:, 1:-1, 1:-1] = arcs
    for direction, (down, right) in enumerate(OFFSETS):
        if down:
            left[direction, height if down > 0 else 1] = 0
        if right:
            left[direction, :, width if right > 0 else 1] = 0
    n = given.size
    steps = np.array([down * framed[1] + right for down, right in OFFSETS], np.int64)
    tree = np.zeros(n, np.int8)
    parent = np.full(n, kernel.NONE, np.int8)
    order, stamp, far, orphans = np.zeros((4, n), np.int32)
    queued = np.zeros(n, np.bool_)
    kernel.flow(
        given.reshape(-1), left.reshape(8, -1), steps,
        tree, parent, order, queued, stamp, far, orphans,
    )  # fmt: skip
    side: Mask = tree.reshape(framed)[1:-1, 1:-1] == kernel.SOURCE
    return side
