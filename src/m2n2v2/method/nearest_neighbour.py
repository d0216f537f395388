"""Truncated nearest neighbour: all scaled Markov-maps become one segmentation (Eq. 11-12)."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.compiled.threads import over_rows
from m2n2v2.compiled.workspace import workspace
from m2n2v2.grid import Size, linear_taps
from m2n2v2.method import _nearest_neighbour as kernel
from m2n2v2.prompts.clicks import Pixels


def truncated_nearest_neighbour(
    maps: Sequence[PixelMap],
    scales: Sequence[float | None],
    pixels: Sequence[Pixels | tuple[int, int]],
    labels: Sequence[bool],
    base: PixelMap | None = None,
) -> PixelMap:
    """The segmentation as a margin: over 0 exactly on the object.

    Per pixel the prompt of the smallest `M_i / lambda_i` wins, the first on ties; its class is
    the output where that value is at most 1, background elsewhere. A prompt's pixel has its label,
    that of the first where there are several.

    Args:
        maps: Markov-maps, 0 at their prompt; at least one, all of one size.
        scales: lambda per map, 0 or more; None claims the prompt's own pixel only.
        pixels: those (x, y) that a prompt marks: one of a click, many of a stroke.
        labels: True for object.
        base: a margin to keep where no prompt claims a pixel; background, if not given.

    Returns:
        In [-1, 1], float32, on the maps' device: how much farther, in scales, a pixel is from
        the nearest background prompt (or from 1, whichever is nearer) than from the nearest
        object prompt.
    """
    plane = tuple(maps[0].shape)
    margin = np.empty(plane, np.float32)
    with workspace((plane, np.float32), (plane, np.float32), (plane, np.bool_)) as arrays:
        inner, outer, mask = arrays
        inner.fill(np.inf)
        outer.fill(np.inf)
        mask.fill(False)
        for values, scale, positive in zip(maps, scales, labels, strict=True):
            if scale is not None:
                array = np.ascontiguousarray(values.detach().cpu().numpy())
                scale = array.dtype.type(scale)
                over_rows(kernel.merge, plane[0], array, scale, positive, inner, outer, mask)
        over_rows(kernel.margin, plane[0], inner, outer, mask, margin)
        if base is not None:
            unclaimed = np.isinf(np.minimum(inner, outer))
            margin[unclaimed] = base.cpu().numpy()[unclaimed]
    for marked, positive in reversed(list(zip(pixels, labels, strict=True))):
        x, y = np.asarray(marked, np.int64).reshape(-1, 2).T
        margin[y, x] = 1 if positive else -1
    return torch.from_numpy(margin).to(maps[0].device)


def enlarged_mask(margin: Float[Tensor, "h w"], size: Size) -> Mask:
    """Where the margin, interpolated bilinearly (half-pixel centres) to a larger size, is over 0.

    What thresholding `images.resized_map` gives, without the full-size floats.
    """
    rows, columns = (
        (taps[0], taps[1].astype(np.float32))
        for taps in (
            linear_taps(pixels, cells)
            for pixels, cells in zip(size.shape, margin.shape, strict=True)
        )
    )
    out = np.empty(size.shape, np.bool_)
    source = np.ascontiguousarray(margin.detach().cpu().numpy())
    over_rows(kernel.above_zero, size.height, source, *rows, *columns, out)
    return out
