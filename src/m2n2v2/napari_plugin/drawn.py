"""What is drawn in napari's points and shapes layers, as prompts, and prompts as what is drawn.

napari's pixel i reaches from i - 1/2 to i + 1/2; that of prompts from i to i + 1.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from m2n2v2.errors import PromptError
from m2n2v2.napari_plugin.shown import nearest
from m2n2v2.prompts import Box, Click, Given, Scribble

OBJECT, BACKGROUND = "object", "background"

LABEL = "label"
"""The feature of a point or a shape that says which of the two it is."""

DIGITS = 3
"""After the point, of pixels: what is drawn anew from a prompt is that prompt."""

Placed = tuple[int, Given]
"""A slice, and a prompt in it."""

Points = Float[np.ndarray, "N D"]


def clicks_in(layer: Any, image: Any) -> list[Placed]:
    """The clicks that a points layer shows, in its order, in pixels of an image layer.

    Raises:
        PromptError, ClickError: one lies outside every pixel.
    """
    return [
        _click(point, positive)
        for point, positive in zip(_mapped(layer.data, layer, image), positives(layer), strict=True)
    ]


def strokes_in(layer: Any, image: Any) -> list[Placed]:
    """The boxes and scribbles that a shapes layer shows, in its order, likewise.

    Raises:
        PromptError: one is of another kind, or turned.
    """
    return [
        _stroke(kind, _mapped(corners, layer, image), positive)
        for kind, corners, positive in zip(
            layer.shape_type, layer.data, positives(layer), strict=True
        )
    ]


def points_of(placed: Iterable[Placed], layer: Any, image: Any) -> tuple[Points, list[str]]:
    """The data of a points layer that shows these clicks, and their labels."""
    chosen = [(at, prompt) for at, prompt in placed if isinstance(prompt, Click)]
    points = np.array([(at, prompt.y, prompt.x) for at, prompt in chosen], np.float64)
    points = points.reshape(-1, 3)[:, 3 - image.ndim :]
    return _mapped(points, image, layer), [_label(prompt) for _, prompt in chosen]


def shapes_of(
    placed: Iterable[Placed], layer: Any, image: Any
) -> tuple[list[tuple[Points, str]], list[str]]:
    """The data of a shapes layer that shows these boxes and scribbles, and their labels."""
    shapes, labels = [], []
    for at, prompt in placed:
        if isinstance(prompt, Click):
            continue
        if isinstance(prompt, Box):
            left, top, right, bottom = prompt.corners
            outline, kind = (
                [(left, top), (right, top), (right, bottom), (left, bottom)],
                "rectangle",
            )
        else:
            outline, kind = list(prompt.points), "path"
        rows = np.array([(at + 0.5, y, x) for x, y in outline]) - 0.5
        shapes.append((_mapped(rows[:, 3 - image.ndim :], image, layer), kind))
        labels.append(_label(prompt))
    return shapes, labels


def positives(layer: Any) -> list[bool]:
    """Which of a layer's points or shapes mark the object.

    A path of one point is dropped by napari at its end, and its row of the features is not.
    """
    return [label != BACKGROUND for label in layer.features[LABEL][: len(layer.data)]]


def _label(prompt: Given) -> str:
    return OBJECT if prompt.positive else BACKGROUND


def _mapped(points: Any, source: Any, target: Any) -> Points:
    """Coordinates of one layer in those of another, through the world."""
    rows = np.asarray(points, np.float64).reshape(-1, source.ndim)
    mapped = [target.world_to_data(source.data_to_world(row)) for row in rows]
    return np.array(mapped, np.float64).reshape(-1, target.ndim)


def _click(point: Float[np.ndarray, " D"], positive: bool) -> Placed:
    *slices, y, x = (nearest(coordinate) for coordinate in point)
    return (slices[0] if slices else 0), Click(x, y, positive)


def _stroke(kind: str, outline: Points, positive: bool) -> Placed:
    slices = {nearest(row[0]) for row in outline} if outline.shape[1] == 3 else {0}
    if len(slices) > 1:
        raise PromptError("a shape goes through several slices", cure="draw it in one")
    points = np.round(outline[:, :-3:-1] + 0.5, DIGITS)  # (x, y)
    if kind == "rectangle":
        low, high = points.min(axis=0), points.max(axis=0)
        if np.minimum(points - low, high - points).max() > 10.0**-DIGITS:
            raise PromptError("a rectangle is turned", cure="draw it along the image's sides")
        corners = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return slices.pop(), Box(*corners, positive)
    if kind in ("path", "line"):
        return slices.pop(), Scribble(points.tolist(), positive)
    raise PromptError(
        f"a shape is of kind {kind}", cure="draw a rectangle, or a path as a scribble"
    )
