"""What the object looks like to the network, learned at every click from the mask and the clicks.

Ridge regression (Hoerl and Kennard 1970) from the features of patches to the share of each that the
mask covers, a clicked patch counting as many. Its belief is then added to the margin: what looks
like the other side gives way where two prompts are about equally near, and a correction of one part
speaks for all that look like it. Ours, not the paper's.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64

from m2n2v2.arrays import PixelMap
from m2n2v2.attention.featured import Looks
from m2n2v2.photograph import _object_model as kernel
from m2n2v2.prompts.clicks import Pixels

CLICK_WEIGHT = 20.0
"""Patches that a clicked one counts as, beside itself."""

PENALTY = 1.0
"""Of the squared coefficients; the features of a patch have a length of at most 1."""

STEEPNESS = 3.0
"""Of what is added, up to where it is cut off."""


def supported(
    margin: PixelMap,
    looks: Looks,
    pixels: Sequence[Pixels],
    labels: Sequence[bool],
    weight: float,
) -> PixelMap:
    """The margin with `weight` times the belief of the object's model added, cut to [-1, 1].

    Args:
        margin: over 0 on the object.
        looks: of a grid of patches over the whole photograph.
        pixels, labels: of the prompts, (x, y); they keep their label.
        weight: the most that is added or taken, over 0.
    """
    before = np.ascontiguousarray(margin.cpu().numpy(), np.float32)
    belief = _belief(before, looks, pixels, labels).astype(np.float32)
    out = np.empty_like(before)
    kernel.believed(belief, np.float32(STEEPNESS), np.float32(weight), before, out)
    for prompt, positive in zip(pixels, labels, strict=True):
        x, y = prompt.T
        out[y, x] = 1.0 if positive else -1.0
    return torch.from_numpy(out).to(margin.device)


def _belief(
    margin: Float32[np.ndarray, "H W"],
    looks: Looks,
    pixels: Sequence[Pixels],
    labels: Sequence[bool],
) -> Float64[np.ndarray, "y x"]:
    """How much of each patch is object, by the regression; about 0 to 1.

    What the clicks add to the matrix is small, and what is left of it stays from click to click.
    The sums are numpy's own: they are too short for the threads of a linear algebra library, which
    on a busy machine wait for one another.
    """
    rows, columns = looks.grid.shape
    covered = np.empty((rows, columns))
    kernel.covered(margin, covered)
    system, target = looks.moments.copy(), looks.towards(covered.ravel())
    height, width = margin.shape
    for prompt, positive in zip(pixels, labels, strict=True):
        clicked = looks.design[looks.under(prompt, height, width)]
        system += CLICK_WEIGHT * np.einsum("pi,pj->ij", clicked, clicked)
        target += CLICK_WEIGHT * positive * clicked.sum(0)
    system[np.diag_indices_from(system)] += PENALTY
    solution: Float[np.ndarray, " d"] = np.linalg.solve(system, target)
    belief: Float64[np.ndarray, "y x"] = looks.along(solution).reshape(rows, columns)
    return belief
