"""Polygons of few corners for labelled pixels, no farther from their outlines than was asked.

The boundaries between labels are cut into arcs where three regions meet, every arc is simplified
once (Douglas and Peucker 1973), and both neighbours take it: they share it to the bit, as in
TopoJSON. An arc that would cross another, pass over one, or lose its area is simplified less, at
the end not at all, so that parts, holes and neighbours stay as they were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError
from m2n2v2.masks.outlines import Corners, Indices, Points, trace

Point = Float[np.ndarray, "2"]

LEAST = 0.5
"""Pixels; an arc that may not deviate by more than this keeps all its corners."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """One part of an object: its outer ring and its holes, corners (x, y), not closed.

    Pixel (x, y) covers [x, x + 1) x [y, y + 1). Fill by the even-odd rule.
    """

    outer: Points
    holes: tuple[Points, ...] = ()

    @property
    def points(self) -> int:
        """Corners in all its rings."""
        return len(self.outer) + sum(map(len, self.holes))

    @property
    def rings(self) -> tuple[Points, ...]:
        return self.outer, *self.holes


@dataclass(frozen=True, eq=False)
class Ring:
    """One closed ring for readers that know no holes, joined by bridges walked there and back."""

    points: Points
    bridges: int


def simplified(mask: Mask, deviation: float) -> tuple[Polygon, ...]:
    """A mask as polygons, one for each 4-connected part; see `simplified_labels`."""
    return simplified_labels(mask.astype(np.int32), deviation).get(1, ())


def simplified_labels(
    labels: Int[np.ndarray, "H W"], deviation: float
) -> dict[int, tuple[Polygon, ...]]:
    """The regions of labelled pixels as polygons that share their boundaries.

    Args:
        labels: 0 for background, another number for each object.
        deviation: the farthest, in pixels, that an outline may lie from its polygon, 0 or more; 0
            drops only corners on straight lines.

    Returns:
        The parts of each object, 4-connected, by its number.

    Raises:
        MaskError: the deviation is negative, NaN or infinite.
    """
    if not 0 <= deviation < float("inf"):
        raise MaskError(
            f"deviation is {deviation}", cure="use a finite number of pixels, 0 or more"
        )
    arcs, outlines = _arcs(labels)
    drawn = _drawn(arcs, deviation)
    return {number: _polygons(drawn, rings) for number, rings in outlines.items()}


def single_ring(polygon: Polygon) -> Ring:
    """A polygon's holes joined to its outer ring, each by the shortest bridge that crosses nothing.

    A bridge has no area, so that filling the ring by the even-odd rule fills the polygon.
    """
    return Ring(bridged(polygon.outer, polygon.holes), len(polygon.holes))


def bridged(ring: Points, others: Sequence[Points]) -> Points:
    """Rings that do not cross as one ring, joined by the shortest bridges that cross none."""
    left = list(others)
    while left:
        index, at, to = _shortest_bridge(ring, left)
        other = left.pop(index)
        there = np.concatenate([other[to:], other[: to + 1]])
        ring = np.concatenate([ring[: at + 1], there, ring[at:]])
    return ring


Way = list[tuple[int, bool]]
"""The arcs of a ring, and whether each is walked forward."""


@dataclass(frozen=True)
class Outline:
    """A ring of a label: around which of its parts, and whether round a hole."""

    part: int
    is_hole: bool
    way: Way


def _arcs(labels: Int[np.ndarray, "H W"]) -> tuple[list[Corners], dict[int, list[Outline]]]:
    """All arcs, once each, and every label's rings made of them."""
    junction = _junctions(labels)
    arcs: list[Corners] = []
    number_of: dict[bytes, int] = {}
    outlines: dict[int, list[Outline]] = {}
    for number in np.unique(labels[labels != 0]).tolist():
        traced = trace(labels == number, diagonal=False)
        apart, _ = ndimage.label(labels == number)
        for index, is_hole in enumerate(traced.is_hole):
            way: Way = []
            corners = traced.corners(index)
            for arc in _cut(corners, junction):
                key, forward = _canonical(arc, junction)
                name = key.tobytes()
                if name not in number_of:
                    number_of[name] = len(arcs)
                    arcs.append(key)
                way.append((number_of[name], forward))
            edge = int(traced.outlines[index][0])
            column, row = int(traced.horizontal.low[edge]), int(traced.horizontal.line[edge])
            part = int(apart[row - is_hole, column])
            outlines.setdefault(number, []).append(Outline(part, is_hole, way))
    return arcs, outlines


def _junctions(labels: Int[np.ndarray, "H W"]) -> Bool[np.ndarray, "H1 W1"]:
    """Lattice points at which three boundaries or more meet."""
    padded = np.pad(labels, 1)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]
    meeting = np.stack([a != b, b != c, c != d, d != a]).sum(axis=0)
    return meeting > 2


