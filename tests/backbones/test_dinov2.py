"""Attention from tiny DINOv2s with random weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention import Dinov2
from m2n2v2.attention.capture import find_layers
from m2n2v2.attention.dinov2 import backbone_arguments, inferred_config
from m2n2v2.errors import DeviceError, SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.weights.locating import Loading
from tests.areas import area_bytes

SIDE = 6
NAMES = ("dinov2-base", "dinov2-with-registers-base")


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_extraction_is_the_librarys_own_attention(
    name: str, folders: dict[str, Path], photograph: Image
) -> None:
    source = Dinov2.load(name, Loading(weights=folders[name]), side=SIDE, flip=False)
    pixels = area_bytes(photograph, 14 * SIDE, 14 * SIDE) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    source.model.set_attn_implementation("eager")
    told = source.model(
        torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None], output_attentions=True
    ).attentions[-1]
    extra = told.shape[2] - SIDE**2
    assert extra == (5 if "registers" in name else 1)
    kept = told[0].mean(0)[extra:, extra:]
    torch.testing.assert_close(
        source.extract(photograph).matrix, kept / kept.sum(1, keepdim=True), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_single_file_gives_what_the_folder_gives(
    name: str, folders: dict[str, Path], photograph: Image
) -> None:
    found = [
        Dinov2.load(name, Loading(weights=weights), side=SIDE).extract(photograph).matrix
        for weights in (folders[name], folders[name] / "model.safetensors")
    ]
    torch.testing.assert_close(*found)


def test_flip_makes_extraction_commute_with_mirroring(
    folders: dict[str, Path], photograph: Image
) -> None:
    source = Dinov2.load("dinov2-base", Loading(weights=folders["dinov2-base"]), side=SIDE)
    shape = (SIDE,) * 4
    found = source.extract(photograph).matrix.reshape(shape)
    mirrored = source.extract(np.ascontiguousarray(photograph[:, ::-1])).matrix.reshape(shape)
    torch.testing.assert_close(mirrored.flip(1, 3), found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "width", "layers"), [("small", 384, 12), ("base", 768, 12), ("large", 1024, 24)]
)
@pytest.mark.parametrize("registers", [False, True])
def test_the_full_size_model_has_the_layer(
    size: str, width: int, layers: int, registers: bool
) -> None:
    import transformers

    arguments = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "image_size": 518,
    }
    kind = "Dinov2WithRegisters" if registers else "Dinov2"
    with torch.device("meta"):
        config = getattr(transformers, f"{kind}Config")(**arguments)
        model = getattr(transformers, f"{kind}Model")(config)
    (found,) = find_layers(model, Dinov2(model).layers)
    assert f".{layers - 1}." in found.name
    assert found.heads == width // 64
    assert [tuple(each.weight.shape) for each in found.projections] == [(width, width)] * 2


def test_the_wrong_architecture(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="holds a DepthAnythingForDepthEstimation"):
        Dinov2.load("dinov2-base", Loading(weights=folders["depth-anything-v2-small"]))
    with pytest.raises(WeightsError, match="holds a Dinov2WithRegistersModel"):
        Dinov2.load("dinov2-base", Loading(weights=folders["dinov2-with-registers-base"]))


def test_a_single_file_of_another_model(folders: dict[str, Path]) -> None:
    file = folders["sd2"] / "vae/diffusion_pytorch_model.safetensors"
    with pytest.raises(WeightsError, match=r"cannot be loaded as dinov2-base"):
        Dinov2.load("dinov2-base", Loading(weights=file))


def test_weights_with_a_part_missing(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders["dinov2-base"], tmp_path / "broken")
    file = tmp_path / "broken/model.safetensors"
    tensors = load_file(file)
    tensors.pop(next(name for name in tensors if "fc1.weight" in name))
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="1 weights are missing"):
        Dinov2.load("dinov2-base", Loading(weights=tmp_path / "broken"))


def test_a_side_the_model_cannot_do() -> None:
    with pytest.raises(SettingsError, match="side is 0"):
        Dinov2(torch.nn.Identity(), side=0)
    assert Dinov2(torch.nn.Identity(), side=1).cells == Size(1, 1)


def test_it_is_the_papers_if_nothing_else_is_asked() -> None:
    source = Dinov2(torch.nn.Identity())
    assert (source.cells, source.flip) == (Size(80, 80), True)
    assert source.name == "dinov2, side 80, flip"
    assert Dinov2(torch.nn.Identity(), side=9, flip=False).name == "dinov2, side 9"


@pytest.mark.parametrize(("registers", "side"), [(0, 1), (4, 3)])
def test_measures_are_read_off_the_weights(registers: int, side: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.position_embeddings": (1, 1 + side**2, 128),
        "embeddings.patch_embeddings.projection.weight": (128, 3, 14, 14),
        "encoder.layer.0.norm1.weight": (128,),
        "encoder.layer.1.norm1.weight": (128,),
    }
    assert backbone_arguments(shapes) == {
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 14,
        "image_size": 14 * side,
    }
    if registers:
        shapes["embeddings.register_tokens"] = (1, registers, 128)
    config = inferred_config(shapes)
    assert config.model_type == ("dinov2_with_registers" if registers else "dinov2")
    assert getattr(config, "num_register_tokens", 0) == registers


def test_out_of_memory_names_a_smaller_side(
    folders: dict[str, Path], photograph: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Dinov2.load("dinov2-base", Loading(weights=folders["dinov2-base"]), side=SIDE)

    def fail(*args: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr(source.model, "forward", fail)
    with pytest.raises(DeviceError, match="dinov2-base@48"):
        source.extract(photograph)
