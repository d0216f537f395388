"""A click compiled before it is needed: on a small image, beside the preparation of the large one.

What is compiled is kept (`compiled.keeping`), so that this takes seconds once for a processor and a
version of this package, and milliseconds with every later start.
"""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention.base import Attention, DenseAttention
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.attention.featured import FeaturedAttention, Looks
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.attention.uniform import UniformAttention
from m2n2v2.compiled import keeping
from m2n2v2.compiled.kernels import KERNELS
from m2n2v2.depth.flat import Flat
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import Progress, empty, image_state, segment
from m2n2v2.photograph.additions import PhotographTerms
from m2n2v2.photograph.object_model import supported
from m2n2v2.prompts import Click
from m2n2v2.reduction.chain import shortest_saturation_time, walk_of
from m2n2v2.telling import silent

CELLS, SIZE = Size(2, 2), Size(32, 32)
"""Of the small image."""

PATIENCE = 0.2
"""Seconds between two words on how far compiling is."""

_one_at_a_time = threading.Lock()

_finished: set[tuple[object, ...]] = set()
"""What clicks of this process are compiled for."""


def begin(settings: Settings) -> None:
    """Compile, on a thread of its own, what a click with these settings runs for any attention.

    Returns at once. The thread ends with the function it is compiling when the program ends.
    """
    _begun(_alike(settings))


def finish(state: ImageState, announce: Progress) -> None:
    """Wait until all that a click on a state runs is compiled.

    Args:
        announce: called with how far it is, where there is something to compile.
    """
    kind = type(state.transition.attention)
    click = _alike(state.settings), state.depth is not None, state.size != state.working_size
    if (kind, *click) in _finished:
        return
    if keeping.compiled_now():
        announce(_how_far(kind))
    while not _one_at_a_time.acquire(timeout=PATIENCE):
        if keeping.compiled_now():
            announce(_how_far(kind))
    _one_at_a_time.release()
    _click(*click)
    if state.transition.rows.device.type == "cpu":
        _chain(kind)
        _finished.add((kind, *click))


def with_additions(state: ImageState) -> ImageState:
    """The state with our additions, measured as far as its settings ask."""
    additions = PhotographTerms(state.guide)
    if state.settings.scale_evidence or state.settings.refinement:
        photograph = additions.photograph  # now rather than at the first click
        if state.settings.refinement:
            _ = photograph.likeness
    return replace(state, saturation_time=walk_of(state.transition), additions=additions)


def _alike(settings: Settings) -> Settings:
    """The same for all settings that run the same code: they differ in numbers."""
    ours = Settings.offline()
    choices = {
        name: value for name, value in settings.to_dict().items() if isinstance(value, bool | str)
    }
    return ours.replace(**choices, refinement=ours.refinement if settings.refinement else 0.0)


@functools.cache
def _begun(settings: Settings) -> None:
    keeping.Beside(target=_click, args=(settings, False, False)).start()


@functools.cache
def _click(settings: Settings, depth: bool, enlarged: bool) -> None:
    """Two clicks on an image of two colours: the edge between them is a scale to choose."""
    image = np.zeros((*SIZE.shape, 3), np.uint8)
    image[:, SIZE.width // 2 :] = 255
    chosen = settings.replace(max_short_side=16 if enlarged else None)
    with _one_at_a_time:
        made = image_state(image, _Small(), Flat() if depth else None, chosen, None, "cpu", silent)
        state = with_additions(made)
        first = segment(state, empty(state), Click(1, 1))
        _ = segment(state, first, Click(30, 1, False)).mask


@functools.cache
def _chain(kind: type) -> None:
    """The steps of a chain, and what is made of features beside them."""
    if kind not in _SMALL:
        return
    with _one_at_a_time:
        ones, start = torch.ones(CELLS.area), start_state([(0.0, 0.0)], CELLS)
        chain = Transition(_SMALL[kind](), ones, ones, 0, 0.0)
        chain.step(start.flatten(1))
        shortest_saturation_time(chain, start, threshold=0.3, max_steps=1000)
        if kind is FeaturedAttention:
            supported(torch.zeros(2, 2), Looks.of(torch.zeros(1, 1, 1)), [], [], 1.0)


@dataclass(frozen=True)
class _Small:
    """A source of an attention without compiled steps."""

    name: str = "uniform"

    def extract(self, image: Image) -> Attention:
        return UniformAttention(CELLS)


def _near() -> torch.Tensor:
    near = torch.eye(CELLS.area) + 0.1
    return near / near.sum(1)


def _factored() -> FactoredAttention:
    n = CELLS.area
    one = Head(torch.arange(n), torch.arange(n), torch.ones(n), _near())
    return FactoredAttention(CELLS, [one])


def _reduced() -> ReducedAttention:
    n = CELLS.area
    nothing = torch.zeros(n, 1)
    return ReducedAttention(CELLS, torch.eye(n), _near(), nothing.to(torch.int16), nothing)


_SMALL: dict[type, Callable[[], Attention]] = {
    DenseAttention: lambda: DenseAttention(_near().reshape(*CELLS.shape, *CELLS.shape)),
    FactoredAttention: _factored,
    FeaturedAttention: _factored,  # the same steps
    ReducedAttention: _reduced,
}

_MODULES = {
    DenseAttention: "attention._dense",
    FactoredAttention: "attention._factored",
    FeaturedAttention: "attention._factored",
    ReducedAttention: "attention._reduced",
}


def _how_far(kind: type) -> str:
    places = ("method.", "photograph.", _MODULES.get(kind, "photograph."))
    kernels = [
        kernel
        for name, kernel in KERNELS.items()
        if name.removeprefix("m2n2v2.").startswith(places)
    ]
    done = sum(bool(kernel.signatures) for kernel in kernels)
    return f"compiling for this processor, once: {done} of at most {len(kernels)}"
