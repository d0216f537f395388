"""Presets with weights: the paper's table by name, and what `auto` finds."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.presets import ATTENTION, AUTO, DEPTH, PRESETS, automatic, best_with_weights, preset
from m2n2v2.weights.catalogue import MODELS
from m2n2v2.weights.locating import Loading


@pytest.mark.parametrize(
    ("name", "attention", "depth"),
    [
        ("paper", "sd2", "depth-anything-v2-large@2024"),
        ("sd2+flat", "sd2", "flat"),
        ("sd2+marigold-lcm", "sd2", "marigold-lcm"),
        ("none+depth-anything-v2-large@2024", "none", "depth-anything-v2-large@2024"),
        ("dinov2-base+depth-anything-v2-large@2024", "dinov2-base", "depth-anything-v2-large@2024"),
        ("sd1+depth-anything-v2-large@2024", "sd1", "depth-anything-v2-large@2024"),
    ],
)
def test_the_rows_of_table_2_have_names(name: str, attention: str, depth: str) -> None:
    found = preset(name)
    assert (found.name, found.attention, found.depth) == (name, attention, depth)
    assert found.settings == preset("paper").settings


def test_a_pair_takes_ablations() -> None:
    found = preset("sd1+flat/without-adaptive-score")
    assert found.name == "sd1+flat/without-adaptive-score"
    assert found.settings.size_rule == "prior"


@pytest.mark.parametrize(
    "name", ["sd3", "sd2+moon", "moon+flat", "none@64+flat", "sd2@big+flat", "+", "sd2+"]
)
def test_unknown_names_list_what_there_is(name: str) -> None:
    with pytest.raises(BackendError):
        preset(name)


def test_every_backbone_names_known_weights() -> None:
    for backbone in (*ATTENTION.values(), *DEPTH.values()):
        assert backbone.weights is None or backbone.weights in MODELS
    assert {w for p in PRESETS.values() for w in p.weights()} <= set(MODELS)


def test_the_paper_preset_needs_the_papers_weights() -> None:
    assert preset("paper").weights() == ("sd2", "depth-anything-v2-large")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that some weights are in the cache, and a GPU or none in the machine."""

    def pretend(*names: str, gpu: bool = False) -> None:
        monkeypatch.setattr("m2n2v2.presets._here", lambda weights: weights in names)
        device = torch.device("cuda" if gpu else "cpu")
        monkeypatch.setattr("m2n2v2.presets.choose_device", lambda name: device)

    return pretend


def test_auto_without_weights_is_offline_and_says_why(here: Callable[..., None]) -> None:
    here()
    found = automatic()
    assert found.name == "offline"
    assert "no weights of dinov2-small or sd2 or dinov2-base are here" in found.summary


def test_auto_takes_the_smaller_side_on_a_cpu(here: Callable[..., None]) -> None:
    here("sd2", "depth-anything-v2-small")
    assert automatic().name == "sd2-64"
    here("sd2", "depth-anything-v2-small", gpu=True)
    assert automatic().name == "sd2"


def test_auto_takes_the_graph_with_a_network_on_a_cpu(here: Callable[..., None]) -> None:
    here("dinov2-small", "sd2", "depth-anything-v2-small")
    found = automatic()
    assert (found.name, found.depth) == ("dinov2-graph", None)
    assert found.settings == preset("dinov2-graph+flat").settings
    here("dinov2-small", gpu=True)
    assert automatic().name == "dinov2-graph"


def test_a_demonstration_fetches_a_small_network(
    here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(name: str, loading: Loading) -> None:
        assert name == "dinov2-small"
        here(name)

    here()
    monkeypatch.setattr("m2n2v2.presets.locate", fetched)
    assert best_with_weights(Loading(offline=True)).name == "offline"
    assert best_with_weights(Loading()).name == "dinov2-graph"


def test_a_demonstration_goes_on_without_weights(
    here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str, loading: Loading) -> None:
        raise WeightsError(f"{name} cannot be had", cure="wait")

    here()
    monkeypatch.setattr("m2n2v2.presets.locate", refused)
    lines: list[str] = []
    assert best_with_weights(Loading(tell=lines.append)).name == "offline"
    assert lines == ["offline is used, which needs no weights: dinov2-small cannot be had"]


def test_a_demonstration_fetches_nothing_where_weights_are(
    here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    here("sd2", "depth-anything-v2-small")
    monkeypatch.delattr("m2n2v2.presets.locate")
    assert best_with_weights(Loading()).name == "sd2-64"


def test_the_graph_with_a_network_needs_no_transformers(
    here: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    heavy = ("huggingface_hub", "transformers", "diffusers")
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in heavy else there(n))
    here("dinov2-small", "sd2", "depth-anything-v2-small")
    assert automatic().name == "dinov2-graph"
    here("sd2", "depth-anything-v2-small")
    assert automatic().name == "offline"


def test_auto_goes_down_the_list(here: Callable[..., None]) -> None:
    here("sd1", "dinov2-base", "depth-anything-v2-small", gpu=True)
    found = automatic()
    assert found.name == "sd1"
    assert "no weights of sd2 are here" in found.summary


def test_auto_without_depth_says_so(here: Callable[..., None]) -> None:
    here("dinov2-base")
    found = automatic()
    assert (found.name, found.depth) == ("dinov2-base", None)
    assert "without depth, as depth-anything-v2-small is not here" in found.summary


def test_auto_takes_ablations(here: Callable[..., None]) -> None:
    here()
    assert preset("auto/alpha-4").name == "offline/alpha-4"


def test_auto_ends_with_what_needs_no_weights() -> None:
    for names in AUTO.values():
        assert preset(names[-1]).weights() == ()


def test_auto_sees_the_cache(
    folders: dict[str, Path], empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert automatic("cpu").name == "offline"
    repository = empty_cache / "models--facebook--dinov2-base"
    snapshot = repository / "snapshots" / MODELS["dinov2-base"].sources[0].revision
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(folders["dinov2-base"])
    assert automatic("cpu").name == "dinov2-base"
    source = automatic("cpu").attention_source(Loading(offline=True))
    assert "facebook/dinov2-base@f9e44c814b77" in source.name
    assert "side 80" in source.name
