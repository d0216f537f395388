"""Segmenters by name: ours, and others to compare with, behind one Protocol."""

import importlib
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from m2n2v2.baselines.base import Clicking as Clicking
from m2n2v2.baselines.base import Segmenter as Segmenter
from m2n2v2.errors import BackendError
from m2n2v2.presets import PRESETS, Preset, preset

CLASSICAL: Mapping[str, str] = {
    "click-disc": "m2n2v2.baselines.click_disc:ClickDisc",
    "geodesic": "m2n2v2.baselines.geodesic:Geodesic",
    "grabcut": "m2n2v2.baselines.grabcut:GrabCut",
    "random-walker": "m2n2v2.baselines.random_walker:RandomWalker",
}
"""Methods without weights: name -> module:class."""

TRAINED: Mapping[str, str] = {
    "sam-vit-base": "m2n2v2.baselines.sam:Sam.load",
    "sam-vit-large": "m2n2v2.baselines.sam:Sam.load",
    "sam-vit-huge": "m2n2v2.baselines.sam:Sam.load",
    "sam2-hiera-tiny": "m2n2v2.baselines.sam2:Sam2.load",
    "sam2-hiera-base-plus": "m2n2v2.baselines.sam2:Sam2.load",
    "sam2-hiera-large": "m2n2v2.baselines.sam2:Sam2.load",
}
"""Supervised methods, through transformers: name, also of the weights -> module:function."""


def names() -> list[str]:
    """Every name that `segmenter` takes; ours also as PRESET/ABLATION."""
    return [*PRESETS, *CLASSICAL, *TRAINED]


def segmenter(name: str, device: str = "auto", attention_cache: Path | None = None) -> Segmenter:
    """The segmenter of that name, on a device.

    Args:
        attention_cache: a folder in which ours keep attention, None for none.

    Raises:
        BackendError: no such name, or an extra it needs is not installed.
    """
    if name in CLASSICAL:
        return _made(CLASSICAL[name])
    from m2n2v2.weights.devices import choose_device
    from m2n2v2.weights.locating import Loading

    chosen = choose_device(device)
    loading = Loading(device=str(chosen))
    if name in TRAINED:
        return _made(TRAINED[name], name, replace(loading, dtype="float32"))
    from m2n2v2.baselines.ours import Ours

    preset = _preset(name)
    attention = preset.attention_source(loading)
    if attention_cache is not None:
        from m2n2v2.baselines.cached import CachedAttention

        attention = CachedAttention(attention, attention_cache)
    return Ours(name, attention, preset.depth_source(loading), preset.settings, chosen)


def description(name: str) -> str:
    """What `segmenter(name)` will be, with every setting, without loading any weights.

    Raises:
        BackendError: no such name.
    """
    if name in CLASSICAL:
        return segmenter(name).name
    if name in TRAINED:
        return f"{name} (all clicks, last logits as mask prompt)"
    preset = _preset(name)
    return (
        f"{name} (attention: {preset.attention}; depth: {preset.depth or 'none'}; "
        f"flip: {'on' if preset.flip else 'off'}; "
        f"settings: {preset.settings.to_dict()})"
    )


def _preset(name: str) -> Preset:
    try:
        return preset(name)
    except BackendError as error:
        others = ", ".join([*CLASSICAL, *TRAINED])
        raise BackendError(error.what, cure=f"{error.cure}; or a baseline: {others}") from error


def _made(home: str, *arguments: object) -> Segmenter:
    module, _, path = home.partition(":")
    made: Segmenter = attrgetter(path)(importlib.import_module(module))(*arguments)
    return made
