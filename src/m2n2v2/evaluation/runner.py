"""Runs: what is evaluated, its folder, and how it goes on after an interruption."""

import dataclasses
import hashlib
import json
import os
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import torch

from m2n2v2.baselines import ANYWHERE, description, weights
from m2n2v2.datasets import Item, find
from m2n2v2.datasets.folder import VOID
from m2n2v2.errors import OutputError, RunError, SettingsError
from m2n2v2.evaluation.executors import Executor, serial
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import Record, RecordFile, read_records
from m2n2v2.evaluation.work import Depth, Job, Work
from m2n2v2.masks.conventions import Convention as MaskValues
from m2n2v2.source_code import source_digest
from m2n2v2.telling import Tell, silent
from m2n2v2.version import __version__
from m2n2v2.weights.locating import Loading

RUN = "run.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is evaluated. Two runs with equal plans, code and data give the same table.

    Attributes:
        preset: a name of `baselines.names`.
        loading: how its weights are had, and where it runs; its `weights` are the attention's.
        depth_weights: the depth model's, likewise.
        datasets: names for `datasets.find`.
        limit: only the first so many objects of each dataset; None for all.
        shard: (i, n) from 1: every n-th photograph, beginning with the i-th.
        masks: keep the last mask of every object, as `masks/DATASET/ITEM.png`.
        attention_cache: a folder that keeps attention between runs; seconds of preparation then
            mean nothing.
    """

    preset: str
    datasets: tuple[str, ...]
    data_root: Path
    protocol: Protocol = dataclasses.field(default_factory=Protocol)
    depth: Depth = "preset"
    depth_unit: str = "mm"
    void: int | None = VOID
    mask_values: MaskValues = "auto"
    limit: int | None = None
    shard: tuple[int, int] = (1, 1)
    loading: Loading = ANYWHERE
    depth_weights: str | None = None
    masks: bool = False
    skip_broken: bool = False
    attention_cache: Path | None = None

    def __post_init__(self) -> None:
        index, count = self.shard
        if not 1 <= index <= count:
            raise SettingsError(f"shard is {index}/{count}", cure="use i/n with 1 <= i <= n")
        if self.limit is not None and self.limit < 1:
            raise SettingsError(f"limit is {self.limit}", cure="use 1 or more")
        if self.depth not in get_args(Depth):
            raise SettingsError(f"depth is {self.depth!r}", cure=f"use one of {get_args(Depth)}")
        if not self.datasets:
            raise SettingsError("no dataset was named", cure="give --datasets A,B")

    def items(self, tell: Tell = silent) -> dict[str, list[Item]]:
        """The objects of each dataset, limited; of all shards. What is left out is told."""
        return {
            name: find(
                name,
                self.data_root,
                self.protocol.convention,
                void=self.void,
                depth_unit=self.depth_unit,
                mask_values=self.mask_values,
                tell=tell,
            )[: self.limit]
            for name in self.datasets
        }

    def jobs(self, items: dict[str, list[Item]]) -> list[Job]:
        """This shard's objects, by photograph."""
        index, count = self.shard
        jobs = []
        for name, listed in items.items():
            photographs = groupby(listed, lambda item: item.image)
            every = [Job(name, tuple(objects)) for _, objects in photographs]
            jobs += every[index - 1 :: count]
        return jobs


def evaluate(
    plan: Plan,
    out: Path,
    executor: Executor = serial,
    *,
    progress: Callable[[Record], None] | None = None,
    command: str = "",
) -> list[Record]:
    """Run a plan, or what is left of it, into a folder.

    Ctrl-C lets the photographs in work be finished and written, then raises; a second one raises
    at once. Started again, the run goes on; objects that gave an error are tried again.

    Args:
        out: made if it is not there.
        progress: called with every record, those of before first.
        command: kept in the folder.

    Returns:
        The records, by dataset and item.

    Raises:
        RunError: the folder holds a run of another plan, weights, code or data.
        BackendError, WeightsError: the weights cannot be had.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: after Ctrl-C.
        ImageError, DatasetError, DepthError: an image or mask is broken, unless skipped.
    """
    items = plan.items()
    identity = identify(plan, items)
    _claim(out, identity, command)
    done = {record.key: record for record in read_records(out) if record.error is None}
    jobs = [left for job in plan.jobs(items) if (left := _left(job, done)) is not None]
    work = Work(
        plan.preset,
        plan.protocol,
        loading=plan.loading,
        depth_weights=plan.depth_weights,
        depth=plan.depth,
        masks=out / "masks" if plan.masks else None,
        skip_broken=plan.skip_broken,
        attention_cache=plan.attention_cache,
    )
    for record in done.values():
        if progress:
            progress(record)
    with RecordFile(out) as file, _interruption() as interrupted:
        feed = (job for job in jobs if not interrupted())
        for records in executor(work, feed):
            file.append(records)
            for record in records:
                if progress:
                    progress(record)
        if interrupted():
            raise KeyboardInterrupt
    return read_records(out)


