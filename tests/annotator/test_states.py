"""States in place of a backbone: from a folder, from the cache, or refused with the reason."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.wire import WireState
from m2n2v2.cli.preparing import Preparing
from m2n2v2.images import read_image
from m2n2v2.predictor import Predictor
from m2n2v2.presets import PRESETS
from m2n2v2.states.cache import StateCache
from m2n2v2.states.file import write_state
from m2n2v2.states.preparing import Preparer, Recipe
from tests.patience import PATIENCE, until

OFFLINE = Recipe(preset=PRESETS["offline"])


@contextmanager
def working(preparing: Preparing, project: Project) -> Iterator[Engine]:
    engine = Engine(preparing.model, project, ahead=False)
    try:
        yield engine
    finally:
        engine.close()


def settled(engine: Engine, image: int) -> WireState:
    """How an image's preparation ended."""
    engine.want(image)
    with engine._changed:
        engine._changed.wait_for(
            lambda: engine._status(image).state in ("ready", "failed"), timeout=PATIENCE
        )
    return engine.status(image)


def ids(project: Project) -> dict[str, int]:
    return {entry.listed.name: entry.listed.id for entry in project.entries()}


@pytest.fixture
def states(photographs: Path, tmp_path: Path) -> Path:
    """Of `1.png` only."""
    folder = tmp_path / "states"
    folder.mkdir()
    state = Preparer(OFFLINE)(read_image(photographs / "1.png"))
    write_state(folder / "1.png.safetensors", state)
    return folder


def test_a_state_takes_the_backbones_place_and_others_are_refused(
    project: Project, states: Path
) -> None:
    preparing = Preparing(states, None, "cpu", cache=True)
    assert preparing.name == "prepared, else refused"
    assert "affinity" in preparing.note
    with working(preparing, project) as engine:
        assert settled(engine, ids(project)["1.png"]).state == "ready"
        other = settled(engine, ids(project)["2.png"])
    assert other.state == "failed"
    assert "no state of this image" in str(other.error)


def test_with_a_preset_the_others_are_prepared_and_kept(project: Project, states: Path) -> None:
    image = ids(project)["2.png"]
    preparing = Preparing(states, OFFLINE, "cpu", cache=True)
    with working(preparing, project) as engine:
        assert settled(engine, image).state == "ready"
        until(lambda: len(StateCache()) > 0)  # it is kept after it can be clicked on
    again = Preparing(None, OFFLINE, "cpu", cache=True)

    def load() -> Predictor:
        raise AssertionError("the backbone was loaded")

    again.load = load  # type: ignore[method-assign]
    with working(again, project) as engine:
        assert settled(engine, image).state == "ready"
    without = Preparing(None, OFFLINE, "cpu", cache=False)
    assert without.lookup(project.content(image)) is None


WITHOUT_BACKBONES = """
import sys
for name in ("diffusers", "transformers", "accelerate", "huggingface_hub", "ray"):
    sys.modules[name] = None
from m2n2v2.annotator import serve
serve.run = lambda app, bound, opened=None: print("would serve", app.title is not None)
from m2n2v2.cli.main import run
run()
"""


def test_annotating_states_needs_no_backbone_library(photographs: Path, states: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", WITHOUT_BACKBONES, "annotate", str(photographs)),
            *("--states", str(states), "--port", "0", "--no-browser"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "would serve" in done.stdout
