"""Recipes say what they are without loading; executors of every kind prepare folders."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2 import Predictor, warming
from m2n2v2.evaluation.executors import LOST, Executor, processes, ray_actors, serial
from m2n2v2.grid import Size
from m2n2v2.presets import PRESETS, Preset
from m2n2v2.states.cache import preparing_code
from m2n2v2.states.file import read_header, read_state, set_clicking, write_state
from m2n2v2.states.preparing import FolderWork, Preparer, Recipe, Result, Task, tasks
from m2n2v2.weights.locating import Loading
from tests.scenes import ColourAttention, disc

IMAGE, _ = disc()
RECIPE = Recipe(preset=PRESETS["offline"])


@dataclass(frozen=True, kw_only=True)
class Deadly(FolderWork):
    """Kills its process on the photograph `b.png`, every time."""

    def on(self, made: Preparer, job: Task) -> Iterator[Result]:
        if job.image.name == "b.png":
            os._exit(9)
        return super().on(made, job)


def photographs(root: Path) -> list[str]:
    (root / "photos").mkdir()
    names = [f"{name}.png" for name in "abc"]
    for index, name in enumerate(names):
        pixels = IMAGE.copy()
        pixels[0, 0] = index
        PILImage.fromarray(pixels).save(root / "photos" / name)
    return names


def check_executor(run: Executor, tmp_path: Path) -> None:
    todo = tasks(photographs(tmp_path), tmp_path / "photos", tmp_path / "states")
    work = Deadly(recipe=RECIPE, identity=RECIPE.identity() or "")
    found = {r.image.name: r for some in run(work, todo) for r in some}
    assert {name: r.outcome for name, r in found.items()} == {
        "a.png": "prepared",
        "b.png": "broken",
        "c.png": "prepared",
    }
    assert found["b.png"].reason == LOST
    assert read_state(tmp_path / "states" / "c.png.safetensors").guide[0, 0, 0] == 2
    again = FolderWork(recipe=RECIPE, identity=RECIPE.identity() or "")
    outcomes = [r.outcome for some in run(again, todo) for r in some]
    assert sorted(outcomes) == ["prepared", "skipped", "skipped"]


@pytest.mark.slow
def test_clicks_are_compiled_while_the_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[object] = []
    offline = PRESETS["offline"]

    def load(preset: Preset, loading: Loading | None = None) -> ColourAttention:
        happened.append("the model is loaded")
        return ColourAttention(Size(2, 2))

    monkeypatch.setattr(warming, "begin", happened.append)
    monkeypatch.setattr(Preset, "attention_source", load)
    RECIPE.sources()
    Predictor.from_preset("offline", device="cpu")
    assert happened == [offline.settings, "the model is loaded"] * 2


def test_processes(tmp_path: Path) -> None:
    check_executor(processes(2), tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_ray(tmp_path: Path) -> None:
    check_executor(ray_actors(2), tmp_path)


def test_finished_photographs_load_no_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = tasks(photographs(tmp_path), tmp_path / "photos", tmp_path / "states")
    work = FolderWork(recipe=RECIPE, identity="as asked for")
    assert [r.outcome for some in serial(work, todo) for r in some] == ["prepared"] * 3

    def fail(*args: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(Recipe, "sources", fail)
    results = [r for some in serial(work, todo) for r in some]
    assert [r.outcome for r in results] == ["skipped"] * 3
    assert all(r.bytes > 0 and r.seconds == 0 for r in results)


def test_a_damaged_state_is_refused_and_made_anew(tmp_path: Path) -> None:
    todo = tasks(photographs(tmp_path)[:1], tmp_path / "photos", tmp_path / "states")
    (tmp_path / "states").mkdir()
    (tmp_path / "states/a.png.safetensors").write_bytes(b"half a state")
    (result,) = next(serial(FolderWork(recipe=RECIPE, identity="x"), todo))
    assert result.outcome == "refused"
    assert "cut off" in str(result.reason)
    (result,) = next(serial(FolderWork(recipe=RECIPE, identity="x", overwrite=True), todo))
    assert result.outcome == "prepared"


def test_a_state_that_notes_no_code_is_taken_from_the_same_version_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = tasks(photographs(tmp_path)[:1], tmp_path / "photos", tmp_path / "states")
    work = FolderWork(recipe=RECIPE, identity="x")
    (result,) = next(serial(work, todo))
    path = tmp_path / "states/a.png.safetensors"
    code = read_header(path).code
    assert code == preparing_code()
    set_clicking(path, RECIPE.settings.replace(alpha=7))
    assert read_header(path).code == code
    write_state(path, read_state(path), recipe="x")
    assert read_header(path).code is None
    (result,) = next(serial(work, todo))
    assert result.outcome == "skipped"
    monkeypatch.setattr("m2n2v2.states.preparing.__version__", "9.9")
    (result,) = next(serial(work, todo))
    assert result.outcome == "refused"
    assert "which did not note its code" in str(result.reason)


def test_identities_tell_sources_apart(tmp_path: Path) -> None:
    attention, depth = tmp_path / "a.npy", tmp_path / "d.npy"
    np.save(attention, np.ones((2, 2, 2, 2), np.float32) / 4)
    np.save(depth, np.ones((60, 80)))
    recipes = [
        RECIPE,
        Recipe(preset=PRESETS["none"], loading=Loading(offline=True)),
        Recipe(preset=PRESETS["offline"], attention=attention),
        Recipe(preset=PRESETS["offline"], depth=depth),
        Recipe(preset=PRESETS["offline"], depth=depth, depth_unit="m"),
    ]
    identities = [recipe.identity() for recipe in recipes]
    assert identities[1] is None, "its depth model is not here"
    assert len(set(identities)) == len(recipes)
    np.save(attention, np.full((2, 2, 2, 2), 0.25, np.float64))
    assert recipes[2].identity() != identities[2], "known by content, not by name"
    for name in ("attention", "depth"):
        missing = Recipe(preset=PRESETS["offline"], **{name: tmp_path / "nowhere.npy"})
        assert missing.identity() is None, "not that of the preset's own source"
    assert json.loads(str(RECIPE.identity())) == {"attention": "affinity", "depth": "none"}


def test_local_weights_are_known_by_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"some")
    recipe = Recipe(
        preset=PRESETS["sd2-64"],
        loading=Loading(weights=str(folder)),
        depth_weights=str(folder),
    )
    before = recipe.identity()
    assert before is not None
    assert "sd2@64 from folder weights" in before
    assert "float32" in before
    (folder / "model.safetensors").write_bytes(b"other")
    assert recipe.identity() != before
