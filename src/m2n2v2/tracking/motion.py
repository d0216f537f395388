"""What moves with the background, where the object moves otherwise, is not the object.

Affinity asks what a cell looks like, and so leaves a mask on what the object once stood before: a
post looks the same when the car has driven on. Two ways lead from a cell to the last frame: the
object's, which is an affine motion, bent to its own flow nearby, and that of the background around
it. The one along which the photographs agree is the cell's. The flow itself is not asked, since it
is smooth across outlines; but where it leads nowhere, as behind something that has just moved off,
less is said.
"""

import numpy as np
from jaxtyping import Float32

from m2n2v2.arrays import Image
from m2n2v2.grid import Size
from m2n2v2.tracking.flow import Field, opencv, warped
from m2n2v2.tracking.object_model import Shares
from m2n2v2.tracking.resampling import cell_means, enlarged

INSIDE, OUTSIDE = 0.6, 0.1
"""A cell with a larger share of the object, or a smaller one, tells the motion of it, or of the
background."""

LEAST = 8
"""Cells that an object's motion is learned from; of fewer nothing is said."""

ROUNDS, OUTLYING = 4, 2.0
"""Of the fit of the object's motion; a cell so many pixels off weighs half."""

OBJECT, BACKGROUND = 2.0, 3.0
"""Sigma of what is nearby, in cells, for the two motions."""

NOISE = 15.0
"""A difference of the photographs, summed over three channels of 256 levels, that says nothing."""

DOUBT, GAIN = 0.3, 1.5
"""How much better, in [0, 1], the background's way must be to count, and what more of it weighs."""

Veto = Float32[np.ndarray, "h w o"]
"""How surely each cell is none of each object, in [0, 1]."""


def left_behind(
    image: Image,
    last: Image,
    there: Field,
    believed: Float32[np.ndarray, "H W"],
    shares: Float32[np.ndarray, "H W k"],
    cells: Size,
) -> Veto:
    """How surely each cell moves with what is around an object, and not with the object.

    Args:
        image: the frame in question.
        last: the frame before.
        there: the flow from the one to the other.
        believed: how far that is to be believed (`flow.belief`).
        shares: of the background and each object at each pixel, by the flow.
        cells: the grid.
    """
    cv2, size = opencv(), Size(*believed.shape)
    weight = cell_means(believed, cells)
    flow = cell_means(there * believed[:, :, None], cells) / np.maximum(weight, 1e-3)[:, :, None]
    soft, before = (cv2.GaussianBlur(one, (0, 0), 1.0).astype(np.float32) for one in (image, last))

    def missed(way: Float32[np.ndarray, "h w 2"]) -> Float32[np.ndarray, "h w"]:
        """How far the photographs differ along a way."""
        apart = np.abs(soft - warped(before, enlarged(way, size))).sum(2)
        return _near(cell_means(apart, cells), 0.7)

    veto = np.zeros((*cells.shape, shares.shape[2] - 1), np.float32)
    for at in range(veto.shape[2]):
        share = cell_means(np.ascontiguousarray(shares[:, :, at + 1]), cells)
        inside = np.where(share > INSIDE, share * weight, 0).astype(np.float32)
        outside = np.where(share < OUTSIDE, weight, 0).astype(np.float32)
        if np.count_nonzero(inside > 0.3) < LEAST:
            continue
        own, trusted = _affine(flow, inside)
        own = _blended(flow, trusted, OBJECT, 0.02, own)
        around = _blended(flow, outside, BACKGROUND, 1e-4, np.zeros_like(flow))
        apart = np.square(own - around).sum(2)
        by_object, by_background = missed(own), missed(around)
        better = (by_object - by_background) / (by_object + by_background + NOISE)
        better *= apart / (apart + 1) * np.clip(4 * _near(outside, BACKGROUND), 0, 1)
        veto[:, :, at] = np.clip(GAIN * (better - DOUBT), 0, 1) * weight
    return veto


def without(shares: Shares, veto: Veto) -> Shares:
    """Shares of which each object loses what is vetoed to the background."""
    objects = shares[:, :, 1:] * (1 - veto)
    background = shares[:, :, :1] + (shares[:, :, 1:] * veto).sum(2, keepdims=True)
    return np.concatenate([background, objects], 2)


def _affine(
    flow: Float32[np.ndarray, "h w 2"], inside: Float32[np.ndarray, "h w"]
) -> tuple[Float32[np.ndarray, "h w 2"], Float32[np.ndarray, "h w"]]:
    """The affine motion of the cells inside, robustly; and how far each of them follows it."""
    height, width = inside.shape
    y, x = np.mgrid[:height, :width]
    place = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5], 2).reshape(-1, 3)
    trusted, motion = inside, flow
    for _ in range(ROUNDS):
        weighted = place * trusted.reshape(-1, 1)
        system = weighted.T @ place + np.diag([0, 0.5, 0.5])  # few cells: rather no turn, no growth
        motion = place @ np.linalg.solve(system, weighted.T @ flow.reshape(-1, 2))
        motion = motion.reshape(flow.shape).astype(np.float32)
        off = np.square(flow - motion).sum(2) / OUTLYING**2
        trusted = (inside / (1 + off)).astype(np.float32)
    return motion, trusted


def _blended(
    flow: Float32[np.ndarray, "h w 2"],
    weight: Float32[np.ndarray, "h w"],
    sigma: float,
    least: float,
    other: Float32[np.ndarray, "h w 2"],
) -> Float32[np.ndarray, "h w 2"]:
    """The mean flow nearby, where there is some weight; else another one."""
    near = _near(flow * weight[:, :, None], sigma) + least * other
    return (near / (_near(weight, sigma) + least)[:, :, None]).astype(np.float32)


def _near(values: Float32[np.ndarray, "h w *c"], sigma: float) -> Float32[np.ndarray, "h w *c"]:
    """Smoothed over cells."""
    smooth: Float32[np.ndarray, "h w *c"] = opencv().GaussianBlur(values, (0, 0), sigma)
    return smooth
