"""A mask drawn anew to the photograph, near its own outline. Ours, not the paper's.

A mask is two prompts at once: what lies deep inside is object, what lies far outside is background.
Both are start states of the chain, as a scribble's cells are one, and between them every pixel goes
to the one that reaches it sooner. The mask's own outline counts as much as that, and the result's
is drawn to the photograph's edges as any other. Deep inside and far outside nothing changes.

What it does to masks drawn too large, too small or too coarsely is in docs/decisions/boxes.md.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float32
from scipy import ndimage
from torch import Tensor

from m2n2v2.arrays import Mask, PixelMap
from m2n2v2.errors import MaskError
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.values import ImageState, Segmentation

REACH = 0.025
"""How far an outline may move, as a share of the photograph's shorter side."""

CORE = 0.6
"""Of the depth of its deepest pixel, where the mask is too thin to be certain farther inside."""

CHAIN_WEIGHT = 0.5
"""Of what the chain says, beside the mask's own outline."""

Away = Float32[np.ndarray, "H W"]


def snapped(state: ImageState, mask: Mask) -> Mask:
    """The mask with its outline drawn to the photograph; what lies farther than `REACH` from its
    own outline stays.

    Args:
        state: the prepared image.
        mask: of the photograph's size; one with no pixel, or with all, stays as it is.

    Raises:
        MaskError: it is of another size.
    """
    check_size(mask, state.size)
    scaled = resized_map(torch.from_numpy(mask.astype(np.float32)) * 2 - 1, state.working_size)
    seen: Mask = (scaled > 0).numpy()
    if seen.all() or not seen.any():
        return mask
    away = _away(seen)
    reach = REACH * min(seen.shape)
    own = torch.from_numpy(np.clip(away / reach, -1, 1))
    margin = (own + CHAIN_WEIGHT * _nearer(state, away, reach)) / (1 + CHAIN_WEIGHT)
    drawn = _drawn(state, margin)
    certain = torch.from_numpy(np.abs(away) > reach)
    margin = torch.where(certain, own, drawn)
    return Segmentation(state.size, (), (), margin).mask


def check_size(mask: Bool[np.ndarray, "_ _"], size: Size) -> None:
    """Is a mask of the photograph's size?

    Raises:
        MaskError: it is not.
    """
    if mask.shape != size.shape:
        raise MaskError(
            f"the mask is {mask.shape[1]}x{mask.shape[0]} and the photograph {size}",
            cure="give a mask of the photograph's size",
        )


def _away(mask: Mask) -> Away:
    """How far pixels lie from the outline: over 0 inside, under 0 outside."""
    inside, outside = (ndimage.distance_transform_edt(side) for side in (mask, ~mask))
    return np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)


def _nearer(state: ImageState, away: Away, reach: float) -> PixelMap:
    """Which of two walks comes sooner, from deep inside or from far outside: 1 if the former is
    there from the start, -1 if the latter is; 0 without one of them."""
    deep = min(reach, CORE * float(away.max()))
    cells = state.transition.cells
    starts = [_start(away > deep, cells), _start(away < -reach, cells)]
    if not all(bool(start.any()) for start in starts):
        return torch.zeros(away.shape)
    times = state.saturation_time(
        state.transition,
        torch.stack(starts).to(state.transition.rows),
        threshold=state.settings.chain_threshold,
        max_steps=state.settings.chain_steps,
    )
    inside, outside = state.upsampling(times).cpu()
    both = (inside + outside).clamp_min(1e-6)
    nearer: PixelMap = ((outside - inside) / both).float()
    return nearer


def _start(pixels: Mask, cells: Size) -> Float32[Tensor, "h w"]:
    """The share of every cell that the pixels cover, over the largest."""
    share = resized_map(torch.from_numpy(pixels.astype(np.float32)), cells).clamp_min(0)
    return share / share.max() if bool(share.any()) else share


def _drawn(state: ImageState, margin: PixelMap) -> PixelMap:
    """The outline of a margin drawn to the photograph's edges, where this walk does that."""
    plain = state.with_settings(state.settings.replace(object_model=0.0))
    result = state.additions.refined(plain, Segmentation(state.size, (), (), margin))
    return result.margin.cpu()
