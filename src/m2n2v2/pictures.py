"""Pictures: the mask over the photograph, and the walk from a click to its mask."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool
from PIL import Image as PILImage
from PIL import ImageDraw
from scipy import ndimage

from m2n2v2.arrays import Image, Mask
from m2n2v2.errors import BackendError, PromptError
from m2n2v2.method.values import ImageState, Segmentation, Stages
from m2n2v2.method.walk import markov_map_stages, score_curve_of
from m2n2v2.prompts import Box, Click, Given, Scribble

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TINT = (64, 150, 255)
OBJECT = (46, 204, 113)
BACKGROUND = (231, 76, 60)


def overlay(
    image: Image, mask: Mask, prompts: tuple[Given, ...] = (), *, opacity: float = 0.45
) -> Image:
    """The photograph with the mask tinted and outlined, and the prompts numbered on it.

    Args:
        opacity: of the tint, in [0, 1].

    Returns:
        RGB, of the photograph's size; prompts on the object green, on the background red.
    """
    drawn = image.astype(np.float32)
    drawn[mask] = (1 - opacity) * drawn[mask] + opacity * np.array(TINT, np.float32)
    unit = max(1, round(min(image.shape[:2]) / 240))
    drawn[_outline(mask, unit)] = 255
    canvas = PILImage.fromarray(drawn.round().astype(np.uint8))
    pen = ImageDraw.Draw(canvas)
    for number, prompt in enumerate(prompts, 1):
        colour = OBJECT if prompt.positive else BACKGROUND
        at = _drawn(pen, prompt, colour, unit)
        pen.text(
            (at[0] + 6 * unit, at[1] - 6 * unit),
            str(number),
            fill="white",
            stroke_width=unit,
            stroke_fill="black",
            font_size=8 * unit,
        )
    return np.asarray(canvas)


def _drawn(
    pen: ImageDraw.ImageDraw, prompt: Given, colour: tuple[int, int, int], unit: int
) -> tuple[float, float]:
    """Draw a prompt, and say where its number stands."""
    if isinstance(prompt, Click):
        at = (prompt.x + 0.5, prompt.y + 0.5)
        pen.circle(at, 4 * unit, fill=colour, outline="white")
        return at
    if isinstance(prompt, Scribble):
        pen.line(prompt.points, fill=colour, width=3 * unit, joint="curve")
        return prompt.points[0]
    pen.rectangle(prompt.corners, outline=colour, width=2 * unit)
    return prompt.left, prompt.top


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


def _outline(mask: Mask, width: int) -> Bool[np.ndarray, "H W"]:
    inside = ndimage.binary_erosion(mask, iterations=width, border_value=1)
    return mask & ~inside


def _figure(size: tuple[float, float]) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(
            "matplotlib is not installed", cure="pip install 'm2n2v2[plots]'"
        ) from error
    return Figure(figsize=size, layout="constrained")
