"""The objects of an image as polygons of few corners, for the formats that hold polygons.

Objects that share no pixel are drawn together, so that neighbours share their boundaries; those
that overlap are drawn one by one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from m2n2v2.annotator.formats.base import LabelledObject, overlapping
from m2n2v2.arrays import Mask
from m2n2v2.masks.outlines import INSET
from m2n2v2.masks.rings import filled
from m2n2v2.masks.simplified import Polygon, simplified, simplified_labels, single_ring

Points = Float[np.ndarray, "_ 2"]


@dataclass(frozen=True)
class Outlines:
    """How polygons are drawn.

    Attributes:
        deviation: the farthest, in pixels, that an outline may lie from its polygon, 0 or more.
        single_ring: holes are joined to the outline by bridges, for readers that know none.
    """

    deviation: float
    single_ring: bool = False


@dataclass(frozen=True)
class Drawn:
    """An object as rings, one for each part, pixel (x, y) covering [x, x + 1) x [y, y + 1).

    Attributes:
        differing: pixels that are on another side than in the mask.
        bridges: how many join holes to their outlines.
    """

    rings: tuple[Points, ...]
    differing: int
    bridges: int


def drawn(
    objects: Sequence[LabelledObject], outlines: Outlines, counts: Counter[str]
) -> list[Drawn | None]:
    """The objects of one image; None for one with holes where rings may have no bridges.

    What changes is counted.
    """
    shapes = [
        _rings(obj.mask.mask, polygons, outlines)
        for obj, polygons in zip(objects, _polygons(objects, outlines.deviation), strict=True)
    ]
    counts["simplified"] += sum(shape.differing for shape in shapes if shape)
    counts["holes"] += sum(shape.bridges > 0 for shape in shapes if shape)
    return shapes


def inset(ring: Points) -> Points:
    """A ring with its corners moved into the object by `INSET`, as `masks.outlines.inset` has it.

    Args:
        ring: walked with the object on the right hand.
    """
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    inward = sum(_right(edge) for edge in (before, after))
    return ring + INSET * np.sign(np.round(inward, 9))


def _right(edges: Points) -> Points:
    """Unit vectors to the right hand of edges, y running down."""
    length = np.maximum(np.hypot(*edges.T), 1e-12)
    return np.stack([-edges[:, 1], edges[:, 0]], axis=1) / length[:, None]


def _polygons(objects: Sequence[LabelledObject], deviation: float) -> list[tuple[Polygon, ...]]:
    if not objects:
        return []
    if overlapping(objects):
        return [simplified(obj.mask.mask, deviation) for obj in objects]
    labels = np.zeros(objects[0].mask.size.shape, np.int32)
    for number, obj in enumerate(objects, start=1):
        labels[obj.mask.mask] = number
    by_label = simplified_labels(labels, deviation)
    return [by_label[number] for number in range(1, len(objects) + 1)]


def _rings(mask: Mask, polygons: tuple[Polygon, ...], outlines: Outlines) -> Drawn | None:
    holes = sum(len(polygon.holes) for polygon in polygons)
    if holes and not outlines.single_ring:
        return None
    again = filled([ring for polygon in polygons for ring in polygon.rings], mask.shape)
    rings = tuple(single_ring(polygon).points for polygon in polygons)
    return Drawn(rings, int((again != mask).sum()), holes)
