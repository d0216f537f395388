"""Presets by name: which attention, which depth, which settings; and the paper's ablations."""

import importlib
import importlib.util
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from m2n2v2.attention.base import AttentionSource
from m2n2v2.depth.base import DepthSource
from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.method.settings import Settings
from m2n2v2.weights.catalogue import model
from m2n2v2.weights.devices import choose_device
from m2n2v2.weights.locating import Loading, cached, locate


@dataclass(frozen=True)
class Backbone:
    """Where a source is made: `module:callable`.

    Attributes:
        weights: a key of `weights.MODELS`; the callable then takes it, a `Loading`, a side and
            `flip`. None: it takes nothing.
        libraries: what it needs beside torch, once it has weights.
        flips: it can see the mirrored photograph, too; False: `flip` is not taken.
    """

    home: str
    weights: str | None = None
    libraries: tuple[str, ...] = ("huggingface_hub", "transformers", "diffusers")
    flips: bool = True


_SIZES = ("small", "base", "large")
_DINOV2 = [f"dinov2-{kind}{size}" for kind in ("", "with-registers-") for size in _SIZES]

ATTENTION = {
    "affinity": Backbone("m2n2v2.attention.affinity:Affinity"),
    "dinov2-graph": Backbone(
        "m2n2v2.attention.affinity.likeness:LikenessAffinity.load",
        "dinov2-small",
        libraries=(),
        flips=False,
    ),
    "none": Backbone("m2n2v2.attention.none:NoAttention"),
    "sd2": Backbone("m2n2v2.attention.stable_diffusion:StableDiffusion.load", "sd2"),
    "sd1": Backbone("m2n2v2.attention.stable_diffusion:StableDiffusion.load", "sd1"),
    **{name: Backbone("m2n2v2.attention.dinov2:Dinov2.load", name) for name in _DINOV2},
}
"""Attention sources by name. `NAME@SIDE` has cells of another size than the paper's."""

DEPTH = {
    "flat": Backbone("m2n2v2.depth.flat:Flat"),
    **{
        name: Backbone("m2n2v2.depth.depth_anything:DepthAnything.load", name)
        for name in (f"depth-anything-v2-{size}" for size in _SIZES)
    },
    **{
        name: Backbone("m2n2v2.depth.marigold:Marigold.load", name)
        for name in ("marigold-lcm", "marigold-v1-1")
    },
}
"""Depth sources by name. `NAME@SIDE` sees the image at another size than the default."""


@dataclass(frozen=True)
class Preset:
    """A segmenter by name.

    Attributes:
        attention: a key of `ATTENTION`, or `KEY@SIDE`.
        depth: a key of `DEPTH`, or `KEY@SIDE`; None for no depth of its own (one measured can be
            given).
        settings: the method's constants.
        summary: one line for people.
        flip: each source that can sees the mirrored photograph, too, and the two are averaged
            (supplement 9).
    """

    name: str
    attention: str
    depth: str | None
    settings: Settings
    summary: str
    flip: bool = True

    def attention_source(self, loading: Loading | None = None) -> AttentionSource:
        """Load the attention backbone; `loading` says from where and to which device."""
        source: AttentionSource = _made(ATTENTION, self.attention, loading, self.flip)
        return source

    def depth_source(self, loading: Loading | None = None) -> DepthSource | None:
        """Load the depth backbone, if the preset has one."""
        if self.depth is None:
            return None
        source: DepthSource = _made(DEPTH, self.depth, loading, self.flip)
        return source

    def weights(self) -> tuple[str, ...]:
        """Names of the weights it needs, keys of `weights.MODELS`."""
        needed = (backbone(ATTENTION, self.attention), self.depth and backbone(DEPTH, self.depth))
        return tuple(source.weights for source in needed if source and source.weights)


