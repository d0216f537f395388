"""Attention kept on disk, for many runs over the same photographs."""

import hashlib
import os
import pickle
from pathlib import Path

import torch

from m2n2v2.arrays import Image
from m2n2v2.attention.base import Attention, AttentionSource
from m2n2v2.errors import OutputError
from m2n2v2.source_code import source_digest


class CachedAttention:
    """An attention source that computes the attention of a photograph once.

    A file's name is a digest of the photograph, the source's name and weights, and the code of all
    attention sources with what they import, so nothing goes stale. Files are pickles: use a folder
    of your own.

    Args:
        folder: made if it is not there. A dense attention over 128 x 128 cells takes 1 GiB.
        weights: which ones the source has loaded.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, source: AttentionSource, folder: Path, weights: str = "") -> None:
        self._source, self._folder, self._weights = source, folder, weights
        self._code = source_digest("m2n2v2.attention")

    @property
    def name(self) -> str:
        return self._source.name

    def extract(self, image: Image) -> Attention:
        which = f"{self._code} {self.name} {self._weights} {image.shape}"
        digest = hashlib.sha256(which.encode())
        digest.update(image.tobytes())
        path = self._folder / f"{digest.hexdigest()}.pt"
        if path.exists():
            try:
                attention: Attention = torch.load(path, weights_only=False)
                return attention
            except (EOFError, RuntimeError, pickle.UnpicklingError):
                path.unlink()  # cut short; it is computed again
        made = self._source.extract(image).to("cpu")
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            torch.save(made, temporary)
            temporary.replace(path)
        except (OSError, RuntimeError) as error:
            temporary.unlink(missing_ok=True)
            raise OutputError(
                f"cannot keep an attention in {self._folder} ({error})",
                cure="make room, or leave out --attention-cache",
            ) from error
        return made
