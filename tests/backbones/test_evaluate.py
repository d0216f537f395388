"""Evaluations and folders of states with weights from a folder; the weights are random."""

import json
from pathlib import Path

import pytest

from m2n2v2.errors import BackendError, RunError
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import Record
from m2n2v2.evaluation.report import Run, render
from m2n2v2.evaluation.runner import Plan, evaluate
from m2n2v2.presets import preset
from m2n2v2.states.preparing import Recipe
from m2n2v2.weights.locating import Loading
from tests.backbones import tiny
from tests.backbones.test_cli import Call, call  # noqa: F401 - a fixture
from tests.fakes import made_up_set


def network(folder: Path, seed: int) -> Path:
    """DINOv2 Small with one block instead of twelve."""
    made = tiny.dinov2(layers=1, hidden_size=384, num_attention_heads=6)
    tiny.randomized(made, seed).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two networks in folders of one name."""
    root = tmp_path_factory.mktemp("copies")
    return network(root / "a/net", 1), network(root / "b/net", 2)


def plan(root: Path, weights: Path | None, **more: object) -> Plan:
    return Plan(
        preset="dinov2-graph@5+flat",
        datasets=("mine",),
        data_root=root,
        protocol=Protocol(n_clicks=2),
        loading=Loading(weights=weights, offline=True),
        **more,
    )


def test_a_folder_of_weights_is_evaluated_and_named(
    call: Call,  # noqa: F811
    copies: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two = copies
    common = ("--preset", "dinov2-graph", "--datasets", "mine", "--n-clicks", 1, "--limit", 1)
    common += ("--data-root", made_up_set(tmp_path / "data"), "--out", tmp_path / "run")
    assert call("evaluate", *common, "--weights", one, "--offline") == 0
    said = capsys.readouterr().out
    assert "weights: attention dinov2-graph from folder net (sha256 " in said
    assert call("report", tmp_path / "run", "--format", "md") == 0
    assert "from folder net (sha256 " in capsys.readouterr().out
    assert call("evaluate", *common, "--weights", two, "--offline") == 2
    assert "a run with other weights" in capsys.readouterr().err
    assert call("evaluate", *common, "--offline") == 2
    assert "dinov2-small are not in the cache" in capsys.readouterr().err


def test_depth_weights_are_used(
    call: Call,  # noqa: F811
    folders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = ("--preset", "none+depth-anything-v2-small@56", "--datasets", "mine", "--offline")
    common += ("--data-root", made_up_set(tmp_path / "data"), "--limit", 1, "--n-clicks", 1)
    depth = folders["depth-anything-v2-small"]
    assert call("evaluate", *common, "--depth-weights", depth, "--out", tmp_path / "run") == 0
    assert "depth depth-anything-v2-small@56 from folder " in capsys.readouterr().out


def masks(records: list[Record]) -> list[tuple[float, ...]]:
    return [record.ious for record in records]


def test_kept_attention_is_that_of_these_weights(copies: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = made_up_set(tmp_path / "data", count=2), tmp_path / "cache"
    for number, folder in enumerate(copies, 1):
        evaluate(plan(root, folder, attention_cache=cache), tmp_path / f"run-{number}")
        assert len(list(cache.iterdir())) == number  # one photograph


def test_the_same_weights_elsewhere_are_the_same_run(
    copies: tuple[Path, Path], tmp_path: Path
) -> None:
    root, moved = made_up_set(tmp_path / "data", count=2), tmp_path / "elsewhere" / "net"
    moved.mkdir(parents=True)
    for file in copies[0].iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    first = evaluate(plan(root, copies[0]), tmp_path / "run")
    assert evaluate(plan(root, moved), tmp_path / "run") == first
    with pytest.raises(RunError, match="other weights"):
        evaluate(plan(root, copies[1]), tmp_path / "run")
    assert "from folder net (sha256 " in render([Run.read(tmp_path / "run")], "text")


def test_a_state_knows_its_weights_by_their_content(copies: tuple[Path, Path]) -> None:
    found = [
        Recipe(preset=preset("dinov2-graph"), loading=Loading(weights=folder)).identity()
        for folder in copies
    ]
    assert found[0] != found[1]
    assert all(
        "from folder net (sha256 " in json.loads(each or "{}")["attention"] for each in found
    )


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("click-disc", "weights"),
        ("offline", "weights"),
        ("offline", "depth_weights"),
        ("grabcut", "depth_weights"),
        ("dinov2-graph", "depth_weights"),
        ("sam-vit-base", "depth_weights"),
    ],
)
def test_weights_that_nothing_would_read_are_refused(
    name: str, option: str, copies: tuple[Path, Path], tmp_path: Path
) -> None:
    given = str(copies[0])
    wanted = Plan(
        preset=name,
        datasets=("mine",),
        data_root=made_up_set(tmp_path / "data"),
        loading=Loading(weights=given if option == "weights" else None, offline=True),
        depth_weights=given if option == "depth_weights" else None,
    )
    with pytest.raises(BackendError, match=f"of {name}, which has none.*leave out --{option[:5]}"):
        evaluate(wanted, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_prepare_takes_a_folder_of_weights(
    call: Call,  # noqa: F811
    copies: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photographs = made_up_set(tmp_path / "data", count=2) / "mine/images"
    common = ("prepare", photographs, "--out", tmp_path / "states", "--preset", "dinov2-graph")
    assert call(*common, "--weights", copies[0], "--offline") == 0
    assert "1 prepared" in capsys.readouterr().out
    assert call(*common, "--weights", copies[1], "--offline") == 2
    assert "1 refused" in capsys.readouterr().out
