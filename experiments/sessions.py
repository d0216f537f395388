"""Many settings clicked on one photograph, in step: what they share is computed once.

An experiment names its rows, which are settings that differ from a preset's; `main` clicks them on
every object and prints means and differences to the first row, paired over objects.

Photographs come in an order that spreads them (every third, then the next third): what a run has
when it is stopped is a fair part of the whole. Started again it goes on.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from m2n2v2.arrays import CellMaps, Image, Mask
from m2n2v2.attention.base import Attention, AttentionSource, DenseAttention
from m2n2v2.attention.dinov2 import Dinov2
from m2n2v2.baselines.cached import CachedAttention
from m2n2v2.datasets import Item, find
from m2n2v2.datasets.base import Sample, load
from m2n2v2.depth.precomputed import Precomputed
from m2n2v2.evaluation.metrics import (
    bootstrap_interval,
    iou,
    iou_at,
    largest_drop,
    number_of_clicks,
)
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import Preset, preset
from m2n2v2.prompts import Click
from m2n2v2.session import MapCache
from m2n2v2.source_code import source_digest
from m2n2v2.version import __version__
from m2n2v2.weights.devices import choose_device
from m2n2v2.weights.locating import Loading

MEASURES = ("NoC85", "NoC90", "NoC95", "mIoU@1", "mIoU@3", "mIoU@5", "mIoU@10", "drop")
OF_A_MAP = ("chain_steps", "click_placement", "candidates", "depth_guided_fill")
"""Settings of the clicking half that a click's map depends on."""


@dataclass(frozen=True)
class Row:
    """What a row changes in the preset.

    Attributes:
        flip: average with the mirrored photograph's attention; None as the preset has it.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    flip: bool | None = None


Rows = Mapping[str, Row]


@dataclass(frozen=True)
class Mirrored:
    """The mean of the attention and of the mirror image's, mirrored back (supplement 9), of a
    source that sees one image: both stay in its cache."""

    source: AttentionSource

    @property
    def name(self) -> str:
        return f"{self.source.name}, flip"

    def extract(self, image: Image) -> DenseAttention:
        mirror = np.ascontiguousarray(image[:, ::-1])
        plain, other = (self._seen(photograph) for photograph in (image, mirror))
        return DenseAttention((plain + other.flip(1, 3)) / 2)

    def _seen(self, image: Image) -> CellMaps:
        attention = self.source.extract(image)
        if not isinstance(attention, DenseAttention):
            raise TypeError(f"{self.source.name} gives no matrix")
        return attention.matrix.reshape(*attention.cells.shape, *attention.cells.shape)


@dataclass
class Once:
    """An attention source that remembers its last photograph."""

    source: AttentionSource
    image: Image | None = None
    known: Attention | None = None

    @property
    def name(self) -> str:
        return self.source.name

    def extract(self, image: Image) -> Attention:
        if self.image is not image or self.known is None:
            self.image, self.known = image, self.source.extract(image)
        return self.known


class Prepared:
    """One photograph under many settings."""

    def __init__(
        self, sample: Sample, sources: Mapping[bool, AttentionSource], device: torch.device
    ) -> None:
        self.sample, self.sources, self.device = sample, sources, device
        depth = sample.depth
        self.depth = None if depth is None else Precomputed(depth, name="measured")
        self._states: dict[object, ImageState] = {}
        self._maps: dict[object, MapCache] = {}

    def under(self, settings: Settings, flip: bool) -> tuple[ImageState, MapCache]:
        """The state under these settings, and the maps of its clicks so far."""
        preparing = (flip, *settings.to_dict("preparing").values())
        if preparing not in self._states:
            source = self.sources[flip]
            self._states[preparing] = prepare(
                self.sample.image, source, self.depth, settings, device=self.device
            )
        state = replace(self._states[preparing], settings=settings)
        key = (*preparing, *(getattr(settings, name) for name in OF_A_MAP))
        return state, self._maps.setdefault(key, MapCache(state, 1 << 30))


class Session:
    """One row on one object."""

    def __init__(self, state: ImageState, maps: MapCache, sample: Sample) -> None:
        self.state, self.maps, self.sample = state, maps, sample
        self.segmentation = empty(state)
        self.clicks: list[Click] = []
        self.ious: list[float] = []

    @property
    def mask(self) -> Mask:
        return self.segmentation.mask

    def click(self, click: Click) -> None:
        (known,) = self.maps((click,))
        self.segmentation = segment(self.state, self.segmentation, click, known)
        self.clicks.append(click)
        self.ious.append(iou(self.sample.truth, self.mask, self.sample.void))


def in_step(sessions: list[Session], protocol: Protocol, name: tuple[str, str]) -> None:
    """Click all sessions on one object to their ends, a click at a time, with maps in batches."""
    generators = {id(session): protocol.generator(*name) for session in sessions}
    known: dict[object, Click | None] = {}

    def following(session: Session) -> Click | None:
        if protocol.finished(session.ious):
            return None
        key = (session.mask.tobytes(), tuple(session.clicks))
        if key not in known or protocol.name == "random":
            known[key] = protocol.next_click(
                session.sample.truth,
                session.sample.void,
                session.mask,
                session.clicks,
                generators[id(session)],
            )
        return known[key]

    going = list(sessions)
    while going:
        clicks = [(session, click) for session in going if (click := following(session))]
        for maps in {id(session.maps): session.maps for session, _ in clicks}.values():
            maps(click for session, click in clicks if session.maps is maps)
        for session, click in clicks:
            session.click(click)
        going = [session for session, _ in clicks]


def attention_sources(chosen: Preset, loading: Loading, cache: Path | None) -> Any:
    """The preset's attention, by whether the photograph is seen mirrored, too."""
    source = replace(chosen, flip=False).attention_source(loading)
    if cache is not None:
        source = CachedAttention(source, cache)
    flips = isinstance(getattr(source, "_source", source), Dinov2)
    return {False: Once(source)} | ({True: Once(Mirrored(source))} if flips else {})


