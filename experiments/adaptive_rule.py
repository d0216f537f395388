"""The adaptive rule's readings and alpha, against the prior alone, paired over objects.

    python experiments/adaptive_rule.py --preset offline --datasets bsds_objects --shard 1/3 \
        --data-root DATA --out runs/adaptive-offline.jsonl

On a real network's attention under the paper's rules, at a side that a CPU can take:

    python experiments/adaptive_rule.py --preset dinov2-small@48+flat --weights FOLDER \
        --datasets bsds_objects --shard 1/3 --data-root DATA --out runs/adaptive-dinov2.jsonl

Every photograph is prepared once, and each click's map is computed once, for all rows: they differ
in scoring only. `--readings` and `--alphas` choose the rows; what the file has is not run again.

Hardware: a CPU. Time: 5 to 20 seconds an object for the four readings at one alpha.
Expected: docs/decisions/adaptive-rule.md and docs/decisions/alpha.md.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from m2n2v2.arrays import Mask
from m2n2v2.datasets import Item, find
from m2n2v2.datasets.base import load
from m2n2v2.evaluation.interaction import interact
from m2n2v2.evaluation.metrics import bootstrap_interval, iou_at, largest_drop, number_of_clicks
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Click
from m2n2v2.session import MapCache
from m2n2v2.weights.locating import Loading

READINGS = {
    "landed": {"bound": "segment", "discard": "forever"},
    "change": {"bound": "change", "discard": "forever"},
    "once": {"bound": "segment", "discard": "once"},
    "both": {"bound": "change", "discard": "once"},
}
"""What the paper's words allow: what is bounded, and for how long a click is discarded."""

PRIOR = "prior"
MEASURES = ("NoC85", "NoC90", "NoC95", "mIoU@3", "mIoU@5", "mIoU@10", "drop")


class Clicking:
    """A session under some settings, with maps that many sessions share."""

    def __init__(self, state: ImageState, maps: MapCache) -> None:
        self.state, self.maps = state, maps
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        self.segmentation = empty(self.state, mask)

    def click(self, click: Click) -> Mask:
        (known,) = self.maps((click,))
        self.segmentation = segment(self.state, self.segmentation, click, known)
        return self.segmentation.mask


def variants(readings: list[str], alphas: list[float]) -> dict[str, dict[str, Any]]:
    """Rows by name, and the settings that each changes."""
    rows: dict[str, dict[str, Any]] = {PRIOR: {"size_rule": "prior"}}
    for reading in readings:
        for alpha in alphas:
            rows[f"{reading}, alpha {alpha:g}"] = {"alpha": alpha, **READINGS[reading]}
    return rows


def measures(ious: list[float], budget: int) -> dict[str, float]:
    found = {f"NoC{round(100 * t)}": number_of_clicks(ious, t, budget) for t in (0.85, 0.9, 0.95)}
    return found | {f"mIoU@{k}": iou_at(ious, k) for k in (3, 5, 10)} | {"drop": largest_drop(ious)}


def run(given: argparse.Namespace, known: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """A row for each object and variant that is not known."""
    protocol = Protocol(name=given.protocol)
    rows = variants(given.readings.split(","), [float(a) for a in given.alphas.split(",")])
    chosen = preset(given.preset)
    source = depth = None
    for name in given.datasets.split(","):
        index, count = (int(part) for part in given.shard.split("/"))
        items: list[Item] = find(name, given.data_root, protocol.convention)
        for item in items[index - 1 :: count][: given.limit]:
            left = {row: s for row, s in rows.items() if (f"{name}/{item.name}", row) not in known}
            if not left:
                continue
            if source is None:
                loading = Loading(weights=given.weights)
                source = chosen.attention_source(loading)
                depth = chosen.depth_source(replace(loading, weights=given.depth_weights))
            sample = load(item)
            state = prepare(sample.image, source, depth, chosen.settings)
            maps = MapCache(state, capacity=500, limit=4 << 30)
            for row, changes in left.items():
                settings = chosen.settings.replace(**changes)
                clicking = Clicking(replace(state, settings=settings), maps)
                done = interact(clicking, sample, protocol, protocol.generator(name, item.name))
                yield {"object": f"{name}/{item.name}", "row": row, "ious": done.ious}


def table(records: list[dict[str, Any]], budget: int = 20) -> str:
    """Means over the objects that every row has, and differences to the prior with intervals."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for record in records:
        found = measures(record["ious"], budget)
        rows.setdefault(record["row"], {})[record["object"]] = found
    shared = sorted(set.intersection(*(set(objects) for objects in rows.values())))
    lines = [f"{len(shared)} objects", "", "| rule | " + " | ".join(MEASURES) + " |"]
    lines.append("| --- " * (len(MEASURES) + 1) + "|")
    for row, objects in rows.items():
        means = [fmean(objects[name][m] for name in shared) for m in MEASURES]
        cells = [
            f"{v:.2f}" if m.startswith("NoC") else f"{v:.3f}"
            for v, m in zip(means, MEASURES, strict=True)
        ]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    lines += ["", "| minus the prior | " + " | ".join(MEASURES) + " |"]
    lines.append("| --- " * (len(MEASURES) + 1) + "|")
    for row, objects in rows.items():
        if row == PRIOR:
            continue
        cells = []
        for m in MEASURES:
            differences = [objects[name][m] - rows[PRIOR][name][m] for name in shared]
            low, high = bootstrap_interval(differences)
            cells.append(f"{fmean(differences):+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--weights", help="the attention's")
    parser.add_argument("--depth-weights")
    parser.add_argument("--datasets", default="bsds_objects", help="A,B")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines; resumable")
    parser.add_argument("--protocol", default="ritm")
    parser.add_argument("--readings", default=",".join(READINGS))
    parser.add_argument("--alphas", default="32")
    parser.add_argument("--shard", default="1/1", help="i/n: every n-th object")
    parser.add_argument("--limit", type=int, help="only the first objects of each dataset")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    records = []
    if given.out.exists():
        records = [json.loads(line) for line in given.out.read_text().splitlines()]
    with given.out.open("a") as file:
        for record in run(given, {(each["object"], each["row"]) for each in records}):
            records.append(record)
            file.write(json.dumps(record) + "\n")
            file.flush()
    print(table(records))


if __name__ == "__main__":
    main()
