"""The walk from a photograph and clicks to a mask.

`prepare` does what is needed once per image; `segment` takes one more click. A segmentation
holds everything the next click builds on, so a session is a fold:
`reduce(partial(segment, state), clicks, empty(state))`.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int32

from m2n2v2.arrays import CellMap, CellMaps, DepthMap, Image, Mask, PixelMap
from m2n2v2.attention.base import AttentionSource, DenseAttention, depth_guided
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.depth.base import DepthSource, matching
from m2n2v2.grid import Size, cell_coordinates, limited, rescaled_pixel
from m2n2v2.images import pixel_digest, resized, resized_map
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.markov_map import reduced_saturation_time, saturation_time, start_state
from m2n2v2.method.nearest_neighbour import enlarged_mask, truncated_nearest_neighbour
from m2n2v2.method.reduction import reduced
from m2n2v2.method.scoring import (
    Candidates,
    Scale,
    best_scale,
    candidates,
    score_curve,
    size_limit,
    values_at,
)
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.method.upsampling import JointBilateralUpsampling, joint_bilateral_upsampling
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined
from m2n2v2.photograph.scale_evidence import middle, weighed
from m2n2v2.prompts import Click, check_sequence
from m2n2v2.version import __version__

Progress = Callable[[str], None]
"""Called with the name of each stage of the preparation as it begins."""

STAGES = ("depth", "attention", "transition", "upsampling", "warm-up")


STEADY = 0.7
"""Earlier prompts are scored again unless the new click is, by this factor, less in the middle of
the change then (`Settings.steady_scales`)."""


@dataclass(frozen=True)
class Provenance:
    """What made a state, recorded with every result."""

    attention: str
    depth: str
    version: str = __version__


@dataclass(frozen=True)
class ImageState:
    """All that clicking on one image needs; made by `prepare`, never changed.

    Attributes:
        size: of the photograph, in pixels; clicks and masks are in these.
        working_size: of everything computed (`Settings.max_short_side`).
        transition: doubly stochastic, over the attention's cells; over a `ReducedAttention`,
            which knows its error, where `Settings.chain` is fast and the grid large.
        depth: normalised inverse depth at working size, None for none.
        upsampling: from cells to working size.
        guide: the photograph at working size, which the upsampling was built from.
        image_sha256: of the photograph (`images.pixel_digest`).
        photograph: what our own terms ask of it; None where none of them is on.
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
    photograph: Photograph | None = None


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
        choices: the scales to choose from: the map's candidates, or what `evidence.weighed` made of
            them when it was placed.
        counted: False if it was discarded from `s_pos` and `s_neg` (end of section 3.4).
        nudge: how a person moved its scale (`nudged`), in [-1, 1]; 0 is the method's choice.
    """

    click: Click
    map: MarkovMap
    limit: float
    choices: Candidates
    counted: bool = True
    nudge: float = 0.0


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
        unrefined: the margin before the refinement; None where that is `margin` itself.
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
        """Pixels of the working mask before the refinement: what the size rule counts."""
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
        settings: the method's constants; `Settings.paper()` if not given.
        device: where the chain runs.
        progress: called with each of `STAGES` as it begins.
    """
    settings = settings or Settings.paper()
    announce = progress or _silent
    size = Size(*image.shape[:2])
    working_size = limited(size, settings.max_short_side)

    announce("depth")
    seen = None  # H W, [0, 1], larger nearer
    if depth is not None:
        seen = matching(depth.estimate(image), image)

    announce("attention")
    guided = depth_guided(attention) if settings.depth_guided_attention else None
    found = guided.extract(image, seen) if guided else attention.extract(image)
    found = found.to(device)  # n x n, rows sum to 1
    depth_map = None if seen is None else resized_map(seen, working_size)

    announce("transition")
    cell_depth = None
    if depth_map is not None and settings.order_weight:
        cell_depth = resized_map(depth_map, found.cells)
    transition = doubly_stochastic(  # n x n, rows and columns sum to 1
        found,
        settings.temperature,
        tolerance=settings.sinkhorn_tolerance,
        rounds=settings.sinkhorn_rounds,
        depth=cell_depth,
        order_weight=settings.order_weight,
        overwrite=getattr(attention, "gives_away", False),
    )
    del found
    if settings.chain == "fast":
        transition = reduced(transition, threshold=settings.chain_threshold)

    announce("upsampling")
    guide = resized(image, working_size)
    upsampling = guided_upsampling(  # h x w -> H x W
        guide, transition.cells, depth_map, settings
    ).to(device)

    announce("warm-up")
    state = ImageState(
        size,
        working_size,
        transition,
        depth_map,
        upsampling,
        settings,
        Provenance(attention.name, depth.name if depth else "none"),
        guide,
        pixel_digest(image),
        measured(guide, settings),
    )
    warm_up()
    return state


