"""The forward pass of a plain vision transformer (DINOv2), with torch and nothing else.

It reads weights under the names of transformers' `Dinov2Model`, as they stand on disk, and gives
what a block's attention compares (queries, keys, values) and what it makes (tokens).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from m2n2v2.arrays import Image
from m2n2v2.errors import SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.weights.checks import PICKLES
from m2n2v2.weights.devices import choose_device
from m2n2v2.weights.loading import loading_errors, safetensors_file, unpickled
from m2n2v2.weights.locating import Loading, Located, locate

Kind = Literal["tokens", "queries", "keys", "values"]
"""What can be read: `tokens` are what the last block makes, after the network's last norm."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HEAD_CHANNELS = 64
EPSILON = 1e-6
"""Of every layer norm."""

_PROJECTIONS: dict[Kind, str] = {"queries": "query", "keys": "key", "values": "value"}

_OTHER_NAMES = (
    (r"^(dinov2|model|backbone)\.", ""),
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
)
"""Of the same arrays in other releases of the library."""


@dataclass(frozen=True)
class Shape:
    """A network's measures, read off its weights.

    Attributes:
        patch: side of a patch in pixels.
        side: patches along each edge of the photographs it was trained on.
        registers: tokens between the class and the patches.
    """

    blocks: int
    channels: int
    heads: int
    patch: int
    side: int
    registers: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Self:
        """The measures of weights of these names and shapes.

        Raises:
            KeyError, ValueError: they are of another kind of network.
        """
        _, positions, channels = shapes["embeddings.position_embeddings"]
        layers = {int(name.split(".")[2]) for name in shapes if name.startswith("encoder.layer.")}
        if layers != set(range(len(layers))) or "encoder.layer.0.mlp.fc1.weight" not in shapes:
            raise ValueError("blocks are missing, or not of the kind with fc1 and fc2")
        return cls(
            blocks=len(layers),
            channels=channels,
            heads=max(1, channels // HEAD_CHANNELS),
            patch=shapes["embeddings.patch_embeddings.projection.weight"][-1],
            side=round((positions - 1) ** 0.5),
            registers=shapes.get("embeddings.register_tokens", (1, 0, channels))[1],
        )

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Every array that a forward pass reads, and its shape."""
        c, p = self.channels, self.patch
        linear = {
            "attention.attention.query": (c, c),
            "attention.attention.key": (c, c),
            "attention.attention.value": (c, c),
            "attention.output.dense": (c, c),
            "mlp.fc1": (4 * c, c),
            "mlp.fc2": (c, 4 * c),
        }
        out: dict[str, tuple[int, ...]] = {
            "embeddings.cls_token": (1, 1, c),
            "embeddings.position_embeddings": (1, self.side**2 + 1, c),
            "embeddings.patch_embeddings.projection.weight": (c, 3, p, p),
            "embeddings.patch_embeddings.projection.bias": (c,),
            "layernorm.weight": (c,),
            "layernorm.bias": (c,),
        }
        if self.registers:
            out["embeddings.register_tokens"] = (1, self.registers, c)
        for block in range(self.blocks):
            at = f"encoder.layer.{block}."
            for name, shape in linear.items():
                out[f"{at}{name}.weight"], out[f"{at}{name}.bias"] = shape, shape[:1]
            for norm in ("norm1", "norm2"):
                out[f"{at}{norm}.weight"] = out[f"{at}{norm}.bias"] = (c,)
            for scale in ("layer_scale1", "layer_scale2"):
                out[f"{at}{scale}.lambda1"] = (c,)
        return out


class VisionTransformer:
    """A DINOv2, with or without registers.

    Args:
        arrays: its weights by transformers' names; what a forward pass does not need is ignored.

    Raises:
        ValueError: an array is missing, of another shape, or not finite.
    """

    def __init__(self, arrays: Mapping[str, Float[Tensor, "..."]]) -> None:
        named = {_name(name): array for name, array in arrays.items()}
        try:
            self.shape = Shape.of({name: tuple(array.shape) for name, array in named.items()})
        except KeyError as error:
            raise ValueError(f"the array {error} is missing") from error
        self._arrays: dict[str, Tensor] = {}
        for name, shape in self.shape.arrays().items():
            if name not in named:
                raise ValueError(f"the array {name} is missing")
            if tuple(named[name].shape) != shape:
                raise ValueError(f"{name} has shape {tuple(named[name].shape)}, not {shape}")
            if not bool(torch.isfinite(named[name]).all()):
                raise ValueError(f"{name} has NaN or infinite values")
            self._arrays[name] = named[name]

    @classmethod
    def load(cls, model: str, loading: Loading) -> tuple[Self, Located]:
        """From weights: the cache, a folder as transformers saves it, or one `.safetensors` file.

        Args:
            model: `dinov2-small`, `-base`, `-large`, or `dinov2-with-registers-small` and so on.

        Raises:
            WeightsError, BackendError, DeviceError: they cannot be loaded, or not here.
        """
        import safetensors.torch

        located = locate(model, loading)
        file = located.path / "model.safetensors" if located.path.is_dir() else located.path
        if not file.is_file() or file.suffix not in (".safetensors", *PICKLES):
            raise WeightsError(
                f"{located.path} has no model.safetensors",
                cure=f"give a folder of {model} with {', '.join(located.model.files)}",
            )
        safetensors_file(Located(located.model, file, located.origin), loading)
        device = choose_device(loading.device)
        with loading_errors(file, located):
            pickled = unpickled(file, located) if file.suffix in PICKLES else None
            arrays = pickled or safetensors.torch.load_file(file)
            shape = Shape.of({_name(name): tuple(a.shape) for name, a in arrays.items()})
            if (expected := CHANNELS.get(model.rpartition("-")[2])) not in (None, shape.channels):
                raise ValueError(f"it has {shape.channels} channels, {model} has {expected}")
            network = cls({name: array.to(device) for name, array in arrays.items()})
        return network, located

    def to(self, dtype: torch.dtype) -> Self:
        """The same network in another number format."""
        other = object.__new__(type(self))
        other.shape = self.shape
        other._arrays = {name: array.to(dtype) for name, array in self._arrays.items()}
        return other

    @torch.no_grad()
    def features(
        self, pixels: Float[Tensor, "1 3 Y X"], wanted: Mapping[int, frozenset[Kind]]
    ) -> dict[tuple[int, Kind], Float[Tensor, "h w c"]]:
        """What blocks compare and make, per patch, heads side by side in the channels.

        Args:
            pixels: normalised (`normalized`), whole patches along each edge.
            wanted: kinds by block; a negative number counts from the last. `tokens` of a block
                are its output, of the last after the network's final norm.

        Raises:
            SettingsError: a block that does not exist.
        """
        asked = self._asked(wanted)
        cells = Size(pixels.shape[2] // self.shape.patch, pixels.shape[3] // self.shape.patch)
        features: dict[tuple[int, Kind], Tensor] = {}
        first = 1 + self.shape.registers
        x = self._embedded(pixels, cells)  # n+1 c
        for block in range(max(asked, default=-1) + 1):
            kinds, at = asked.get(block, frozenset()), f"encoder.layer.{block}."
            inner = self._norm(x, f"{at}norm1")
            projected = {
                kind: self._linear(inner, f"{at}attention.attention.{name}")
                for kind, name in _PROJECTIONS.items()
            }
            features |= {(block, kind): projected[kind] for kind in kinds if kind != "tokens"}
            if block == max(asked) and "tokens" not in kinds:
                break
            q, k, v = (
                projected[kind].reshape(len(x), self.shape.heads, -1).transpose(0, 1)[None]
                for kind in _PROJECTIONS
            )
            mixed = functional.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1)
            mixed = self._linear(mixed, f"{at}attention.output.dense")
            x = x + mixed * self._arrays[f"{at}layer_scale1.lambda1"]
            inner = self._linear(self._norm(x, f"{at}norm2"), f"{at}mlp.fc1")
            inner = self._linear(functional.gelu(inner), f"{at}mlp.fc2")
            x = x + inner * self._arrays[f"{at}layer_scale2.lambda1"]
            if "tokens" in kinds:
                last = block == self.shape.blocks - 1
                features[block, "tokens"] = self._norm(x, "layernorm") if last else x
        return {key: tokens[first:].reshape(*cells.shape, -1) for key, tokens in features.items()}

    def pixels(self, image: Image, cells: Size) -> Float[Tensor, "1 3 Y X"]:
        """An image as the network takes it, one patch a cell."""
        patch, like = self.shape.patch, self._arrays["embeddings.cls_token"]
        small = resized(image, Size(patch * cells.height, patch * cells.width))
        return normalized(small).to(like)

    def _asked(self, wanted: Mapping[int, frozenset[Kind]]) -> dict[int, frozenset[Kind]]:
        out: dict[int, frozenset[Kind]] = {}
        for block, kinds in wanted.items():
            index = block + self.shape.blocks if block < 0 else block
            if not 0 <= index < self.shape.blocks:
                raise SettingsError(
                    f"block {block} of a network of {self.shape.blocks} was asked for",
                    cure=f"use -{self.shape.blocks} to {self.shape.blocks - 1}",
                )
            out[index] = out.get(index, frozenset()) | kinds
        return out

    def _embedded(self, pixels: Float[Tensor, "1 3 Y X"], cells: Size) -> Float[Tensor, "n c"]:
        """Class, registers and patches in one row each, with their positions."""
        at = "embeddings.patch_embeddings.projection"
        patches = functional.conv2d(
            pixels,
            self._arrays[f"{at}.weight"],
            self._arrays[f"{at}.bias"],
            stride=self.shape.patch,
        )
        rows = patches[0].flatten(1).T
        positions = self._arrays["embeddings.position_embeddings"][0]
        first = self._arrays["embeddings.cls_token"][0] + positions[:1]
        extra = [first]
        if self.shape.registers:
            extra.append(self._arrays["embeddings.register_tokens"][0])
        return torch.cat([*extra, rows + self._placed(positions[1:], cells)])

    def _placed(self, positions: Float[Tensor, "t c"], cells: Size) -> Float[Tensor, "n c"]:
        """Patch positions at another number of patches: bicubic, as the library has it."""
        side = self.shape.side
        if cells.shape == (side, side):
            return positions
        grid = positions.T.reshape(1, -1, side, side).to(torch.float32)
        placed = functional.interpolate(
            grid,
            cells.shape,
            mode="bicubic",
            align_corners=False,
            antialias=self.shape.registers > 0,  # as each of the two was published
        )
        return placed[0].flatten(1).T.to(positions)

    def _linear(self, x: Float[Tensor, "n a"], name: str) -> Float[Tensor, "n b"]:
        return functional.linear(x, self._arrays[f"{name}.weight"], self._arrays[f"{name}.bias"])

    def _norm(self, x: Float[Tensor, "n c"], name: str) -> Float[Tensor, "n c"]:
        weight, bias = self._arrays[f"{name}.weight"], self._arrays[f"{name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, EPSILON)


CHANNELS = {"small": 384, "base": 768, "large": 1024}
"""Of the networks by size, so that weights of another size are not taken for those asked for."""


def normalized(image: Image) -> Float[Tensor, "1 3 H W"]:
    """An image as DINOv2 and its descendants take it: ImageNet's mean and deviation."""
    values = torch.tensor(image).to(torch.float32) / 255
    return ((values - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)).permute(2, 0, 1)[
        None
    ]


def _name(name: str) -> str:
    for pattern, with_this in _OTHER_NAMES:
        name = re.sub(pattern, with_this, name)
    return name
