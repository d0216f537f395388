"""Tiny models of the true architectures, with random weights, saved as each format saves them.

Random weights are a stand-in: they prove that layers are found, loaded and captured, and say
nothing about how well anything is segmented.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

VOCABULARY = 64
TEXT_WIDTH = 32


def randomized(model: nn.Module, seed: int) -> Any:
    """Weights from a seed, large enough that attention is far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        scale = 0.02 if value.ndim < 2 else 1.5 / value[0].numel() ** 0.5
        offset = 1.0 if value.ndim == 1 and name.endswith("weight") else 0.0
        value.data = offset + scale * torch.randn(value.shape, generator=generator)
    return model.eval().requires_grad_(False)


def unet(version: str, **changes: Any) -> Any:
    """SD2's or SD1's block layout; SD2 has linear projections and heads of one width."""
    from diffusers import UNet2DConditionModel

    sd2 = version == "sd2"
    arguments = {
        "sample_size": 8,
        "block_out_channels": (32, 32, 64, 64),
        "attention_head_dim": (2, 2, 4, 4) if sd2 else 4,
        "cross_attention_dim": TEXT_WIDTH,
        "norm_num_groups": 8,
        "use_linear_projection": sd2,
    }
    return randomized(UNet2DConditionModel(**arguments | changes), 1)


def vae() -> Any:
    from diffusers import AutoencoderKL

    return randomized(
        AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(16, 16, 16, 16),
            layers_per_block=2,
            norm_num_groups=8,
        ),
        2,
    )


def text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=2,
    )
    return randomized(CLIPTextModel(config), 3)


def save_tokenizer(folder: Path, pad: str) -> None:
    """CLIP's vocabulary in small: characters, their ends of words, start and end."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = ["!", *"abcdefghijklmnopqrstuvwxyz0123456789"]
    words = [*letters, *(f"{letter}</w>" for letter in letters)][: VOCABULARY - 2]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    config = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": pad,
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def save_stable_diffusion(folder: Path, version: str) -> Path:
    """A folder as diffusers saves it."""
    folder.mkdir(parents=True, exist_ok=True)
    unet(version).save_pretrained(folder / "unet")
    vae().save_pretrained(folder / "vae")
    text_encoder().save_pretrained(folder / "text_encoder")
    save_tokenizer(folder / "tokenizer", "!" if version == "sd2" else "<|endoftext|>")
    index = {"_class_name": "StableDiffusionPipeline"}
    index |= {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def save_marigold(folder: Path) -> Path:
    """A folder as diffusers saves Marigold's pipeline (SD2's layout, eight channels in)."""
    from diffusers import LCMScheduler

    save_stable_diffusion(folder, "sd2")
    unet("sd2", in_channels=8).save_pretrained(folder / "unet")
    LCMScheduler(beta_schedule="scaled_linear", prediction_type="v_prediction").save_pretrained(
        folder / "scheduler"
    )
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "CLIPTokenizer"]
    index |= {
        "_class_name": "MarigoldDepthPipeline",
        "scheduler": ["diffusers", "LCMScheduler"],
        "prediction_type": "depth",
        "scale_invariant": True,
        "shift_invariant": True,
        "default_denoising_steps": 4,
        "default_processing_resolution": 64,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def dinov2(*, registers: int = 0, layers: int = 2, **changes: int) -> Any:
    import transformers

    arguments = {
        "hidden_size": 128,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "patch_size": 14,
        "image_size": 56,
    } | changes
    if registers:
        config = transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, **arguments)
        return randomized(transformers.Dinov2WithRegistersModel(config), 4)
    return randomized(transformers.Dinov2Model(transformers.Dinov2Config(**arguments)), 4)


def depth_anything() -> Any:
    import transformers

    backbone = transformers.Dinov2Config(
        hidden_size=64,
        num_hidden_layers=12,
        num_attention_heads=1,
        patch_size=14,
        image_size=56,
        out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=64,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    model = randomized(transformers.DepthAnythingForDepthEstimation(config), 5)
    model.head.conv3.bias.data.fill_(5.0)  # a ReLU follows: keep the map alive
    return model


def save_single_file(folder: Path, version: str, path: Path) -> Path:
    """The parts of a diffusers folder as one checkpoint with the names of the original code."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    whole = {
        f"model.diffusion_model.{_ldm_unet(name)}": value
        for name, value in UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
        .state_dict()
        .items()
    }
    for name, value in AutoencoderKL.from_pretrained(folder, subfolder="vae").state_dict().items():
        renamed = _ldm_vae(name)
        as_convolution = ".attn_1." in renamed and value.ndim == 2
        whole[f"first_stage_model.{renamed}"] = value[:, :, None, None] if as_convolution else value
    text = CLIPTextModel.from_pretrained(folder / "text_encoder").state_dict()
    text = {name.removeprefix("text_model."): value for name, value in text.items()}
    whole |= _open_clip(text) if version == "sd2" else _clip(text)
    save_file({name: value.contiguous() for name, value in whole.items()}, path)
    return path


