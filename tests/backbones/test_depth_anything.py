"""Depth from a tiny Depth Anything V2 with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.depth import DepthAnything
from m2n2v2.depth.depth_anything import STAGES, input_size
from m2n2v2.errors import DeviceError, SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.weights.locating import Loading
from tests.backbones import tiny

NAME = "depth-anything-v2-small"


@pytest.fixture(scope="module")
def source(folders: dict[str, Path]) -> DepthAnything:
    return DepthAnything.load(NAME, Loading(weights=folders[NAME]), side=56)


def test_the_map_is_normalised_and_of_the_images_size(
    source: DepthAnything, photograph: Image
) -> None:
    found = source.estimate(photograph)
    assert tuple(found.shape) == photograph.shape[:2]
    assert (float(found.min()), float(found.max())) == (0.0, 1.0)
    assert torch.equal(found, source.estimate(photograph))


def test_the_network_sees_what_the_library_would_show_it(photograph: Image) -> None:
    """transformers' own processor, without torchvision; its rule and ours agree on squares."""
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    square = np.ascontiguousarray(photograph[:, :90])
    processor = DPTImageProcessorPil(
        size={"height": 56, "width": 56},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=PILImage.Resampling.BICUBIC,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    expected = processor(square, return_tensors="pt")["pixel_values"]
    seen: list[torch.Tensor] = []
    model = tiny.depth_anything()
    model.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    DepthAnything(model, short_side=56).inverse(square)
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=1e-6)


def test_the_mean_with_the_mirror_image_is_taken_before_normalising(
    source: DepthAnything, photograph: Image
) -> None:
    mirrored = np.ascontiguousarray(photograph[:, ::-1])
    torch.testing.assert_close(source.estimate(mirrored).flip(1), source.estimate(photograph))
    raw = (source.inverse(photograph) + source.inverse(mirrored).flip(1)) / 2
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    torch.testing.assert_close(source.estimate(photograph), expected)


def test_without_flip_one_image_is_seen(folders: dict[str, Path], photograph: Image) -> None:
    plain = DepthAnything.load(NAME, Loading(weights=folders[NAME]), side=56, flip=False)
    raw = plain.inverse(photograph)
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    torch.testing.assert_close(plain.estimate(photograph), expected)


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        (Size(480, 640), 518, Size(518, 686)),
        (Size(480, 854), 2024, Size(2030, 3598)),
        (Size(854, 480), 2024, Size(3598, 2030)),
        (Size(3000, 3000), 518, Size(518, 518)),
        (Size(10, 2000), 14, Size(14, 2800)),
    ],
)
def test_the_shorter_side_is_as_asked_in_multiples_of_14(
    size: Size, short_side: int, expected: Size
) -> None:
    assert input_size(size, short_side) == expected


def test_a_single_file_gives_what_the_folder_gives(
    folders: dict[str, Path], source: DepthAnything, photograph: Image
) -> None:
    file = folders[NAME] / "model.safetensors"
    found = DepthAnything.load(NAME, Loading(weights=file), side=56)
    assert "file model.safetensors" in found.name
    torch.testing.assert_close(found.estimate(photograph), source.estimate(photograph))


@pytest.mark.parametrize(
    ("width", "layers", "necks", "fusion"),
    [
        (384, 12, (48, 96, 192, 384), 64),
        (768, 12, (96, 192, 384, 768), 128),
        (1024, 24, (256, 512, 1024, 1024), 256),
    ],
    ids=["small", "base", "large"],
)
def test_full_size_configurations_are_inferred_from_their_shapes(
    width: int, layers: int, necks: tuple[int, ...], fusion: int
) -> None:
    import transformers

    from m2n2v2.depth.depth_anything import inferred_config

    backbone = transformers.Dinov2Config(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        image_size=518,
        out_indices=list(STAGES[layers]),
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=width,
        neck_hidden_sizes=list(necks),
        fusion_hidden_size=fusion,
    )
    with torch.device("meta"):
        model = transformers.DepthAnythingForDepthEstimation(config)
        shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        again = transformers.DepthAnythingForDepthEstimation(inferred_config(shapes))
    assert {n: tuple(v.shape) for n, v in again.state_dict().items()} == shapes
    assert again.config.backbone_config.out_indices == list(STAGES[layers])
    assert again.config.backbone_config.num_attention_heads == width // 64


def test_an_input_under_one_patch() -> None:
    with pytest.raises(SettingsError, match="14 or more"):
        DepthAnything(torch.nn.Identity(), short_side=13)


def test_the_wrong_architecture(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="holds a Dinov2Model"):
        DepthAnything.load(NAME, Loading(weights=folders["dinov2-base"]))


def test_out_of_memory_names_the_smaller_model(
    source: DepthAnything, photograph: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(source.model, "forward", fail)
    with pytest.raises(DeviceError, match="depth-anything-v2-small"):
        source.estimate(photograph)
