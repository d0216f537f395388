"""Weights that the user names: a hub cache's own folder, and single pickled files."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from m2n2v2.arrays import Image
from m2n2v2.attention.dinov2 import Dinov2
from m2n2v2.errors import WeightsError
from m2n2v2.weights.comparing import compare
from m2n2v2.weights.locating import Loading, locate
from m2n2v2.weights.vit import VisionTransformer

MODEL = "dinov2-base"


@pytest.fixture
def folder(folders: dict[str, Path]) -> Path:
    return folders[MODEL]


@pytest.fixture
def cached(folder: Path, tmp_path: Path) -> Path:
    """A hub cache's folder: the files are links to blobs."""
    top = tmp_path / "models--facebook--dinov2-base"
    for name in ("blobs", "refs", "snapshots/abc"):
        (top / name).mkdir(parents=True)
    (top / "refs/main").write_text("abc")
    for file in folder.iterdir():
        shutil.copy(file, top / "blobs" / file.name)
        (top / "snapshots/abc" / file.name).symlink_to(f"../../blobs/{file.name}")
    return top


def test_a_hub_caches_folder_is_followed_to_its_snapshot(cached: Path) -> None:
    found = locate(MODEL, Loading(weights=cached, offline=True))
    assert found.path == cached / "snapshots/abc"
    assert found.origin == "folder models--facebook--dinov2-base@abc"
    Dinov2.load(MODEL, Loading(weights=cached, offline=True))


def test_main_is_taken_of_several_snapshots(cached: Path) -> None:
    (cached / "snapshots/other").mkdir()
    assert locate(MODEL, Loading(weights=cached)).path.name == "abc"
    (cached / "refs/main").unlink()
    with pytest.raises(WeightsError, match=r"has 2 snapshots.*name one"):
        locate(MODEL, Loading(weights=cached))


def test_links_to_what_was_not_copied_are_named(cached: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(cached / "snapshots/abc", tmp_path / "alone", symlinks=True)
    with pytest.raises(WeightsError, match=r"is a link to .*blobs.*not there.*cp -rL"):
        locate(MODEL, Loading(weights=alone))


@pytest.fixture(params=["pytorch_model.bin", "model.pth"])
def pickled(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / request.param
    torch.save(load_file(folder / "model.safetensors"), path)
    return path


def test_one_pickled_file_loads_as_its_folder_does(
    pickled: Path, folder: Path, photograph: Image
) -> None:
    one = Dinov2.load(MODEL, Loading(weights=pickled, allow_pickle=True), side=4)
    other = Dinov2.load(MODEL, Loading(weights=folder), side=4)
    a, b = one.extract(photograph), other.extract(photograph)
    assert torch.equal(a.matrix, b.matrix)


def test_one_pickled_file_is_refused_without_leave(pickled: Path) -> None:
    for load in (Dinov2.load, VisionTransformer.load):
        with pytest.raises(WeightsError, match="is a pickle, which can run code"):
            load(MODEL, Loading(weights=pickled))


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize("content", [{"a": torch.zeros(3)}, {}, {"a": "text"}, [1], Harmful()])
def test_another_pickled_file_is_refused_in_words(
    content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "x.bin")
    for load in (Dinov2.load, VisionTransformer.load):
        with pytest.raises(WeightsError, match=r"x\.bin cannot be loaded as dinov2-base"):
            load(MODEL, Loading(weights="x.bin", allow_pickle=True))
    assert not Path("harmed").exists()


def test_two_copies_are_compared_array_by_array(tmp_path: Path) -> None:
    first = {"same": torch.ones(2), "near": torch.tensor([0.0, 2.0]), "shape": torch.ones(2)}
    second: dict[str, Tensor] = {**first, "near": torch.tensor([0.0, 2.5]), "new": torch.ones(1)}
    second["shape"] = torch.ones(3)
    for name, arrays in (("a", {**first, "old": torch.ones(1)}), ("b", second)):
        (tmp_path / name / "unet").mkdir(parents=True)
        save_file(arrays, tmp_path / name / "unet/model.safetensors")
    found = {each.name: each for each in compare(tmp_path / "a", tmp_path / "b")}
    assert {name: each.state for name, each in found.items()} == {
        "unet/near": "differs",
        "unet/new": "only in the second",
        "unet/old": "only in the first",
        "unet/same": "equal",
        "unet/shape": "shapes differ",
    }
    assert found["unet/near"].largest == 0.5
    assert found["unet/near"].relative == pytest.approx(0.125**0.5)


def test_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no \.safetensors file"):
        list(compare(tmp_path, tmp_path))
