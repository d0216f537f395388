"""Graph cuts from clicks, with and without star convexity, on a reduced photograph.

Graph cut (Boykov and Jolly 2001): of all masks that keep the clicks, the one of least energy: how
unlikely every pixel's colour is on its side, and how alike neighbours are that the outline parts.
Star convexity (Gulshan, Rother, Criminisi, Blake and Zisserman 2010): with an object pixel, all
pixels on the shortest path from it to the nearest click on the object are object. GSC measures
paths by colour, too, ESC by length alone (in that paper E is for Euclidean).

Boykov and Jolly name no values; theirs are those that the second paper's authors set for all three
in the program they published: the mixtures, their uniform share, the contrast, its weight.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int32
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask
from m2n2v2.baselines.colour_mixture import density, mixture
from m2n2v2.baselines.max_flow import OFFSETS, least_cut
from m2n2v2.baselines.seeds import BACKGROUND, OBJECT, Reduced, seeds, share_of_side
from m2n2v2.grid import Size
from m2n2v2.prompts import Click

Colours = Float[np.ndarray, "h w c"]
NEVER = 1e9
"""The price of what must not be: more than any cut of the rest."""


@dataclass(frozen=True)
class GraphCut:
    """The energy's least mask.

    Args:
        smoothness: the price of an outline between equal neighbours; how unlikely a colour is
            counts 1.
        components: Gaussians of either side's colours.
        uniform: the share of colours that may be anything.
        geodesic: None for no star; else the share of colour in the length of a step, in [0, 1].
        radius: of the seeds around clicks, as a share of the shorter side.
        max_short_side: the photograph is reduced to this, in pixels.
    """

    smoothness: float = 150.0
    components: int = 5
    uniform: float = 0.05
    geodesic: float | None = None
    radius: float = 0.01
    max_short_side: int = 256
    kind: ClassVar[str] = "graph-cut"

    @property
    def name(self) -> str:
        star = "" if self.geodesic is None else f", geodesic={self.geodesic}"
        return (
            f"{self.kind}(smoothness={self.smoothness}, components={self.components}, "
            f"uniform={self.uniform}{star}, radius={self.radius}, "
            f"max_short_side={self.max_short_side})"
        )

    def start(self, image: Image, depth: DepthMap | None = None) -> "Cutting":
        return Cutting(image, self)


@dataclass(frozen=True)
class GeodesicStar(GraphCut):
    """Star convexity along paths that keep to a colour."""

    geodesic: float | None = 0.3
    kind: ClassVar[str] = "gsc"


@dataclass(frozen=True)
class EuclideanStar(GraphCut):
    """Star convexity along straight paths, of steps to the eight neighbours."""

    geodesic: float | None = 0.0
    kind: ClassVar[str] = "esc"


class Cutting:
    def __init__(self, image: Image, settings: GraphCut) -> None:
        self._reduced = Reduced(image, settings.max_short_side)
        self._settings = settings
        self._colours: Colours = self._reduced.image / 255
        apart = squared_differences(self._colours)
        inside = apart[np.isfinite(apart)]
        mean = float(inside.mean()) if inside.any() else 1.0  # 1: a photograph of one colour
        self._outline = settings.smoothness * np.exp(-2 * apart / mean)  # 0 over the edge
        self._steps = (
            None if settings.geodesic is None else lengths(apart / mean, settings.geodesic)
        )
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, self._settings.kind)
        self._clicks: list[tuple[tuple[int, int], bool]] = []

    def click(self, click: Click) -> Mask:
        size, settings = self._reduced.size, self._settings
        self._clicks.append((self._reduced.point(click), click.positive))
        labels = seeds(size, self._clicks, share_of_side(size, settings.radius))
        if not (labels == OBJECT).any() or not (labels == BACKGROUND).any():
            return np.full(self._reduced.full.shape, bool((labels == OBJECT).any()))
        arcs = self._outline
        if self._steps is not None:
            arcs = arcs + towards(parents(self._steps, labels == OBJECT))
        mask = least_cut(self._favour(labels), arcs)
        return self._reduced.enlarged(mask - 0.5)

    def _favour(self, labels: Int32[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
        """How much likelier the colour is among the object's seeds than among the others'."""
        log = [
            np.log(
                density(
                    mixture(self._colours[labels == side], self._settings.components),
                    self._colours.reshape(-1, 3),
                    self._settings.uniform,
                )
            ).reshape(labels.shape)
            for side in (OBJECT, BACKGROUND)
        ]
        favour = log[0] - log[1]
        favour[labels == OBJECT], favour[labels == BACKGROUND] = NEVER, -NEVER
        return favour


def squared_differences(colours: Colours) -> Float[np.ndarray, "8 h w"]:
    """Of every pixel's colour and its neighbours', by `OFFSETS`; infinite over the image's edge."""
    height, width = colours.shape[:2]
    out = np.full((len(OFFSETS), height, width), math.inf)
    for direction, (down, right) in enumerate(OFFSETS):
        here = np.s_[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        there = np.s_[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
        out[direction][here] = ((colours[here] - colours[there]) ** 2).sum(2)
    return out


def lengths(apart: Float[np.ndarray, "8 h w"], share: float) -> Float[np.ndarray, "8 h w"]:
    """The length of a step to every neighbour: `sqrt((1 - share) pixels^2 + share colours^2)`.

    Args:
        apart: squared differences of colour in units of their mean.
    """
    pixels = np.array([down**2 + right**2 for down, right in OFFSETS], float)[:, None, None]
    squared = (1 - share) * pixels + (share * apart if share else 0 * np.isfinite(apart))
    return np.where(np.isfinite(apart), np.sqrt(squared), math.inf)


def parents(steps: Float[np.ndarray, "8 h w"], centres: Mask) -> Int32[np.ndarray, "h w"]:
    """Of every pixel the direction of its shortest path to the nearest centre; -1 of a centre.

    Args:
        steps: the length of a step to every neighbour; infinite where there is none.
    """
    size = Size(*centres.shape)
    direction, row, column = np.nonzero(np.isfinite(steps))
    down, right = np.array(OFFSETS)[direction].T
    start, end = row * size.width + column, (row + down) * size.width + column + right
    links = (steps[direction, row, column], (end, start))  # from the centres outwards
    graph = sparse.coo_array(links, (size.area, size.area)).tocsr()
    places = np.flatnonzero(centres)
    _, before, _ = dijkstra(graph, indices=places, return_predecessors=True, min_only=True)
    at = np.arange(size.area)
    rows, columns = before // size.width - at // size.width, before % size.width - at % size.width
    out = np.full(size.area, -1, np.int32)
    for k, offset in enumerate(OFFSETS):
        out[(before >= 0) & (rows == offset[0]) & (columns == offset[1])] = k
    return out.reshape(size.shape)


def towards(parent: Int32[np.ndarray, "h w"]) -> Float[np.ndarray, "8 h w"]:
    """Arcs that forbid an object pixel whose parent is none."""
    return np.where(parent == np.arange(len(OFFSETS))[:, None, None], NEVER, 0.0)
