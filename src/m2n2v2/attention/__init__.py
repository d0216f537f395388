"""Where attention comes from. Each source is one module, loaded when it is named."""

import importlib
from typing import TYPE_CHECKING, Any

from m2n2v2.attention.base import Attention as Attention
from m2n2v2.attention.base import AttentionSource as AttentionSource
from m2n2v2.attention.base import DenseAttention as DenseAttention

if TYPE_CHECKING:
    from m2n2v2.attention.affinity import Affinity as Affinity
    from m2n2v2.attention.dinov2 import Dinov2 as Dinov2
    from m2n2v2.attention.none import NoAttention as NoAttention
    from m2n2v2.attention.precomputed import Precomputed as Precomputed
    from m2n2v2.attention.stable_diffusion import StableDiffusion as StableDiffusion

_HOMES = {
    "Affinity": "affinity",
    "Dinov2": "dinov2",
    "NoAttention": "none",
    "Precomputed": "precomputed",
    "StableDiffusion": "stable_diffusion",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'm2n2v2.attention' has no attribute {name!r}")
    return getattr(importlib.import_module(f"m2n2v2.attention.{_HOMES[name]}"), name)