def guided_upsampling(
    guide: Image, cells: Size, depth: DepthMap | None, settings: Settings
) -> JointBilateralUpsampling:
    """The upsampling operator of one image under these settings (section 3.3).

    Args:
        guide: the photograph at working size.
        depth: at working size.
    """
    return joint_bilateral_upsampling(
        guide,
        cells,
        depth=depth if settings.depth_guided_upsampling else None,
        spatial_sigma=settings.spatial_sigma,
        range_sigma=settings.range_sigma,
    )


def measured(guide: Image, settings: Settings) -> Photograph | None:
    """What these settings ask of the photograph at working size; None for nothing."""
    return Photograph.of(guide) if settings.scale_evidence or settings.refinement else None


def markov_maps(state: ImageState, clicks: tuple[Click, ...]) -> tuple[MarkovMap, ...]:
    """The depth-guided Markov-map of each click (section 3.3); none depends on another.

    A map depends on the click's pixel, not on its label.
    """
    return tuple(stages.map for stages in markov_map_stages(state, clicks))


def markov_map_stages(state: ImageState, clicks: tuple[Click, ...]) -> Iterator[Stages]:
    """What each stage makes of each click, for those who want to see the walk."""
    settings, transition = state.settings, state.transition
    points = [rescaled_pixel(c.x, c.y, state.size, state.working_size) for c in clicks]
    entered = [
        cell_coordinates(x, y, state.working_size, transition.cells, settings.click_placement)
        for x, y in points
    ]
    start = start_state(  # k h w
        entered, transition.cells, dtype=transition.rows.dtype, device=transition.rows.device
    )
    times = _saturation_time(transition, start, settings)  # k h w, in chain steps
    upsampled = state.upsampling(times).cpu()  # k H W
    guide = state.depth if settings.depth_guided_fill else None
    for k, point in enumerate(points):
        values = _over_maximum(upsampled[k])  # H W, [0, 1]
        levels = filled_level_sets(values, point, depth=guide).over_maximum()
        filled = levels.values  # H W, [0, 1]
        found = MarkovMap(filled, point, candidates(filled, levels))
        yield Stages(start[k], times[k], values, found)


def _saturation_time(transition: Transition, start: CellMaps, settings: Settings) -> CellMaps:
    threshold, most = settings.chain_threshold, settings.chain_steps
    if isinstance(transition.attention, ReducedAttention):
        return reduced_saturation_time(
            transition.attention, start, threshold=threshold, max_steps=most
        )
    return saturation_time(transition, start, threshold=threshold, max_steps=most)


def empty(state: ImageState, previous: Mask | None = None) -> Segmentation:
    """The segmentation before the first click: nothing, or a mask to correct.

    Args:
        previous: at the photograph's size; kept wherever no click claims a pixel.
    """
    if previous is None:
        return Segmentation(state.size, (), (), torch.full(state.working_size.shape, -1.0))
    base = resized_map(torch.from_numpy(previous.astype(np.float32)) * 2 - 1, state.working_size)
    return Segmentation(state.size, (), (), base, base)


