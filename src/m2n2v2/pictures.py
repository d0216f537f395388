"""Pictures of the walk from a click to its mask."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m2n2v2.arrays import Image
from m2n2v2.errors import PromptError, needing
from m2n2v2.method.values import ImageState, Segmentation, Stages
from m2n2v2.method.walk import markov_map_stages, score_curve_of
from m2n2v2.overlays import overlay
from m2n2v2.prompts import Box

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def walk(image: Image, state: ImageState, segmentation: Segmentation, index: int = -1) -> "Figure":
    """The walk of one click or scribble, stage by stage, from its attention to the mask.

    Args:
        image: the photograph.
        segmentation: at least one prompt.
        index: which prompt.

    Raises:
        PromptError: that prompt is a box.
        BackendError: matplotlib is not installed.
    """
    prompt, scale = segmentation.prompts[index], segmentation.scales[index]
    if isinstance(prompt.click, Box):
        raise PromptError("a box has no walk", cure="draw that of a click or scribble")
    (stages,) = markov_map_stages(state, (prompt.click,))
    choices = prompt.choices
    score = score_curve_of(state, prompt, segmentation.prompts)

    height, width = image.shape[:2]
    figure = _figure((16, 1.5 + 6.4 * min(max(height / width, 0.5), 1.5)))
    axes = figure.subplots(2, 4)
    for axis, title, values in zip(
        axes.flat,
        (
            "attention from the click, one step (Eq. 2)",
            "Markov-map: saturation time, in steps (Eq. 3)",
            "depth, larger nearer" if state.depth is not None else "no depth",
            "upsampled, guided by RGB" + ("" if state.depth is None else " and depth"),
            "after the flood fill: $M_i$",
            "scaled: $M_i / \\lambda_i$, where at most 1 (Eq. 4)",
        ),
        _panels(state, stages, scale.threshold),
        strict=False,
    ):
        if values is None:
            axis.imshow(image)
        else:
            shown = axis.imshow(values, cmap="magma", extent=(0, width, height, 0))
            figure.colorbar(shown, ax=axis, shrink=0.8)
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    curve, result = axes.flat[6], axes.flat[7]
    curve.plot(choices.thresholds, score, color="black", linewidth=0.8)
    chosen = "no scale scores"
    if scale.threshold is not None:
        curve.plot(scale.threshold, scale.score, "o", color="tab:red")
        chosen = f"best at $\\lambda_i$ = {scale.threshold:.3f}"
    curve.set_xlabel("threshold")
    curve.set_title(f"score (Eq. 6), {chosen}", fontsize=10)
    result.imshow(overlay(image, segmentation.mask, segmentation.given))
    result.set_title("truncated nearest neighbour (Eq. 11-12)", fontsize=10)
    result.set_axis_off()
    return figure


def write_walk(
    folder: Path, image: Image, state: ImageState, segmentation: Segmentation
) -> list[Path]:
    """One `walk-N.png` per click or scribble, N its place, into a folder that exists."""
    paths = []
    for index, prompt in enumerate(segmentation.given):
        if isinstance(prompt, Box):
            continue
        path = folder / f"walk-{index + 1}.png"
        walk(image, state, segmentation, index).savefig(path, dpi=110, bbox_inches="tight")
        paths.append(path)
    return paths


def _panels(state: ImageState, stages: Stages, threshold: float | None) -> list[Any]:
    step = state.transition.step(stages.start.reshape(1, -1)).reshape(stages.start.shape)
    values = stages.map.values
    bound = -1.0 if threshold is None else threshold
    scaled = np.where(values <= bound, values / max(bound, 1e-12), np.nan)
    return [
        step.cpu().numpy(),
        stages.times.cpu().numpy(),
        None if state.depth is None else state.depth.cpu().numpy(),
        stages.upsampled.numpy(),
        values.numpy(),
        scaled,
    ]


def _figure(size: tuple[float, float]) -> "Figure":
    with needing("plots"):
        from matplotlib.figure import Figure
    return Figure(figsize=size, layout="constrained")
