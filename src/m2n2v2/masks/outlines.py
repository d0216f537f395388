"""The outlines of a mask along its pixels' edges, from which a rasteriser gets the mask back.

Corners lie on the lattice between pixels: pixel (x, y) has the corners (x, y) and (x + 1, y + 1).
An outline is walked with the object on its right hand. Outer outlines and holes alike turn left
or right at every corner, so horizontal and vertical edges alternate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from m2n2v2.arrays import Mask

INSET = 1 / 16
"""Pixels by which `inset` moves corners into the object.

More than what seven decimals of a fraction lose on 100,000 pixels, less than the tenth of a pixel
that COCO's rasteriser would see.
"""

Corners = Int[np.ndarray, "_ 2"]
Points = Float[np.ndarray, "_ 2"]
Indices = Int[np.ndarray, " _"]


@dataclass(frozen=True)
class Edges:
    """Straight edges of one direction, in the order of their lines, then of their starts.

    Attributes:
        line: the lattice row of horizontal edges, the lattice column of vertical ones.
        low: where they begin along the line, in lattice points.
        high: where they end.
        ahead: they are walked from low to high.
    """

    line: Indices
    low: Indices
    high: Indices
    ahead: Bool[np.ndarray, " k"]

    def at(self, line: int, position: int) -> int:
        """The edge that covers the unit step from `position` on `line`."""
        last = int(np.searchsorted(self._keys, line * self._span + position, side="right")) - 1
        if last < 0 or self.line[last] != line or not self.low[last] <= position < self.high[last]:
            raise LookupError(f"no edge at {position} on line {line}")
        return last

    @cached_property
    def _span(self) -> int:
        return int(self.high.max()) + 1

    @cached_property
    def _keys(self) -> Indices:
        return self.line * self._span + self.low


@dataclass(frozen=True)
class Tracing:
    """All outlines of a mask.

    Attributes:
        horizontal: its horizontal edges.
        vertical: its vertical edges.
        outlines: for each outline the indices of its horizontal edges, in walking order.
        following: for each horizontal edge the vertical one after it.
        is_hole: for each outline, that it runs around a hole.
        saddles: lattice points at which two object pixels touch by a corner only.
    """

    horizontal: Edges
    vertical: Edges
    outlines: tuple[Indices, ...]
    following: Indices
    is_hole: tuple[bool, ...]
    saddles: Bool[np.ndarray, "H1 W1"]

    def corners(self, outline: int) -> Corners:
        """The corners (x, y) of an outline; even ones begin a horizontal edge."""
        edges, edges_around = self.horizontal, self.outlines[outline]
        starts = np.where(edges.ahead, edges.low, edges.high)[edges_around]
        ends = np.where(edges.ahead, edges.high, edges.low)[edges_around]
        rows = edges.line[edges_around]
        pairs = np.stack([starts, rows, ends, rows], axis=1)
        return pairs.reshape(-1, 2)


def trace(mask: Mask, *, diagonal: bool) -> Tracing:
    """The outlines of a mask, topmost (then leftmost) first.

    Args:
        diagonal: pixels that touch by a corner belong together (and holes that do are apart);
            otherwise the other way round.
    """
    inside: Int8[np.ndarray, "H2 W2"] = np.pad(mask, 1).astype(np.int8)
    below_minus_above = inside[1:, 1:-1] - inside[:-1, 1:-1]
    right_minus_left = inside[1:-1, 1:] - inside[1:-1, :-1]
    horizontal = _edges(below_minus_above, ahead_where=1)  # object below: eastward
    vertical = _edges(right_minus_left.T, ahead_where=-1)  # object to the west: downward
    columns = mask.shape[1] + 1

    def points(edges: Edges, at_end: bool, across: bool) -> Indices:
        position = np.where(edges.ahead == at_end, edges.high, edges.low)
        return position * columns + edges.line if across else edges.line * columns + position

    # At a saddle two edges arrive and two leave: a right turn stays on the pixel, a left one
    # crosses to the other.
    following = _after(
        points(horizontal, True, False),
        horizontal.ahead != diagonal,  # eastward turns right by going down
        points(vertical, False, True),
        vertical.ahead,
    )
    back = _after(
        points(vertical, True, True),
        vertical.ahead == diagonal,  # downward turns right by going west
        points(horizontal, False, False),
        horizontal.ahead,
    )
    cycles = _cycles(back[following] if len(following) else following)
    a, b, c, d = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
    return Tracing(
        horizontal,
        vertical,
        cycles,
        following,
        tuple(not bool(horizontal.ahead[cycle[0]]) for cycle in cycles),
        (a == d) & (b == c) & (a != b),
    )


def polygons(mask: Mask) -> list[Corners] | None:
    """The mask as simple polygons of lattice corners, one for each part; None if it has holes.

    Parts are 4-connected, so that no polygon meets itself except in single points.
    """
    traced = trace(mask, diagonal=False)
    if any(traced.is_hole):
        return None
    return [traced.corners(index) for index in range(len(traced.outlines))]


def inset_polygons(mask: Mask) -> list[Points] | None:
    """As `polygons`, for 8-connected parts, the corners moved into the object by `INSET`.

    Rasterisers that drop the fraction of every coordinate and paint the outline, too (OpenCV's,
    Pillow's), return the mask; so do those that ask for pixel centres.
    """
    traced = trace(mask, diagonal=True)
    if any(traced.is_hole):
        return None
    return [inset(traced, index)[0] for index in range(len(traced.outlines))]


def inset(traced: Tracing, outline: int) -> tuple[Points, Indices]:
    """The corners of an outline moved into the object by `INSET`, and which corner each was.

    A saddle becomes two points, one in each of the pixels that touch there.
    """
    corners = traced.corners(outline)
    leaving = np.sign(np.roll(corners, -1, axis=0) - corners)
    arriving = np.roll(leaving, 1, axis=0)
    into_before, into_after = _right(arriving), _right(leaving)
    left_turn = (arriving == into_after).all(axis=1)
    saddle = traced.saddles[corners[:, 1], corners[:, 0]] & left_turn
    first = np.where(saddle[:, None], into_before - arriving, into_before + into_after)
    second = into_after + leaving
    both = np.stack([corners + INSET * first, corners + INSET * second], axis=1)
    kept = np.stack([np.ones_like(saddle), saddle], axis=1)
    which = np.repeat(np.arange(len(corners)), 2).reshape(-1, 2)
    return both[kept], which[kept]


def _right(direction: Corners) -> Corners:
    """What lies to the right hand of a direction, y pointing down."""
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1)


def _edges(steps: Int8[np.ndarray, "n m"], *, ahead_where: int) -> Edges:
    """Runs of the same non-zero value along the rows."""
    padded = np.pad(steps, ((0, 0), (1, 1)))
    changed = padded[:, 1:] != padded[:, :-1]
    line, low = np.nonzero(changed[:, :-1] & (steps != 0))
    _, last = np.nonzero(changed[:, 1:] & (steps != 0))
    return Edges(line, low, last + 1, steps[line, low] == ahead_where)


def _after(
    ends: Indices,
    wanted_ahead: Bool[np.ndarray, " k"],
    starts: Indices,
    starts_ahead: Bool[np.ndarray, " k"],
) -> Indices:
    """For each end the edge that starts there, in the wanted direction if there are two."""
    keys = 2 * starts + starts_ahead
    order = np.argsort(keys)
    ordered = keys[order]

    def look_up(wanted: Indices) -> tuple[Indices, Bool[np.ndarray, " k"]]:
        places = np.minimum(np.searchsorted(ordered, wanted), max(len(ordered) - 1, 0))
        return order[places], ordered[places] == wanted

    if not len(ends):
        return ends
    preferred, there = look_up(2 * ends + wanted_ahead)
    other, _ = look_up(2 * ends + ~wanted_ahead)
    return np.where(there, preferred, other)


def _cycles(successor: Indices) -> tuple[Indices, ...]:
    """The cycles of a permutation, each from its smallest element, in their order."""
    following = successor.tolist()
    seen = [False] * len(following)
    cycles = []
    for first in range(len(following)):
        if seen[first]:
            continue
        cycle, at = [], first
        while not seen[at]:
            seen[at] = True
            cycle.append(at)
            at = following[at]
        cycles.append(np.array(cycle, np.int64))
    return tuple(cycles)