def _ours(name: str, attention: str, summary: str) -> Preset:
    return Preset(
        name,
        attention,
        "depth-anything-v2-small",
        Settings.ours(),
        f"{summary}, Depth Anything V2 Small, in our numerics",
    )


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "offline",
            "affinity",
            None,
            Settings.offline(),
            "attention computed from the photograph alone, no weights (not the paper's)",
            flip=False,
        ),
        Preset(
            "dinov2-graph",
            "dinov2-graph",
            None,
            Settings.offline().replace(object_model=1.3),
            "the offline attention, joined by what DINOv2 Small finds alike (not the paper's)",
            flip=False,
        ),
        Preset(
            "offline-m2n2",
            "affinity",
            None,
            Settings.offline().replace(
                **{
                    name: value
                    for name, value in Settings.m2n2().to_dict().items()
                    if name != "temperature"
                }
            ),
            "the first version's rules (prior score, no depth) on the offline attention",
            flip=False,
        ),
        Preset(
            "paper",
            "sd2",
            "depth-anything-v2-large@2024",
            Settings.paper(),
            "M2N2V2 as published: Stable Diffusion 2, Depth Anything V2 Large (CC-BY-NC-4.0)",
        ),
        Preset(
            "m2n2",
            "sd2",
            None,
            Settings.m2n2(),
            "the first version as its code runs: Stable Diffusion 2, prior score, no depth or flip",
            flip=False,
        ),
        _ours("sd2", "sd2", "Stable Diffusion 2 at side 128"),
        _ours(
            "sd2-64",
            "sd2@64",
            "Stable Diffusion 2 at side 64, for the CPU: a sixteenth of the memory, coarser maps",
        ),
        _ours("sd1", "sd1", "Stable Diffusion 1 at side 112"),
        *(_ours(name, name, f"{name.replace('dinov2', 'DINOv2')} at side 80") for name in _DINOV2),
        Preset(
            "none",
            "none",
            "depth-anything-v2-small",
            Settings.paper(),
            "no attention, depth alone (the paper's ablation)",
        ),
    )
}
"""Every preset by name."""

ABLATIONS: dict[str, dict[str, Any]] = {
    "without-depth-guided-maps": {"depth_guided_upsampling": False, "depth_guided_fill": False},
    "without-depth-guided-upsampling": {"depth_guided_upsampling": False},
    "without-depth-guided-fill": {"depth_guided_fill": False},
    "without-adaptive-score": {"size_rule": "prior"},
    "with-adaptive-score": {"size_rule": "adaptive"},
    "without-novel-components": {
        "depth_guided_upsampling": False,
        "depth_guided_fill": False,
        "size_rule": "prior",
    },
    "without-scale-evidence": {"scale_evidence": False},
    "without-steady-scales": {"steady_scales": False},
    "without-object-model": {"object_model": 0.0},
    "without-refinement": {"refinement": 0.0},
    "without-photograph-terms": {
        "scale_evidence": False,
        "steady_scales": False,
        "object_model": 0.0,
        "refinement": 0.0,
    },
    **{
        f"alpha-{alpha}": {"size_rule": "adaptive", "alpha": float(alpha)}
        for alpha in (1, 2, 4, 8, 16, 32, 64)
    },
}
"""The rows of Table 3, what `Settings.offline` and `dinov2-graph` add to the paper's method and,
with values of ours, Table 6: what each changes in a preset."""

FLIPS = {"with-flip": True, "without-flip": False}
"""Ablations of the flip augmentation (supplement 9)."""

AUTO = {
    "cpu": ("dinov2-graph", "sd2-64", "dinov2-base", "offline"),
    "gpu": ("sd2", "sd1", "dinov2-base", "dinov2-graph", "offline"),
}
"""What `auto` looks for, best first, by kind of device: on a GPU as in Table 2, on a CPU what was
measured here (docs/decisions/likeness.md)."""


SMALL = "dinov2-graph"
"""The preset whose weights are worth fetching unasked, for a demonstration."""


def preset(name: str, *, device: str = "cpu") -> Preset:
    """A preset by name.

    Args:
        name: a key of `PRESETS`; `ATTENTION+DEPTH`, two backbones under the paper's settings, as
            in Table 2 (`sd1+depth-anything-v2-large@2024`, `sd2+flat`, `sd2+marigold-lcm`); or
            `auto`, the best whose weights are in the cache. `NAME/ABLATION` is any of them with
            one ablation's settings.
        device: where it is to run; `auto` asks less of a CPU.

    Raises:
        BackendError: no preset, backbone or ablation of that name.
    """
    base, _, ablation = name.partition("/")
    chosen = automatic(device) if base == "auto" else _named(base)
    if not ablation:
        return chosen
    if ablation not in ABLATIONS and ablation not in FLIPS:
        raise BackendError(
            f"there is no ablation {ablation!r}",
            cure=f"choose from {', '.join([*ABLATIONS, *FLIPS])}",
        )
    return replace(
        chosen,
        name=f"{chosen.name}/{ablation}",
        settings=chosen.settings.replace(**ABLATIONS.get(ablation, {})),
        flip=FLIPS.get(ablation, chosen.flip),
        summary=f"{chosen.summary}; {ablation.replace('-', ' ')}",
    )


