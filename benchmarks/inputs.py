"""What is measured on: a real photograph with measured depth, and a made-up attention.

The photograph is scikit-image's `stereo_motorcycle`, its disparity the inverse depth. The
attention is synthetic: four heads, each a softmax over nearness in colour and position with an
offset that makes it asymmetric. It has the shape and the rows of a network's, at any side, and
needs no weights; no accuracy is claimed for it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from skimage import data

from m2n2v2.arrays import AttentionTensor, CellMaps, DepthMap, Image, PixelMap
from m2n2v2.attention import DenseAttention, Precomputed
from m2n2v2.depth.base import normalized_inverse
from m2n2v2.grid import Size, cell_coordinates
from m2n2v2.images import resized, resized_map
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click

SEED = 0
HEADS = 4
DESCRIPTION = (
    "photograph: skimage.data.stereo_motorcycle, resized; inverse depth: its disparity; "
    f"attention: synthetic, {HEADS} heads of colour and position, seed {SEED}"
)


@dataclass(frozen=True)
class Case:
    """One photograph at one size, prepared for clicking with an attention of one side."""

    size: Size
    side: int

    @property
    def name(self) -> dict[str, object]:
        return {"image": str(self.size), "attention_side": self.side}

    @cached_property
    def photograph(self) -> tuple[Image, DepthMap]:
        left, _, disparity = data.stereo_motorcycle()  # type: ignore[no-untyped-call]
        known = np.isfinite(disparity)
        filled = torch.from_numpy(np.where(known, disparity, disparity[known].min()))
        depth = normalized_inverse(resized_map(filled.to(torch.float32), self.size))
        return resized(left, self.size), depth

    @cached_property
    def attention(self) -> AttentionTensor:
        return synthetic_attention(self.photograph[0], self.side)

    @cached_property
    def state(self) -> ImageState:
        image, depth = self.photograph
        return prepare(image, Precomputed(self.attention), Given(depth))

    @cached_property
    def exact(self) -> Transition:
        """The balanced matrix, from which the state's chain was reduced."""
        return doubly_stochastic(DenseAttention(self.attention), Settings.paper().temperature)

    @property
    def depth(self) -> DepthMap:
        return self.photograph[1]

    @cached_property
    def clicks(self) -> tuple[Click, ...]:
        """Object, background, object, background: engine, sky, wheel, floor."""
        places = ((0.45, 0.55, True), (0.1, 0.1, False), (0.75, 0.7, True), (0.5, 0.95, False))
        return tuple(
            Click(int(x * self.size.width), int(y * self.size.height), positive)
            for x, y, positive in places
        )

    @property
    def point(self) -> tuple[int, int]:
        return (self.clicks[0].x, self.clicks[0].y)

    @cached_property
    def start(self) -> CellMaps:
        cells = self.state.transition.cells
        entered = [cell_coordinates(c.x, c.y, self.size, cells) for c in self.clicks]
        return start_state(entered, cells)

    @cached_property
    def times(self) -> CellMaps:
        """The first click's saturation times."""
        return saturation_time(self.exact, self.start[:1])

    @cached_property
    def upsampled(self) -> PixelMap:
        """The first click's, over its maximum."""
        values = self.state.upsampling(self.times)[0]
        return values / values.max()

    @cached_property
    def filled(self) -> LevelSets:
        """The first click's Markov-map."""
        return filled_level_sets(self.upsampled, self.point, depth=self.depth).over_maximum()


@dataclass(frozen=True)
class Given:
    """A depth source that returns the map it holds."""

    depth: DepthMap
    name: str = "disparity"

    def estimate(self, image: Image) -> DepthMap:
        return self.depth


def synthetic_attention(image: Image, side: int) -> AttentionTensor:
    """Rows sum to 1; see the module's docstring."""
    generator = torch.Generator().manual_seed(SEED)
    colour = torch.from_numpy(resized(image, Size(side, side)).astype(np.float32) / 255)
    axis = (torch.arange(side) + 0.5) / side
    position = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
    cells = side * side
    attention = torch.zeros(cells, cells)
    for _ in range(HEADS):
        sharpness = 4 + 4 * torch.rand(2, generator=generator)
        keys = torch.cat([colour * sharpness[0], position * 2 * sharpness[1]], dim=-1)
        keys = keys.reshape(cells, 5)
        queries = keys + 0.3 * torch.randn(5, generator=generator)
        for first in range(0, cells, 1024):
            away = torch.cdist(queries[first : first + 1024], keys)
            attention[first : first + 1024] += torch.softmax(-0.5 * away.square(), dim=1) / HEADS
    return attention.reshape(side, side, side, side)