def segment(
    state: ImageState, previous: Segmentation, click: Click, known: MarkovMap | None = None
) -> Segmentation:
    """The segmentation after one more click (sections 3.4 and 3.5).

    Args:
        previous: the segmentation so far; `empty(state)` before the first click.
        click: in pixels of the photograph.
        known: the click's Markov-map, if it was computed before.

    Raises:
        ClickError: the click lies outside, or contradicts an earlier one on its pixel.
    """
    check_sequence((*previous.clicks, click), state.size)
    found = known or markov_maps(state, (click,))[0]
    prompt = _placed(state, previous, click, found)
    before = previous.claimed
    result = _merged(state, (*previous.prompts, prompt), previous.base)
    if abs(result.claimed - before) > prompt.limit:
        prompt = replace(prompt, counted=False)
        result = _merged(state, (*previous.prompts, prompt), previous.base)
    if state.settings.steady_scales and previous.prompts:
        result = _steadied(state, previous, result)
    return _refined(state, result)


def _placed(state: ImageState, previous: Segmentation, click: Click, found: MarkovMap) -> Prompt:
    """The click as a prompt, with what its placing says about its size and scale."""
    settings, before, choices = state.settings, previous.working_mask, found.candidates
    limit = math.inf
    if settings.size_rule == "adaptive":
        limit = size_limit(found.point, click.positive, before, settings.alpha)
    if settings.scale_evidence and state.photograph is not None:
        choices = weighed(
            found.values, choices, found.point, click.positive, before, state.photograph
        )
    return Prompt(click, found, limit, choices)


def _steadied(state: ImageState, previous: Segmentation, result: Segmentation) -> Segmentation:
    """`result`, or the earlier prompts at their earlier scales and only the new one beside them.

    The latter where the new click lies clearly deeper in the middle of the change then, or where
    the change would exceed its limit.
    """
    scales = (*previous.scales, result.scales[-1])
    if scales == result.scales:
        return result
    steady = _assembled(state, result.prompts, scales, result.base)
    newest = result.prompts[-1]
    if abs(result.claimed - previous.claimed) > newest.limit:
        return steady
    before, point = previous.working_mask, newest.map.point
    moved = middle(before, result.working_mask, point)
    return result if moved >= STEADY * middle(before, steady.working_mask, point) else steady


def _refined(state: ImageState, result: Segmentation) -> Segmentation:
    """The segmentation with its outline drawn to the photograph's edges.

    A mask that was given to be corrected is left as it is.
    """
    reach, photograph = state.settings.refinement, state.photograph
    if not reach or photograph is None or result.base is not None:
        return result
    points = [prompt.map.point for prompt in result.prompts]
    labels = [prompt.click.positive for prompt in result.prompts]
    margin = refined(result.margin, photograph, points, labels, reach)
    return replace(result, margin=margin, unrefined=result.margin)


def alternatives(
    state: ImageState, segmentation: Segmentation, count: int = 3
) -> tuple[Segmentation, ...]:
    """The segmentation with the last prompt at each of its best-scoring scales.

    Neighbouring thresholds give nearly the same segment, so a scale counts as another one only
    if the smaller of the two segments has at most 4/5 of the other's pixels.

    Returns:
        `count` segmentations, best score first, the first being `segmentation`'s own; where the
        map has fewer distinct scales that score, the last is repeated.
    """
    *_, last = segmentation.prompts
    found = last.choices
    same, other = votes(last, segmentation.prompts)
    score = score_curve(found, same, other, area_bound(state, last))
    results = [segmentation]
    score[_alike(found.area, segmentation.scales[-1].area)] = 0
    while len(results) < count:
        at = int(score.argmax())
        if score[at] <= 0:
            results.append(results[-1])
            continue
        scale = Scale(float(found.thresholds[at]), float(score[at]), int(found.area[at]))
        scales = (*segmentation.scales[:-1], scale)
        other_scale = _assembled(state, segmentation.prompts, scales, segmentation.base)
        results.append(_refined(state, other_scale))
        score[_alike(found.area, scale.area)] = 0
    return tuple(results)


def nudged(state: ImageState, segmentation: Segmentation, amount: float) -> Segmentation:
    """The segmentation with the last prompt's segment made smaller or larger by a person.

    The prompt takes, among its candidates, the largest segment of at most `16 ** amount` times the
    pixels of the one the method chose: a quarter doubles or halves it. It stays so when further
    clicks come. This step is ours, not the paper's.

    Args:
        segmentation: at least one click.
        amount: in [-1, 1]; 0 is the method's choice again.
    """
    *others, last = segmentation.prompts
    moved = replace(last, nudge=amount)
    prompts = (*others, moved)
    scales = (*segmentation.scales[:-1], _scale(state, moved, prompts))
    return _refined(state, _assembled(state, prompts, scales, segmentation.base))


