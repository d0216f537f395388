"""Regions that a person drew, as prompts: keypoints, rectangles and strokes of the brush."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from m2n2v2.annotator.document import Placed, PlacedBox, PlacedClick, PlacedScribble
from m2n2v2.arrays import Mask
from m2n2v2.errors import ClassError, ImageError, PromptError
from m2n2v2.grid import Size
from m2n2v2.label_studio.configuration import Configuration, Control
from m2n2v2.label_studio.rle import decoded

GIVEN = ("keypointlabels", "rectanglelabels", "brushlabels")
"""Kinds of regions that are taken."""

PATH = 20_000
"""Points of a stroke, at most."""


@dataclass(frozen=True)
class Asked:
    """One object that is asked for: its label, and its prompts in the order of drawing."""

    label: str
    prompts: tuple[Placed, ...]


def asked(
    regions: Sequence[dict[str, Any]], configuration: Configuration, answer: Control, size: Size
) -> tuple[Asked, ...]:
    """The objects that regions ask for, one for each label, in the order of their first region.

    Args:
        answer: the control whose labels masks are given.
        size: of the photograph, upright.

    Raises:
        PromptError: a region is of a kind that is no prompt, rotated, or of another image.
        ClassError: a label is not one of `answer`'s.
        ImageError: a region was drawn on an image of another size.
        ClickError: a point lies outside.
    """
    objects: dict[str, list[Placed]] = {}
    for region in regions:
        kind = region.get("type")
        if kind not in GIVEN:
            raise PromptError(
                f"a region is of the type {kind!r}", cure=f"draw one of {', '.join(GIVEN)}"
            )
        control = configuration.controls.get(str(region.get("from_name")))
        image = region.get("to_name", control.image if control else None)
        if image != answer.image:
            raise PromptError(
                f"a region was drawn on {image!r}, but masks are drawn on {answer.image!r}",
                cure="give both controls the same toName",
            )
        _check_size(region, size)
        value = region.get("value")
        if not isinstance(value, dict):
            raise PromptError(f"a region's value is {value!r}", cure="draw it again")
        label = _label(value.get(kind), answer)
        positive = region.get("is_positive", True) not in (False, 0)
        objects.setdefault(label, []).extend(_prompts(kind, value, positive, size))
    return tuple(Asked(label, tuple(prompts)) for label, prompts in objects.items())


def _check_size(region: dict[str, Any], size: Size) -> None:
    turned = region.get("image_rotation", 0)
    if turned:
        raise PromptError(
            f"the image was rotated by {turned} degrees when the region was drawn",
            cure="turn it back, then draw",
        )
    drawn = (region.get("original_height"), region.get("original_width"))
    if drawn != size.shape:
        raise ImageError(
            f"a region was drawn on an image of {drawn[1]}x{drawn[0]} pixels, this one is {size}",
            cure="draw on the image as it is, neither cropped nor resized",
        )


def _label(labels: object, answer: Control) -> str:
    offered = ", ".join(answer.labels) or "none"
    if not isinstance(labels, list) or len(labels) != 1:
        raise ClassError(f"a region has the labels {labels!r}", cure=f"give it one, of {offered}")
    (label,) = labels
    if label not in answer.labels:
        raise ClassError(
            f"the label {label!r} is none of {answer.name!r}",
            cure=f"use one of {offered}, or add it to the labelling configuration",
        )
    return str(label)


def _prompts(kind: str, value: dict[str, Any], positive: bool, size: Size) -> Iterator[Placed]:
    if kind == "brushlabels":
        if not isinstance(value.get("rle"), list):
            raise PromptError("a brush has no rle", cure="draw it again")
        for points in strokes(decoded(value["rle"], size)):
            yield PlacedScribble(points, positive)
        return
    x, y = _pixels(value, "x", size.width), _pixels(value, "y", size.height)
    if kind == "keypointlabels":
        # The far edges belong to the last pixels, the nearest that there are.
        x = math.nextafter(x, 0) if x == size.width else x
        y = math.nextafter(y, 0) if y == size.height else y
        click = PlacedClick(x, y, positive)
        click.prompt.inside(size)
        yield click
        return
    if value.get("rotation"):
        raise PromptError(
            f"a rectangle is rotated by {value['rotation']} degrees",
            cure="draw it upright: boxes are along the image's sides",
        )
    right = x + _pixels(value, "width", size.width)
    bottom = y + _pixels(value, "height", size.height)
    box = PlacedBox((x, y, right, bottom), positive)
    box.prompt.inside(size)
    yield box


def _pixels(value: dict[str, Any], name: str, side: int) -> float:
    """A percentage of the image's side, in pixels."""
    share = value.get(name)
    if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share):
        raise PromptError(f"a region's {name} is {share!r}", cure="give a percentage of the image")
    return share * side / 100


def strokes(mask: Mask) -> Iterator[tuple[tuple[float, float], ...]]:
    """Ways along the middle of each connected part of a brush's mask, that cross nothing else.

    A way goes from pixel to neighbouring pixel, out along every branch and back.

    Raises:
        PromptError: nothing was drawn, or more than anybody draws.
    """
    middle: Mask = skeletonize(mask)  # type: ignore[no-untyped-call]
    parts, count = ndimage.label(middle, np.ones((3, 3)))
    if not count:
        raise PromptError("a brush marks no pixel", cure="draw a stroke on the object")
    if middle.sum() > PATH:
        raise PromptError(
            f"a brush's strokes are over {PATH} pixels long", cure="draw a stroke or two"
        )
    for index, place in enumerate(ndimage.find_objects(parts), 1):
        rows, columns = np.nonzero(parts[place] == index)
        pixels = set(
            zip((columns + place[1].start).tolist(), (rows + place[0].start).tolist(), strict=True)
        )
        yield tuple((x + 0.5, y + 0.5) for x, y in _walk(pixels))


def _walk(pixels: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Every pixel of a connected set, each a neighbour of the one before; empties the set."""
    here = min(pixels)
    pixels.discard(here)
    way = [here]
    yield here
    while way and pixels:
        x, y = way[-1]
        near = [(x + i, y + j) for j in (-1, 0, 1) for i in (-1, 0, 1)]
        ahead = next((pixel for pixel in near if pixel in pixels), None)
        if ahead is None:
            way.pop()
            if way:
                yield way[-1]
        else:
            pixels.discard(ahead)
            way.append(ahead)
            yield ahead
