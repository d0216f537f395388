"""The first prompt of a simulated annotator that does not begin with a click: a box or a stroke."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from scipy import ndimage
from scipy.sparse import csgraph, csr_array

from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.prompts import Box, Scribble

SPACING = 12
"""Parts of a stroke between the points that the hand's unsteadiness moves."""

UNSTEADY = 0.5
"""Of the depth inside the object, by which a point of a stroke is moved at most."""

Path = Int[np.ndarray, "k 2"]
"""Pixels (row, column), one after the other."""


def box_round(truth: Mask, loosen: float, generator: np.random.Generator) -> Box:
    """The truth's bounding box, every side moved outward.

    Args:
        loosen: by which share of the box's length across it, at the mean: evenly spread from half
            to one and a half times it; 0 is tight. The image cuts it off.
    """
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    by = loosen * generator.uniform(0.5, 1.5, 4) * np.repeat([bottom - top, right - left], 2)
    height, width = truth.shape
    return Box(
        max(float(left - by[2]), 0.0),
        max(float(top - by[0]), 0.0),
        min(float(right + by[3]), float(width)),
        min(float(bottom + by[1]), float(height)),
    )


def stroke_along(truth: Mask, generator: np.random.Generator) -> Scribble:
    """A stroke along the longest path of the truth's skeleton, as an unsteady hand draws it.

    Of the largest part, a tenth off at both ends; its points are moved by up to half their depth
    inside the object, less where the stroke would leave it, so that it never does.
    """
    path = longest_path(_skeleton(truth))
    cut = len(path) // 10
    path = path[cut : len(path) - cut]
    chosen = path[np.unique(np.linspace(0, len(path) - 1, SPACING + 1).round().astype(int))]
    depth = ndimage.distance_transform_edt(np.pad(truth, 1))[1:-1, 1:-1]
    reach = UNSTEADY * depth[chosen[:, 0], chosen[:, 1], None]
    moved = generator.uniform(-1, 1, chosen.shape) * reach / np.sqrt(2)
    size = Size(*truth.shape)
    for points in (*_steadier(chosen, moved), path):
        stroke = Scribble([(x + 0.5, y + 0.5) for y, x in points.tolist()])
        x, y = stroke.pixels(size, size).T
        if truth[y, x].all():
            break
    return stroke


def _steadier(points: Path, moved: np.ndarray) -> Iterator[np.ndarray]:
    for share in (1, 0.5, 0.25, 0):
        yield points + (share * moved).round().astype(int)


def longest_path(skeleton: Mask) -> Path:
    """The longest of all shortest ways between two pixels of a connected skeleton, by its pixels.

    Found from the farthest pixel of any to the farthest of that: exact on a skeleton without loops.
    """
    pixels = np.argwhere(skeleton)
    number = np.full(skeleton.shape, -1)
    number[skeleton] = np.arange(len(pixels))
    links = [_links(number, down, across) for down, across in ((0, 1), (1, 0), (1, 1), (1, -1))]
    one, other, length = (np.concatenate(parts) for parts in zip(*links, strict=True))
    graph = csr_array((length, (one, other)), shape=(len(pixels), len(pixels)))

    def reached(start: int) -> tuple[np.ndarray, np.ndarray]:
        distance, before = csgraph.dijkstra(
            graph, directed=False, indices=start, return_predecessors=True
        )
        return np.where(np.isfinite(distance), distance, -1), before

    start = int(reached(0)[0].argmax())
    distance, before = reached(start)
    way = [int(distance.argmax())]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return pixels[way]


def _links(
    number: Int[np.ndarray, "H W"], down: int, across: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours in one direction, and how far apart they are."""
    height, width = number.shape
    left, right = max(-across, 0), width - max(across, 0)
    one = number[: height - down, left:right].ravel()
    other = number[down:, left + across : right + across].ravel()
    both = (one >= 0) & (other >= 0)
    return one[both], other[both], np.full(int(both.sum()), np.hypot(down, across))


def _skeleton(truth: Mask) -> Mask:
    """Of the largest part, connected; its deepest pixel where nothing else is left."""
    from skimage.morphology import skeletonize

    labels, count = ndimage.label(truth, np.ones((3, 3)))
    largest = labels == 1 + int(np.bincount(labels.ravel())[1:].argmax()) if count > 1 else truth
    thin: Mask = skeletonize(largest)  # type: ignore[no-untyped-call]
    if not thin.any():
        depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1]
        thin = depth == depth.max()
    parts, count = ndimage.label(thin, np.ones((3, 3)))
    return parts == 1 + int(np.bincount(parts.ravel())[1:].argmax()) if count > 1 else thin
