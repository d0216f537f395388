"""Our additions to the paper's walk, each a setting: what the photograph says about a click.

`weighed` is `Settings.scale_evidence`, `steadied` is `Settings.steady_scales` and `refined` is
`Settings.object_model` and `Settings.refinement`. What each is worth:
docs/decisions/offline-attention.md and docs/decisions/outlines.md.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool
from scipy import ndimage
from torch import Tensor

from m2n2v2.arrays import Image, PixelMap
from m2n2v2.attention.featured import FeaturedAttention, Looks
from m2n2v2.boxed import box_map
from m2n2v2.errors import SettingsError
from m2n2v2.method.values import ImageState, MarkovMap, Prompt, Segmentation
from m2n2v2.method.walk import merged
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.box_colours import held
from m2n2v2.photograph.object_model import supported
from m2n2v2.photograph.refinement import refined
from m2n2v2.photograph.scale_evidence import middle, weighed
from m2n2v2.prompts import Box

STEADY = 0.9
"""Earlier prompts are scored again unless the new click is, by this factor, less in the middle of
the change then (`Settings.steady_scales`)."""

HALFWAY = 0.5
"""Nor are they where the click would lie less deep than this in the change."""

GROWTH = (math.inf, math.inf, 3.0, 1.5, 1.0)
"""The most that a prompt adds, of the largest area so far, after 0, 1, 2, 3, and more prompts."""

CORRECTED = 0.5
"""The most that a prompt adds or takes, of the area of a mask that was given to be corrected."""

NEAR = 3
"""Pixels around what prompts changed of such a mask in which its outline is drawn anew."""

LOSS, LATE = 0.5, 4
"""The most that a prompt takes, of the area now, after so many prompts."""


@dataclass(frozen=True)
class PhotographTerms:
    """What one photograph adds to the walk (`values.Additions`).

    Attributes:
        guide: the photograph at working size.
    """

    guide: Image

    @cached_property
    def photograph(self) -> Photograph:
        """What the photograph was measured to be, when it was first asked for."""
        return Photograph.of(self.guide)

    def mapped(self, state: ImageState, box: Box) -> MarkovMap:
        """The map of a box, on which the colours outside have a say where our evidence is asked."""
        if not (box.positive and state.settings.scale_evidence):
            return box_map(state, box)
        colours, kinds = self.photograph.colours, self.photograph.kinds
        window = box.window(state.size, state.working_size)
        return box_map(state, box, held(colours, kinds, window, state.transition.cells))

    def weighed(self, state: ImageState, prompt: Prompt, previous: Segmentation) -> Prompt:
        """The prompt with a few of its candidates to choose from, weighed by our evidence.

        A box's are, already; it bounds its own segment, and those of what is placed inside later.

        Args:
            previous: the segmentation that it corrects.
        """
        known, positive = prompt.map, prompt.click.positive
        if known.window is not None:
            bound = math.prod(part.stop - part.start for part in known.window)
            return replace(prompt, bound=bound, window=known.window)
        prompt = replace(prompt, window=_window_around(prompt, previous))
        if not state.settings.scale_evidence:
            return prompt
        before = previous.working_mask
        choices = weighed(
            known.values,
            known.candidates,
            known.pixels,
            positive,
            before,
            self.photograph,
            most_changed(previous, positive),
            looks_of(state),
        )
        return replace(prompt, choices=choices)

    def steadied(
        self, state: ImageState, previous: Segmentation, result: Segmentation
    ) -> Segmentation:
        """`result`, or what it is with the earlier prompts at their earlier scales.

        The latter where the new click lies clearly deeper in the middle of the change then, or
        where the change would exceed its limit, or ours.
        """
        scales = (*previous.scales, result.scales[-1])
        if not state.settings.steady_scales or scales == result.scales:
            return result
        steady = merged(state, result.prompts, scales, result.base)
        newest = result.prompts[-1]
        most = min(newest.limit, most_changed(previous, newest.click.positive))
        if abs(result.claimed - previous.claimed) > most:
            return steady
        before, point = previous.working_mask, newest.map.point
        moved = middle(before, result.working_mask, point)
        kept = middle(before, steady.working_mask, point)
        return result if scored_again(moved, kept) else steady

    def refined(self, state: ImageState, result: Segmentation) -> Segmentation:
        """The segmentation with what the object's model says, and its outline drawn to the
        photograph's edges.

        A mask that was given to be corrected stays as it is away from what the prompts changed.
        """
        reach, model = state.settings.refinement, state.settings.object_model
        if not (reach or model):
            return result
        heard = [prompt for prompt in result.prompts if not prompt.overruled]
        boxes = _boxes(result)
        pixels = [np.array([box.map.point]) for box in boxes] + [p.map.pixels for p in heard]
        labels = [True for _ in boxes] + [prompt.click.positive for prompt in heard]
        margin = result.margin
        if model:
            looks = looks_of(state)
            if looks is None:
                raise SettingsError(
                    f"setting object_model is {model}, and the attention "
                    f"({state.provenance.attention}) has no features",
                    cure="use the preset dinov2-graph, or object_model=0",
                )
            margin = supported(margin, looks, pixels, labels, model)
        if reach:
            margin = refined(margin, self.photograph, pixels, labels, reach)
        for box in boxes:  # what lies outside is not added
            outside = torch.ones_like(margin, dtype=torch.bool)
            outside[box.window] = False
            margin = torch.where(outside & (result.margin <= 0), result.margin, margin)
        if result.base is not None:
            margin = torch.where(_near_change(result.margin, result.base), margin, result.margin)
        return replace(result, margin=margin, unrefined=result.margin)


def _near_change(margin: PixelMap, base: PixelMap) -> Bool[Tensor, "H W"]:
    """Where a mask was changed, and a little around."""
    changed = ((margin > 0) != (base > 0)).numpy()
    around = ndimage.binary_dilation(changed, iterations=NEAR) if changed.any() else changed
    return torch.from_numpy(around)


def _boxes(segmentation: Segmentation) -> list[Prompt]:
    """The boxes in which the object is."""
    return [
        prompt
        for prompt in segmentation.prompts
        if prompt.map.window is not None and prompt.click.positive
    ]


def _window_around(prompt: Prompt, previous: Segmentation) -> tuple[slice, slice] | None:
    """The window of the last box for the object in which a prompt on it lies altogether."""
    x, y = prompt.map.pixels.T
    for box in reversed(_boxes(previous)) if prompt.click.positive else ():
        assert box.window is not None
        rows, columns = box.window
        down, across = (
            (y >= rows.start) & (y < rows.stop),
            (x >= columns.start) & (x < columns.stop),
        )
        if (down & across).all():
            return box.window
    return None


def most_changed(previous: Segmentation, positive: bool) -> float:
    """Pixels that one more prompt changes at most; infinite for the first ones.

    People correct what is most wrong first, so that later corrections are smaller ones; but what an
    earlier click undid can be had again. A mask that was given is about right, unless it is empty.
    """
    count = len(previous.prompts)
    if previous.base is not None:
        given = int((previous.base > 0).sum())
        return CORRECTED * given if given else math.inf
    if not previous.claimed:
        return math.inf
    if not positive:
        return LOSS * previous.claimed if count >= LATE else math.inf
    largest = max(previous.claimed, *(prompt.before for prompt in previous.prompts))
    return GROWTH[min(count, len(GROWTH) - 1)] * largest


def scored_again(moved: float, kept: float) -> bool:
    """Whether earlier prompts are scored again.

    Args:
        moved, kept: how far the new click is in the middle of the change if they are, and if they
            keep their scales (`scale_evidence.middle`).
    """
    return moved >= max(HALFWAY, STEADY * kept)


def looks_of(state: ImageState) -> Looks | None:
    """What the photograph's patches look like to a network; None where none was asked."""
    attention = state.transition.attention
    return attention.looks if isinstance(attention, FeaturedAttention) else None