def identify(plan: Plan, items: dict[str, list[Item]]) -> dict[str, Any]:
    """What makes a number: segmenter, weights, datasets, protocol, settings, code. Ready for JSON.

    Weights that are not here are fetched.
    """
    return {
        "format": FORMAT,
        "preset": plan.preset,
        "segmenter": description(plan.preset),
        "weights": weights(plan.preset, plan.loading, plan.depth_weights),
        "depth": plan.depth,
        "attention_cached": plan.attention_cache is not None,
        "protocol": plan.protocol.to_dict(),
        "datasets": {
            name: {"objects": len(listed), "fingerprint": _fingerprint(listed)}
            for name, listed in items.items()
        },
        "limit": plan.limit,
        "shard": list(plan.shard),
        "void": plan.void,
        "mask_values": plan.mask_values,
        "depth_unit": plan.depth_unit,
        "version": __version__,
        "code": source_digest(__name__),
    }


def read_run(run: Path) -> dict[str, Any]:
    """What a run's folder says about itself.

    Raises:
        RunError: it is no run's folder, or was written by another version.
    """
    try:
        facts: dict[str, Any] = json.loads((run / RUN).read_text("utf-8"))
        known = facts["identity"]["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{run} is no run's folder ({error})", cure="give the --out of `m2n2v2 evaluate`"
        ) from error
    if known != FORMAT:
        raise RunError(
            f"{run} has format {known}, this version reads {FORMAT}",
            cure="report it with the version that made it, or run it again",
        )
    return facts


def _claim(out: Path, identity: dict[str, Any], command: str) -> None:
    if (out / RUN).exists():
        before = read_run(out)["identity"]
        changed = [name for name in identity if before.get(name) != identity[name]]
        if changed:
            name = changed[0]
            raise RunError(
                f"{out} holds a run with other {', '.join(changed)} "
                f"({name} was {_short(before.get(name))}, is {_short(identity[name])})",
                cure="give another --out, or the options it was started with",
            )
        return
    facts = {"identity": identity, "command": command, "machine": _machine()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        temporary = out / f".{RUN}.{os.getpid()}"
        temporary.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
        temporary.replace(out / RUN)
    except OSError as error:
        raise OutputError(
            f"cannot write {out} ({error.strerror})", cure="choose another folder with --out"
        ) from error


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _left(job: Job, done: dict[tuple[str, str], Record]) -> Job | None:
    left = tuple(item for item in job.items if (job.dataset, item.name) not in done)
    return Job(job.dataset, left) if left else None


def _fingerprint(items: list[Item]) -> str:
    """Of names and sizes of files, which are cheap to get and change when data does."""
    digest = hashlib.sha256()
    for item in items:
        path = getattr(item.truth, "path", None)
        files = [item.image, path, item.depth, item.start]
        sizes = [file.stat().st_size if file and file.exists() else -1 for file in files]
        truth = "" if path else repr(item.truth)
        digest.update(f"{item.name}\0{sizes}\0{truth}\n".encode())
    return digest.hexdigest()[:16]


def _machine() -> dict[str, Any]:
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "gpus": gpus,
        "torch": torch.__version__,
    }


@contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """Remember the first Ctrl-C; the second one raises. Outside the main thread, do nothing."""
    asked = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    try:
        before = signal.signal(signal.SIGINT, remember)
    except ValueError:
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
