"""Segment Anything (Kirillov et al. 2023), supervised, through transformers."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask
from m2n2v2.baselines.weights import pretrained
from m2n2v2.grid import Size
from m2n2v2.prompts import Click
from m2n2v2.weights.locating import Loading

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


class Sam:
    """SAM with all clicks so far and, from the second on, its own last logits as mask prompt.

    Args:
        model: a transformers `SamModel`.
        name: its weights.
    """

    def __init__(self, model: Any, name: str) -> None:
        self.model = model.eval()
        self.name = f"sam(weights={name})"

    @classmethod
    def load(cls, weights: str, loading: Loading) -> "Sam":
        """From weights, a key of `weights.MODELS`."""
        return cls(*pretrained("SamModel", weights, loading))

    @torch.no_grad()
    def start(self, image: Image, depth: DepthMap | None = None) -> "SamClicking":
        side = int(self.model.config.vision_config.image_size)
        size = Size(*image.shape[:2])
        scale = side / max(size.shape)
        inner = Size(round(size.height * scale), round(size.width * scale))
        pixels = normalized(image, inner, MEAN, STD)
        padded = functional.pad(pixels, (0, side - inner.width, 0, side - inner.height))
        embeddings = self.model.get_image_embeddings(padded.to(self.model.device))
        return SamClicking(self.model, embeddings, size, Size(side, side), inner, "SAM")


class SamClicking:
    """Clicks on one embedded photograph, for SAM and SAM 2.

    Args:
        inner: the part of the network's input, from its upper left, that the photograph fills.
    """

    def __init__(
        self, model: Any, embeddings: Any, size: Size, network: Size, inner: Size, name: str
    ) -> None:
        self._model, self._embeddings = model, embeddings
        self._size, self._network, self._inner, self._name = size, network, inner, name
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, self._name)
        self._points: list[list[float]] = []
        self._labels: list[int] = []
        self._logits: Float[Tensor, "1 1 m m"] | None = None

    @torch.no_grad()
    def click(self, click: Click) -> Mask:
        x = (click.x + 0.5) * self._inner.width / self._size.width
        y = (click.y + 0.5) * self._inner.height / self._size.height
        self._points.append([x, y])
        self._labels.append(int(click.positive))
        device = self._model.device
        output = self._model(
            image_embeddings=self._embeddings,
            input_points=torch.tensor([[self._points]], device=device),
            input_labels=torch.tensor([[self._labels]], device=device),
            input_masks=self._logits,
            multimask_output=False,
        )
        logits: Float[Tensor, "1 1 m m"] = output.pred_masks[:, 0].float()
        self._logits = logits.clamp(-32, 32)
        large = _resized(logits, self._network)[:, :, : self._inner.height, : self._inner.width]
        mask: Mask = (_resized(large, self._size)[0, 0] > 0).cpu().numpy()
        return mask


def normalized(
    image: Image, size: Size, mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "1 3 h w"]:
    """The photograph at `size`, antialiased, as a network wants its colours (0 to 255)."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    scaled = functional.interpolate(
        pixels, size.shape, mode="bilinear", align_corners=False, antialias=True
    )
    return (scaled - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def _resized(maps: Float[Tensor, "1 1 a b"], size: Size) -> Float[Tensor, "1 1 H W"]:
    return functional.interpolate(maps, size.shape, mode="bilinear", align_corners=False)
