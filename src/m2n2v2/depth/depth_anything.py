"""Depth Anything V2 (supplement 7): inverse depth from one photograph."""

from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image as PILImage
from torch import Tensor, nn

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.attention.dinov2 import backbone_arguments
from m2n2v2.depth.base import normalized_inverse
from m2n2v2.depth.flip import flip_averaged
from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.loading import library, placed, transformer
from m2n2v2.weights.locating import Loading, locate
from m2n2v2.weights.vit import normalized

SHORT_SIDE = 518
"""What the models were trained at; the paper uses 2024."""

PATCH = 14
STAGES = {12: (3, 6, 9, 12), 24: (5, 12, 18, 24)}
"""Which of the backbone's blocks feed the head, by its number of blocks."""


class DepthAnything:
    """Depth from Depth Anything V2.

    Args:
        model: a `DepthAnythingForDepthEstimation`, relative (not metric).
        short_side: the input's shorter side, in pixels; both sides are rounded to multiples of 14.
        flip: average with the mirror image's map (supplement 9).
        name: what to record as its origin.

    Raises:
        SettingsError: the side is under one patch.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        short_side: int = SHORT_SIDE,
        flip: bool = True,
        name: str = "depth anything",
    ) -> None:
        if short_side < PATCH:
            raise SettingsError(
                f"the depth input's side is {short_side}", cure=f"use {PATCH} or more pixels"
            )
        self.model = model
        self.short_side = short_side
        self.flip = flip
        self.name = f"{name}, short side {short_side}{', flip' if flip else ''}"

    @classmethod
    def load(
        cls,
        model: str = "depth-anything-v2-small",
        loading: Loading | None = None,
        *,
        side: int | None = None,
        flip: bool = True,
    ) -> Self:
        """From weights: the hub, a folder as transformers saves it, or one `.safetensors` file.

        Args:
            model: `depth-anything-v2-small`, `-base` or `-large`.
            side: the input's shorter side, in pixels; 518 if not given, 2024 in the paper.

        Raises:
            WeightsError, BackendError, DeviceError, SettingsError: they cannot be loaded, or not
                here.
        """
        loading = loading or Loading()
        located = locate(model, loading)
        kind = library("transformers").DepthAnythingForDepthEstimation
        loaded = placed(transformer(kind, located, loading, inferred_config), loading)
        dtype = str(next(loaded.parameters()).dtype).removeprefix("torch.")
        return cls(
            loaded, short_side=side or SHORT_SIDE, flip=flip, name=f"{located.name}, {dtype}"
        )

    @torch.no_grad()
    def estimate(self, image: Image) -> DepthMap:
        """Normalised inverse depth of `image`, on the CPU.

        Raises:
            DeviceError: it does not fit in memory.
            DepthError: the network overflowed.
        """
        with out_of_memory_named(
            f"Depth Anything at short side {self.short_side}",
            "use a smaller input or model: depth-anything-v2-small is used by --preset sd2-64",
        ):
            averaged = flip_averaged(self.inverse, image) if self.flip else self.inverse(image)
        return normalized_inverse(averaged)

    def inverse(self, image: Image) -> Float[Tensor, "H W"]:
        """What the network says of one image, at the image's size, on the CPU."""
        model: Any = self.model
        size = Size(*image.shape[:2])
        pixels = normalized(_scaled(image, input_size(size, self.short_side)))
        inverse: Tensor = model(pixels.to(next(model.parameters()))).predicted_depth[0]
        return resized_map(inverse.to(torch.float32).cpu(), size)


def input_size(size: Size, short_side: int) -> Size:
    """The network's input: aspect kept as near as multiples of 14 allow."""
    scale = short_side / min(size.shape)
    height, width = (max(1, round(edge * scale / PATCH)) * PATCH for edge in size.shape)
    return Size(height, width)


def _scaled(image: Image, size: Size) -> UInt8[np.ndarray, "Y X 3"]:
    """Bicubic, as the models were trained."""
    scaled = PILImage.fromarray(image).resize(
        (size.width, size.height), PILImage.Resampling.BICUBIC
    )
    return np.array(scaled)


def inferred_config(shapes: dict[str, tuple[int, ...]]) -> Any:
    """The configuration, from the shapes of the weights."""
    transformers = library("transformers")
    backbone = backbone_arguments({n: s for n, s in shapes.items() if n.startswith("backbone.")})
    stages = STAGES[backbone["num_hidden_layers"]]
    necks = sum(name.startswith("neck.convs.") for name in shapes)
    return transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            **backbone,
            out_indices=list(stages),
            apply_layernorm=True,
            reshape_hidden_states=False,
        ),
        patch_size=backbone["patch_size"],
        reassemble_hidden_size=backbone["hidden_size"],
        neck_hidden_sizes=[shapes[f"neck.convs.{i}.weight"][1] for i in range(necks)],
        fusion_hidden_size=shapes["neck.convs.0.weight"][0],
        head_hidden_size=shapes["head.conv2.weight"][0],
    )
