"""Presets by name: which attention, which depth, which settings; and the paper's ablations."""

import importlib
from dataclasses import dataclass, replace
from typing import Any

from m2n2v2.attention.base import AttentionSource
from m2n2v2.depth.base import DepthSource
from m2n2v2.errors import BackendError
from m2n2v2.settings import Settings

ATTENTION = {
    "affinity": "m2n2v2.attention.affinity:Affinity",
}
"""Attention sources that need no argument: name -> module:class."""

DEPTH = {
    "flat": "m2n2v2.depth.flat:Flat",
}
"""Depth sources that need no argument: name -> module:class."""


@dataclass(frozen=True)
class Preset:
    """A segmenter by name.

    Attributes:
        attention: a key of `ATTENTION`.
        depth: a key of `DEPTH`; None for no depth of its own (one measured can be given).
        settings: the method's constants.
        summary: one line for people.
    """

    name: str
    attention: str
    depth: str | None
    settings: Settings
    summary: str

    def attention_source(self) -> AttentionSource:
        source: AttentionSource = _load(ATTENTION, self.attention)()
        return source

    def depth_source(self) -> DepthSource | None:
        if self.depth is None:
            return None
        source: DepthSource = _load(DEPTH, self.depth)()
        return source


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "offline",
            "affinity",
            None,
            Settings.offline(),
            "attention computed from the photograph alone, no weights (not the paper's)",
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
        ),
    )
}
"""Every preset by name."""

ABLATIONS: dict[str, dict[str, Any]] = {
    "without-depth-guided-maps": {"depth_guided_upsampling": False, "depth_guided_fill": False},
    "without-depth-guided-upsampling": {"depth_guided_upsampling": False},
    "without-depth-guided-fill": {"depth_guided_fill": False},
    "without-adaptive-score": {"size_rule": "prior"},
    "without-novel-components": {
        "depth_guided_upsampling": False,
        "depth_guided_fill": False,
        "size_rule": "prior",
    },
    **{f"alpha-{alpha}": {"alpha": float(alpha)} for alpha in (1, 2, 4, 8, 16, 32, 64)},
}
"""The rows of Table 3 and, with values of ours, Table 6: what each changes in a preset."""


def preset(name: str) -> Preset:
    """A preset by name; `NAME/ABLATION` is that preset with one ablation's settings.

    Raises:
        BackendError: no preset or ablation of that name.
    """
    base, _, ablation = name.partition("/")
    if base not in PRESETS:
        raise BackendError(
            f"there is no preset {base!r}", cure=f"choose from {', '.join(sorted(PRESETS))}"
        )
    if not ablation:
        return PRESETS[base]
    if ablation not in ABLATIONS:
        raise BackendError(
            f"there is no ablation {ablation!r}", cure=f"choose from {', '.join(ABLATIONS)}"
        )
    found = PRESETS[base]
    return replace(
        found,
        name=name,
        settings=found.settings.replace(**ABLATIONS[ablation]),
        summary=f"{found.summary}; {ablation.replace('-', ' ')}",
    )


def _load(registry: dict[str, str], name: str) -> Any:
    if name not in registry:
        raise BackendError(
            f"there is no source {name!r}", cure=f"choose from {', '.join(sorted(registry))}"
        )
    module, _, attribute = registry[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