def _alike(area: Int32[np.ndarray, " L"], other: int) -> Bool[np.ndarray, " L"]:
    return np.minimum(area, other) > 0.8 * np.maximum(area, other)


def _merged(state: ImageState, prompts: tuple[Prompt, ...], base: PixelMap | None) -> Segmentation:
    scales = tuple(_scale(state, prompt, prompts) for prompt in prompts)
    return _assembled(state, prompts, scales, base)


def _assembled(
    state: ImageState,
    prompts: tuple[Prompt, ...],
    scales: tuple[Scale, ...],
    base: PixelMap | None,
) -> Segmentation:
    margin = truncated_nearest_neighbour(
        [prompt.map.values for prompt in prompts],
        [scale.threshold for scale in scales],
        [prompt.map.point for prompt in prompts],
        [prompt.click.positive for prompt in prompts],
        base,
    )
    return Segmentation(state.size, prompts, scales, margin, base)


def _scale(state: ImageState, prompt: Prompt, prompts: tuple[Prompt, ...]) -> Scale:
    same, other = votes(prompt, prompts)
    best = best_scale(prompt.choices, same, other, area_bound(state, prompt))
    return _moved(best, prompt.map.candidates, prompt.nudge) if prompt.nudge else best


def _moved(scale: Scale, found: Candidates, amount: float) -> Scale:
    """The largest candidate of at most `16 ** amount` times the area; its score is the edge's."""
    wanted = scale.area * 16.0**amount
    at = max(int(np.searchsorted(found.area, wanted, side="right")) - 1, 0)
    return Scale(float(found.thresholds[at]), float(found.edge[at]), int(found.area[at]))


def votes(prompt: Prompt, prompts: tuple[Prompt, ...]) -> tuple[list[float], list[float]]:
    """The prompt's map at every counted prompt of its own class, and of the other."""
    counted = [p for p in prompts if p.counted]
    positive = prompt.click.positive
    same = [p.map.point for p in counted if p.click.positive == positive]
    other = [p.map.point for p in counted if p.click.positive != positive]
    return values_at(prompt.map.values, same), values_at(prompt.map.values, other)


def area_bound(state: ImageState, prompt: Prompt) -> float:
    """The prompt's segment has fewer pixels than this: `min(tau * H * W, limit)` (Eq. 8)."""
    return min(state.settings.prior_fraction * state.working_size.area, prompt.limit)


def _over_maximum(values: PixelMap) -> PixelMap:
    """Divide in place; one thread is enough, and does not wait for others."""
    array = values.numpy()
    largest = array.max()
    if largest > 0:
        array /= largest
    return values


def _silent(stage: str) -> None:
    pass


@functools.cache
def warm_up() -> None:
    """Compile what a click runs, on a small image, so that the first click does not wait."""
    cells, size = Size(2, 2), Size(8, 8)
    near = torch.eye(4) + 0.1
    near /= near.sum(1)
    attention = DenseAttention(near.reshape(2, 2, 2, 2))
    whole = Head(
        torch.arange(4), torch.zeros(4, dtype=torch.int64), torch.ones(4), torch.ones(1, 1)
    )
    FactoredAttention(cells, [whole]).left(near[:1])
    nothing = torch.zeros(4, 1)
    small = ReducedAttention(cells, torch.eye(4), near, nothing.to(torch.int16), nothing)
    reduced_saturation_time(small, start_state([(0.0, 0.0)], cells))
    image = np.zeros((*size.shape, 3), np.uint8)
    image[:, 4:] = 255  # an edge, so that a scale is found and merged
    upsampling = joint_bilateral_upsampling(image, cells)
    settings = Settings.offline()
    state = ImageState(
        size,
        size,
        doubly_stochastic(attention),
        torch.zeros(size.shape),  # so that the fill's depth is compiled, too
        upsampling,
        settings,
        Provenance("none", "none"),
        image,
        pixel_digest(image),
        Photograph.of(image),
    )
    first = segment(state, empty(state), Click(1, 1))
    segment(state, first, Click(6, 1, False))
