"""States kept between runs (`kept.KeptFolder`), under names that say all that they depend on."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch

from m2n2v2.errors import SettingsError, StateError
from m2n2v2.files import user_cache
from m2n2v2.kept import KeptFolder
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.source_code import source_digest
from m2n2v2.states.file import FORMAT, SUFFIX, read_state, write_state

FOLDER, LIMIT = "M2N2V2_CACHE", "M2N2V2_CACHE_GIB"
"""Environment variables: where it is, and how large it may be; 0 keeps nothing."""

DEFAULT_GIB = 4.0

CURE = f"set {FOLDER} to a folder of yours, or use --no-cache"
"""Where a cache cannot be made."""


def default_folder() -> Path:
    """The user's cache folder, as the system has it."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser() if given else user_cache() / "states"


def default_limit() -> int:
    """In bytes.

    Raises:
        SettingsError: the environment says something that is no size.
    """
    text = os.environ.get(LIMIT) or str(DEFAULT_GIB)
    try:
        gib = float(text)
        if not 0 <= gib < float("inf"):
            raise ValueError
    except ValueError as error:
        raise SettingsError(
            f"{LIMIT} is {text!r}", cure="use a number of GiB, 0 or more"
        ) from error
    return int(gib * 2**30)


@dataclass(frozen=True)
class StateCache:
    """A folder of exact states; what comes from it is bit for bit what went in.

    Attributes:
        folder: made when it is first written to.
        limit: bytes that all files together may take.
    """

    folder: Path = field(default_factory=default_folder)
    limit: int = field(default_factory=default_limit)

    def find(
        self,
        key: str,
        device: torch.device | str = "cpu",
        *,
        settings: Settings | None = None,
    ) -> ImageState | None:
        """The state of that key, if it is here; a damaged one is removed.

        Args:
            settings: to click with; those of whoever kept it, if not given.
        """
        try:
            state = read_state(self._kept.path(key), settings=settings, device=device)
        except StateError:
            self._kept.remove(key)
            return None
        self._kept.use(key)
        return state

    def put(self, key: str, state: ImageState) -> None:
        """Keep a state, and drop what there is no room for any more.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self.limit == 0:
            return
        self._kept.make(cure=CURE)
        write_state(self._kept.path(key), state, exact=True)
        self.trim()

    def trim(self) -> None:
        """Drop the least recently used until the rest fits."""
        self._kept.trim()

    def bytes(self) -> int:
        """How much it takes now."""
        return sum(size for _, size, _ in self._kept.files())

    def __len__(self) -> int:
        """How many states it holds."""
        return sum(not path.name.startswith(".") for _, _, path in self._kept.files())

    @property
    def _kept(self) -> KeptFolder:
        return KeptFolder(self.folder, SUFFIX, self.limit)


def cache_key(image_sha256: str, settings: Settings, recipe: str) -> str:
    """Of all that a state depends on: image, settings, sources and their weights, and our code."""
    facts = [FORMAT, image_sha256, settings.to_dict("preparing"), recipe, preparing_code()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def preparing_code() -> str:
    """Digest of all our code that a state may depend on; versions that share it prepare alike."""
    return source_digest("m2n2v2.states.preparing")
