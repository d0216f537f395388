"""Evaluation protocols: who clicks where, from which mask, how long. Named, because numbers differ.

`ritm` is the field's; `m2n2` is that of M2N2's official code; `random` is the paper's
supplement 11. A protocol is fixed by its name and its fields, which stand beside every number.
"""

import dataclasses
import zlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from m2n2v2.arrays import Mask
from m2n2v2.datasets.base import Convention
from m2n2v2.errors import SettingsError
from m2n2v2.evaluation.clicker import largest_error_click, random_error_click, union_error_click
from m2n2v2.evaluation.first_prompt import box_round, stroke_along
from m2n2v2.prompts import Box, Click, Scribble

Name = Literal["ritm", "m2n2", "random"]
Start = Literal["empty", "given"]
First = Literal["click", "box", "scribble"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How an object is clicked.

    Raises:
        SettingsError: a field is out of its range.
    """

    name: Name = "ritm"

    n_clicks: int = 20
    """The budget, 1 or more; NoC of an object that never gets there."""

    min_n_clicks: int = 1
    """At least this many clicks, even if the target is reached before."""

    target_iou: float = 0.95
    """`ritm` and `random` stop once it is reached, in (0, 1]; `m2n2` never does."""

    thresholds: tuple[float, ...] = (0.85, 0.90, 0.95)
    """Of NoC and NoF, each in (0, 1]; none over `target_iou`, where clicking stops."""

    start: Start = "empty"
    """The mask before the first click: empty, or the one that the dataset gives."""

    first: First = "click"
    """The first prompt, which counts as one; clicks by the rule follow."""

    loosen: float = 0.0
    """Of a first `box`: the share of its sides by which it is loosened, 0 or more (`box_round`)."""

    seed: int = 0
    """Of `random`, loosened boxes and unsteady scribbles, together with the object's name: order
    and shards change nothing."""

    def __post_init__(self) -> None:
        self._check("name", self.name in get_args(Name), f"one of {get_args(Name)}")
        self._check("start", self.start in get_args(Start), f"one of {get_args(Start)}")
        self._check("first", self.first in get_args(First), f"one of {get_args(First)}")
        self._check("loosen", 0 <= self.loosen < float("inf"), "a finite number, 0 or more")
        self._check("loosen", self.loosen == 0 or self.first == "box", "0, or a box first")
        self._check("n_clicks", self.n_clicks >= 1, "1 or more")
        self._check(
            "min_n_clicks", 1 <= self.min_n_clicks <= self.n_clicks, f"1 to {self.n_clicks}"
        )
        self._check("target_iou", 0 < self.target_iou <= 1, "in (0, 1]")
        self._check(
            "thresholds",
            bool(self.thresholds) and all(0 < t <= 1 for t in self.thresholds),
            "one or more numbers in (0, 1]",
        )
        highest = max(self.thresholds)
        stops = self.name != "m2n2" and self.min_n_clicks < self.n_clicks
        self._check(
            "target_iou",
            not stops or self.target_iou >= highest,
            f"{highest} or more: clicking stops there, so NoC@{100 * highest:g} would not be known",
        )

    @property
    def convention(self) -> Convention:
        """How masks become objects under this protocol."""
        return "m2n2" if self.name == "m2n2" else "field"

    def finished(self, ious: list[float]) -> bool:
        """Whether to stop after the clicks that gave these IoUs."""
        if len(ious) >= self.n_clicks:
            return True
        if self.name == "m2n2" or len(ious) < self.min_n_clicks:
            return False
        return ious[-1] >= self.target_iou

    def generator(self, dataset: str, item: str) -> np.random.Generator:
        """The random numbers of one object."""
        return np.random.default_rng([self.seed, zlib.crc32(f"{dataset}/{item}".encode())])

    def first_prompt(self, truth: Mask, generator: np.random.Generator) -> Box | Scribble | None:
        """What comes before the clicks; None if they come first."""
        if self.first == "box":
            return box_round(truth, self.loosen, generator)
        return stroke_along(truth, generator) if self.first == "scribble" else None

    def next_click(
        self,
        truth: Mask,
        void: Mask,
        predicted: Mask,
        clicks: list[Click],
        generator: np.random.Generator,
    ) -> Click | None:
        """The next click by this protocol's rule; None if there is nothing left to click."""
        if self.name == "m2n2":
            return union_error_click(truth, void, predicted)
        if self.name == "random":
            return random_error_click(truth, void, predicted, generator)
        clicked = np.zeros_like(truth)
        for click in clicks:
            clicked[click.y, click.x] = True
        return largest_error_click(truth, void, predicted, clicked)

    def to_dict(self) -> dict[str, Any]:
        """Names and values, ready for JSON."""
        return dataclasses.asdict(self) | {"thresholds": list(self.thresholds)}

    def _check(self, name: str, valid: bool, expected: str) -> None:
        if not valid:
            raise SettingsError(
                f"protocol field {name} is {getattr(self, name)!r}", cure=f"use {expected}"
            )
