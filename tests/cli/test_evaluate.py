"""`evaluate`, `report` and `datasets` as a person runs them."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.baselines import description
from m2n2v2.cli.main import run
from m2n2v2.presets import PRESETS
from tests.fakes import made_up_set

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
Verb = Callable[..., int]


@pytest.fixture
def m2n2v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Run a verb in a folder with a made-up set; returns the exit code."""
    made_up_set(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["m2n2v2", *arguments])
        with pytest.raises(SystemExit) as stopped:
            run()
        return int(stopped.value.code or 0)

    return call


def evaluate(m2n2v2: Verb, out: str, *more: str) -> int:
    arguments = ("--preset", "click-disc", "--datasets", "mine", "--n-clicks", "3", *more)
    return m2n2v2("evaluate", *arguments, "--out", out)


def test_evaluate_and_report(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(m2n2v2, "one", "--print-ious", "--save-ious", "--vis-preds") == 0
    printed = capsys.readouterr().out
    assert "NoC@90" in printed
    assert "name ritm" in printed
    assert "@3" in printed
    assert Path("one/ious.csv").exists()
    assert len(list(Path("one/masks/mine").iterdir())) == 4
    assert evaluate(m2n2v2, "two", "--protocol", "random") == 0
    capsys.readouterr()
    assert m2n2v2("report", "one", "two", "--format", "json") == 0
    table = json.loads(capsys.readouterr().out)["measured"]
    assert [(row["dataset"], row["objects"]) for row in table] == [("mine", 4), ("mine", 4)]
    assert m2n2v2("report", "one", "two", "--compare") == 0
    assert "over 4 objects" in capsys.readouterr().out


def test_how_masks_were_read_is_printed(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    mask = next(Path("data/mine/masks").iterdir())
    with PILImage.open(mask) as file:
        soft = np.array(file)
    soft[0, 0], soft[0, 1] = 60, 200
    PILImage.fromarray(soft).save(mask)
    assert evaluate(m2n2v2, "doubtful") == 2
    error = capsys.readouterr().err
    assert f"{mask.name} has 3 values besides 0" in error
    assert "--mask-values half" in error
    assert evaluate(m2n2v2, "declared", "--mask-values", "half", "--void", "-1") == 0
    error = capsys.readouterr().err
    assert "mine: masks: half of the full scale and more is object" in error
    assert evaluate(m2n2v2, "unknown", "--mask-values", "soft") == 2
    assert "mask values are 'soft'; use auto, any, half" in capsys.readouterr().err


def test_logs_path_is_out(m2n2v2: Verb) -> None:
    arguments = ("--preset", "click-disc", "--datasets", "mine", "--logs-path", "there")
    assert m2n2v2("evaluate", *arguments) == 0
    assert Path("there/records.jsonl").exists()


def test_shards_are_reported_as_one(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    for index in ("1", "2"):
        assert evaluate(m2n2v2, index, "--shard", f"{index}/2") == 0
    capsys.readouterr()
    assert m2n2v2("report", "1", "2", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)["measured"]
    assert row["objects"] == row["of"] == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--datasets", "nobodys"], "nobodys does not exist"),
        (["--preset", "nothing"], "no preset 'nothing'"),
        (["--protocol", "mine"], "name is 'mine'"),
        (["--thresholds", "high"], "thresholds are 'high'"),
        (["--shard", "2"], "shard is '2'"),
        (["--executor", "cluster"], "executor is 'cluster'"),
        (["--workers", "0"], "workers is 0"),
        (["--data-root", "nowhere"], "does not exist"),
        (["--depth", "measured"], "no measured depth"),
        (["--depth", "guessed"], "depth is 'guessed'"),
    ],
)
def test_bad_input_is_said_in_one_line(
    m2n2v2: Verb, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert evaluate(m2n2v2, "run", *more) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_report_of_no_run(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert m2n2v2("report", "data") == 2
    assert "no run's folder" in capsys.readouterr().err


def test_datasets(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert m2n2v2("datasets") == 0
    printed = capsys.readouterr().out
    assert "4 objects" in printed
    assert "GrabCut.zip" in printed
    assert m2n2v2("datasets", "--json") == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries["mine"]["objects"] == 4
    assert entries["SBD"]["expected"] == 6671
    assert m2n2v2("datasets", "--data-root", "nowhere") == 2


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(EXPERIMENTS)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


NAMES = ["table1", "table2", "table3", "table6", "figure3", "figure4", "figure6"]


@pytest.mark.parametrize("name", NAMES)
def test_experiments_open_with_what_they_need(
    name: str, experiment: Callable[[str], ModuleType]
) -> None:
    doc = experiment(name).__doc__ or ""
    for part in (f"python experiments/{name}.py", "Hardware:", "Time:", "Expected"):
        assert part in doc


@pytest.mark.skipif("paper" not in PRESETS, reason="the backbones are not installed")
@pytest.mark.parametrize("name", NAMES)
def test_experiments_name_presets_that_exist(
    name: str, experiment: Callable[[str], ModuleType]
) -> None:
    rows = experiment(name).rows("paper")
    assert all(row.preset.split("/")[0] in description(row.preset) for row in rows)
    assert len({row.folder for row in rows}) == len(rows)
