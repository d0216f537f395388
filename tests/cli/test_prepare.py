"""`prepare` and `segment --state`, run as a person runs them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from m2n2v2.cli.main import run
from m2n2v2.images import read_image
from m2n2v2.presets import PRESETS, preset
from m2n2v2.states.file import read_header, read_state
from tests.scenes import disc, iou

IMAGE, TRUTH = disc()
Verb = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three photographs, one in a folder of its own, and a file that is none; we are beside."""
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.png", "deep/c.png")):
        pixels = IMAGE.copy()
        pixels[0, 0] = index
        PILImage.fromarray(pixels).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "note.txt").write_text("no photograph")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def m2n2v2(monkeypatch: pytest.MonkeyPatch) -> Verb:
    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["m2n2v2", *arguments])
        with pytest.raises(SystemExit) as stopped:
            run()
        return int(stopped.value.code or 0)

    return call


PREPARE = ("prepare", "photos", "--out", "states", "--preset", "offline", "--json")


def counts(capsys: pytest.CaptureFixture[str]) -> tuple[int, int, int, int]:
    facts = json.loads(capsys.readouterr().out)
    return (facts["prepared"], facts["skipped"], facts["refused"], facts["broken"])


def states() -> list[str]:
    return sorted(path.relative_to("states").as_posix() for path in Path("states").rglob("*.*"))


