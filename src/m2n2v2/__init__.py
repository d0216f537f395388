"""Click-based image segmentation with no labels and no training (M2N2V2, Karmann et al. 2025).

    predictor = Predictor.from_preset("offline")
    predictor.set_image("photo.jpg")
    masks, scores, logits = predictor.predict([[300, 175]], [1])

Importing this package is light: a name loads what it needs when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from m2n2v2.version import __version__ as __version__

if TYPE_CHECKING:
    from m2n2v2.method.settings import Settings as Settings
    from m2n2v2.method.values import ImageState as ImageState
    from m2n2v2.method.values import Segmentation as Segmentation
    from m2n2v2.method.walk import segment as segment
    from m2n2v2.predictor import Predictor as Predictor
    from m2n2v2.preparation import prepare as prepare
    from m2n2v2.prompts import Click as Click
    from m2n2v2.session import Session as Session
    from m2n2v2.states.file import read_state as read_state
    from m2n2v2.states.file import write_state as write_state

_HOMES = {
    "Click": "prompts",
    "ImageState": "method.values",
    "Predictor": "predictor",
    "Segmentation": "method.values",
    "Session": "session",
    "Settings": "method.settings",
    "prepare": "preparation",
    "read_state": "states.file",
    "segment": "method.walk",
    "write_state": "states.file",
}

__all__ = ["Click", "ImageState", "Predictor", "Segmentation", "Session", "Settings"]
__all__ += ["prepare", "read_state", "segment", "write_state"]


def __getattr__(name: str) -> Any:
    if name in ("attention", "depth"):
        return importlib.import_module(f"m2n2v2.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'm2n2v2' has no attribute {name!r}")
    return getattr(importlib.import_module(f"m2n2v2.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "attention", "depth", "__version__"])