def run(
    given: argparse.Namespace, rows: Rows, known: set[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """A record of every object and row that is not known."""
    protocol, chosen = Protocol(name=given.protocol), preset(given.preset)
    sources: Any = None
    code = source_digest("m2n2v2.evaluation.runner")
    for name, item in spread(given, protocol):
        left = {
            row: made for row, made in rows.items() if (f"{name}/{item.name}", row) not in known
        }
        if not left:
            continue
        sources = sources or attention_sources(
            chosen,
            Loading(weights=given.weights, device=given.device),
            given.attention_cache,
        )
        sample = load(item, depth=given.depth_unit is not None)
        photograph = Prepared(sample, sources, choose_device(given.device))
        sessions = {}
        for row, made in left.items():
            flip = chosen.flip if made.flip is None else made.flip
            settings = chosen.settings.replace(**made.changes)
            state, maps = photograph.under(settings, flip and True in sources)
            sessions[row] = Session(state, maps, sample)
        in_step(list(sessions.values()), protocol, (name, item.name))
        for row, session in sessions.items():
            yield {
                "object": f"{name}/{item.name}",
                "row": row,
                "ious": session.ious,
                "attention": session.state.provenance.attention,
                "preset": given.preset,
                "protocol": given.protocol,
                "code": code,
            }


def spread(given: argparse.Namespace, protocol: Protocol) -> Iterator[tuple[str, Item]]:
    """The objects of all datasets, every third of them first."""
    index, count = (int(part) for part in given.shard.split("/"))
    for third in range(3):
        for name in given.datasets.split(","):
            unit = given.depth_unit or "mm"
            items = find(name, given.data_root, protocol.convention, depth_unit=unit)
            chosen = items[index - 1 :: count][: given.limit]
            yield from ((name, item) for item in chosen[third::3])


def measures(ious: list[float], budget: int) -> dict[str, float]:
    noc = {f"NoC{round(100 * t)}": number_of_clicks(ious, t, budget) for t in (0.85, 0.9, 0.95)}
    return (
        noc | {f"mIoU@{k}": iou_at(ious, k) for k in (1, 3, 5, 10)} | {"drop": largest_drop(ious)}
    )


def table(records: list[dict[str, Any]], rows: Rows, budget: int = 20) -> str:
    """Means over the objects that every row has, and differences to the first row."""
    made: dict[str, dict[str, dict[str, float]]] = {row: {} for row in rows}
    for record in records:
        if record["row"] in made:
            made[record["row"]][record["object"]] = measures(record["ious"], budget)
    made = {row: objects for row, objects in made.items() if objects}
    shared = sorted(set.intersection(*(set(objects) for objects in made.values())))
    first, *others = made
    said = {
        f"{record['preset']}, {record['attention']}, {record['protocol']}, code {record['code']}"
        for record in records
        if record["row"] in made and record["object"] in shared
    }
    lines = [f"{len(shared)} objects; {'; '.join(sorted(said))}; m2n2v2 {__version__}", ""]
    lines += [f"| rows | {' | '.join(MEASURES)} |", "| --- " * (len(MEASURES) + 1) + "|"]
    for row, objects in made.items():
        means = {m: fmean(objects[name][m] for name in shared) for m in MEASURES}
        cells = [f"{v:.2f}" if m.startswith("NoC") else f"{v:.3f}" for m, v in means.items()]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    lines += ["", f"| minus {first} | {' | '.join(MEASURES)} |"]
    lines.append("| --- " * (len(MEASURES) + 1) + "|")
    for row in others:
        cells = []
        for m in MEASURES:
            apart = [made[row][name][m] - made[first][name][m] for name in shared]
            low, high = bootstrap_interval(apart)
            digits = 2 if m.startswith("NoC") else 3
            cells.append(f"{fmean(apart):+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]")
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The options that every experiment of this kind has."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--preset", default="dinov2-small@48+flat")
    made.add_argument("--weights", help="the attention's: a folder; the cache's if not given")
    made.add_argument("--datasets", default="bsds_objects", help="A,B")
    made.add_argument("--data-root", type=Path, required=True)
    made.add_argument("--out", type=Path, required=True, help="a file of JSON lines; resumable")
    made.add_argument("--device", default="cpu", help="of the network and the chain")
    made.add_argument("--protocol", default="ritm")
    made.add_argument("--shard", default="1/1", help="i/n: every n-th object")
    made.add_argument("--limit", type=int, help="only the first objects of each dataset")
    made.add_argument("--depth-unit", help="of measured depth, which then guides")
    made.add_argument("--attention-cache", type=Path, help="compute each attention once")
    made.add_argument("--only-table", action="store_true", help="of what the file has")
    return made


def main(
    doc: str | None,
    rows: Callable[[argparse.Namespace], Rows],
    options: argparse.ArgumentParser | None = None,
) -> None:
    """Run an experiment from the command line and print its table.

    Args:
        doc: the experiment's own docstring.
        rows: makes its rows, the reference first, of the options.
    """
    given = (options or parser(doc)).parse_args()
    torch.set_num_threads(1)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    records = []
    if given.out.exists():
        records = [json.loads(line) for line in given.out.read_text().splitlines()]
    if not given.only_table:
        known = {(record["object"], record["row"]) for record in records}
        with given.out.open("a") as file:
            for record in run(given, rows(given), known):
                records.append(record)
                file.write(json.dumps(record) + "\n")
                file.flush()
    print(table(records, rows(given)))
