"""Marigold (supplement 7): depth by diffusion, an ensemble of noisy starts, seeded."""

from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.attention.stable_diffusion import empty_prompt
from m2n2v2.depth.base import normalized_inverse
from m2n2v2.depth.flip import flip_averaged
from m2n2v2.errors import SettingsError, WeightsError
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.loading import component, library, loading_errors, placed, read_json
from m2n2v2.weights.locating import Loading, Located, locate

STEPS = 50
ENSEMBLE = 10
OFFSET = 0.1
"""Added to relative depth in [0, 1] before it is inverted. The paper's formula is not in the text
we have, and the scale of Marigold's depth is unknown by design; this value is ours: the nearest
point has 11 times the inverse depth of the farthest."""


class Marigold:
    """Depth from a Marigold pipeline.

    Args:
        pipeline: a diffusers `MarigoldDepthPipeline` whose `empty_text_embedding` is set.
        steps: of denoising; the paper uses 50.
        ensemble: predictions averaged (their median after alignment); the paper uses 10.
        seed: of the noise, the same for every image, so that an image has one map.
        side: the input's longer side in pixels, a multiple of 8; what the model was made for if
            not given.
        flip: average with the mirror image's map (supplement 9).
        name: what to record as its origin.

    Raises:
        SettingsError: steps or ensemble are not over 0, or the side is no multiple of 8.
    """

    def __init__(
        self,
        pipeline: Any,
        *,
        steps: int = STEPS,
        ensemble: int = ENSEMBLE,
        seed: int = 0,
        side: int | None = None,
        flip: bool = True,
        name: str = "marigold",
    ) -> None:
        for value, of in ((steps, "steps"), (ensemble, "predictions")):
            if value < 1:
                raise SettingsError(f"Marigold runs with {value} {of}", cure="use 1 or more")
        if side is not None and (side < 8 or side % 8):
            raise SettingsError(f"Marigold's side is {side}", cure="use a multiple of 8")
        self.pipeline = pipeline
        self.side = side or pipeline.default_processing_resolution
        self.steps, self.ensemble, self.seed, self.flip = steps, ensemble, seed, flip
        self.name = (
            f"{name}, side {self.side}, {steps} steps, ensemble of {ensemble}, seed {seed}"
            f"{', flip' if flip else ''}"
        )

    @classmethod
    def load(
        cls,
        model: str = "marigold-lcm",
        loading: Loading | None = None,
        *,
        side: int | None = None,
        steps: int = STEPS,
        ensemble: int = ENSEMBLE,
        flip: bool = True,
    ) -> Self:
        """From weights: the hub, or a folder as diffusers saves it.

        Args:
            model: `marigold-lcm` (LCM v1-0, the paper's) or `marigold-v1-1`.

        Raises:
            WeightsError, BackendError, DeviceError, SettingsError: they cannot be loaded, or not
                here.
        """
        loading = loading or Loading()
        located = locate(model, loading)
        pipeline = _pipeline(located, loading)
        dtype = str(pipeline.unet.dtype).removeprefix("torch.")
        return cls(
            pipeline,
            steps=steps,
            ensemble=ensemble,
            side=side,
            flip=flip,
            name=f"{located.name}, {dtype}",
        )

    @torch.no_grad()
    def estimate(self, image: Image) -> DepthMap:
        """Normalised inverse depth of `image`, on the CPU.

        Raises:
            DeviceError: it does not fit in memory.
            DepthError: the network overflowed.
        """
        with out_of_memory_named("Marigold", "use depth-anything-v2-small instead"):
            averaged = flip_averaged(self.inverse, image) if self.flip else self.inverse(image)
        return normalized_inverse(averaged)

    def inverse(self, image: Image) -> Float[Tensor, "H W"]:
        """Inverse depth of one image, at its size: `1 / (depth + OFFSET)`."""
        pixels = torch.tensor(image).permute(2, 0, 1)[None].to(torch.float32) / 255
        depth: Tensor = self.pipeline(
            pixels,
            num_inference_steps=self.steps,
            ensemble_size=self.ensemble,
            processing_resolution=self.side,
            generator=torch.Generator("cpu").manual_seed(self.seed),
            output_type="pt",
        ).prediction[0, 0]
        depth = depth.to(torch.float32).cpu()
        if self.pipeline.config.prediction_type == "disparity":
            return depth
        return 1 / (depth + OFFSET)


def _pipeline(located: Located, loading: Loading) -> Any:
    if not located.path.is_dir():
        raise WeightsError(
            f"{located.path} is one file, and Marigold is published as a folder",
            cure="give the folder with model_index.json, unet, vae, text_encoder and scheduler",
        )
    diffusers, transformers = library("diffusers"), library("transformers")
    index = read_json(located.path / "model_index.json", located)
    if index.get("_class_name") != "MarigoldDepthPipeline":
        raise WeightsError(
            f"{located.path} holds a {index.get('_class_name')}, not a MarigoldDepthPipeline",
            cure=f"give weights of {located.model.name}",
        )
    text_encoder = component(transformers.CLIPTextModel, located, loading, "text_encoder")
    prompt = empty_prompt(text_encoder, length=2)
    parts = {
        "unet": placed(
            component(diffusers.UNet2DConditionModel, located, loading, "unet"), loading
        ),
        "vae": placed(component(diffusers.AutoencoderKL, located, loading, "vae"), loading),
    }
    with loading_errors(located.path, located):
        scheduler = getattr(diffusers, index["scheduler"][1]).from_pretrained(
            str(located.path / "scheduler"), local_files_only=True
        )
        pipeline = diffusers.MarigoldDepthPipeline(
            **parts,
            scheduler=scheduler,
            text_encoder=None,
            tokenizer=None,
            **{name: value for name, value in index.items() if name in _KNOWN},
        )
    pipeline.empty_text_embedding = prompt.to(parts["unet"].device, parts["unet"].dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


_KNOWN = (
    "prediction_type",
    "scale_invariant",
    "shift_invariant",
    "default_denoising_steps",
    "default_processing_resolution",
)
"""What a model says of itself in `model_index.json`."""
