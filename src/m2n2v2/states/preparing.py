"""Preparing images by a recipe: one, through the cache, or a folder of them, into files."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from m2n2v2 import warming
from m2n2v2.arrays import Image
from m2n2v2.attention.base import AttentionSource
from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.depth.base import DepthSource
from m2n2v2.depth.measured import Measured
from m2n2v2.errors import (
    AttentionError,
    BackendError,
    DepthError,
    ImageError,
    OutputError,
    SettingsError,
    StateError,
)
from m2n2v2.images import pixel_digest, read_image
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import Progress
from m2n2v2.preparation import prepare
from m2n2v2.presets import ATTENTION, DEPTH, Preset, backbone
from m2n2v2.states.cache import StateCache, cache_key, preparing_code
from m2n2v2.states.file import (
    SUFFIX,
    StateHeader,
    read_header,
    refuse,
    set_clicking,
    write_state,
)
from m2n2v2.states.places import Place, heading, reading, size_of, writing
from m2n2v2.version import __version__
from m2n2v2.weights.devices import choose_device, compute_dtype
from m2n2v2.weights.locating import Loading, at_hand, locate
from m2n2v2.weights.verifying import identity

Outcome = Literal["prepared", "skipped", "refused", "broken"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What images are prepared with. Nothing is loaded before `sources` is asked for.

    Attributes:
        preset: whose attention, depth and settings.
        loading: how weights are located and where they run; its `weights` are the attention's.
        depth_weights: the depth model's, likewise.
        attention: a file of an attention in the place of the preset's.
        depth: a file of measured depth in the place of the preset's.
        depth_unit: of measured depth.

    Raises:
        BackendError: weights came for a source that has none.
    """

    preset: Preset
    loading: Loading = field(default_factory=Loading)
    depth_weights: str | None = None
    attention: Path | None = None
    depth: Path | None = None
    depth_unit: str = "mm"

    def __post_init__(self) -> None:
        for kind, registry, key, given in (
            ("attention", ATTENTION, self.preset.attention, self.loading.weights),
            ("depth", DEPTH, self.preset.depth, self.depth_weights),
        ):
            if key is None or backbone(registry, key).weights is None:
                refuse_unused(kind, given, self.preset.name)

    @property
    def settings(self) -> Settings:
        return self.preset.settings

    def sources(self) -> tuple[AttentionSource, DepthSource | None]:
        """Load the backbones, or read the files; a click is compiled meanwhile."""
        warming.begin(self.settings)
        attention: AttentionSource = (
            self.preset.attention_source(self.loading)
            if self.attention is None
            else Precomputed(self.attention)
        )
        if self.depth is not None:
            return attention, Measured(self.depth, unit=self.depth_unit)
        return attention, self.preset.depth_source(self._depth_loading)

    def identity(self, *, fetch: bool = False) -> str | None:
        """Which sources and weights these are, in JSON; None where the weights are not here.

        Args:
            fetch: download weights that are not here first.
        """
        if self.attention is not None:
            attention = _content(self.attention)
        else:
            attention = self._of("attention", self.preset.attention, self.loading, fetch)
        if self.depth is not None:
            depth = _content(self.depth, self.depth_unit)
        else:
            depth = self._of("depth", self.preset.depth, self._depth_loading, fetch)
        if attention is None or depth is None:
            return None
        return json.dumps({"attention": attention, "depth": depth}, sort_keys=True)

    @property
    def _depth_loading(self) -> Loading:
        return replace(self.loading, weights=self.depth_weights)

    def _of(
        self, kind: Literal["attention", "depth"], key: str | None, loading: Loading, fetch: bool
    ) -> str | None:
        """A source by name, with its weights if it has any."""
        if key is None:
            return "none"
        weights = backbone(ATTENTION if kind == "attention" else DEPTH, key).weights
        if weights is None:
            return key
        located = locate(weights, loading) if fetch else at_hand(weights, loading)
        if located is None:
            return None
        dtype = str(compute_dtype(loading.dtype, choose_device(loading.device)))
        flip = ", flip" if self.preset.flip else ""
        return f"{key} from {identity(located)}, {dtype.removeprefix('torch.')}{flip}"


def refuse_unused(kind: str, given: object, name: str) -> None:
    """For a segmenter whose attention or depth has no weights.

    Raises:
        BackendError: some came.
    """
    if given is not None:
        option = {"attention": "--weights", "depth": "--depth-weights"}[kind]
        raise BackendError(
            f"the weights {str(given)!r} came for the {kind} of {name}, which has none",
            cure=f"leave out {option}, or choose another --preset",
        )


