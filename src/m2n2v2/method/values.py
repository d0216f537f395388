"""The values that the walk makes: a prepared image, a click's map, a prompt, a segmentation."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from m2n2v2.arrays import CellMap, CellMaps, DepthMap, Image, Mask, PixelMap
from m2n2v2.errors import PromptError, StateError
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.markov_map import saturation_time
from m2n2v2.method.nearest_neighbour import enlarged_mask
from m2n2v2.method.scoring import Candidates, Scale
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.method.upsampling import JointBilateralUpsampling
from m2n2v2.prompts import Box, Click, Given
from m2n2v2.prompts.clicks import Pixels
from m2n2v2.version import __version__


@dataclass(frozen=True)
class Provenance:
    """What made a state, recorded with every result."""

    attention: str
    depth: str
    version: str = __version__


@dataclass(frozen=True)
class ImageState:
    """All that clicking on one image needs; made by `walk.image_state`, never changed.

    Attributes:
        size: of the photograph, in pixels; clicks and masks are in these.
        working_size: of everything computed (`Settings.max_short_side`).
        transition: doubly stochastic, over the attention's cells; or what stands for it in fewer
            numbers (`walk.image_state`).
        depth: normalised inverse depth at working size, None for none.
        upsampling: from cells to working size.
        guide: the photograph at working size, which the upsampling was built from.
        image_sha256: of the photograph (`images.pixel_digest`).
        saturation_time: walks the chain; `markov_map.saturation_time`, if not given.
        additions: what is added to the paper's walk; nothing, if not given.
    """

    size: Size
    working_size: Size
    transition: Transition
    depth: DepthMap | None
    upsampling: JointBilateralUpsampling
    settings: Settings
    provenance: Provenance
    guide: Image
    image_sha256: str
    saturation_time: "SaturationTime" = saturation_time
    additions: "Additions" = field(default_factory=lambda: NOTHING)

    def with_settings(self, settings: Settings) -> "ImageState":
        """The same prepared image, clicked on with other settings; nothing is prepared again.

        Raises:
            StateError: settings of the preparing half differ.
        """
        if different := settings.unlike(self.settings, "preparing"):
            raise StateError(
                f"the image was prepared with {different}", cure="prepare the image again"
            )
        return replace(self, settings=settings)


@runtime_checkable
class SaturationTime(Protocol):
    """What walks the chain as `markov_map.saturation_time` does."""

    def __call__(
        self, transition: Transition, start: CellMaps, *, threshold: float, max_steps: int
    ) -> CellMaps: ...


@dataclass(frozen=True)
class MarkovMap:
    """The depth-guided Markov-map of one prompt, and its candidate scales.

    Attributes:
        values: `M_i` at working size, in [0, 1], 0 at the prompt.
        point: the click's pixel at working size (x, y); of other prompts one that stands for them.
        candidates: thresholds with their areas and edge scores.
        marked: the pixels (x, y) at working size that have the prompt's label for certain, where
            they are not `point` alone.
        window: of a box its rows and columns, outside which it claims nothing.
    """

    values: PixelMap
    point: tuple[int, int]
    candidates: Candidates
    marked: Pixels | None = None
    window: tuple[slice, slice] | None = None

    @property
    def pixels(self) -> Pixels:
        """`marked`, or `point`."""
        return np.array([self.point]) if self.marked is None else self.marked


@dataclass(frozen=True)
class Stages:
    """One prompt's way through the stages.

    Attributes:
        start: the click, or the stroke, splatted on the grid, `h w`.
        times: saturation times, `h w`, in chain steps.
        upsampled: the same at working size over its maximum, `H W`, before the fill.
        map: after the fill, with its candidates.
    """

    start: CellMap
    times: CellMap
    upsampled: PixelMap
    map: MarkovMap


@dataclass(frozen=True)
class Prompt:
    """One prompt in its place in the sequence.

    Attributes:
        click: what was given, a click mostly, in pixels of the photograph.
        map: its Markov-map.
        limit: the largest change of area it was taken to intend when it was placed, in pixels at
            working size (Eq. 10); infinite for none.
        choices: the scales to choose from: the map's candidates, or what an addition made of them
            when it was placed.
        before: pixels of the segmentation when it was placed, at working size.
        counted: False if it was discarded from `s_pos` and `s_neg` (end of section 3.4).
        overruled: a pixel of the working size belongs to the label that was clicked on it first;
            True if that is the other label. No scale tells the two prompts apart, so this one
            says what its own pixel of the photograph is, and has no part in any score.
        moved: how a person moves its scale from the one chosen; None is not at all.
        bound: the pixels that its segment has at most, in the place of the prior; None for that.
        window: the rows and columns outside which it claims nothing; None for none.
    """

    click: Given
    map: MarkovMap
    limit: float
    choices: Candidates
    before: int
    counted: bool = True
    overruled: bool = False
    moved: Callable[[Scale, Candidates], Scale] | None = None
    bound: int | None = None
    window: tuple[slice, slice] | None = None

    @property
    def claims(self) -> PixelMap:
        """The map as far as the prompt may claim pixels; infinite elsewhere."""
        if self.window is None:
            return self.map.values
        claims = torch.full_like(self.map.values, math.inf)
        claims[self.window] = self.map.values[self.window]
        return claims


@dataclass(frozen=True)
class Segmentation:
    """The result after a sequence of prompts: a value, never changed.

    Attributes:
        size: of the photograph, in pixels.
        prompts: in order, with their maps and limits.
        scales: lambda and its score for each prompt.
        margin: at working size, in [-1, 1]; over 0 exactly on the object
            (`truncated_nearest_neighbour`).
        base: the margin to keep where no prompt claims a pixel; None for background.
        unrefined: the margin before an addition drew its outline anew; None where that is `margin`.
    """

    size: Size
    prompts: tuple[Prompt, ...]
    scales: tuple[Scale, ...]
    margin: PixelMap
    base: PixelMap | None = None
    unrefined: PixelMap | None = None

    @property
    def given(self) -> tuple[Given, ...]:
        """The prompts as they were given, in order."""
        return tuple(prompt.click for prompt in self.prompts)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The clicks among them."""
        return tuple(prompt for prompt in self.given if isinstance(prompt, Click))

    @property
    def working_mask(self) -> Mask:
        """The mask at working size."""
        return self.margin.cpu().numpy() > 0

    @cached_property
    def claimed(self) -> int:
        """Pixels of the working mask before anything was added to it: what the size rule counts."""
        margin = self.margin if self.unrefined is None else self.unrefined
        return int(np.count_nonzero(margin.cpu().numpy() > 0))

    @property
    def soft_mask(self) -> PixelMap:
        """The margin at the photograph's size; clicked pixels keep the sign of their label."""
        soft = resized_map(self.margin, self.size)
        if soft is not self.margin:
            for prompt in self.given:
                x, y = prompt.pixels(self.size, self.size).T
                soft[y, x] = 1.0 if prompt.positive else -1.0
        return soft

    @property
    def mask(self) -> Mask:
        """The mask at the photograph's size; clicked pixels have their label."""
        if tuple(self.margin.shape) == self.size.shape:
            return self.margin.cpu().numpy() > 0
        mask = enlarged_mask(self.margin, self.size)
        for prompt in self.given:
            x, y = prompt.pixels(self.size, self.size).T
            mask[y, x] = prompt.positive
        return mask

    def corrected(self, margin: PixelMap) -> "Segmentation":
        """This sequence with another segmentation as what the next click sees."""
        return replace(self, margin=margin, unrefined=None)