def _cut(corners: Corners, junction: Bool[np.ndarray, "H1 W1"]) -> Iterator[Corners]:
    """A ring in arcs from junction to junction, both included; closed if it has none."""
    points, cuts = [], []
    for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        steps = int(np.abs(stop - start).sum())
        along = start + np.arange(steps)[:, None] * ((stop - start) // steps)
        inner = np.flatnonzero(junction[along[:, 1], along[:, 0]])
        points.append(start)
        if len(inner) and inner[0] == 0:
            cuts.append(len(points) - 1)
        for k in inner[inner > 0].tolist():
            cuts.append(len(points))
            points.append(along[k])
    ring = np.array(points)
    if not cuts:
        yield np.concatenate([ring, ring[:1]])
        return
    ring = np.roll(ring, -cuts[0], axis=0)
    ends = [cut - cuts[0] for cut in cuts] + [len(ring)]
    closed = np.concatenate([ring, ring[:1]])
    for first, last in pairwise(ends):
        yield closed[first : last + 1]


def _canonical(arc: Corners, junction: Bool[np.ndarray, "H1 W1"]) -> tuple[Corners, bool]:
    """The arc as both its neighbours know it, and whether that is its own direction."""
    x, y = arc[0]
    if not junction[y, x]:  # a ring of its own: from its first point, row by row
        ring = arc[:-1]
        first = int(np.lexsort((ring[:, 0], ring[:, 1]))[0])
        ring = np.roll(ring, -first, axis=0)
        arc = np.concatenate([ring, ring[:1]])
    forward = arc.tolist() <= arc[::-1].tolist()
    return np.ascontiguousarray(arc if forward else arc[::-1]), forward


def _drawn(arcs: list[Corners], deviation: float) -> list[Corners]:
    """Every arc simplified, as much as leaves the others in peace."""
    allowed = [deviation] * len(arcs)
    chosen = [_kept(arc, deviation) for arc in arcs]
    while True:
        wrong = _conflicting(arcs, chosen)
        if not any(allowed[k] for k in wrong):
            return [arc[kept] for arc, kept in zip(arcs, chosen, strict=True)]
        for k in wrong:
            allowed[k] = allowed[k] / 2 if allowed[k] > LEAST else 0
            chosen[k] = _kept(arcs[k], allowed[k])


def _kept(arc: Corners, deviation: float) -> Indices:
    """Which corners of an arc stay (Douglas and Peucker 1973)."""
    last = len(arc) - 1
    keep = np.zeros(len(arc), bool)
    keep[[0, last]] = True
    todo = [(0, last)]
    if (arc[0] == arc[last]).all():  # two anchors: its end, and the corner farthest from it
        far = int(np.square(arc - arc[0]).sum(axis=1).argmax())
        keep[far] = True
        todo = [(0, far), (far, last)]
    while todo:
        first, stop = todo.pop()
        if stop - first < 2:
            continue
        away = _squared_distances(arc[first + 1 : stop], arc[first], arc[stop])
        at = int(away.argmax())
        if away[at] > deviation * deviation:
            middle = first + 1 + at
            keep[middle] = True
            todo += [(first, middle), (middle, stop)]
    return np.flatnonzero(keep)


def _squared_distances(
    points: Corners, start: Int[np.ndarray, "2"], stop: Int[np.ndarray, "2"]
) -> Float[np.ndarray, " k"]:
    """Of points to a segment."""
    along = (stop - start).astype(np.float64)
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.square(points - start - share[:, None] * along).sum(axis=1)


def _conflicting(arcs: list[Corners], chosen: list[Indices]) -> set[int]:
    """Arcs that are drawn across one another, over one another, or without an area."""
    wrong: set[int] = set()
    starts, stops, owners = [], [], []
    for k, (arc, kept) in enumerate(zip(arcs, chosen, strict=True)):
        points = arc[kept]
        closed = bool((points[0] == points[-1]).all())
        if closed and (len(points) < 4 or _area(points) == 0):
            wrong.add(k)
        starts.append(points[:-1])
        stops.append(points[1:])
        owners.append(np.full(len(points) - 1, k))
    if not arcs:
        return wrong
    owner = np.concatenate(owners)
    for one, other in _touching(np.concatenate(starts), np.concatenate(stops)):
        wrong |= {int(owner[one]), int(owner[other])}
    everything = np.concatenate(arcs)
    of_arc = np.repeat(np.arange(len(arcs)), [len(arc) for arc in arcs])
    for k, (arc, kept) in enumerate(zip(arcs, chosen, strict=True)):
        if any(
            _swept(arc[first : stop + 1], everything[of_arc != k])
            for first, stop in pairwise(kept.tolist())
            if stop - first > 1
        ):
            wrong.add(k)
    return wrong


def _swept(region: Corners, others: Corners) -> bool:
    """Does the region between corners and the chord that replaces them hold any of the others?"""
    low, high = region.min(axis=0), region.max(axis=0)
    near = others[((others > low) & (others < high)).all(axis=1)]
    return len(near) > 0 and bool(_within(near, region).any())


def _within(points: Corners, ring: Corners) -> Bool[np.ndarray, " k"]:
    """Which points lie inside a ring, by the even-odd rule."""
    x, y = points[:, :1], points[:, 1:]
    (ax, ay), (bx, by) = ring.T, np.roll(ring, -1, axis=0).T
    spans = (ay > y) != (by > y)
    rise = np.where(by == ay, 1, by - ay)
    crossing = ax + (y - ay) / rise * (bx - ax)
    return (spans & (x < crossing)).sum(axis=1) % 2 == 1


def _touching(start: Corners, stop: Corners) -> Iterator[tuple[int, int]]:
    """Pairs of segments that meet elsewhere than in an end of both, or lie on one another."""
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    for k in range(len(start) - 1):
        rest = slice(k + 1, None)
        near = ((low[rest] <= high[k]) & (high[rest] >= low[k])).all(axis=1)
        for other in (k + 1 + np.flatnonzero(near)).tolist():
            if _meet(start[k], stop[k], start[other], stop[other]):
                yield k, other


def _meet(*ends: Int[np.ndarray, "2"]) -> bool:
    a, b, c, d = (tuple(map(int, end)) for end in ends)
    shared = {a, b} & {c, d}
    if len(shared) == 2:
        return True
    if shared:
        (common,) = shared
        one, other = (a if b == common else b), (c if d == common else d)
        ahead = (one[0] - common[0]) * (other[0] - common[0])
        ahead += (one[1] - common[1]) * (other[1] - common[1])
        return _turn(common, one, other) == 0 and ahead > 0
    threes = (a, b, c), (a, b, d), (c, d, a), (c, d, b)
    turns = [_turn(*three) for three in threes]
    if any(turn == 0 and _between(*three) for turn, three in zip(turns, threes, strict=True)):
        return True
    return turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0


def _turn(a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]) -> bool:
    """Is a point of the line through a and b on the way between them?"""
    return all(min(a[i], b[i]) <= c[i] <= max(a[i], b[i]) for i in (0, 1))


