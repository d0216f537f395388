"""The work of one worker: all objects of one photograph."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from m2n2v2.baselines import ANYWHERE, Segmenter, segmenter
from m2n2v2.datasets.base import Item, load
from m2n2v2.errors import DatasetError, DepthError, ImageError
from m2n2v2.evaluation.interaction import interact, synchronized_seconds
from m2n2v2.evaluation.metrics import boundary_f_score, boundary_iou
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import Record
from m2n2v2.images import write_png
from m2n2v2.prompts import prompts_to_json
from m2n2v2.weights.locating import Loading

Depth = Literal["preset", "measured"]
"""Where depth comes from: what the preset says, or the maps that a dataset has."""


@dataclass(frozen=True)
class Job:
    """All objects of one photograph, so that it is prepared once."""

    dataset: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Work:
    """What is done with every job; sent to every worker.

    Attributes:
        preset: a name of `baselines.names`.
        loading: how its weights are had, and where it runs; its `weights` are the attention's.
        depth_weights: the depth model's, likewise.
        masks: a folder for the last mask of every object, None for none.
        skip_broken: record what cannot be read and go on.
        attention_cache: a folder that keeps attention between runs, None for none.
        build: makes the segmenter, once per worker.
    """

    preset: str
    protocol: Protocol
    loading: Loading = ANYWHERE
    depth_weights: str | None = None
    depth: Depth = "preset"
    masks: Path | None = None
    skip_broken: bool = False
    attention_cache: Path | None = None
    build: Callable[[str, Loading, str | None, Path | None], Segmenter] = field(default=segmenter)

    @property
    def device(self) -> str:
        return self.loading.device

    def start(self) -> Segmenter:
        return self.build(self.preset, self.loading, self.depth_weights, self.attention_cache)

    def on(self, made: Segmenter, job: Job) -> Iterator[Record]:
        """The record of each object, as it is finished.

        Raises:
            ImageError, DatasetError, DepthError: an image or mask is broken, unless skipped.
        """
        clicking, seconds = None, 0.0
        for item in job.items:
            try:
                sample = load(
                    item,
                    depth=self.depth == "measured",
                    start=self.protocol.start == "given",
                )
            except (ImageError, DatasetError, DepthError) as error:
                if not self.skip_broken:
                    raise
                yield Record(job.dataset, item.name, str(item.image), error=str(error))
                continue
            if clicking is None:
                before = synchronized_seconds()
                clicking = made.start(sample.image, sample.depth)
                seconds = synchronized_seconds() - before
            generator = self.protocol.generator(job.dataset, item.name)
            done = interact(clicking, sample, self.protocol, generator)
            if self.masks is not None:
                path = mask_path(self.masks, job.dataset, item.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_png(path, done.mask)
            yield Record(
                job.dataset,
                item.name,
                str(item.image),
                (sample.image.shape[1], sample.image.shape[0]),
                tuple((click.x, click.y, int(click.positive)) for click in done.clicks),
                done.ious,
                seconds,
                done.seconds,
                boundary_iou(sample.truth, done.mask, sample.void),
                boundary_f_score(sample.truth, done.mask, sample.void),
                first=None if done.first is None else prompts_to_json([done.first])[0],
            )

    def lost(self, job: Job, reason: str) -> list[Record]:
        """The records of a job whose worker died."""
        return [Record(job.dataset, i.name, str(i.image), error=reason) for i in job.items]


def mask_path(masks: Path, dataset: str, item: str) -> Path:
    """Where the last mask of an object is kept."""
    name = item.replace("/", "_").replace(":", "_").removesuffix(".png")
    return masks / dataset / f"{name}.png"
