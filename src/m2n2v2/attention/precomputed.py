"""Attention computed elsewhere: an array, a tensor, or a file of one."""

import math
import os
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from m2n2v2.arrays import Image
from m2n2v2.attention.base import DenseAttention
from m2n2v2.errors import AttentionError


class Precomputed:
    """An attention source that returns the attention it was given, whatever the image.

    Args:
        attention: `(h, w, h, w)`, or `(n, n)` over a square grid; an array, a tensor, or the
            path of a `.npy` file or of an `.npz` file with an array `attention`. Rows sum to 1.
        normalize: divide every row by its sum first.
        name: what to record as its origin.

    Raises:
        AttentionError: see `DenseAttention`; or the file cannot be read.
    """

    def __init__(
        self,
        attention: Shaped[np.ndarray, "..."] | Shaped[Tensor, "..."] | str | os.PathLike[str],
        *,
        normalize: bool = False,
        name: str | None = None,
    ) -> None:
        if isinstance(attention, str | os.PathLike):
            name = name or f"file {Path(attention).name}"
            attention = _load(Path(attention))
        self.name = name or "precomputed"
        try:
            tensor = torch.as_tensor(attention)
        except TypeError as error:
            raise AttentionError(
                f"attention is an array of {getattr(attention, 'dtype', type(attention))}",
                cure="give floating-point values",
            ) from error
        if tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]:
            side = math.isqrt(tensor.shape[0])
            if side * side != tensor.shape[0]:
                raise AttentionError(
                    f"attention over {tensor.shape[0]} cells does not fit a square grid",
                    cure="give shape (h, w, h, w)",
                )
            tensor = tensor.reshape(side, side, side, side)
        if normalize and tensor.ndim == 4 and tensor.is_floating_point():
            tensor = tensor / tensor.sum((2, 3), keepdim=True)
        self._attention = DenseAttention(tensor)

    def extract(self, image: Image) -> DenseAttention:
        return self._attention


def _load(path: Path) -> Shaped[np.ndarray, "..."]:
    try:
        loaded = np.load(path, allow_pickle=False)
        array: Shaped[np.ndarray, ...] = loaded["attention"] if path.suffix == ".npz" else loaded
        return array
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise AttentionError(
            f"cannot read an attention from {path} ({error})",
            cure="give a .npy file, or an .npz file with an array named attention",
        ) from error