def save_configs(folder: Path, target: Path) -> Path:
    """A folder's configurations without its weights."""
    for file in folder.rglob("*.json"):
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text())
    return target


RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}


def _ldm_unet(name: str) -> str:
    ends = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    for theirs, original in ends.items():
        if name.startswith(f"{theirs}."):
            return original + name.removeprefix(theirs)
    block, *rest = name.split(".")
    if block == "mid_block":
        kind, j = rest[0], int(rest[1])
        place = f"middle_block.{2 * j if kind == 'resnets' else 1}"
        return ".".join([place, *_resnet(kind, rest[2:])])
    i, kind, j = int(rest[0]), rest[1], int(rest[2])
    if block == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{3 * i + 3}.0.op.{rest[-1]}"
        place = f"input_blocks.{3 * i + j + 1}.{0 if kind == 'resnets' else 1}"
    else:
        if kind == "upsamplers":
            return f"output_blocks.{3 * i + 2}.{1 if i == 0 else 2}.conv.{rest[-1]}"
        place = f"output_blocks.{3 * i + j}.{0 if kind == 'resnets' else 1}"
    return ".".join([place, *_resnet(kind, rest[3:])])


def _resnet(kind: str, rest: list[str]) -> list[str]:
    return [RESNET.get(rest[0], rest[0]), *rest[1:]] if kind == "resnets" else rest


def _ldm_vae(name: str) -> str:
    part, *rest = name.split(".")
    if part not in ("encoder", "decoder"):
        return name
    if rest[0] in ("down_blocks", "up_blocks"):
        i, kind, j = int(rest[1]), rest[2], rest[3]
        place = f"down.{i}" if rest[0] == "down_blocks" else f"up.{3 - i}"
        if kind == "resnets":
            rest = [f"{place}.block.{j}", *rest[4:]]
        else:
            rest = [f"{place}.{kind.removesuffix('rs')}", *rest[4:]]
    elif rest[0] == "mid_block":
        j = int(rest[2])
        rest = ["mid", f"block_{j + 1}" if rest[1] == "resnets" else "attn_1", *rest[3:]]
    renamed = ".".join([part, *rest])
    names = {
        "conv_norm_out": "norm_out",
        "conv_shortcut": "nin_shortcut",
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    for theirs, original in names.items():
        renamed = renamed.replace(f".{theirs}.", f".{original}.")
    return renamed


def _clip(text: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        f"cond_stage_model.transformer.text_model.{name}": value for name, value in text.items()
    }


def _open_clip(text: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = {
        "token_embedding.weight": text["embeddings.token_embedding.weight"],
        "positional_embedding": text["embeddings.position_embedding.weight"],
        "ln_final.weight": text["final_layer_norm.weight"],
        "ln_final.bias": text["final_layer_norm.bias"],
        "text_projection": torch.eye(TEXT_WIDTH),
    }
    names = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    layers = {name.split(".")[2] for name in text if name.startswith("encoder.layers.")}
    for layer in layers:
        theirs, original = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for end in ("weight", "bias"):
            for old, new in names.items():
                found[f"{original}.{new}.{end}"] = text[f"{theirs}.{old}.{end}"]
            joined = [text[f"{theirs}.self_attn.{p}_proj.{end}"] for p in "qkv"]
            found[f"{original}.attn.in_proj_{end}"] = torch.cat(joined)
    return {f"cond_stage_model.model.{name}": value for name, value in found.items()}
