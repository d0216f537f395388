"""SAM 2 (Ravi et al. 2024) on single images, supervised, through transformers."""

from typing import Any

import torch

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.baselines.sam import MEAN, STD, SamClicking, normalized
from m2n2v2.baselines.weights import pretrained
from m2n2v2.grid import Size
from m2n2v2.weights.locating import Loading


class Sam2:
    """SAM 2 with all clicks so far and, from the second on, its own last logits as mask prompt.

    Args:
        model: a transformers `Sam2Model`.
        name: its weights.
    """

    def __init__(self, model: Any, name: str) -> None:
        self.model = model.eval()
        self.name = f"sam2(weights={name})"

    @classmethod
    def load(cls, weights: str, loading: Loading) -> "Sam2":
        """From weights, a key of `weights.MODELS`."""
        return cls(*pretrained("Sam2Model", weights, loading))

    @torch.no_grad()
    def start(self, image: Image, depth: DepthMap | None = None) -> SamClicking:
        """The aspect is not kept: SAM 2 sees a square."""
        side = self.model.config.prompt_encoder_config.image_size
        square = Size(side, side)
        pixels = normalized(image, square, MEAN, STD).to(self.model.device)
        embeddings = self.model.get_image_embeddings(pixels)
        return SamClicking(self.model, embeddings, Size(*image.shape[:2]), square, square, "SAM 2")
