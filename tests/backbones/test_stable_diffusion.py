"""Attention from tiny Stable Diffusions with random weights, from every format."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from m2n2v2.arrays import Image
from m2n2v2.attention import StableDiffusion, stable_diffusion
from m2n2v2.attention.stable_diffusion import empty_prompt
from m2n2v2.errors import DeviceError, SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.weights.locating import Loading
from tests.areas import area_bytes
from tests.backbones import tiny

SIDE = 16


def load(version: str, folder: Path, **named: Any) -> StableDiffusion:
    loading = {key: named.pop(key) for key in ("allow_pickle", "dtype", "device") if key in named}
    return StableDiffusion.load(
        version, Loading(weights=folder, **loading), **{"side": SIDE} | named
    )


def textbook(source: StableDiffusion, image: Image) -> Tensor:
    """Eq. 1 the long way: every layer's whole attention from hooks, then pick, average, mirror."""
    total = torch.zeros(SIDE**2, SIDE**2)
    for mirrored in (False, True):
        seen: dict[str, Any] = {}
        handles = [
            module.register_forward_hook(
                lambda _m, _args, out, name=name, seen=seen: seen.__setitem__(name, out[0])
            )
            for name, module in source.unet.named_modules()
            if name.endswith(("attn1.to_q", "attn1.to_k"))
        ]
        shown = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
        pixels = torch.from_numpy(area_bytes(shown, 8 * SIDE, 8 * SIDE) / 127.5 - 1).float()
        latent = source.vae.encode(pixels.permute(2, 0, 1)[None]).latent_dist.mode() * 0.18215
        source.unet(latent, 100, encoder_hidden_states=source.prompt)
        for handle in handles:
            handle.remove()
        for block in (0, 1):
            name = f"up_blocks.3.attentions.{block}.transformer_blocks.0.attn1"
            heads = source.unet.get_submodule(name).heads
            q, k = (seen[f"{name}.{part}"].unflatten(1, (heads, -1)) for part in ("to_q", "to_k"))
            scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[2] ** 0.5
            found = scores.softmax(2).mean(0).reshape((SIDE,) * 4)
            total += (found.flip(1, 3) if mirrored else found).reshape(SIDE**2, -1) / 4
    return total


@pytest.mark.parametrize("version", ["sd2", "sd1"])
@torch.no_grad()
def test_extraction_is_the_textbook(
    version: str, folders: dict[str, Path], photograph: Image
) -> None:
    source = load(version, folders[version])
    found = source.extract(photograph)
    assert found.cells == Size(SIDE, SIDE)
    torch.testing.assert_close(found.matrix, textbook(source, photograph), rtol=1e-4, atol=1e-7)
    assert float(found.matrix.max()) > 2 / SIDE**2  # far from uniform, or the test says little