def _ring(drawn: Sequence[Corners], way: Way) -> Points:
    walked = [drawn[k] if forward else drawn[k][::-1] for k, forward in way]
    return np.concatenate([arc[:-1] for arc in walked]).astype(np.float64)


def _polygons(drawn: Sequence[Corners], outlines: list[Outline]) -> tuple[Polygon, ...]:
    outer = {outline.part: _ring(drawn, outline.way) for outline in outlines if not outline.is_hole}
    holes: dict[int, list[Points]] = {part: [] for part in outer}
    for outline in outlines:
        if outline.is_hole:
            holes[outline.part].append(_ring(drawn, outline.way))
    return tuple(Polygon(ring, tuple(holes[part])) for part, ring in outer.items())


def _area(ring: Points | Corners) -> float:
    x, y = ring.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _shortest_bridge(ring: Points, others: list[Points]) -> tuple[int, int, int]:
    """To which of the others, from which corner of the ring to which of it."""
    walls = [(wall, np.roll(wall, -1, axis=0)) for wall in (ring, *others)]
    start, stop = (np.concatenate(ends) for ends in zip(*walls, strict=True))
    corners = np.concatenate(others)
    owner = np.repeat(np.arange(len(others)), [len(other) for other in others])
    first = np.searchsorted(owner, np.arange(len(others)))
    away = np.square(ring[:, None] - corners[None]).sum(axis=2)
    while np.isfinite(away).any():
        at, to = (int(k) for k in np.unravel_index(away.argmin(), away.shape))
        if not _blocked(ring[at], corners[to], start, stop):
            index = int(owner[to])
            return index, at, to - int(first[index])
        away[at, to] = np.inf
    raise AssertionError("the nearest pair of corners sees each other")


def _blocked(a: Point, b: Point, start: Points, stop: Points) -> bool:
    """Does the way from a to b cross a wall, other than at its own ends?"""

    def side(p: Any, q: Any, r: Any) -> Any:
        return np.sign(
            (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1])
            - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        )

    across = side(a, b, start) * side(a, b, stop) < 0
    return bool((across & (side(start, stop, a) * side(start, stop, b) < 0)).any())
