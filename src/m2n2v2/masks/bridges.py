"""One closed polygon for an object with holes or of several parts, as YOLO wants it.

Outlines are joined by bridges that are walked there and back. A bridge to a hole goes straight up
from it through the object, so it costs nothing. Parts are joined by a minimum spanning tree of
the shortest bridges over the background, along rows and columns: the pixels under them become
object where a rasteriser paints the outline, and are counted.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from m2n2v2.arrays import Mask
from m2n2v2.masks.outlines import INSET, Points, Tracing, inset, trace

Point = tuple[float, float]
EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Joined:
    """A polygon, and the background pixels that its bridges cover."""

    points: Points
    covered: int


@dataclass(frozen=True)
class End:
    """Where a bridge leaves an outline: a point on the edge after a corner, `along` it."""

    outline: int
    corner: int
    along: float
    point: Point


@dataclass(frozen=True)
class Bridge:
    ends: tuple[End, End]
    way: tuple[Point, ...] = ()

    def towards(self, side: int) -> tuple[Point, ...]:
        """The points between the ends, on the way to end `side`."""
        return self.way if side == 1 else self.way[::-1]


def joined(mask: Mask) -> Joined:
    """The mask as one polygon of inset corners; it must have a pixel.

    Rasterisers that drop the fraction of every coordinate and paint the outline return the mask
    and the covered pixels, no others.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    traced = trace(part, diagonal=True)
    places = _Places(traced)
    bridges = [_up(part, traced, places, hole) for hole in np.flatnonzero(traced.is_hole).tolist()]
    covered = np.zeros_like(part)
    for start, stop in _shortest_links(part):
        turn = (stop[0], start[1])
        way = tuple((x + 0.5, y + 0.5) for x, y in (start, turn, stop))
        bridges.append(Bridge((places.beside(part, *start), places.beside(part, *stop)), way))
        xs, ys = sorted((start[0], stop[0])), sorted((start[1], stop[1]))
        covered[start[1], xs[0] : xs[1] + 1] = True
        covered[ys[0] : ys[1] + 1, stop[0]] = True
    points = np.array(list(_walk(traced, bridges)), np.float64)
    return Joined(points + np.array([left, top]), int((covered & ~part).sum()))


class _Places:
    """On which outline, and after which of its corners, an edge lies."""

    def __init__(self, traced: Tracing) -> None:
        self._traced = traced
        self._horizontal = np.zeros((len(traced.horizontal.line), 2), np.int64)
        self._vertical = np.zeros_like(self._horizontal)
        for number, edges in enumerate(traced.outlines):
            places = np.arange(len(edges))
            self._horizontal[edges] = np.stack([places * 0 + number, 2 * places], axis=1)
            self._vertical[traced.following[edges]] = np.stack(
                [places * 0 + number, 2 * places + 1], axis=1
            )

    def on_row(self, row: int, column: int) -> End:
        """The middle of the unit edge at lattice row `row` over pixel column `column`."""
        edges = self._traced.horizontal
        edge = edges.at(row, column)
        outline, corner = self._horizontal[edge].tolist()
        ahead = bool(edges.ahead[edge])  # eastward: the object is below
        middle = column + 0.5
        along = middle - int(edges.low[edge]) if ahead else int(edges.high[edge]) - middle
        return End(outline, corner, along, (middle, row + (INSET if ahead else -INSET)))

    def on_column(self, column: int, row: int) -> End:
        """The middle of the unit edge at lattice column `column` beside pixel row `row`."""
        edges = self._traced.vertical
        edge = edges.at(column, row)
        outline, corner = self._vertical[edge].tolist()
        ahead = bool(edges.ahead[edge])  # downward: the object is to the west
        middle = row + 0.5
        along = middle - int(edges.low[edge]) if ahead else int(edges.high[edge]) - middle
        return End(outline, corner, along, (column + (-INSET if ahead else INSET), middle))

    def beside(self, mask: Mask, x: int, y: int) -> End:
        """An edge of a pixel that lies on its part's outline."""
        if y == 0 or not mask[y - 1, x]:
            return self.on_row(y, x)
        if y == len(mask) - 1 or not mask[y + 1, x]:
            return self.on_row(y + 1, x)
        if x == 0 or not mask[y, x - 1]:
            return self.on_column(x, y)
        return self.on_column(x + 1, y)


def _up(mask: Mask, traced: Tracing, places: _Places, hole: int) -> Bridge:
    """From the top of a hole through the object to the outline above it."""
    edge = int(traced.outlines[hole][0])
    column, row = int(traced.horizontal.low[edge]), int(traced.horizontal.line[edge])
    outside = np.flatnonzero(~mask[:row, column])
    above = int(outside[-1]) + 1 if len(outside) else 0
    return Bridge((places.on_row(above, column), places.on_row(row, column)))


