"""Preparing one image: the paper's half of the walk, our additions, and a click compiled."""

import functools

import torch

from m2n2v2 import warming
from m2n2v2.arrays import Image
from m2n2v2.attention.base import AttentionSource
from m2n2v2.depth.base import DepthSource
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import Progress, image_state
from m2n2v2.reduction.subspace import reduced
from m2n2v2.telling import silent
from m2n2v2.weights.devices import out_of_memory_named

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
        progress: called with each of `STAGES` as it begins, and then with how far compiling is
            where a click is not compiled yet.
    """
    chosen, announce = settings or Settings.ours(), progress or silent
    warming.begin(chosen)
    reduce = functools.partial(reduced, threshold=chosen.chain_threshold)
    with out_of_memory_named(
        f"the chain of {attention.name} on {device}", "use a smaller side, or the device cpu"
    ):
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
    return ready(state, announce)


def ready(state: ImageState, announce: Progress | None = None) -> ImageState:
    """The state with our additions, measured as far as its settings ask; a click is compiled."""
    warming.finish(state, announce or silent)
    return warming.with_additions(state)
