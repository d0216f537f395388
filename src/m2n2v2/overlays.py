"""The mask over the photograph, and the prompts on it."""

import io

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image as PILImage
from PIL import ImageDraw
from scipy import ndimage

from m2n2v2.arrays import Image, Mask
from m2n2v2.grid import Size
from m2n2v2.prompts import Box, Click, Given, Scribble

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


def png(pixels: UInt8[np.ndarray, "H W *C"]) -> bytes:
    """A picture as the bytes of a PNG, made quickly rather than small."""
    written = io.BytesIO()
    PILImage.fromarray(pixels).save(written, "PNG", compress_level=1)
    return written.getvalue()


def rescaled(prompt: Given, source: Size, target: Size) -> Given:
    """A prompt in pixels of an image of `source`, in those of the same image at `target`."""
    across, down = target.width / source.width, target.height / source.height
    match prompt:
        case Click():
            return Click(prompt.x * across, prompt.y * down, prompt.positive)
        case Scribble():
            points = [(x * across, y * down) for x, y in prompt.points]
            return Scribble(points, prompt.positive)
    left, top, right, bottom = prompt.corners
    return Box(left * across, top * down, right * across, bottom * down, prompt.positive)


def _outline(mask: Mask, width: int) -> Bool[np.ndarray, "H W"]:
    inside = ndimage.binary_erosion(mask, iterations=width, border_value=1)
    return mask & ~inside