def automatic(device: str = "auto") -> Preset:
    """The best preset whose weights are in the cache; its summary says why. No network is used."""
    kind = "cpu" if choose_device(device).type == "cpu" else "gpu"
    absent: list[str] = []
    for name in AUTO[kind]:
        source = backbone(ATTENTION, PRESETS[name].attention)
        chosen = _as_far_as_here(PRESETS[name])
        if chosen is None:
            absent.append(str(source.weights))
            continue
        reasons = [f"the best on this {kind.upper()} with weights here"] if source.weights else []
        reasons += [f"no weights of {' or '.join(absent)} are here"] if absent else []
        if chosen.depth != PRESETS[name].depth:
            reasons.append(f"without depth, as {PRESETS[name].weights()[-1]} is not here")
        return replace(chosen, summary=f"{chosen.summary} ({'; '.join(reasons)})")
    raise AssertionError("the last preset of AUTO needs no weights")


def available() -> tuple[Preset, ...]:
    """The presets whose attention's weights are in the cache; without depth where its are not."""
    here = (_as_far_as_here(preset) for preset in PRESETS.values() if preset.attention != "none")
    return tuple(preset for preset in here if preset is not None)


def _as_far_as_here(wanted: Preset) -> Preset | None:
    """The preset, without depth if its weights are missing; None without those of its attention."""
    source = backbone(ATTENTION, wanted.attention)
    if source.weights and not (_installed(source) and _here(source.weights)):
        return None
    missing = [model for model in wanted.weights() if not _here(model)]
    return replace(wanted, depth=None) if missing else wanted


def best_with_weights(loading: Loading) -> Preset:
    """What `auto` chooses, with the weights of a small network fetched first where none are here.

    Without an index or a hub that answers it is the offline preset; `loading.tell` hears why.
    """
    chosen = automatic(loading.device)
    if chosen.weights() or loading.offline:
        return chosen
    (wanted,) = PRESETS[SMALL].weights()
    try:
        locate(wanted, loading)
    except (WeightsError, BackendError) as error:
        loading.tell(f"{chosen.name} is used, which needs no weights: {error.what}")
    return automatic(loading.device)


def _installed(source: Backbone) -> bool:
    return all(importlib.util.find_spec(library) for library in source.libraries)


def _here(weights: str) -> bool:
    """Are these weights in the cache?"""
    return cached(model(weights)) is not None


def _named(name: str) -> Preset:
    if name in PRESETS:
        return PRESETS[name]
    attention, plus, depth = name.partition("+")
    if not plus:
        raise BackendError(
            f"there is no preset {name!r}",
            cure=f"choose from auto, {', '.join(sorted(PRESETS))}, or ATTENTION+DEPTH of "
            f"{', '.join(ATTENTION)} and {', '.join(DEPTH)}",
        )
    backbone(ATTENTION, attention), backbone(DEPTH, depth)
    base = {"affinity": "offline", "dinov2-graph": "dinov2-graph"}.get(attention.partition("@")[0])
    settings = PRESETS[base].settings if base else Settings.paper()
    return Preset(name, attention, depth, settings, f"{attention} attention, {depth} depth")


def backbone(registry: dict[str, Backbone], key: str) -> Backbone:
    """An entry of `ATTENTION` or `DEPTH`, by `NAME` or `NAME@SIDE`.

    Raises:
        BackendError: there is none of that name, or it has no sides.
    """
    name, at, side = key.partition("@")
    if name not in registry:
        raise BackendError(
            f"there is no source {name!r}", cure=f"choose from {', '.join(sorted(registry))}"
        )
    if at and not (side.isdecimal() and registry[name].weights):
        raise BackendError(
            f"source {key!r} cannot have that size",
            cure="write NAME@SIDE with a whole number, for a source that has weights",
        )
    return registry[name]


def _made(registry: dict[str, Backbone], key: str, loading: Loading | None, flip: bool) -> Any:
    source = backbone(registry, key)
    home, _, path = source.home.partition(":")
    make: Any = attrgetter(path)(importlib.import_module(home))
    if source.weights is None:
        return make()
    side = key.partition("@")[2]
    flips = {"flip": flip} if source.flips else {}
    return make(source.weights, loading, side=int(side) if side else None, **flips)
