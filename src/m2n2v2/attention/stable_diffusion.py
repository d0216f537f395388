"""Self-attention of Stable Diffusion's UNet (section 3.1; M2N2's two layers).

The image is resized to 8 times the attention's side, encoded (the distribution's mode, no noise),
and the UNet runs once at timestep 100 with the empty prompt, until its second layer of the last
block has been seen.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from m2n2v2.arrays import Image
from m2n2v2.attention.base import DenseAttention
from m2n2v2.attention.capture import Aggregate, Layer, capture
from m2n2v2.errors import SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.loading import (
    component,
    library,
    loading_errors,
    placed,
    read_json,
    safetensors_file,
)
from m2n2v2.weights.locating import Loading, Located, locate

LAYERS = (
    Layer("up_blocks.3.attentions.0.transformer_blocks.*.attn1", 0.5),
    Layer("up_blocks.3.attentions.1.transformer_blocks.*.attn1", 0.5),
)
TIMESTEP = 100
PIXELS_PER_CELL = 8
SIDE_MULTIPLE = 8
"""The UNet halves its grid three times."""


@dataclass(frozen=True)
class Version:
    """What differs between the versions.

    Attributes:
        side: the paper's attention side.
        linear_projection: the UNet's mark, by which weights under the wrong name are noticed.
        pads_with_end: the empty prompt is filled up with the end token, else with token 0.
    """

    side: int
    linear_projection: bool
    pads_with_end: bool


VERSIONS = {
    "sd2": Version(128, linear_projection=True, pads_with_end=False),
    "sd1": Version(112, linear_projection=False, pads_with_end=True),
}


class StableDiffusion:
    """Attention from Stable Diffusion.

    Args:
        unet: predicts the noise; runs up to the second layer captured.
        vae: its encoder gives the latent.
        prompt: the text encoder's states for the empty prompt, `1 x 77 x c`.
        side: cells along each edge, a multiple of 8; the network sees `8 side` pixels.
        flip: average with the mirror image's attention, mirrored back (supplement 9).
        name: what to record as its origin.

    Raises:
        SettingsError: a side the network cannot do.
    """

    gives_away = True

    def __init__(
        self,
        unet: nn.Module,
        vae: nn.Module,
        prompt: Float[Tensor, "1 t c"],
        *,
        side: int = 128,
        flip: bool = True,
        name: str = "stable diffusion",
    ) -> None:
        if side < SIDE_MULTIPLE or side % SIDE_MULTIPLE:
            raise SettingsError(
                f"attention side is {side}",
                cure=f"use a multiple of {SIDE_MULTIPLE}, for example 64, 112 or 128",
            )
        self.unet, self.vae, self.prompt = unet, vae, prompt
        self.cells = Size(side, side)
        self.flip = flip
        self.name = f"{name}, side {side}{', flip' if flip else ''}"

    @classmethod
    def load(
        cls,
        version: str = "sd2",
        loading: Loading | None = None,
        *,
        side: int | None = None,
        flip: bool = True,
    ) -> Self:
        """From weights: the hub, a folder as diffusers saves it, or one `.safetensors` file.

        Args:
            version: `sd2` or `sd1`.
            side: the paper's for the version, if not given.

        Raises:
            WeightsError, BackendError, DeviceError, SettingsError: they cannot be loaded, or not
                here.
        """
        loading = loading or Loading()
        located = locate(version, loading)
        unet, vae, text_encoder = parts(located, loading)
        prompt = empty_prompt(text_encoder, pads_with_end=VERSIONS[version].pads_with_end)
        vae.decoder = vae.post_quant_conv = None  # only the encoder is needed
        unet = placed(unet, loading)
        first = next(unet.parameters())
        return cls(
            unet,
            placed(vae, loading),
            prompt.to(first),
            side=side or VERSIONS[version].side,
            flip=flip,
            name=f"{located.name}, {str(first.dtype).removeprefix('torch.')}",
        )

    @torch.no_grad()
    def extract(self, image: Image) -> DenseAttention:
        """The attention of `image`, `n x n` in float32 on the model's device, n = side^2.

        Raises:
            DeviceError: it does not fit in memory.
            AttentionError: the network overflowed.
        """
        side = self.cells.height
        with out_of_memory_named(
            f"Stable Diffusion's attention at side {side}",
            "use a smaller side: --preset sd2-64 needs a sixteenth of the memory of side 128",
        ):
            return self.aggregate(image).attention()

    @torch.no_grad()
    def aggregate(self, image: Image) -> Aggregate:
        """The sum over heads, layers and the mirror image, as `extract` takes it."""
        pixels = self._pixels(image)  # 1 3 8h 8w, [-1, 1]
        latents = {False: self._latent(pixels)}  # 1 4 h w, by whether it is the mirror image's
        if self.flip:
            latents[True] = self._latent(pixels.flip(3))
        aggregate = Aggregate(self.cells)  # only now: encoding takes as much memory as this
        for mirrored, latent in latents.items():
            with capture(self.unet, LAYERS, aggregate, mirrored=mirrored):
                self.unet(latent, TIMESTEP, encoder_hidden_states=self.prompt)
        return aggregate

    def _pixels(self, image: Image) -> Float[Tensor, "1 3 Y X"]:
        edge = PIXELS_PER_CELL * self.cells.height
        scaled = torch.tensor(resized(image, Size(edge, edge))).to(torch.float32) / 127.5 - 1
        return scaled.permute(2, 0, 1)[None].to(self.prompt)

    def _latent(self, pixels: Float[Tensor, "1 3 H W"]) -> Float[Tensor, "1 4 h w"]:
        vae: Any = self.vae
        latent: Tensor = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        return latent


def parts(located: Located, loading: Loading) -> tuple[Any, Any, Any]:
    """UNet, VAE and text encoder, each checked.

    Raises:
        WeightsError: a part is missing, damaged or of another architecture.
    """
    diffusers, transformers = library("diffusers"), library("transformers")
    if located.path.is_dir():
        read_json(located.path / "model_index.json", located)
        unet = component(diffusers.UNet2DConditionModel, located, loading, "unet")
        _check_version(unet, located)
        return (
            unet,
            component(diffusers.AutoencoderKL, located, loading, "vae"),
            component(transformers.CLIPTextModel, located, loading, "text_encoder"),
        )
    file = safetensors_file(located, loading)
    with loading_errors(file, located):
        pipeline = diffusers.StableDiffusionPipeline.from_single_file(
            str(file),
            config=config_folder(located.model.name),
            local_files_only=True,
            **_NOT_NEEDED,
        )
    found_parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    for part in found_parts:
        _refuse_unfilled(part, located)
    return found_parts


_NOT_NEEDED = dict.fromkeys(
    ("tokenizer", "scheduler", "safety_checker", "feature_extractor", "image_encoder")
)


def config_folder(version: str) -> str:
    """The published configurations of a version, for a file of weights that comes without."""
    return str(resources.files("m2n2v2.attention") / "configs" / version)


@torch.no_grad()
def empty_prompt(
    text_encoder: Any, *, pads_with_end: bool = True, length: int | None = None
) -> Float[Tensor, "1 t c"]:
    """The text encoder's states for the empty prompt.

    CLIP's vocabulary ends with its start and end tokens, so the tokens of the empty prompt are
    known and no tokenizer is needed: start, end, and filling. SD1 fills with the end token, SD2
    with token 0 ("!"), as OpenCLIP was trained.

    Args:
        length: tokens; all the encoder has positions for, if not given.
    """
    config = text_encoder.config
    start, end = config.vocab_size - 2, config.vocab_size - 1
    length = length or config.max_position_embeddings
    filling = [end if pads_with_end else 0] * (length - 2)
    tokens = torch.tensor([[start, end, *filling]])
    states: Tensor = text_encoder.to(torch.float32).eval()(tokens).last_hidden_state
    return states


def _check_version(unet: Any, located: Located) -> None:
    """Other Stable Diffusions load without complaint and give other attention."""
    config = unet.config
    version = VERSIONS.get(located.model.name)
    reasons = {
        f"takes {config.in_channels} channels in": config.in_channels != 4,
        "is an SDXL network": config.get("addition_embed_type") is not None,
        "is of the other version (its projections)": version is not None
        and bool(config.use_linear_projection) != version.linear_projection,
    }
    for reason, applies in reasons.items():
        if applies:
            raise WeightsError(
                f"the UNet in {located.path} {reason}",
                cure=f"give weights of {located.model.name}, or name the version they are",
            )


def _refuse_unfilled(part: nn.Module, located: Located) -> None:
    empty = [name for name, value in part.named_parameters() if value.is_meta]
    if empty:
        raise WeightsError(
            f"{located.path} lacks {len(empty)} weights of {type(part).__name__}, for example "
            f"{empty[0]}",
            cure=f"give a whole checkpoint of {located.model.name}",
        )