def _shortest_links(mask: Mask) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of pixels (x, y) that link all parts: a minimum spanning tree by taxicab distance.

    Only parts whose nearest-pixel regions touch are candidates, which is where the shortest
    links are.
    """
    labels, count = ndimage.label(mask, EIGHT)
    if count < 2:
        return
    _, nearest = ndimage.distance_transform_cdt(
        ~mask, "taxicab", return_distances=True, return_indices=True
    )
    meetings = [_meetings(labels, nearest, axis) for axis in (0, 1)]
    table: Int[np.ndarray, "k 7"] = np.concatenate(meetings)
    table = table[np.lexsort(table.T)]  # by the parts, then by the distance
    pairs = table[:, 5:]
    first = np.ones(len(table), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    table = table[first]
    one, other = table[:, 5:].T.astype(np.int32)  # older SciPy's trees take no wider indices
    graph = sparse.coo_array((table[:, 4], (one, other)), shape=(count + 1,) * 2)
    tree = csgraph.minimum_spanning_tree(graph.tocsr()).tocoo()
    by_pair = {(int(row[5]), int(row[6])): row.tolist() for row in table}
    for pair in sorted(zip(tree.row.tolist(), tree.col.tolist(), strict=True)):
        y0, x0, y1, x1, *_ = by_pair[pair]
        yield (x0, y0), (x1, y1)


def _meetings(
    labels: Int[np.ndarray, "H W"], nearest: Int[np.ndarray, "2 H W"], axis: int
) -> Int[np.ndarray, "k 7"]:
    """Where neighbours along an axis are nearest to different parts.

    One row each: the two nearest pixels (y, x, y, x), their distance, the two parts.
    """
    length = labels.shape[axis]
    a = np.take(nearest, range(length - 1), axis=axis + 1).reshape(2, -1)
    b = np.take(nearest, range(1, length), axis=axis + 1).reshape(2, -1)
    parts = np.stack([labels[a[0], a[1]], labels[b[0], b[1]]])
    swapped = parts[0] > parts[1]
    a, b = np.where(swapped, b, a), np.where(swapped, a, b)
    distance = np.abs(a - b).sum(axis=0)
    rows = np.stack([*a, *b, distance, parts.min(axis=0), parts.max(axis=0)], axis=1)
    met: Int[np.ndarray, "k 7"] = rows[parts[0] != parts[1]].astype(np.int64)
    return met


def _walk(traced: Tracing, bridges: list[Bridge]) -> Iterator[Point]:
    """Along the first outline, over every bridge met and around what lies behind it."""
    leaving: dict[int, list[tuple[End, int]]] = defaultdict(list)
    for number, bridge in enumerate(bridges):
        for end in bridge.ends:
            leaving[end.outline].append((end, number))
    open_walks = [_around(traced, bridges, leaving, 0, None)]
    while open_walks:  # a stack, for holes may hang on holes without end
        step = next(open_walks[-1], None)
        if step is None:
            open_walks.pop()
        elif isinstance(step, Crossing):
            open_walks.append(_across(traced, bridges, leaving, step))
        else:
            yield step


@dataclass(frozen=True)
class Crossing:
    """To cross bridge `number` to its end `side`."""

    number: int
    side: int


Step = Point | Crossing
Leaving = dict[int, list[tuple[End, int]]]


def _across(
    traced: Tracing, bridges: list[Bridge], leaving: Leaving, crossing: Crossing
) -> Iterator[Step]:
    bridge = bridges[crossing.number]
    near, far = bridge.ends[1 - crossing.side], bridge.ends[crossing.side]
    yield near.point
    yield from bridge.towards(crossing.side)
    yield from _around(traced, bridges, leaving, far.outline, crossing.number)
    yield from bridge.towards(1 - crossing.side)
    yield near.point


def _around(
    traced: Tracing, bridges: list[Bridge], leaving: Leaving, outline: int, entered: int | None
) -> Iterator[Step]:
    """Once around an outline, from the bridge by which it was entered back to it."""
    points, corners = inset(traced, outline)
    stations: list[tuple[int, float, int, Step]] = [
        (corner, -1.0, index, (x, y))
        for index, (corner, (x, y)) in enumerate(
            zip(corners.tolist(), points.tolist(), strict=True)
        )
    ]
    start = None
    for end, number in leaving[outline]:
        side = 1 if bridges[number].ends[0] is end else 0
        station = (end.corner, end.along, number, Crossing(number, side))
        stations.append(station)
        if number == entered:
            start = station
    stations.sort(key=lambda station: station[:3])
    if start is None:
        yield from (step for *_, step in stations)
        return
    place = stations.index(start)
    gate = bridges[start[2]].ends[1 - start[3].side]
    yield gate.point
    yield from (step for *_, step in stations[place + 1 :] + stations[:place])
    yield gate.point
