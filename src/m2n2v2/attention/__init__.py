"""Where attention comes from. Each source is one module, loaded when it is named."""

import importlib
from typing import TYPE_CHECKING, Any

from m2n2v2.attention.base import Attention as Attention
from m2n2v2.attention.base import AttentionSource as AttentionSource
from m2n2v2.attention.base import DenseAttention as DenseAttention

if TYPE_CHECKING:
    from m2n2v2.attention.affinity import Affinity as Affinity
    from m2n2v2.attention.precomputed import Precomputed as Precomputed

_HOMES = {"Affinity": "affinity", "Precomputed": "precomputed"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'm2n2v2.attention' has no attribute {name!r}")
    return getattr(importlib.import_module(f"m2n2v2.attention.{_HOMES[name]}"), name)
