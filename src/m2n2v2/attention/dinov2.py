"""Self-attention of DINOv2's last block (supplement 7), with or without registers."""

from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from m2n2v2.arrays import Image
from m2n2v2.attention.base import DenseAttention
from m2n2v2.attention.capture import Aggregate, Layer, capture
from m2n2v2.errors import SettingsError
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.weights.devices import out_of_memory_named
from m2n2v2.weights.loading import library, placed, transformer
from m2n2v2.weights.locating import Loading, locate
from m2n2v2.weights.vit import HEAD_CHANNELS, normalized

SIDE = 80


class Dinov2:
    """Attention from DINOv2: the last block, mean over heads, class and register tokens dropped.

    Args:
        model: a `Dinov2Model` or `Dinov2WithRegistersModel`.
        side: cells along each edge; the network sees `14 side` pixels (its patch size).
        flip: average with the mirror image's attention, mirrored back (supplement 9).
        name: what to record as its origin.

    Raises:
        SettingsError: the side is not over 0.
    """

    gives_away = True

    def __init__(
        self, model: nn.Module, *, side: int = SIDE, flip: bool = True, name: str = "dinov2"
    ) -> None:
        if side < 1:
            raise SettingsError(f"attention side is {side}", cure="use 1 or more, for example 80")
        self.model = model
        self.cells = Size(side, side)
        self.flip = flip
        self.name = f"{name}, side {side}{', flip' if flip else ''}"

    @classmethod
    def load(
        cls,
        model: str = "dinov2-base",
        loading: Loading | None = None,
        *,
        side: int | None = None,
        flip: bool = True,
    ) -> Self:
        """From weights: the hub, a folder as transformers saves it, or one `.safetensors` file.

        Args:
            model: `dinov2-small`, `-base`, `-large`, or `dinov2-with-registers-small` and so on.

        Raises:
            WeightsError, BackendError, DeviceError, SettingsError: they cannot be loaded, or not
                here.
        """
        loading = loading or Loading()
        located = locate(model, loading)
        registers = "with-registers" in model
        transformers = library("transformers")
        kind = transformers.Dinov2WithRegistersModel if registers else transformers.Dinov2Model
        loaded = placed(transformer(kind, located, loading, inferred_config), loading)
        dtype = str(next(loaded.parameters()).dtype).removeprefix("torch.")
        return cls(loaded, side=side or SIDE, flip=flip, name=f"{located.name}, {dtype}")

    @torch.no_grad()
    def extract(self, image: Image) -> DenseAttention:
        """The attention of `image`, `n x n` in float32 on the model's device, n = side^2.

        Raises:
            DeviceError: it does not fit in memory.
            AttentionError: the network overflowed.
        """
        side = self.cells.height
        with out_of_memory_named(
            f"DINOv2's attention at side {side}", "use a smaller side, for example dinov2-base@48"
        ):
            pixels = self._pixels(image)  # 1 3 14h 14w
            aggregate = Aggregate(self.cells)
            for mirrored in (False, True) if self.flip else (False,):
                seen = pixels.flip(3) if mirrored else pixels
                with capture(self.model, self.layers, aggregate, mirrored=mirrored):
                    self.model(seen)
            return aggregate.attention()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The last block's; its name ends differently in transformers 4 and 5."""
        config: Any = self.model.config
        return (Layer(f"encoder.layer.{config.num_hidden_layers - 1}.attention*"),)

    def _pixels(self, image: Image) -> Float[Tensor, "1 3 Y X"]:
        config: Any = self.model.config
        edge = int(config.patch_size) * self.cells.height
        return normalized(resized(image, Size(edge, edge))).to(next(self.model.parameters()))


def inferred_config(shapes: dict[str, tuple[int, ...]]) -> Any:
    """DINOv2's configuration, from the shapes of its weights."""
    transformers = library("transformers")
    arguments = backbone_arguments(shapes)
    registers = next((s[1] for name, s in shapes.items() if name.endswith("register_tokens")), 0)
    if registers:
        return transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, **arguments)
    return transformers.Dinov2Config(**arguments)


def backbone_arguments(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Width, depth, heads, patch and image size of a DINOv2, from the shapes of its weights."""
    by_end = {name.partition("embeddings.")[2]: shape for name, shape in shapes.items()}
    _, positions, width = by_end["position_embeddings"]
    patch = by_end["patch_embeddings.projection.weight"][-1]
    blocks = {name.partition("encoder.layer.")[2].partition(".")[0] for name in shapes} - {""}
    return {
        "hidden_size": width,
        "num_hidden_layers": len(blocks),
        "num_attention_heads": width // HEAD_CHANNELS,
        "patch_size": patch,
        "image_size": patch * round((positions - 1) ** 0.5),
    }
