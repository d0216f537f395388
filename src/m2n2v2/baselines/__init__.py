"""Segmenters by name: ours, and others to compare with, behind one Protocol."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from m2n2v2.baselines.base import Clicking as Clicking
from m2n2v2.baselines.base import Segmenter as Segmenter
from m2n2v2.errors import BackendError
from m2n2v2.presets import PRESETS, Preset, preset
from m2n2v2.states.preparing import Recipe, refuse_unused
from m2n2v2.weights.locating import Loading

CLASSICAL: Mapping[str, str] = {
    "click-disc": "m2n2v2.baselines.click_disc:ClickDisc",
    "esc": "m2n2v2.baselines.graph_cut:EuclideanStar",
    "geodesic": "m2n2v2.baselines.geodesic:Geodesic",
    "grabcut": "m2n2v2.baselines.grabcut:GrabCut",
    "graph-cut": "m2n2v2.baselines.graph_cut:GraphCut",
    "gsc": "m2n2v2.baselines.graph_cut:GeodesicStar",
    "random-walker": "m2n2v2.baselines.random_walker:RandomWalker",
}
"""Methods without weights: name -> module:class."""

SELF_SUPERVISED: Mapping[str, str] = {"tokencut": "dinov2-small"}
"""Label-free methods with a network: name -> its weights."""

TRAINED: Mapping[str, str] = {
    "sam-vit-base": "m2n2v2.baselines.sam:Sam.load",
    "sam-vit-large": "m2n2v2.baselines.sam:Sam.load",
    "sam-vit-huge": "m2n2v2.baselines.sam:Sam.load",
    "sam2-hiera-tiny": "m2n2v2.baselines.sam2:Sam2.load",
    "sam2-hiera-base-plus": "m2n2v2.baselines.sam2:Sam2.load",
    "sam2-hiera-large": "m2n2v2.baselines.sam2:Sam2.load",
}
"""Supervised methods, through transformers: name, also of the weights -> module:function."""

BASELINES = (*CLASSICAL, *SELF_SUPERVISED, *TRAINED)
"""All that is not ours."""

ANYWHERE = Loading(device="auto")
"""Weights from the cache or the network, on the best device."""


def names() -> list[str]:
    """Every name that `segmenter` takes; ours also as PRESET/ABLATION."""
    return [*PRESETS, *BASELINES]


def segmenter(
    name: str,
    loading: Loading = ANYWHERE,
    depth_weights: str | None = None,
    attention_cache: Path | None = None,
) -> Segmenter:
    """The segmenter of that name.

    Args:
        loading: how its weights are had, and where it runs; its `weights` are the attention's.
        depth_weights: the depth model's, likewise.
        attention_cache: a folder in which ours keep attention, None for none.

    Raises:
        BackendError: no such name, an extra it needs is not installed, or weights came that it has
            no use for.
        WeightsError: they cannot be had.
    """
    if name in CLASSICAL:
        return _made(CLASSICAL[name])
    if name in SELF_SUPERVISED:
        return _made("m2n2v2.baselines.tokencut:TokenCut.load", SELF_SUPERVISED[name], loading)
    if name in TRAINED:
        return _made(TRAINED[name], name, replace(loading, dtype="float32"))
    from m2n2v2.baselines.ours import Ours
    from m2n2v2.weights.devices import choose_device

    recipe = _recipe(name, loading, depth_weights)
    attention, depth = recipe.sources()
    if attention_cache is not None:
        from m2n2v2.baselines.cached import CachedAttention

        which = weights(name, loading, depth_weights).get("attention", "")
        attention = CachedAttention(attention, attention_cache, which)
    return Ours(name, attention, depth, recipe.settings, choose_device(loading.device))


def weights(
    name: str, loading: Loading = ANYWHERE, depth_weights: str | None = None
) -> dict[str, str]:
    """Which weights `segmenter` will load, by network; fetched if they are not here.

    A folder or file is told by its content. Nothing for a segmenter without weights.

    Raises:
        BackendError, WeightsError: as `segmenter`.
    """
    if name in BASELINES:
        refuse_unused("depth", depth_weights, name)
    if name in CLASSICAL:
        refuse_unused("attention", loading.weights, name)
        return {}
    if name in BASELINES:
        from m2n2v2.weights.locating import locate
        from m2n2v2.weights.verifying import identity as identity_of

        return {"network": identity_of(locate(SELF_SUPERVISED.get(name, name), loading))}
    identity = _recipe(name, loading, depth_weights).identity(fetch=True)
    assert identity is not None, "weights that were fetched are here"
    sources: dict[str, str] = json.loads(identity)
    return {kind: which for kind, which in sources.items() if " from " in which}


def description(name: str) -> str:
    """What `segmenter(name)` will be, with every setting, without loading any weights.

    Raises:
        BackendError: no such name.
    """
    if name in CLASSICAL:
        return segmenter(name).name
    if name in SELF_SUPERVISED:
        return f"{name} ({SELF_SUPERVISED[name]}; normalised cuts led by clicks)"
    if name in TRAINED:
        return f"{name} (all clicks, last logits as mask prompt)"
    preset = _preset(name)
    return (
        f"{name} (attention: {preset.attention}; depth: {preset.depth or 'none'}; "
        f"flip: {'on' if preset.flip else 'off'}; "
        f"settings: {preset.settings.to_dict()})"
    )


def _recipe(name: str, loading: Loading, depth_weights: str | None) -> Recipe:
    return Recipe(preset=_preset(name), loading=loading, depth_weights=depth_weights)


def _preset(name: str) -> Preset:
    try:
        return preset(name)
    except BackendError as error:
        others = ", ".join(BASELINES)
        raise BackendError(error.what, cure=f"{error.cure}; or a baseline: {others}") from error


def _made(home: str, *arguments: object) -> Segmenter:
    module, _, path = home.partition(":")
    made: Segmenter = attrgetter(path)(importlib.import_module(module))(*arguments)
    return made