class Additions(Protocol):
    """What can be added to the paper's walk from outside: one function at each of four places."""

    def mapped(self, state: ImageState, box: Box) -> MarkovMap:
        """The map of a box, of which the paper says nothing.

        Raises:
            PromptError: this walk takes no boxes.
        """
        ...

    def weighed(self, state: ImageState, prompt: Prompt, previous: Segmentation) -> Prompt:
        """A prompt that was just placed, its choices weighed.

        Args:
            previous: the segmentation that it corrects.
        """
        ...

    def steadied(
        self, state: ImageState, previous: Segmentation, result: Segmentation
    ) -> Segmentation:
        """The segmentation after a click, or one with other scales; `previous` was before it."""
        ...

    def refined(self, state: ImageState, result: Segmentation) -> Segmentation:
        """The segmentation with another outline."""
        ...


class Nothing:
    """The paper's walk as it is: no additions."""

    def mapped(self, state: ImageState, box: Box) -> MarkovMap:
        raise PromptError(
            f"box {box.corners} came, and the paper's walk takes clicks and scribbles",
            cure="prepare the image with preparation.prepare, or Predictor",
        )

    def weighed(self, state: ImageState, prompt: Prompt, previous: Segmentation) -> Prompt:
        return prompt

    def steadied(
        self, state: ImageState, previous: Segmentation, result: Segmentation
    ) -> Segmentation:
        return result

    def refined(self, state: ImageState, result: Segmentation) -> Segmentation:
        return result


NOTHING: Additions = Nothing()
