"""Superpixels: partitions of the image into segments of one colour."""

import numpy as np
from jaxtyping import Float32, Int32, Int64
from scipy import sparse
from skimage import segmentation

from m2n2v2 import grid
from m2n2v2.attention.affinity import _superpixels as kernel
from m2n2v2.attention.affinity.parameters import Partition, Slic
from m2n2v2.boundaries import tensor_strength
from m2n2v2.compiled.threads import over_rows
from m2n2v2.grid import Size

Labels = Int32[np.ndarray, "H W"]
"""The segment of each pixel, 0 to m - 1, every number used."""

SLIC_ROUNDS = 6
"""Of assignment and update; segments hardly move after these."""

LEAST_SHARE = 0.5
"""Of an average segment's area; smaller fragments are joined to a neighbour."""

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
        return slic(lab, segments, partition.compactness)
    labels = segmentation.watershed(  # type: ignore[no-untyped-call]
        colour_gradient(lab), markers=segments
    )
    return _numbers(labels.ravel())[labels]


def slic(lab: Float32[np.ndarray, "H W 3"], segments: int, compactness: float) -> Labels:
    """Simple linear iterative clustering (Achanta et al. 2012), every segment connected.

    Centres start on a grid of equal cells and a pixel chooses among the nine around it. Fragments
    smaller than half an average segment go to the neighbour of the nearest colour.

    Args:
        lab: the image in CIE Lab.
        segments: about how many, at least 1 and at most the pixels.
        compactness: a distance of one segment's side counts as this much colour.
    """
    height, width = lab.shape[:2]
    rows = min(max(round((segments * height / width) ** 0.5), 1), height)
    columns = min(max(round(segments / rows), 1), width)
    side = (height * width / (rows * columns)) ** 0.5
    centres = np.zeros((rows, columns, 5), np.float32)
    row = (2 * np.arange(height) + 1) * rows // (2 * height)
    column = (2 * np.arange(width) + 1) * columns // (2 * width)
    labels = (row[:, None] * columns + column[None, :]).astype(np.int32)
    total = np.empty((rows * columns, 6))
    means = centres.reshape(-1, 5)
    kernel.update(lab, labels, means, total)
    place_weight = np.float32((compactness / side) ** 2)
    for _ in range(SLIC_ROUNDS):
        over_rows(kernel.assign, height, lab, centres, place_weight, labels)
        kernel.update(lab, labels, means, total)
    return _without_fragments(labels, lab, LEAST_SHARE * side * side)


def _without_fragments(labels: Labels, lab: Float32[np.ndarray, "H W 3"], least: float) -> Labels:
    components = np.empty_like(labels)
    count = kernel.connected(labels, components, np.empty(labels.size, np.int32))
    flat = components.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float64)
    colour = np.stack([np.bincount(flat, lab[:, :, i].ravel(), count) / area for i in range(3)], 1)
    steps = np.concatenate([_keys(components, count), _keys(components.T, count)])
    steps = _distinct(steps)
    both = _distinct(np.concatenate([steps, steps % count * count + steps // count]))
    root = np.empty(count, np.int64)
    pairs = np.stack([both // count, both % count], 1)
    start = np.searchsorted(pairs[:, 0], np.arange(count + 1))
    kernel.absorb(pairs, start, colour, area, least, root)
    return _numbers(root)[root][components]


def _distinct(keys: Int64[np.ndarray, " s"]) -> Int64[np.ndarray, " d"]:
    """The values that occur, ascending; sorted, where `np.unique` would hash."""
    ascending = np.sort(keys)
    first = np.ones(len(keys), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return ascending[first]


def _numbers(used: Int64[np.ndarray, " s"] | Int32[np.ndarray, " s"]) -> Int32[np.ndarray, " l"]:
    """For each value in use, how many smaller ones are."""
    return np.cumsum(np.bincount(used) > 0, dtype=np.int32) - np.int32(1)


def _keys(components: Labels, count: int) -> Int64[np.ndarray, " s"]:
    one, other = components[:, :-1], components[:, 1:]
    cut = one != other
    return one[cut].astype(np.int64) * count + other[cut]


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
