"""Features of frames kept on disk: what a network took seconds for is read in milliseconds.

Kept as states are (`kept.KeptFolder`), under names that say all that they depend on. Half
precision, 2 bytes a number: 1.6 MB for a frame of 854 x 480.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float16
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from m2n2v2.arrays import Image
from m2n2v2.errors import FrameError, OutputError
from m2n2v2.files import whole_file
from m2n2v2.grid import Size, limited
from m2n2v2.images import pixel_digest, resized
from m2n2v2.kept import KeptFolder
from m2n2v2.presets import Preset
from m2n2v2.source_code import source_digest
from m2n2v2.states.cache import CURE, default_folder, default_limit
from m2n2v2.telling import Tell
from m2n2v2.tracking.cells import CellFeatures, Features
from m2n2v2.tracking.frames import Frames, open_frames
from m2n2v2.tracking.sources import source_of
from m2n2v2.weights.locating import Loading

SUFFIX = ".safetensors"
_VALUES = "features"


@dataclass(frozen=True)
class FeatureCache:
    """A folder of the features of frames.

    Attributes:
        folder: made when it is first written to.
        limit: bytes that all files together may take; 0 keeps nothing.
        tell: called with the reason, once, where features cannot be kept.
    """

    folder: Path = field(default_factory=lambda: default_folder() / "frames")
    limit: int = field(default_factory=default_limit)
    tell: Tell | None = None

    def __call__(self, source: CellFeatures) -> "KeptFeatures":
        """The same source, which remembers."""
        return KeptFeatures(source, self)

    def find(self, key: str) -> Float16[np.ndarray, "h w c"] | None:
        """What is kept under a key; a damaged file is removed."""
        try:
            values = load_file(self._kept.path(key))[_VALUES]
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, KeyError, ValueError):
            self._kept.remove(key)
            return None
        self._kept.use(key)
        return values

    def put(self, key: str, values: Float16[np.ndarray, "h w c"]) -> None:
        """Keep features, and drop what there is no room for any more.

        Raises:
            OutputError: the folder cannot be written.
        """
        if not self.limit:
            return
        self._kept.make(cure=CURE)
        with whole_file(self._kept.path(key)) as temporary:
            save_file({_VALUES: values}, temporary)
        self.trim()

    def trim(self) -> None:
        """Drop the least recently used until the rest fits."""
        self._kept.trim()

    @property
    def _kept(self) -> KeptFolder:
        return KeptFolder(self.folder, SUFFIX, self.limit)


class KeptFeatures:
    """Features from the cache, or made now and kept. Both are of half precision, so that what is
    read is what was made.

    Args:
        source: what makes them; not asked where the cache knows.
        cache: where they are kept; never the reason of a failure.
    """

    def __init__(self, source: CellFeatures, cache: FeatureCache) -> None:
        self._source, self._cache = source, cache
        self._writable = True
        self._code = source_digest("m2n2v2.tracking.cells")

    def __call__(self, image: Image) -> Features:
        key = self.key(image)
        values = self._cache.find(key)
        if values is None:
            values = self._source(image).astype(np.float16)
            self._keep(key, values)
        return values.astype(np.float32)

    def _keep(self, key: str, values: Float16[np.ndarray, "h w c"]) -> None:
        if not self._writable:
            return
        try:
            self._cache.put(key, values)
        except OutputError as error:
            self._writable = False
            if self._cache.tell is not None:
                self._cache.tell(f"features of frames are not kept: {error}")

    def key(self, image: Image) -> str:
        """Of all that a frame's features depend on."""
        facts = [pixel_digest(image), self._source.name, self._code]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def bytes(self, size: Size) -> int:
        """What a frame of a size takes on disk."""
        return 2 * self._source.cells(size).area * self._source.channels


@dataclass(frozen=True)
class FeatureWork:
    """Describe frames ahead of following them; for worker processes (`evaluation.executors`).

    Attributes:
        clip, stride: as `frames.open_frames` takes them.
        short_side: pixels to which frames are reduced.
        preset, loading: as `sources.source_of` takes them.
        cache: where the features go.
    """

    clip: Path
    stride: int
    short_side: int
    preset: Preset
    loading: Loading
    cache: FeatureCache

    @property
    def device(self) -> str:
        return self.loading.device

    def start(self) -> tuple[Frames, KeptFeatures]:
        """What a worker makes once."""
        source, _ = source_of(self.preset, self.loading)
        return open_frames(self.clip, self.stride), KeptFeatures(source, self.cache)

    def on(self, made: tuple[Frames, KeptFeatures], job: int) -> Iterator[int]:
        """A frame's features into the cache; a broken frame has none."""
        frames, features = made
        with contextlib.suppress(FrameError):
            features(resized(frames.read(job), limited(frames.size, self.short_side)))
        yield job

    def lost(self, job: int, reason: str) -> list[int]:
        """Following describes the frame itself."""
        return [job]