class Preparer:
    """Prepares images by a recipe; the backbones are loaded when they are first needed.

    Args:
        recipe: what with.
        cache: what was prepared before; None for none. It is never the reason of a failure.
        progress: called with the name of each stage of a preparation.
    """

    def __init__(
        self, recipe: Recipe, cache: StateCache | None = None, progress: Progress | None = None
    ) -> None:
        self.recipe, self.cache, self.progress = recipe, cache, progress

    def __call__(self, image: Image) -> ImageState:
        """An image's state, from the cache or made now.

        Raises:
            M2N2Error: as `make`.
        """
        return self.known(image) or self.make(image)

    def known(self, image: Image) -> ImageState | None:
        """From the cache; no backbone is loaded."""
        key = self._key(pixel_digest(image)) if self.cache is not None else None
        if self.cache is None or key is None:
            return None
        return self.cache.find(key, self._device, settings=self.recipe.settings)

    def make(self, image: Image) -> ImageState:
        """Made now, and kept.

        Raises:
            M2N2Error: it cannot be prepared (`preparation.prepare`), or a source cannot be loaded.
        """
        attention, depth = self.sources
        state = prepare(
            image,
            attention,
            depth,
            self.recipe.settings,
            device=self._device,
            progress=self.progress,
        )
        self.keep(state)
        return state

    def keep(self, state: ImageState) -> None:
        """Put a state into the cache; where it cannot be written, one line says why."""
        key = self._key(state.image_sha256) if self.cache is not None else None
        if self.cache is not None and key is not None:
            try:
                self.cache.put(key, state)
            except OutputError as error:
                self.recipe.loading.tell(f"not kept: {error}")

    @cached_property
    def sources(self) -> tuple[AttentionSource, DepthSource | None]:
        """The recipe's, loaded once."""
        return self.recipe.sources()

    @property
    def _device(self) -> torch.device:
        return choose_device(self.recipe.loading.device)

    def _key(self, image_sha256: str) -> str | None:
        """None where the weights are not here, so that nobody knows which they will be."""
        recipe = self.recipe.identity()
        return recipe and cache_key(image_sha256, self.recipe.settings, recipe)


@dataclass(frozen=True)
class Task:
    """One photograph and the file of its state, in folders or stores."""

    image: Place
    state: Place


@dataclass(frozen=True)
class Result:
    """What became of a photograph.

    Attributes:
        reason: why it was refused, or is broken.
        seconds: that its preparation took.
        bytes: that its state takes.
    """

    image: Place
    outcome: Outcome
    reason: str | None = None
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class FolderWork:
    """Prepare photographs into files, for any executor; those that are finished are left alone,
    but for the settings that they are clicked with.

    Attributes:
        identity: `recipe.identity`, asked once.
        overwrite: make anew what was prepared otherwise; else it is refused.
        exact: keep every array as it is (`write_state`).
    """

    recipe: Recipe
    identity: str
    overwrite: bool = False
    exact: bool = False

    @property
    def device(self) -> str:
        return self.recipe.loading.device

    def start(self) -> Preparer:
        return Preparer(self.recipe)

    def on(self, made: Preparer, job: Task) -> Iterator[Result]:
        """The one result of a photograph.

        Raises:
            M2N2Error: something is wrong that the next photograph will not mend.
        """
        begin = time.perf_counter()
        try:
            with reading(job.image) as photograph:
                image = read_image(photograph)
            length = size_of(job.state)
            if length is not None:
                reason = self._not_taken_over(job.state, length, pixel_digest(image))
                if reason is None:
                    yield Result(job.image, "skipped", bytes=length)
                    return
                if not self.overwrite:
                    yield Result(job.image, "refused", reason)
                    return
            state = made(image)
        except (ImageError, AttentionError, DepthError) as error:
            yield Result(job.image, "broken", str(error))
            return
        with writing(job.state) as path:
            write_state(path, state, exact=self.exact, recipe=self.identity, code=preparing_code())
            written = path.stat().st_size
        yield Result(job.image, "prepared", None, time.perf_counter() - begin, written)

    def lost(self, job: Task, reason: str) -> list[Result]:
        return [Result(job.image, "broken", reason)]

    def _not_taken_over(self, state: Place, length: int, image_sha256: str) -> str | None:
        """Let a state be clicked with the recipe's settings; why it cannot be, None if it is.

        Args:
            length: of its file, in bytes.
        """
        settings = self.recipe.settings
        try:
            with heading(state, length) as path:
                header = read_header(path)
                refuse(path, header, image_sha256=image_sha256, settings=settings)
            reason = self._against(state, header)
            if reason is None and header.settings != settings:
                with writing(state, edit=True) as path:
                    set_clicking(path, settings)
        except StateError as error:
            return str(error)
        return reason

    def _against(self, state: Place, header: StateHeader) -> str | None:
        """Why a state is not the one wanted; None if it is."""
        if header.recipe != self.identity:
            return f"{state} was prepared with {header.recipe}, and not {self.identity}"
        version = header.provenance.version
        if header.code is None and version != __version__:
            return f"{state} was prepared by version {version}, which did not note its code"
        if header.code not in (None, preparing_code()):
            return f"{state} was prepared by other code than this, of version {version}"
        if self.exact and any(header.errors.values()):
            return f"{state} is not exact"
        return None


def tasks(names: Iterable[str], folder: Place, states: Place) -> list[Task]:
    """Each image of a folder, by its path there, with the file of its state, of the same name and
    one suffix more."""
    return [Task(folder / name, states / (name + SUFFIX)) for name in names]


def shard(all_tasks: list[Task], index: int, count: int) -> list[Task]:
    """Every `count`-th, beginning with the `index`-th, from 1.

    Raises:
        SettingsError: there is no such part.
    """
    if not 1 <= index <= count:
        raise SettingsError(f"shard is {index}/{count}", cure="use i/n with 1 <= i <= n")
    return all_tasks[index - 1 :: count]


def _content(path: Path, *how: Any) -> str | None:
    """A file by its content, read as `how`; None for one that cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # reading it says why
        return None
    return " ".join(["file", path.name, digest, *map(str, how)])
