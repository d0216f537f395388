"""Superpixels: partitions of the image into segments of one colour."""

import numpy as np
from jaxtyping import Float32, Int32, Int64
from scipy import ndimage, sparse
from skimage import segmentation

from m2n2v2 import grid
from m2n2v2.attention.affinity.parameters import Partition, Slic
from m2n2v2.grid import Size

Labels = Int32[np.ndarray, "H W"]
"""The segment of each pixel, 0 to m - 1, every number used."""

GRADIENT_SIGMA = 1.0
"""Of the colour gradient the watershed follows, in pixels."""


def partitioned(lab: Float32[np.ndarray, "H W 3"], partition: Partition) -> Labels:
    """The segments of an image by one kind of partition; deterministic.

    Args:
        lab: the image in CIE Lab.
        partition: which, and about how many segments; never more than there are pixels.
    """
    segments = min(partition.segments, lab.shape[0] * lab.shape[1])
    if isinstance(partition, Slic):
        labels = segmentation.slic(
            lab,
            n_segments=segments,
            compactness=partition.compactness / max(float(np.ptp(lab)), 1e-6),  # slic divides, too
            convert2lab=False,
            channel_axis=-1,
            start_label=0,
        )
    else:
        labels = segmentation.watershed(  # type: ignore[no-untyped-call]
            colour_gradient(lab), markers=segments
        )
    _, flat = np.unique(labels, return_inverse=True)
    return flat.reshape(lab.shape[:2]).astype(np.int32)


def shares(
    labels: Labels, cells: Size
) -> tuple[Int64[np.ndarray, " e"], Int64[np.ndarray, " e"], Float32[np.ndarray, " e"]]:
    """Which share of each cell's area each segment covers: the entries of P.

    Returns cell, segment and share of every entry, sorted by cell; a cell's shares sum to 1.
    """
    y, row, height = grid.overlaps(labels.shape[0], cells.height)
    x, column, width = grid.overlaps(labels.shape[1], cells.width)
    cell = (row[:, None] * cells.width + column[None, :]).ravel()
    covered = (height[:, None] * width[None, :]).ravel()
    entries = sparse.coo_array((covered, (cell, labels[np.ix_(y, x)].ravel()))).tocsr().tocoo()
    return (
        entries.row.astype(np.int64),
        entries.col.astype(np.int64),
        entries.data.astype(np.float32),
    )


def colour_gradient(lab: Float32[np.ndarray, "H W 3"]) -> Float32[np.ndarray, "H W"]:
    """Largest rate of change of colour at each pixel: the root of the structure tensor's top
    eigenvalue, the tensor summed over the channels (Di Zenzo 1986)."""
    return tensor_strength([lab[:, :, channel] for channel in range(3)], GRADIENT_SIGMA)


def tensor_strength(
    channels: list[Float32[np.ndarray, "H W"]], sigma: float
) -> Float32[np.ndarray, "H W"]:
    """Root of the top eigenvalue of the structure tensor of Gaussian derivatives, over channels."""
    shape = channels[0].shape
    xx, yy, xy = (np.zeros(shape, np.float32) for _ in range(3))
    for channel in channels:
        smooth = ndimage.gaussian_filter1d(channel, sigma, 0)
        x = ndimage.gaussian_filter1d(smooth, sigma, 1, order=1)
        smooth = ndimage.gaussian_filter1d(channel, sigma, 1)
        y = ndimage.gaussian_filter1d(smooth, sigma, 0, order=1)
        xx += x * x
        yy += y * y
        xy += x * y
    strength: Float32[np.ndarray, "H W"] = np.sqrt(
        (xx + yy + np.sqrt((xx - yy) ** 2 + 4 * xy**2)) / 2
    )
    return strength
