"""The values that the walk makes: a prepared image, a click's map, a prompt, a segmentation."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from m2n2v2.arrays import CellMap, CellMaps, DepthMap, Image, Mask, PixelMap
from m2n2v2.errors import StateError
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.markov_map import saturation_time
from m2n2v2.method.nearest_neighbour import enlarged_mask
from m2n2v2.method.scoring import Candidates, Scale
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.method.upsampling import JointBilateralUpsampling
from m2n2v2.prompts import Click
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


class SaturationTime(Protocol):
    """What walks the chain as `markov_map.saturation_time` does."""

    def __call__(
        self, transition: Transition, start: CellMaps, *, threshold: float, max_steps: int
    ) -> CellMaps: ...


@dataclass(frozen=True)
class MarkovMap:
    """The depth-guided Markov-map of one click, and its candidate scales.

    Attributes:
        values: `M_i` at working size, in [0, 1], 0 at the click.
        point: the click's pixel at working size (x, y).
        candidates: thresholds with their areas and edge scores.
    """

    values: PixelMap
    point: tuple[int, int]
    candidates: Candidates


@dataclass(frozen=True)
class Stages:
    """One click's way through the stages.

    Attributes:
        start: the click splatted on the grid, `h w`.
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
    """One click in its place in the sequence.

    Attributes:
        click: in pixels of the photograph.
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
    """

    click: Click
    map: MarkovMap
    limit: float
    choices: Candidates
    before: int = 0
    counted: bool = True
    overruled: bool = False
    moved: Callable[[Scale, Candidates], Scale] | None = None


@dataclass(frozen=True)
class Segmentation:
    """The result after a sequence of clicks: a value, never changed.

    Attributes:
        size: of the photograph, in pixels.
        prompts: the clicks in order, with their maps and limits.
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
    def clicks(self) -> tuple[Click, ...]:
        return tuple(prompt.click for prompt in self.prompts)

    @property
    def working_mask(self) -> Mask:
        """The mask at working size."""
        return self.margin.cpu().numpy() > 0

    @property
    def claimed(self) -> int:
        """Pixels of the working mask before anything was added to it: what the size rule counts."""
        margin = self.margin if self.unrefined is None else self.unrefined
        return int(np.count_nonzero(margin.cpu().numpy() > 0))

    @property
    def soft_mask(self) -> PixelMap:
        """The margin at the photograph's size; clicked pixels keep the sign of their label."""
        soft = resized_map(self.margin, self.size)
        if soft is not self.margin:
            for click in self.clicks:
                soft[click.y, click.x] = 1.0 if click.positive else -1.0
        return soft

    @property
    def mask(self) -> Mask:
        """The mask at the photograph's size; clicked pixels have their label."""
        if tuple(self.margin.shape) == self.size.shape:
            return self.margin.cpu().numpy() > 0
        mask = enlarged_mask(self.margin, self.size)
        for click in self.clicks:
            mask[click.y, click.x] = click.positive
        return mask

    def corrected(self, margin: PixelMap) -> "Segmentation":
        """This sequence with another segmentation as what the next click sees."""
        return replace(self, margin=margin, unrefined=None)


class Additions(Protocol):
    """What can be added to the paper's walk from outside: one function at each of three places."""

    def weighed(self, state: ImageState, prompt: Prompt, before: Mask) -> Prompt:
        """A prompt that was just placed, its choices weighed.

        Args:
            before: the mask that it corrects, at working size.
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

    def weighed(self, state: ImageState, prompt: Prompt, before: Mask) -> Prompt:
        return prompt

    def steadied(
        self, state: ImageState, previous: Segmentation, result: Segmentation
    ) -> Segmentation:
        return result

    def refined(self, state: ImageState, result: Segmentation) -> Segmentation:
        return result


NOTHING: Additions = Nothing()