def test_every_photograph_gets_a_file_once(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert m2n2v2(*PREPARE) == 0
    assert counts(capsys) == (3, 0, 0, 0)
    assert states() == ["a.png.safetensors", "b.png.safetensors", "deep/c.png.safetensors"]
    before = [path.stat().st_mtime_ns for path in sorted(Path("states").rglob("*.*"))]
    Path("states/b.png.safetensors").unlink()
    assert m2n2v2(*PREPARE) == 0
    assert counts(capsys) == (1, 2, 0, 0)
    after = [path.stat().st_mtime_ns for path in sorted(Path("states").rglob("*.*"))]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_other_settings_and_images_are_refused_or_made_anew(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert m2n2v2(*PREPARE) == 0
    capsys.readouterr()
    other = [*PREPARE]
    other[other.index("offline")] = "offline-m2n2"
    assert m2n2v2(*other) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["refused"] == 3
    assert "was prepared with" in captured.err
    assert "3 of 3 photographs have no state" in captured.err
    assert m2n2v2(*other, "--overwrite") == 0
    assert counts(capsys) == (3, 0, 0, 0)
    assert read_header("states/a.png.safetensors").settings == PRESETS["offline-m2n2"].settings

    PILImage.fromarray(IMAGE[::-1].copy()).save("photos/a.png")
    assert m2n2v2(*other) == 2
    captured = capsys.readouterr()
    assert "another image" in captured.err
    assert json.loads(captured.out)["skipped"] == 2


def test_finished_states_take_over_other_settings_of_clicking(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert m2n2v2(*PREPARE) == 0
    before = read_state("states/a.png.safetensors", settings=preset("offline/alpha-4").settings)
    capsys.readouterr()
    other = [*PREPARE]
    other[other.index("offline")] = "offline/alpha-4"
    assert m2n2v2(*other) == 0
    assert counts(capsys) == (0, 3, 0, 0)
    after = read_state("states/a.png.safetensors")
    assert after.settings == before.settings
    assert after.settings.alpha == 4
    old, new = before.transition.arrays(), after.transition.arrays()
    assert all(torch.equal(old[name], new[name]) for name in old)

    damaged = Path("states/b.png.safetensors")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    assert m2n2v2(*PREPARE) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["refused"] == 1
    assert "checksum is wrong" in captured.err


def test_a_state_of_another_source_or_code_is_refused_and_one_of_another_version_is_not(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert m2n2v2(*PREPARE) == 0
    capsys.readouterr()
    with_depth = [*PREPARE]
    with_depth[with_depth.index("offline")] = "affinity+flat"
    assert m2n2v2(*with_depth) == 2
    assert "was prepared with" in capsys.readouterr().err
    monkeypatch.setattr("m2n2v2.states.preparing.__version__", "9.9")
    assert m2n2v2(*PREPARE) == 0
    assert counts(capsys) == (0, 3, 0, 0)
    monkeypatch.setattr("m2n2v2.states.preparing.preparing_code", lambda: "other")
    assert m2n2v2(*PREPARE) == 2
    assert "was prepared by other code than this, of version 0" in capsys.readouterr().err


def test_broken_photographs_are_named_and_counted(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos/b.png").write_bytes(Path("photos/b.png").read_bytes()[:100])
    Path("photos/empty.jpg").write_bytes(b"")
    assert m2n2v2(*PREPARE) == 2
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert (facts["prepared"], facts["broken"]) == (2, 2)
    assert set(facts["reasons"]) == {"photos/b.png", "photos/empty.jpg"}
    assert "broken: photos/b.png" in captured.err
    assert "2 of 4 photographs have no state" in captured.err


def test_shards_are_disjoint_and_whole(folder: Path, m2n2v2: Verb) -> None:
    assert m2n2v2(*PREPARE, "--shard", "2/2") == 0
    assert states() == ["b.png.safetensors"]
    assert m2n2v2(*PREPARE, "--shard", "1/2") == 0
    assert len(states()) == 3


def test_exact_states_are_not_confused_with_small_ones(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    """The offline attention is kept as it is either way; only depth differs."""
    with_depth = [*PREPARE]
    with_depth[with_depth.index("offline")] = "affinity+flat"
    assert m2n2v2(*with_depth) == 0
    assert m2n2v2(*with_depth, "--exact") == 0
    capsys.readouterr()
    assert set(read_header("states/a.png.safetensors").errors.values()) == {0.0}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("prepare", "nowhere", "--out", "states"), "nowhere is no folder"),
        (("prepare", "photos", "--out", "states", "--shard", "3/2"), "shard is 3/2"),
        (("prepare", "photos", "--out", "states", "--workers", "0"), "workers is 0"),
        (("prepare", "photos", "--out", "states", "--executor", "x"), "executor is 'x'"),
        (("prepare", "photos", "--out", "states", "--preset", "papre"), "no preset 'papre'"),
        (("prepare", "states", "--out", "states", "--preset", "offline"), "holds no photographs"),
        (("prepare", "photos", "--out", "file/states", "--preset", "offline"), "cannot make"),
    ],
)
def test_bad_input_is_code_2(
    folder: Path,
    m2n2v2: Verb,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    Path("states").mkdir()
    Path("file").write_text("no folder")
    assert m2n2v2(*arguments) == 2
    assert says in capsys.readouterr().err
    assert states() == []


@pytest.mark.slow
def test_worker_processes_write_the_same_states(folder: Path, m2n2v2: Verb) -> None:
    assert m2n2v2(*PREPARE) == 0
    two = [*PREPARE]
    two[two.index("states")] = "two"
    assert m2n2v2(*two, "--workers", "2") == 0
    for path in Path("states").rglob("*.safetensors"):
        mine, theirs = read_state(path), read_state("two" / path.relative_to("states"))
        np.testing.assert_array_equal(mine.guide, theirs.guide)
        np.testing.assert_allclose(mine.transition.rows, theirs.transition.rows, rtol=1e-4)


def test_segment_uses_a_state_in_place_of_preparing(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert m2n2v2(*PREPARE) == 0
    capsys.readouterr()
    clicks = ("--fg", "30,28", "--bg", "70,50")
    photo = ("segment", "photos/a.png", *clicks)
    assert m2n2v2(*photo, "--preset", "offline", "-o", "prepared.png") == 0
    capsys.readouterr()
    given = ("--state", "states/a.png.safetensors")
    assert m2n2v2("segment", *given, *clicks, "--overlay", "over.png", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["preset"] == "prepared, a.png.safetensors"
    assert facts["attention"].startswith("affinity")
    mask = read_image("mask.png")[:, :, 0] > 0
    np.testing.assert_array_equal(read_image("prepared.png")[:, :, 0] > 0, mask)
    assert iou(mask, TRUTH) > 0.9
    assert read_image("over.png").shape == IMAGE.shape

    assert m2n2v2(*photo, *given) == 0
    assert m2n2v2("segment", "photos/b.png", *clicks, *given) == 2
    assert "of another image" in capsys.readouterr().err
    assert m2n2v2(*photo, *given, "--preset", "offline") == 2
    assert "prepared, and options came" in capsys.readouterr().err
    assert m2n2v2("segment", *clicks) == 2
    assert "no photograph came" in capsys.readouterr().err
    assert m2n2v2("segment", *given, "--fg", "80,3") == 2
    assert "outside the 80x60 image" in capsys.readouterr().err


WITHOUT_BACKBONES = """
import sys
for name in ("diffusers", "transformers", "accelerate", "huggingface_hub", "matplotlib", "ray"):
    sys.modules[name] = None
from m2n2v2.cli.main import run
run()
"""


def test_segment_with_a_state_needs_no_backbone_library(folder: Path, m2n2v2: Verb) -> None:
    assert m2n2v2(*PREPARE) == 0
    done = subprocess.run(
        [
            *(sys.executable, "-c", WITHOUT_BACKBONES, "segment"),
            *("--state", "states/a.png.safetensors", "--fg", "30,28"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert iou(read_image("mask.png")[:, :, 0] > 0, TRUTH) > 0.9


def test_the_second_run_takes_it_from_the_cache(
    folder: Path,
    m2n2v2: Verb,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = ("segment", "photos/a.png", "--fg", "30,28", "--preset", "offline")
    assert m2n2v2(*photo, "--no-cache", "-o", "without.png") == 0
    assert m2n2v2(*photo, "-o", "first.png") == 0
    capsys.readouterr()
    assert m2n2v2("info", "--json") == 0
    cache = json.loads(capsys.readouterr().out)["cache"]
    assert cache["states"] == 1
    assert 0 < cache["bytes"] < cache["limit"]

    def fail(*args: object, **more: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr("m2n2v2.states.preparing.prepare", fail)
    assert m2n2v2(*photo, "-o", "second.png") == 0
    without, first, second = (Path(f"{n}.png").read_bytes() for n in ("without", "first", "second"))
    assert without == first == second
    monkeypatch.setattr(sys, "argv", ["m2n2v2", *photo, "--no-cache"])
    with pytest.raises(AssertionError, match="prepared again"):
        run()
