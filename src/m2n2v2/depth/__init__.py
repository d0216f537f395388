"""Where depth comes from. Each source is one module, loaded when it is named."""

import importlib
from typing import TYPE_CHECKING, Any

from m2n2v2.depth.base import DepthSource as DepthSource

if TYPE_CHECKING:
    from m2n2v2.depth.depth_anything import DepthAnything as DepthAnything
    from m2n2v2.depth.flat import Flat as Flat
    from m2n2v2.depth.marigold import Marigold as Marigold
    from m2n2v2.depth.measured import Measured as Measured
    from m2n2v2.depth.precomputed import Precomputed as Precomputed

_HOMES = {
    "DepthAnything": "depth_anything",
    "Flat": "flat",
    "Marigold": "marigold",
    "Measured": "measured",
    "Precomputed": "precomputed",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'm2n2v2.depth' has no attribute {name!r}")
    return getattr(importlib.import_module(f"m2n2v2.depth.{_HOMES[name]}"), name)
