"""What the object looks like to the network, learned at every click from the mask and the clicks.

Ridge regression (Hoerl and Kennard 1970) from the features of patches to the share of each that the
mask covers, a clicked patch counting as many. Its belief is then added to the margin: what looks
like the other side gives way where two prompts are about equally near, and a correction of one part
speaks for all that look like it. Ours, not the paper's.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from m2n2v2.arrays import PixelMap
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.prompts.clicks import Pixels

CLICK_WEIGHT = 20.0
"""Patches that a clicked one counts as, beside itself."""

PENALTY = 1.0
"""Of the squared coefficients; the features of a patch have a length of at most 1."""

STEEPNESS = 3.0
"""Of what is added, up to where it is cut off."""


def supported(
    margin: PixelMap,
    features: Float[Tensor, "y x d"],
    pixels: Sequence[Pixels],
    labels: Sequence[bool],
    weight: float,
) -> PixelMap:
    """The margin with `weight` times the belief of the object's model added, cut to [-1, 1].

    Args:
        margin: over 0 on the object.
        features: of a grid of patches over the whole photograph.
        pixels, labels: of the prompts, (x, y); they keep their label.
        weight: the most that is added or taken, over 0.
    """
    size = Size(*margin.shape)
    patches = _belief(margin, features, pixels, labels)
    added = resized_map(torch.from_numpy(patches.astype(np.float32)), size) - 0.5
    out = margin.cpu() + weight * (STEEPNESS * added).clamp(-1, 1)
    out.clamp_(-1, 1)
    for prompt, positive in zip(pixels, labels, strict=True):
        x, y = torch.from_numpy(prompt).T
        out[y, x] = 1.0 if positive else -1.0
    return out.to(margin.device)


def _belief(
    margin: PixelMap,
    features: Float[Tensor, "y x d"],
    pixels: Sequence[Pixels],
    labels: Sequence[bool],
) -> Float64[np.ndarray, "y x"]:
    """How much of each patch is object, by the regression; about 0 to 1."""
    rows, columns, count = features.shape
    design = np.ones((rows * columns, count + 1))
    design[:, :count] = features.reshape(-1, count).cpu().double().numpy()
    covered = resized_map((margin.cpu() > 0).float(), Size(rows, columns))
    total, counts = covered.double().numpy().ravel(), np.ones(rows * columns)
    height, width = margin.shape
    for prompt, positive in zip(pixels, labels, strict=True):
        x, y = prompt.T
        patch = np.unique(y * rows // height * columns + x * columns // width)
        counts[patch] += CLICK_WEIGHT
        total[patch] += CLICK_WEIGHT * positive
    system = design.T @ (design * counts[:, None]) + PENALTY * np.eye(count + 1)
    solution = np.linalg.solve(system, design.T @ total)
    belief: Float64[np.ndarray, "y x"] = (design @ solution).reshape(rows, columns)
    return belief
