"""Depth from a tiny Marigold with random weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.depth import Marigold
from m2n2v2.depth.marigold import OFFSET
from m2n2v2.errors import SettingsError, WeightsError
from m2n2v2.weights.locating import Loading

NAME = "marigold-lcm"


def load(folder: Path, *, flip: bool = False, ensemble: int = 3) -> Marigold:
    return Marigold.load(
        NAME, Loading(weights=folder), steps=2, ensemble=ensemble, side=64, flip=flip
    )


def test_the_same_image_gives_the_same_map(folders: dict[str, Path], photograph: Image) -> None:
    source = load(folders[NAME])
    found = source.estimate(photograph)
    assert tuple(found.shape) == photograph.shape[:2]
    assert (float(found.min()), float(found.max())) == (0.0, 1.0)
    torch.manual_seed(99)  # the noise does not come from here
    assert torch.equal(source.estimate(photograph), found)
    assert torch.equal(load(folders[NAME]).estimate(photograph), found)


def test_it_is_the_librarys_pipeline_inverted(folders: dict[str, Path], photograph: Image) -> None:
    """The whole pipeline as diffusers loads it, tokenizer and all."""
    from diffusers import MarigoldDepthPipeline

    pipeline = MarigoldDepthPipeline.from_pretrained(folders[NAME], local_files_only=True)
    told = pipeline(
        torch.from_numpy(photograph).permute(2, 0, 1)[None] / 255,
        num_inference_steps=2,
        ensemble_size=3,
        processing_resolution=64,
        generator=torch.Generator().manual_seed(0),
        output_type="pt",
    ).prediction[0, 0]
    torch.testing.assert_close(load(folders[NAME]).inverse(photograph), 1 / (told + OFFSET))


def test_near_is_large(folders: dict[str, Path], photograph: Image) -> None:
    source = load(folders[NAME], ensemble=1)
    depth = 1 / source.inverse(photograph) - OFFSET
    found = source.estimate(photograph)
    assert found[depth == depth.min()].min() == 1
    assert found[depth == depth.max()].max() == 0


def test_flip_makes_the_estimate_commute_with_mirroring(
    folders: dict[str, Path], photograph: Image
) -> None:
    source = load(folders[NAME], flip=True, ensemble=1)
    mirrored = np.ascontiguousarray(photograph[:, ::-1])
    torch.testing.assert_close(source.estimate(mirrored).flip(1), source.estimate(photograph))


def test_defaults_are_the_papers(folders: dict[str, Path]) -> None:
    source = Marigold.load(NAME, Loading(weights=folders[NAME]))
    assert "50 steps, ensemble of 10, seed 0, flip" in source.name


def test_a_single_file_is_refused(folders: dict[str, Path]) -> None:
    file = folders[NAME] / "unet/diffusion_pytorch_model.safetensors"
    with pytest.raises(WeightsError, match="one file, and Marigold is published as a folder"):
        Marigold.load(NAME, Loading(weights=file))


def test_stable_diffusion_under_this_name(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="holds a StableDiffusionPipeline"):
        load(folders["sd2"])


def test_a_missing_scheduler(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders[NAME], tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken/scheduler")
    with pytest.raises(WeightsError, match="marigold-lcm"):
        load(tmp_path / "broken")


def test_disparity_is_not_inverted_again(
    folders: dict[str, Path], photograph: Image, tmp_path: Path
) -> None:
    shutil.copytree(folders[NAME], tmp_path / "disparity")
    index = tmp_path / "disparity/model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"prediction_type": "disparity"}))
    found = load(tmp_path / "disparity").inverse(photograph)
    depth = 1 / load(folders[NAME]).inverse(photograph) - OFFSET
    torch.testing.assert_close(found, depth, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"ensemble": 0}, {"side": 100}])
def test_settings_out_of_range(folders: dict[str, Path], wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        Marigold.load(NAME, Loading(weights=folders[NAME]), **wrong)