def test_flip_makes_extraction_commute_with_mirroring(
    folders: dict[str, Path], photograph: Image
) -> None:
    source = load("sd2", folders["sd2"])
    shape = (SIDE,) * 4
    found = source.extract(photograph).matrix.reshape(shape)
    mirrored = source.extract(np.ascontiguousarray(photograph[:, ::-1])).matrix.reshape(shape)
    torch.testing.assert_close(mirrored.flip(1, 3), found, rtol=1e-4, atol=1e-7)
    once = load("sd2", folders["sd2"], flip=False).extract(photograph).matrix.reshape(shape)
    assert not torch.allclose(once, found, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("version", ["sd2", "sd1"])
def test_a_single_file_gives_what_the_folder_gives(
    version: str,
    folders: dict[str, Path],
    photograph: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs = tiny.save_configs(folders[version], tmp_path / "configs")
    monkeypatch.setattr(stable_diffusion, "config_folder", lambda name: str(configs))
    file = tiny.save_single_file(folders[version], version, tmp_path / "whole.safetensors")
    from_file, from_folder = load(version, file), load(version, folders[version])
    assert "file whole.safetensors" in from_file.name
    torch.testing.assert_close(
        from_file.extract(photograph).matrix, from_folder.extract(photograph).matrix
    )


def test_half_precision_files_are_found(
    folders: dict[str, Path], photograph: Image, tmp_path: Path
) -> None:
    folder = tmp_path / "fp16"
    shutil.copytree(folders["sd2"], folder)
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    torch.testing.assert_close(
        load("sd2", folder).extract(photograph).matrix,
        load("sd2", folders["sd2"]).extract(photograph).matrix,
    )


def test_bfloat16_is_close(folders: dict[str, Path], photograph: Image) -> None:
    source = load("sd2", folders["sd2"], dtype="bfloat16")
    assert next(source.unet.parameters()).dtype is torch.bfloat16
    assert "bfloat16" in source.name
    found = source.extract(photograph).matrix
    exact = load("sd2", folders["sd2"]).extract(photograph).matrix
    assert found.dtype is torch.float32
    assert functional.l1_loss(found, exact) < 0.2 * exact.mean()


@pytest.mark.parametrize(("version", "pad"), [("sd2", "!"), ("sd1", "<|endoftext|>")])
def test_the_empty_prompt_is_the_tokenizers(
    version: str, pad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import CLIPTokenizer

    tiny.save_tokenizer(tmp_path, pad)
    tokenizer = CLIPTokenizer.from_pretrained(str(tmp_path))
    tokens = tokenizer("", padding="max_length", max_length=77, return_tensors="pt").input_ids
    encoder = tiny.text_encoder()
    pads_with_end = stable_diffusion.VERSIONS[version].pads_with_end
    assert torch.equal(
        empty_prompt(encoder, pads_with_end=pads_with_end), encoder(tokens).last_hidden_state
    )
    short = tokenizer("", return_tensors="pt").input_ids
    assert torch.equal(empty_prompt(encoder, length=2), encoder(short).last_hidden_state)


def test_the_name_records_weights_licence_side_and_precision(folders: dict[str, Path]) -> None:
    name = load("sd2", folders["sd2"]).name
    for part in ("sd2", "folder sd2", "Open RAIL++-M", "float32", "side 16", "flip"):
        assert part in name


PARTS = (torch.nn.Identity(), torch.nn.Identity(), torch.zeros(1, 2, 3))


@pytest.mark.parametrize("side", [0, 12, 100, -8])
def test_a_side_the_model_cannot_do(side: int) -> None:
    with pytest.raises(SettingsError, match=r"multiple of 8, for example 64"):
        StableDiffusion(*PARTS, side=side)
    assert StableDiffusion(*PARTS, side=8).cells == Size(8, 8)


def test_it_is_the_papers_if_nothing_else_is_asked() -> None:
    source = StableDiffusion(*PARTS)
    assert (source.cells, source.flip) == (Size(128, 128), True)
    assert source.name == "stable diffusion, side 128, flip"
    assert StableDiffusion(*PARTS, side=64, flip=False).name == "stable diffusion, side 64"
    versions = stable_diffusion.VERSIONS.items()
    assert {name: version.side for name, version in versions} == {"sd2": 128, "sd1": 112}


def test_the_other_version_under_this_name(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="other version"):
        load("sd2", folders["sd1"])


def test_marigolds_unet_under_this_name(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="takes 8 channels"):
        load("sd2", folders["marigold-lcm"])


def test_a_transformer_under_this_name(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match=r"no model_index\.json.*config\.json.*unet/config"):
        load("sd2", folders["dinov2-base"])


@pytest.fixture
def broken(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of SD2's folder to break."""
    shutil.copytree(folders["sd2"], tmp_path / "broken")
    return tmp_path / "broken"


def test_a_missing_component(broken: Path) -> None:
    shutil.rmtree(broken / "text_encoder")
    with pytest.raises(WeightsError, match=r"has no text_encoder/config\.json.*give a folder of"):
        load("sd2", broken)


def test_a_component_without_weights(broken: Path) -> None:
    (broken / "vae/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"vae has no \.safetensors file"):
        load("sd2", broken)


def test_a_truncated_file(broken: Path) -> None:
    file = broken / "unet/diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"is cut off: 1000 bytes are missing.*fetch"):
        load("sd2", broken)


def test_a_file_that_is_something_else(broken: Path) -> None:
    (broken / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"version https://git-lfs")
    with pytest.raises(WeightsError, match="no safetensors file"):
        load("sd2", broken)


def test_weights_of_another_size(broken: Path) -> None:
    tiny.unet("sd2", block_out_channels=(32, 32, 32, 32)).save_pretrained(broken / "other")
    shutil.copy(broken / "other/diffusion_pytorch_model.safetensors", broken / "unet")
    with pytest.raises(WeightsError, match="sd2"):
        load("sd2", broken)


def test_weights_with_a_part_missing(broken: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = broken / "text_encoder/model.safetensors"
    tensors = load_file(file)
    lost = next(name for name in tensors if "q_proj.weight" in name)
    del tensors[lost]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"1 weights are missing.*q_proj\.weight"):
        load("sd2", broken)


def test_a_config_that_is_no_json(broken: Path) -> None:
    (broken / "unet/config.json").write_text("<html>")
    with pytest.raises(WeightsError, match="is no JSON"):
        load("sd2", broken)


def pickled(folder: Path) -> Path:
    """Replace every .safetensors by a pickle, as older repositories have them."""
    from safetensors.torch import load_file

    for file in folder.rglob("*.safetensors"):
        stem = "pytorch_model" if file.stem == "model" else file.stem
        torch.save(load_file(file), file.with_name(f"{stem}.bin"))
        file.unlink()
    return folder


def test_a_pickle_is_refused_unless_asked_for(broken: Path, photograph: Image) -> None:
    with pytest.raises(WeightsError, match=r"is a pickle.*--allow-pickle"):
        load("sd2", pickled(broken))
    assert load("sd2", broken, allow_pickle=True).extract(photograph).cells == Size(SIDE, SIDE)


def test_a_checkpoint_file_is_refused_unless_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    torch.save({"state_dict": {}}, file)
    with pytest.raises(WeightsError, match="is a pickle"):
        load("sd2", file)


def test_a_single_file_of_another_model(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="sd2"):
        load("sd2", folders["dinov2-base"] / "model.safetensors")


def test_a_cuda_device_that_does_not_exist(folders: dict[str, Path]) -> None:
    with pytest.raises(DeviceError, match="cuda:99"):
        load("sd2", folders["sd2"], device="cuda:99")


def test_float16_is_refused_on_the_cpu(folders: dict[str, Path]) -> None:
    with pytest.raises(DeviceError, match="bfloat16"):
        load("sd2", folders["sd2"], dtype="float16")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4 GiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_the_smaller_preset(
    error: Exception,
    folders: dict[str, Path],
    photograph: Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = load("sd2", folders["sd2"])

    def fail(*args: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(source.unet, "forward", fail)
    with pytest.raises(DeviceError, match=r"side 16 does not fit in memory.*sd2-64"):
        source.extract(photograph)


def test_a_device_too_small_for_the_weights(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("diffusers.UNet2DConditionModel.to", fail)
    with pytest.raises(DeviceError, match="UNet2DConditionModel on cpu does not fit"):
        load("sd2", folders["sd2"])


def test_another_error_of_the_network_is_not_called_out_of_memory(
    folders: dict[str, Path], photograph: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load("sd2", folders["sd2"])

    def fail(*args: object, **named: object) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(source.unet, "forward", fail)
    with pytest.raises(RuntimeError, match="multiplied"):
        source.extract(photograph)


def test_packaged_configurations_name_their_classes() -> None:
    for version in stable_diffusion.VERSIONS:
        index = Path(stable_diffusion.config_folder(version)) / "model_index.json"
        assert json.loads(index.read_text())["_class_name"] == "StableDiffusionPipeline"
