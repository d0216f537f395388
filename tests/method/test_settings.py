"""Settings: presets, ranges, and that a changed setting is a new object."""

import dataclasses
import json
import math

import numpy as np
import pytest

from m2n2v2.errors import SettingsError
from m2n2v2.method.settings import Settings

POSITIVE = ("temperature", "sinkhorn_tolerance", "spatial_sigma", "range_sigma", "alpha")


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, True, "0.5", None])
def test_positive_numbers(name, value):
    with pytest.raises(SettingsError, match=f"setting {name} is"):
        Settings(**{name: value})
    assert getattr(Settings(**{name: 2}), name) == 2


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("chain_threshold", [0, 1, -0.1, 1.1, math.nan, "x", None], [0.01, 0.99]),
        ("prior_fraction", [0, -0.1, 1.01, math.nan, "x"], [0.01, 1, 1.0]),
        ("chain_steps", [0, -1, 1.5, 10.0, True, None, "5"], [1, 1000]),
        ("sinkhorn_rounds", [0, -1, 2.0, True, "5"], [None, 1, 200]),
        ("max_short_side", [0, 15, 16.0, True, "64"], [None, 16, 1024]),
        ("chain", ["quick", None, True], ["fast", "exact"]),
        ("click_placement", ["centre", None, 0], ["half-pixel", "corner"]),
        ("candidates", ["all", None, True], ["pixels", "level-sets"]),
        ("size_rule", ["none", None, 1], ["adaptive", "prior"]),
        ("bound", ["area", None, 0], ["segment", "change"]),
        ("discard", ["never", None, 1], ["forever", "once"]),
        ("depth_guided_upsampling", [0, 1, None, "yes", np.True_], [True, False]),
        ("depth_guided_fill", [0, 1, None, "yes"], [True, False]),
        ("scale_evidence", [0, 1, None, "yes"], [True, False]),
        ("steady_scales", [0, 1, None, "yes"], [True, False]),
        ("object_model", [-0.1, 2.1, math.nan, True, "1", None], [0, 0.4, 2]),
        ("refinement", [-0.01, 0.21, math.nan, True, "0.1", None], [0, 0.02, 0.2]),
    ],
)
def test_ranges(name, bad, good):
    for value in bad:
        with pytest.raises(SettingsError, match=f"setting {name} is"):
            Settings(**{name: value})
    for value in good:
        assert getattr(Settings(**{name: value}), name) == value


def test_words_say_what_a_whole_number_may_be():
    with pytest.raises(SettingsError, match=r"is 0; use None or a whole number, 1 or more$"):
        Settings(sinkhorn_rounds=0)
    with pytest.raises(SettingsError, match=r"is 0; use a whole number, 1 or more$"):
        Settings(chain_steps=0)


def test_every_setting_is_tried_here():
    tried = {
        *POSITIVE,
        "chain_threshold",
        "prior_fraction",
        "chain_steps",
        "sinkhorn_rounds",
        "max_short_side",
        "chain",
        "click_placement",
        "candidates",
        "size_rule",
        "bound",
        "discard",
        "depth_guided_upsampling",
        "depth_guided_fill",
        "scale_evidence",
        "steady_scales",
        "object_model",
        "refinement",
    }
    assert {field.name for field in dataclasses.fields(Settings)} == tried


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match=r"'temprature' does not exist; choose from temp"):
        Settings.from_dict({"temprature": 1.0})
    with pytest.raises(SettingsError, match="'tau' does not exist"):
        Settings.paper().replace(tau=0.5)
    with pytest.raises(TypeError, match="tau"):
        Settings(tau=0.5)


def test_values_are_checked_on_every_way_in():
    with pytest.raises(SettingsError, match="alpha"):
        Settings.paper().replace(alpha=-1)
    with pytest.raises(SettingsError, match="alpha"):
        Settings.from_dict({"alpha": -1})


def difference(one: Settings, other: Settings) -> dict:
    return {name: v for name, v in one.to_dict().items() if v != other.to_dict()[name]}


def test_m2n2_is_the_paper_without_what_the_paper_adds():
    assert difference(Settings.m2n2(), Settings.paper()) == {
        "depth_guided_upsampling": False,
        "depth_guided_fill": False,
        "size_rule": "prior",
        "max_short_side": None,
    }


def test_the_first_versions_constants():
    """As its code has them (method notes, sections 2 to 7)."""
    found = Settings.m2n2()
    assert (found.temperature, found.sinkhorn_rounds) == (0.65, 200)
    assert (found.chain, found.chain_threshold, found.chain_steps) == ("exact", 0.3, 1000)
    assert (found.click_placement, found.candidates) == ("corner", "pixels")
    assert (found.spatial_sigma, found.range_sigma, found.prior_fraction) == (1.0, 0.1, 0.4)
    assert (found.scale_evidence, found.steady_scales) == (False, False)
    assert (found.object_model, found.refinement) == (0, 0)


def test_the_constants_of_which_the_papers_text_says_nothing():
    """Ours, in the paper's settings, too (balancing, working size and alpha in docs/decisions)."""
    settings = Settings.paper()
    assert settings.sinkhorn_tolerance == 1e-3
    assert (settings.max_short_side, settings.alpha) == (1024, 32)


def test_what_is_ours_is_off_by_default_and_named():
    assert Settings() == Settings.paper()
    assert difference(Settings.ours(), Settings.paper()) == {
        "sinkhorn_rounds": None,
        "chain": "fast",
        "click_placement": "half-pixel",
        "candidates": "level-sets",
    }
    assert difference(Settings.offline(), Settings.ours()) == {
        "temperature": 1.0,
        "chain": "exact",
        "spatial_sigma": 0.4,
        "size_rule": "prior",
        "scale_evidence": True,
        "steady_scales": True,
        "refinement": 0.02,
    }


def test_settings_travel_through_json():
    settings = Settings.m2n2().replace(alpha=3.5)
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_a_change_is_a_new_object():
    settings = Settings.paper()
    changed = settings.replace(alpha=4.0)
    assert (settings.alpha, changed.alpha) != (4.0, settings.alpha)
    assert hash(changed) != hash(settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.alpha = 4.0


# The two halves

PREPARING = {
    "temperature",
    "sinkhorn_tolerance",
    "sinkhorn_rounds",
    "chain_threshold",
    "chain",
    "spatial_sigma",
    "range_sigma",
    "depth_guided_upsampling",
    "max_short_side",
}


def test_the_halves_have_every_setting_once():
    settings = Settings.paper()
    preparing, clicking = settings.to_dict("preparing"), settings.to_dict("clicking")
    assert set(preparing) == PREPARING
    assert preparing | clicking == settings.to_dict()
    assert not preparing.keys() & clicking.keys()


def test_what_differs_is_named_with_both_values():
    settings = Settings.paper()
    other = settings.replace(alpha=4.0, temperature=1.0)
    assert settings.unlike(settings) == ""
    assert settings.unlike(other, "preparing") == "temperature 1.0 and not 0.65"
    assert settings.unlike(other, "clicking") == "alpha 4.0 and not 32.0"
    assert settings.unlike(other) == "temperature 1.0 and not 0.65, alpha 4.0 and not 32.0"
