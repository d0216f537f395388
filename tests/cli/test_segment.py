"""The command line, run as a person runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2 import Settings, __version__
from m2n2v2.arrays import Mask
from m2n2v2.cli.main import run
from m2n2v2.images import read_image
from m2n2v2.prompts import Click
from m2n2v2.session import replay
from tests.scenes import colour_attention, disc, iou

IMAGE, TRUTH = disc()
Verb = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photograph, an attention and a depth map, and we are in it."""
    PILImage.fromarray(IMAGE).save(tmp_path / "photo.png")
    np.save(tmp_path / "attention.npy", colour_attention(IMAGE).numpy())
    millimetres = np.where(TRUTH, 800, 2000).astype(np.uint16)
    millimetres[0, :9] = 0
    PILImage.fromarray(millimetres).save(tmp_path / "depth.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def m2n2v2(monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Run the console script's own function in this process; returns its exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["m2n2v2", *arguments])
        with pytest.raises(SystemExit) as stopped:
            run()
        return int(stopped.value.code or 0)

    return call


def _process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "m2n2v2", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def _mask(path: str) -> Mask:
    mask: Mask = read_image(path)[:, :, 0] > 0
    return mask


def test_a_process_writes_mask_and_overlay(folder: Path) -> None:
    done = _process(
        *("segment", "photo.png", "--fg", "30,28", "--bg", "70,50"),
        *("--attention", "attention.npy", "-o", "m.png", "--overlay", "o.png"),
    )
    assert done.returncode == 0, done.stderr
    assert set(np.unique(read_image("m.png"))) == {0, 255}
    assert iou(_mask("m.png"), TRUTH) > 0.95
    assert read_image("o.png").shape == IMAGE.shape
    assert "ms per click" in done.stdout
    assert "o.png" in done.stdout


def test_the_offline_default_works_on_a_photograph(folder: Path, m2n2v2: Verb) -> None:
    assert m2n2v2("segment", "photo.png", "--fg", "30,28") == 0
    assert iou(_mask("mask.png"), TRUTH) > 0.9


def test_json_tells_what_made_the_mask(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    code = m2n2v2(
        *("segment", "photo.png", "--bg", "70,50", "--fg=30,28", "--bg", "5,5", "--json"),
        *("--attention", "attention.npy", "--depth", "depth.png", "--preset", "offline/alpha-4"),
    )
    assert code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["clicks"] == [[70, 50, 0], [30, 28, 1], [5, 5, 0]], "the order typed"
    assert facts["settings"]["alpha"] == 4
    assert "attention.npy" in facts["attention"]
    assert "depth.png" in facts["depth"]
    assert facts["version"] == __version__
    assert facts["area"] == int((_mask("mask.png")).sum())
    assert len(facts["scales"]) == 3


@pytest.mark.parametrize("text", ["[[30, 28, 1], [70, 50, 0]]", "30,28,1\n\n70,50,0\n"])
def test_clicks_from_a_file_come_first(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("clicks.txt").write_text(text)
    code = m2n2v2(
        *("segment", "photo.png", "--clicks", "clicks.txt", "--bg", "3,3", "--json"),
        *("--attention", "attention.npy"),
    )
    assert code == 0
    assert json.loads(capsys.readouterr().out)["clicks"] == [[30, 28, 1], [70, 50, 0], [3, 3, 0]]


def test_prompts_of_every_kind_count_in_the_order_typed(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("stroke.json").write_text("[[25, 20], [35, 36]]")
    Path("away.txt").write_text("60,10\n70,20\n")
    code = m2n2v2(
        *("segment", "photo.png", "--bg-scribble", "away.txt", "--box", "14,12,47,45"),
        *("--scribble", "stroke.json", "--fg", "30,28", "--bg-box", "0,50,80,60", "--json"),
        *("--attention", "attention.npy", "--overlay", "o.png"),
    )
    assert code == 0, capsys.readouterr().err
    facts = json.loads(capsys.readouterr().out)
    assert facts["prompts"] == [
        {"scribble": [[60, 10], [70, 20]], "label": 0},
        {"box": [14, 12, 47, 45], "label": 1},
        {"scribble": [[25, 20], [35, 36]], "label": 1},
        [30, 28, 1],
        {"box": [0, 50, 80, 60], "label": 0},
    ]
    assert facts["clicks"] == [[30, 28, 1]]
    assert iou(_mask("mask.png"), TRUTH) > 0.9
    once = _mask("mask.png")
    Path("prompts.json").write_text(json.dumps(facts["prompts"]))
    again = ("--clicks", "prompts.json", "--attention", "attention.npy")
    assert m2n2v2("segment", "photo.png", *again) == 0
    np.testing.assert_array_equal(_mask("mask.png"), once)


def test_a_mask_leaves_clean_and_as_polygons(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (
        "segment",
        "photo.png",
        "--fg",
        "30,28",
        "--bg",
        "30,34",
        "--attention",
        "attention.npy",
    )
    assert m2n2v2(*asked, "-o", "raw.png") == 0
    raw = _mask("raw.png")
    capsys.readouterr()
    clean = ("--clean", "holes=9,specks=9", "--polygons", "p.json", "--simplify", "0", "--json")
    assert m2n2v2(*asked, *clean) == 0
    facts, mask = json.loads(capsys.readouterr().out), _mask("mask.png")
    assert not raw[34, 30]
    assert facts["cleaned"]["added"] == (mask & ~raw).sum()
    assert facts["cleaned"]["removed"] == (raw & ~mask).sum()
    polygons = json.loads(Path("p.json").read_text())
    assert polygons["size"] == [80, 60]
    assert polygons["points"] == sum(
        len(p["outer"]) + sum(map(len, p["holes"])) for p in polygons["polygons"]
    )
    assert m2n2v2(*asked, "--polygons", "p.json", "--single-ring") == 0
    rings = json.loads(Path("p.json").read_text())
    assert all(p["holes"] == [] for p in rings["polygons"])
    assert rings["deviation"] == 2.0


def test_the_command_and_the_library_agree(folder: Path, m2n2v2: Verb) -> None:
    from m2n2v2.attention import Precomputed
    from m2n2v2.preparation import prepare

    assert m2n2v2("segment", "photo.png", "--fg", "30,28", "--attention", "attention.npy") == 0
    state = prepare(IMAGE, Precomputed("attention.npy"), settings=Settings.ours())
    expected = replay(state, [Click(30, 28)]).mask
    np.testing.assert_array_equal(_mask("mask.png"), expected)


def test_alpha_is_said_beside_a_prepared_state(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    from m2n2v2.attention import Precomputed
    from m2n2v2.preparation import prepare
    from m2n2v2.states.file import write_state

    write_state("a.safetensors", prepare(IMAGE, Precomputed("attention.npy")))
    asked = ("segment", "--state", "a.safetensors", "--fg", "30,28", "--json", "--alpha")
    assert m2n2v2(*asked, "4") == 0
    assert json.loads(capsys.readouterr().out)["settings"]["alpha"] == 4
    assert m2n2v2(*asked, "-1") != 0
    assert "setting alpha is -1.0" in capsys.readouterr().err


def test_maps_show_the_walk(folder: Path, m2n2v2: Verb) -> None:
    pytest.importorskip("matplotlib")
    code = m2n2v2(
        *("segment", "photo.png", "--fg", "30,28", "--bg", "70,50", "--maps", "new/walk"),
        *("--attention", "attention.npy", "--depth", "depth.png"),
    )
    assert code == 0
    pictures = sorted(Path("new/walk").iterdir())
    assert [p.name for p in pictures] == ["walk-1.png", "walk-2.png"]
    assert read_image(pictures[0]).shape[1] > 1000


BAD = {
    "no such image": (("nowhere.png", "--fg", "1,1"), "nowhere.png does not exist"),
    "not an image": (("clicks.txt", "--fg", "1,1"), "not an image"),
    "no clicks": (("photo.png",), "no clicks"),
    "outside": (("photo.png", "--fg", "80,3"), "outside the 80x60 image"),
    "not a pair": (("photo.png", "--fg", "80"), "'80' is not X,Y"),
    "not a number": (("photo.png", "--fg", "a,b"), "'a,b' is not X,Y"),
    "nan": (("photo.png", "--fg", "nan,3"), "nan"),
    "opposite": (("photo.png", "--fg", "3,3", "--bg", "3,3"), "both as object and as background"),
    "preset": (("photo.png", "--fg", "3,3", "--preset", "papre"), "no preset 'papre'"),
    "device": (("photo.png", "--fg", "3,3", "--device", "tpu9"), "'tpu9'"),
    "attention": (("photo.png", "--fg", "3,3", "--attention", "photo.png"), "photo.png"),
    "depth": (("photo.png", "--fg", "3,3", "--depth", "clicks.txt"), "clicks.txt"),
    "unit": (
        ("photo.png", "--fg", "3,3", "--depth", "depth.png", "--depth-unit", "feet"),
        "'feet'",
    ),
    "box of three": (("photo.png", "--box", "1,2,3"), "'1,2,3' is not X0,Y0,X1,Y1"),
    "empty box": (("photo.png", "--box", "5,5,5,9"), "empty"),
    "box outside": (("photo.png", "--box", "90,5,99,9"), "outside the 80x60 image"),
    "nan box": (("photo.png", "--box", "nan,5,9,9"), "no finite number"),
    "opposite box": (
        ("photo.png", "--fg", "5,5", "--bg-box", "2,2,9,9"),
        "marked both as object and as background",
    ),
    "scribble file": (("photo.png", "--scribble", "clicks.txt"), "clicks.txt holds no"),
    "missing scribble": (("photo.png", "--scribble", "none.txt"), "cannot read"),
    "clean": (("photo.png", "--fg", "3,3", "--clean", "holes=x"), "--clean is 'holes=x'"),
    "clicks file": (("photo.png", "--clicks", "clicks.txt"), "clicks.txt holds no clicks"),
    "missing clicks": (("photo.png", "--clicks", "none.txt"), "cannot read clicks"),
    "folder as mask": (("photo.png", "--fg", "3,3", "-o", "."), "cannot write"),
    "missing folder": (("photo.png", "--fg", "3,3", "-o", "no/such/m.png"), "cannot write"),
    "maps is a file": (
        ("photo.png", "--fg", "3,3", "--attention", "attention.npy", "--maps", "photo.png"),
        "photo.png",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_code_2(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    Path("clicks.txt").write_text("not clicks, and no picture")
    before = sorted(folder.iterdir())
    arguments, says = BAD[case]
    assert m2n2v2("segment", *arguments) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert says in line
    assert captured.out == ""
    left = [path for path in sorted(folder.iterdir()) if path not in before]
    assert left == [], "a file was left behind"


def test_a_folder_that_takes_nothing(folder: Path, m2n2v2: Verb) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    Path("closed").mkdir(mode=0o500)
    assert m2n2v2("segment", "photo.png", "--fg", "3,3", "-o", "closed/m.png") == 2


def test_an_unknown_option_is_code_2() -> None:
    done = _process("segment", "photo.png", "--fore", "1,1")
    assert done.returncode == 2
    assert "--fore" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['m2n2v2', 'segment', '--help']\n"
        "from m2n2v2.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'numpy', 'numba', 'PIL', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--overlay" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_importing_the_package_is_light() -> None:
    code = "import sys, m2n2v2; print([m for m in ('torch', 'numpy', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_info_lists_versions_devices_and_presets(
    m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert m2n2v2("info") == 0
    text = capsys.readouterr().out
    assert __version__ in text
    assert "offline" in text
    assert m2n2v2("info", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert "cpu" in facts["devices"]
    assert facts["versions"]["m2n2v2"] == __version__


def test_version(m2n2v2: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert m2n2v2("--version") == 0
    assert capsys.readouterr().out.strip() == f"m2n2v2 {__version__}"


def test_prompts_that_contradict_are_refused_before_any_work(
    folder: Path, m2n2v2: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stroke.json").write_text("[[10, 28], [50, 28]]")
    for arguments in (
        ("--fg", "30,28", "--bg", "30,28"),
        ("--fg", "30,28", "--bg-scribble", "stroke.json"),
        ("--box", "20,20,40,40", "--bg-box", "0,0,80,60"),
    ):
        assert m2n2v2("segment", "photo.png", *arguments, "--preset", "offline") == 2
        said = capsys.readouterr().err
        assert "both" in said or "nothing belongs" in said
        assert "remove one" in said
    assert not (folder / "mask.png").exists()


def test_a_scribble_of_a_hundred_thousand_points(folder: Path, m2n2v2: Verb) -> None:
    points = np.random.default_rng(0).uniform((20, 18), (40, 38), (100_000, 2))
    (folder / "stroke.json").write_text(json.dumps(points.tolist()))
    assert m2n2v2("segment", "photo.png", "--scribble", "stroke.json", "--preset", "offline") == 0
    assert iou(_mask("mask.png"), TRUTH) > 0.8
