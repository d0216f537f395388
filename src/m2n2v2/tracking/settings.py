"""The constants of propagation, by name; docs/tracking.md says what was measured."""

from dataclasses import dataclass, replace
from typing import Any, Self

from m2n2v2.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """How labels go from frame to frame.

    Attributes:
        lags: how many frames back those are that labels are taken from, ascending, from 1 on.
        anchors: from how many frames with a person's masks, the nearest, at least 1.
        radius: of the window in a recent frame, as a share of the grid's shorter side, over 0.
        anchor_radius: of the window in a person's frame that is not recent, likewise; after a frame
            in which an object is not seen it is the whole frame.
        keep: how many cells a cell takes its labels from, at least 1; 0 for the flow alone.
        temperature: of the softmax over these, over 0.
        model: share of what the objects' model says of a cell, in [0, 1], beside the affinity.
        motion: how far a cell that moves with the background is none of an object, in [0, 1].
        flow_weight: of the warped masks where the flow is believed, beside the affinity's 1.
        refinement: half the width of the band in which outlines follow the photograph, as a share
            of the shorter side; 0 for none.
        short_side: pixels to which frames are reduced.
    """

    lags: tuple[int, ...] = (1, 4, 10, 20)
    anchors: int = 3
    radius: float = 0.35
    anchor_radius: float = 0.35
    keep: int = 5
    temperature: float = 0.1
    model: float = 0.6
    motion: float = 1.0
    flow_weight: float = 0.2
    refinement: float = 0.02
    short_side: int = 480

    def __post_init__(self) -> None:
        lags: Any = self.lags
        if isinstance(lags, list):  # from JSON
            object.__setattr__(self, "lags", lags := tuple(lags))
        whole_lags = isinstance(lags, tuple) and all(type(lag) is int for lag in lags)
        if not whole_lags or lags[:1] != (1,) or list(lags) != sorted(set(lags)):
            raise SettingsError(f"lags is {self.lags!r}", cure="ascend from 1, such as 1, 4, 10")
        whole = {"anchors": 1, "keep": 0, "short_side": 16}
        for name, least in whole.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingsError(f"{name} is {value!r}", cure=f"use {least} or more")
        for name in ("radius", "anchor_radius", "temperature"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)!r}", cure="use more than 0")
        for name in ("flow_weight", "refinement"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SettingsError(f"{name} is {getattr(self, name)!r}", cure="use 0 or more")
        for name in ("model", "motion"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is {getattr(self, name)!r}", cure="use 0 to 1")
        if not self.keep and not self.flow_weight:
            raise SettingsError(
                "keep and flow_weight are both 0, so nothing is propagated",
                cure="give one of them",
            )

    def replace(self, **changes: Any) -> Self:
        """These settings with some changed."""
        return replace(self, **changes)


NETWORK = TrackingSettings()
"""With the features of a network."""

FLOW = TrackingSettings(
    lags=(1, 2, 3, 4, 5, 6, 7),
    radius=0.15,
    anchor_radius=0.5,
    model=0,
    motion=0,
    flow_weight=1.0,
    refinement=0.01,
)
"""With colours and gradients of cells: no weights."""

WARP = TrackingSettings(lags=(1,), keep=0, motion=0, flow_weight=1.0, refinement=0)
"""The flow alone, a control."""
