"""The paper's ten steps from a photograph and clicks to a mask.

`image_state` walks the first four, once per image; `markov_maps` the next four, once per click;
`segment` the last two, with all clicks. A segmentation holds everything the next click builds on,
so a session is a fold: `reduce(partial(segment, state), clicks, empty(state))`.

What is not the paper's is handed in (`values.Additions`).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from m2n2v2.arrays import CellMap, DepthMap, Image, Mask, PixelMap
from m2n2v2.attention.base import AttentionSource
from m2n2v2.depth.base import DepthSource, matching
from m2n2v2.grid import Size, cell_coordinates, limited
from m2n2v2.images import pixel_digest, resized, resized_map
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.markov_map import scribble_start_state, start_state
from m2n2v2.method.nearest_neighbour import truncated_nearest_neighbour
from m2n2v2.method.scoring import (
    LEAST,
    OWN_PIXEL,
    Scale,
    best_scale,
    candidates,
    prior_bound,
    score_curve,
    size_limit,
    values_at,
)
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.method.upsampling import JointBilateralUpsampling, joint_bilateral_upsampling
from m2n2v2.method.values import ImageState, MarkovMap, Prompt, Provenance, Segmentation, Stages
from m2n2v2.prompts import Box, Click, Given, Scribble, check_sequence

Progress = Callable[[str], None]
"""Called with the name of each stage of the preparation as it begins."""


def image_state(
    image: Image,
    attention: AttentionSource,
    depth: DepthSource | None,
    settings: Settings,
    reduce: Callable[[Transition], Transition] | None,
    device: torch.device | str,
    announce: Progress,
) -> ImageState:
    """Everything that clicking on `image` needs, by the paper alone (sections 3.1 to 3.3).

    `preparation.prepare` calls it, and says what its arguments are; `reduce` makes of the
    transition one that stands for it in fewer numbers, and None keeps it.
    """
    size = Size(*image.shape[:2])
    working_size = limited(size, settings.max_short_side)

    announce("depth")
    estimated = None if depth is None else matching(depth.estimate(image), image)  # H W, [0, 1]
    depth_map = None if estimated is None else resized_map(estimated, working_size)

    announce("attention")
    extracted = attention.extract(image).to(device)  # n n, rows sum to 1

    announce("transition")
    transition = doubly_stochastic(  # n n, rows and columns sum to 1
        extracted,
        settings.temperature,
        tolerance=settings.sinkhorn_tolerance,
        rounds=settings.sinkhorn_rounds,
        overwrite=getattr(attention, "gives_away", False),
    )
    del extracted  # a gigabyte at side 128, before the reduction takes its own
    if reduce is not None:
        transition = reduce(transition)

    announce("upsampling")
    guide = resized(image, working_size)
    return ImageState(
        size,
        working_size,
        transition,
        depth_map,
        guided_upsampling(guide, transition.cells, depth_map, settings).to(device),  # h w -> H W
        settings,
        Provenance(attention.name, depth.name if depth else "none"),
        guide,
        pixel_digest(image),
    )


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


def markov_maps(state: ImageState, prompts: tuple[Given, ...]) -> tuple[MarkovMap, ...]:
    """The depth-guided Markov-map of each prompt (section 3.3); none depends on another.

    A map depends on the prompt's place, not on its label. Boxes' are added from outside.
    """
    walked = tuple(prompt for prompt in prompts if not isinstance(prompt, Box))
    maps = (stages.map for stages in markov_map_stages(state, walked)) if walked else iter(())
    return tuple(
        state.additions.mapped(state, prompt) if isinstance(prompt, Box) else next(maps)
        for prompt in prompts
    )


def markov_map_stages(state: ImageState, prompts: tuple[Click | Scribble, ...]) -> Iterator[Stages]:
    """What each stage makes of each click or scribble, for those who want to see the walk."""
    settings = state.settings
    marked = [prompt.pixels(state.size, state.working_size) for prompt in prompts]
    start = torch.stack([_start(state, prompt) for prompt in prompts])  # k h w
    times = state.saturation_time(  # k h w, in chain steps
        state.transition,
        start,
        threshold=settings.chain_threshold,
        max_steps=settings.chain_steps,
    )
    upsampled = state.upsampling(times).cpu()  # k H W
    guide = state.depth if settings.depth_guided_fill else None
    for k, pixels in enumerate(marked):
        values = _over_maximum(upsampled[k])  # H W, [0, 1]
        levels = filled_level_sets(values, pixels, depth=guide).over_maximum()
        filled = levels.values  # H W, [0, 1]: M_i
        scored = levels.pixel_by_pixel() if settings.candidates == "pixels" else levels
        x, y = pixels[len(pixels) // 2].tolist()
        several = pixels if len(pixels) > 1 else None
        known = MarkovMap(filled, (x, y), candidates(filled, scored), several)
        yield Stages(start[k], times[k], values, known)


def _start(state: ImageState, prompt: Click | Scribble) -> CellMap:
    """The start state of a click, or of a stroke (Eq. 2)."""
    cells, rows = state.transition.cells, state.transition.rows
    entered = [
        cell_coordinates(x, y, state.size, cells, state.settings.click_placement)
        for x, y in prompt.pixels(state.size, state.size).tolist()
    ]
    if len(entered) > 1:
        return scribble_start_state(entered, cells, dtype=rows.dtype, device=rows.device)
    return start_state(entered, cells, dtype=rows.dtype, device=rows.device)[0]


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
    state: ImageState, previous: Segmentation, click: Given, known: MarkovMap | None = None
) -> Segmentation:
    """The segmentation after one more prompt, a click mostly (sections 3.4 and 3.5).

    Args:
        previous: the segmentation so far; `empty(state)` before the first click.
        click: in pixels of the photograph.
        known: its Markov-map, if it was computed before.

    Raises:
        ClickError, PromptError: it lies outside, or contradicts an earlier one on a pixel.
    """
    check_sequence((*previous.given, click), state.size)
    prompt = _placed(state, previous, click, known or markov_maps(state, (click,))[0])
    if prompt.overruled:
        prompts, scales = (*previous.prompts, prompt), (*previous.scales, OWN_PIXEL)
        return replace(previous, prompts=prompts, scales=scales)
    earlier = previous.prompts
    if state.settings.discard == "once":
        earlier = tuple(replace(before, counted=True) for before in earlier)
    result = _scored(state, (*earlier, prompt), previous.base)
    if abs(result.claimed - prompt.before) > prompt.limit:
        prompt = replace(prompt, counted=False)
        result = _scored(state, (*earlier, prompt), previous.base)
    result = state.additions.steadied(state, previous, result)
    return state.additions.refined(state, result)


def _placed(state: ImageState, previous: Segmentation, click: Given, known: MarkovMap) -> Prompt:
    """The click as a prompt, with the largest change it can mean (Eq. 9-10)."""
    before, limit = previous.working_mask, math.inf
    if state.settings.size_rule == "adaptive" and not isinstance(click, Box):
        limit = size_limit(known.pixels, click.positive, before, state.settings.alpha)
    sharing = [p for p in previous.prompts if p.map.marked is known.marked is None]
    owners = [p.click.positive for p in sharing if p.map.point == known.point]
    overruled = len(owners) > 0 and owners[0] != click.positive
    prompt = Prompt(click, known, limit, known.candidates, previous.claimed, overruled=overruled)
    return state.additions.weighed(state, prompt, previous)


def _scored(state: ImageState, prompts: tuple[Prompt, ...], base: PixelMap | None) -> Segmentation:
    """The segmentation with every prompt at its best scale."""
    scales = tuple(best_scale_of(state, prompt, prompts) for prompt in prompts)
    return merged(state, prompts, scales, base)


def best_scale_of(state: ImageState, prompt: Prompt, prompts: tuple[Prompt, ...]) -> Scale:
    """Lambda of one prompt among all prompts (Eq. 5), or where a person moved it to.

    A prompt that is overruled has its own pixel.
    """
    if prompt.overruled:
        best = OWN_PIXEL
    else:
        least = LEAST if state.settings.candidates == "pixels" else None
        votes, bounds = votes_of(prompt, prompts), _bounds(state, prompt)
        best = best_scale(prompt.choices, *votes, *bounds, least=least)
    return best if prompt.moved is None else prompt.moved(best, prompt.map.candidates)


def score_curve_of(
    state: ImageState, prompt: Prompt, prompts: tuple[Prompt, ...]
) -> Float[np.ndarray, " L"]:
    """The score of every choice of one prompt among all prompts (Eq. 6); 0 if it is overruled."""
    if prompt.overruled:
        return np.zeros(len(prompt.choices.thresholds))
    return score_curve(prompt.choices, *votes_of(prompt, prompts), *_bounds(state, prompt))


def votes_of(prompt: Prompt, prompts: tuple[Prompt, ...]) -> tuple[list[float], list[float]]:
    """The prompt's map at every counted prompt of its own class, and of the other.

    A stroke is inside a segment if all its pixels are: at its largest value. It is not excluded
    unless all are: at its smallest. What has a window of its own says nothing about others' scales.
    """
    counted = [p for p in prompts if p.counted and not p.overruled and p.map.window is None]
    positive, values = prompt.click.positive, prompt.map.values
    same = [p.map.pixels for p in counted if p.click.positive == positive]
    other = [p.map.pixels for p in counted if p.click.positive != positive]
    return (
        [max(values_at(values, pixels)) for pixels in same],
        [min(values_at(values, pixels)) for pixels in other],
    )


def _bounds(state: ImageState, prompt: Prompt) -> tuple[float, float]:
    """The prior and the limit, in pixels, that the prompt's segment stays under (Eq. 7-8)."""
    settings = state.settings
    prior = prior_bound(state.working_size.area, settings.prior_fraction, settings.candidates)
    if prompt.bound is not None:
        prior = prompt.bound + 1
    before = prompt.before if settings.bound == "change" else 0
    return prior, before + prompt.limit


def merged(
    state: ImageState,
    prompts: tuple[Prompt, ...],
    scales: tuple[Scale, ...],
    base: PixelMap | None,
) -> Segmentation:
    """The segmentation with each prompt at the scale given (Eq. 11-12)."""
    margin = truncated_nearest_neighbour(  # H W, over 0 on the object
        [prompt.claims for prompt in prompts],
        [scale.threshold for scale in scales],
        [prompt.map.pixels for prompt in prompts],
        [prompt.click.positive for prompt in prompts],
        base,
    )
    return Segmentation(state.size, prompts, scales, margin, base)


def _over_maximum(values: PixelMap) -> PixelMap:
    """Divide in place; one thread is enough, and does not wait for others."""
    array = values.numpy()
    largest = array.max()
    if largest > 0:
        array /= largest
    return values
