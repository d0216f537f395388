"""M2N2V2, and M2N2 by its settings, as a segmenter under evaluation."""

import json
from dataclasses import dataclass

import torch

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.attention.base import AttentionSource
from m2n2v2.depth.base import DepthSource
from m2n2v2.depth.precomputed import Precomputed
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Box, Click, Given, Scribble


@dataclass(frozen=True)
class Ours:
    """The walk behind the common Protocol.

    Args:
        preset: the name under which it was chosen.
        depth: the preset's own source; measured depth, where it is given, takes its place.
    """

    preset: str
    attention: AttentionSource
    depth: DepthSource | None
    settings: Settings
    device: torch.device

    @property
    def name(self) -> str:
        depth = self.depth.name if self.depth else "none"
        settings = json.dumps(self.settings.to_dict())
        return f"{self.preset} (attention: {self.attention.name}; depth: {depth}; {settings})"

    def start(self, image: Image, depth: DepthMap | None = None) -> "Folding":
        source = self.depth if depth is None else Precomputed(depth, name="measured")
        return Folding(prepare(image, self.attention, source, self.settings, device=self.device))


class Folding:
    """A session is a fold of `segment` over prompts."""

    def __init__(self, state: ImageState) -> None:
        self._state = state
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        self._segmentation = empty(self._state, mask)

    def begin(self, first: Box | Scribble) -> Mask:
        return self._add(first)

    def click(self, click: Click) -> Mask:
        return self._add(click)

    def _add(self, prompt: Given) -> Mask:
        self._segmentation = segment(self._state, self._segmentation, prompt)
        return self._segmentation.mask
