"""Presets and the paper's ablations by name."""

import pytest

from m2n2v2 import Settings
from m2n2v2.presets import ABLATIONS, PRESETS, preset


@pytest.mark.parametrize(
    ("base", "ablation", "changed"),
    [
        ("paper", "without-depth-guided-maps", {"depth_guided_upsampling", "depth_guided_fill"}),
        ("paper", "without-depth-guided-upsampling", {"depth_guided_upsampling"}),
        ("paper", "without-depth-guided-fill", {"depth_guided_fill"}),
        ("paper", "without-adaptive-score", {"size_rule"}),
        ("paper", "alpha-4", {"alpha"}),
        ("dinov2-graph", "without-scale-evidence", {"scale_evidence"}),
        ("dinov2-graph", "without-steady-scales", {"steady_scales"}),
        ("dinov2-graph", "without-object-model", {"object_model"}),
        ("dinov2-graph", "without-refinement", {"refinement"}),
        (
            "dinov2-graph",
            "without-photograph-terms",
            {"scale_evidence", "steady_scales", "object_model", "refinement"},
        ),
    ],
)
def test_an_ablation_changes_what_it_names_and_nothing_else(
    base: str, ablation: str, changed: set[str]
) -> None:
    before = preset(base).settings.to_dict()
    after = preset(f"{base}/{ablation}").settings.to_dict()
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize("alpha", [1, 2, 4, 8, 16, 32, 64])
def test_the_rows_of_table_6_have_names(alpha: int) -> None:
    assert preset(f"paper/alpha-{alpha}").settings == Settings.paper().replace(alpha=float(alpha))


def test_flip_belongs_to_the_preset() -> None:
    assert not preset("m2n2").flip
    without = {name for name, found in PRESETS.items() if not found.flip}
    assert without == {"m2n2", "offline", "offline-m2n2", "dinov2-graph"}
    assert preset("m2n2/with-flip").flip
    assert not preset("paper/without-flip").flip
    assert preset("paper/without-flip").settings == preset("paper").settings


def test_ours_is_in_our_presets_only() -> None:
    assert preset("paper").settings == preset("sd1+flat").settings == Settings.paper()
    assert preset("m2n2").settings == Settings.m2n2()
    assert preset("sd2-64").settings == preset("dinov2-small").settings == Settings.ours()


def test_what_weak_attentions_go_without() -> None:
    """The adaptive rule costs `offline` clicks; it and its constant are there by name."""
    for name in ("offline", "dinov2-graph"):
        assert preset(name).settings.size_rule == "prior"
        assert preset(f"{name}/with-adaptive-score").settings.size_rule == "adaptive"
        swept = preset(f"{name}/alpha-4").settings
        assert (swept.size_rule, swept.alpha) == ("adaptive", 4)
    assert preset("paper").settings.size_rule == Settings.ours().size_rule == "adaptive"


def test_without_novel_components_has_the_rules_of_the_first_version() -> None:
    found = Settings.paper().replace(**ABLATIONS["without-novel-components"])
    first = Settings.m2n2()
    for name in ("size_rule", "depth_guided_fill", "depth_guided_upsampling", "temperature"):
        assert getattr(found, name) == getattr(first, name)
