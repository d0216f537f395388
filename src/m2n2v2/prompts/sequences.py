"""Prompts in their order, none contradicting another."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from m2n2v2.errors import ClickError, PromptError
from m2n2v2.grid import Size
from m2n2v2.prompts.boxes import Box
from m2n2v2.prompts.clicks import Click
from m2n2v2.prompts.scribbles import Scribble

Given = Click | Scribble | Box
"""A prompt as a person gives it."""

Placed = TypeVar("Placed", Click, Given)


def check_sequence(prompts: Iterable[Placed], size: Size) -> tuple[Placed, ...]:
    """`prompts` as a tuple, each inside `size`, none contradicting another.

    Raises:
        ClickError: a click lies outside, or two opposite clicks share a pixel.
        PromptError: a scribble or box lies outside; a pixel is marked both as object and as
            background, or a box for the object lies in one in which nothing belongs.
    """
    checked = tuple(prompt.inside(size) for prompt in prompts)
    _check_clicks([prompt for prompt in checked if isinstance(prompt, Click)])
    if any(not isinstance(prompt, Click) for prompt in checked):
        _check_areas(checked, size)
    return checked


def _check_clicks(clicks: list[Click]) -> None:
    seen: dict[tuple[int, int], bool] = {}
    for click in clicks:
        if seen.setdefault(click.place, click.positive) != click.positive:
            raise ClickError(
                f"pixel ({click.x}, {click.y}) was clicked both as object and as background",
                cure="remove one of the two clicks",
            )


def _check_areas(prompts: tuple[Given, ...], size: Size) -> None:
    marked = np.zeros(size.shape, np.int8)
    for prompt in prompts:
        x, y = prompt.pixels(size, size).T
        sign = 1 if prompt.positive else -1
        against = marked[y, x] == -sign
        if against.any():
            at = int(against.argmax())
            raise PromptError(
                f"pixel ({x[at]}, {y[at]}) is marked both as object and as background",
                cure="remove one of the two prompts",
            )
        marked[y, x] = sign
    for box in (prompt for prompt in prompts if isinstance(prompt, Box) and prompt.positive):
        if (marked[box.window(size, size)] == -1).all():
            raise PromptError(
                f"box {box.corners} lies where nothing belongs to the object",
                cure="remove one of the two boxes",
            )
