"""Preparing one image: the paper's half of the walk, our additions, and a click compiled."""

import functools
from dataclasses import replace

import numpy as np
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention.base import AttentionSource
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.depth.base import DepthSource
from m2n2v2.depth.flat import Flat
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import Progress, empty, image_state, segment
from m2n2v2.photograph.additions import PhotographTerms
from m2n2v2.prompts import Click
from m2n2v2.reduction.chain import reduced_saturation_time, shortest_saturation_time
from m2n2v2.reduction.subspace import reduced

STAGES = ("depth", "attention", "transition", "upsampling", "warm-up")
"""What `prepare` announces, in this order."""


def prepare(
    image: Image,
    attention: AttentionSource,
    depth: DepthSource | None = None,
    settings: Settings | None = None,
    *,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> ImageState:
    """Everything that clicking on `image` needs, computed once.

    Args:
        image: `H x W x 3` RGB uint8 (`images.read_image` makes one of anything).
        attention: where the attention comes from.
        depth: where the depth map comes from; None for no guidance.
        settings: the method's constants; `Settings.ours()` if not given.
        device: where the chain runs.
        progress: called with each of `STAGES` as it begins.
    """
    chosen, announce = settings or Settings.ours(), progress or _silent
    reduce = functools.partial(reduced, threshold=chosen.chain_threshold)
    state = image_state(
        image,
        attention,
        depth,
        chosen,
        reduce if chosen.chain == "fast" else None,
        device,
        announce,
    )
    announce("warm-up")
    return ready(state)


def ready(state: ImageState) -> ImageState:
    """The state with our additions, measured as far as its settings ask; a click is compiled."""
    warm_up()
    return _with_additions(state)


def _with_additions(state: ImageState) -> ImageState:
    additions = PhotographTerms(state.guide)
    if state.settings.scale_evidence or state.settings.refinement:
        photograph = additions.photograph  # now rather than at the first click
        if state.settings.refinement:
            _ = photograph.likeness
    return replace(state, saturation_time=shortest_saturation_time, additions=additions)


@functools.cache
def warm_up() -> None:
    """Compile what a click runs, on a small image, so that the first click does not wait."""
    cells, size = Size(2, 2), Size(8, 8)
    near = torch.eye(4) + 0.1
    near /= near.sum(1)
    whole = Head(
        torch.arange(4), torch.zeros(4, dtype=torch.int64), torch.ones(4), torch.ones(1, 1)
    )
    factored, ones = FactoredAttention(cells, [whole]), torch.ones(4)
    factored.left(near[:1])
    nothing = torch.zeros(4, 1)
    small = ReducedAttention(cells, torch.eye(4), near, nothing.to(torch.int16), nothing)
    start = start_state([(0.0, 0.0)], cells)
    reduced_saturation_time(small, start, threshold=0.3, max_steps=1000)
    chain = Transition(factored, ones, ones, 0, 0.0)
    shortest_saturation_time(chain, start, threshold=0.3, max_steps=1000)
    image = np.zeros((*size.shape, 3), np.uint8)
    image[:, 4:] = 255  # an edge, so that a scale is chosen and merged
    attention, settings = Precomputed(near), Settings.offline()
    state = _with_additions(image_state(image, attention, Flat(), settings, None, "cpu", _silent))
    first = segment(state, empty(state), Click(1, 1))
    segment(state, first, Click(6, 1, False))


def _silent(stage: str) -> None:
    pass
