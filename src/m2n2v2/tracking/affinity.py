"""Label propagation: a cell takes the labels of the cells most like it in frames that have some.

The recipe of self-supervised features' evaluation on video (Jabri et al. 2020; Caron et al. 2021):
affinity to the cells of a window in the first and the last few frames, the few best kept, softmax.
Ours: the window follows the optical flow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from m2n2v2.tracking import _affinity as kernel


@dataclass(frozen=True)
class Context:
    """A frame whose labels are known.

    Attributes:
        features: of its cells.
        labels: of its cells: the share of each object, background first; they sum to 1.
        moved: from a cell of the frame asked about to its place here, as (x, y) in cells.
        radius: of the window around that place, in cells; infinite for the whole frame.
    """

    features: Float32[np.ndarray, "h w c"]
    labels: Float32[np.ndarray, "h w k"]
    moved: Float32[np.ndarray, "h w 2"]
    radius: float


def propagated(
    features: Float32[np.ndarray, "h w c"],
    contexts: Sequence[Context],
    *,
    keep: int,
    temperature: float,
) -> tuple[Float32[np.ndarray, "h w k"], Float32[np.ndarray, "h w"]]:
    """The labels of a frame's cells, from those of other frames.

    Similarity is `-|a - b|^2 / 2`, which for unit vectors is their cosine less 1.

    Args:
        features: of the frame asked about.
        contexts: at least one, all on the same grid.
        keep: how many most similar cells a cell takes its labels from, at least 1.
        temperature: of the softmax over these, over 0.

    Returns:
        The labels, which sum to 1, and the similarity of the best cell, at most 0.
    """
    height, width, _ = features.shape
    value = np.full((height, width, keep), -np.inf, np.float32)
    index = np.zeros((height, width, keep), np.int32)
    half = np.square(features).sum(2) / 2
    for number, context in enumerate(contexts):
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        rows, columns = rows + context.moved[:, :, 1], columns + context.moved[:, :, 0]
        np.clip(rows, 0, height - 1, out=rows)  # beside the image its edge is nearest
        np.clip(columns, 0, width - 1, out=columns)
        radius = min(context.radius, float(max(height, width)))
        other = np.square(context.features).sum(2) / 2
        for y in range(height):
            low = max(int(np.ceil(rows[y].min() - radius)), 0)
            high = min(int(np.floor(rows[y].max() + radius)), height - 1) + 1
            seen = context.features[low:high].reshape(-1, context.features.shape[2])
            similar = features[y] @ seen.T
            similar -= half[y][:, None]
            similar -= other[low:high].reshape(-1)
            kernel.keep_best(
                similar,
                low,
                width,
                rows[y],
                columns[y],
                np.float32(radius),
                number * height * width,
                value[y],
                index[y],
            )
    weight = np.exp((value - value[:, :, :1]) / np.float32(temperature))
    weight /= weight.sum(2, keepdims=True)
    labels = np.concatenate([c.labels.reshape(height * width, -1) for c in contexts])
    return np.einsum("yxi,yxik->yxk", weight, labels[index]), value[:, :, 0]
