"""What the reduced chain changes in masks and in NoC, over real photographs.

    python -m benchmarks.accuracy --data-root DATA --side 64 --shard 1/2

The attention is a stand-in, no network's: the offline one as a matrix (`dense()`), sharpened as the
paper's presets do (temperature 0.65), without depth. Every object is clicked as the protocol `ritm`
says, on the exact chain; the same clicks are then taken on the reduced one, and their masks
compared. A second run of the protocol, on the reduced chain, gives its own NoC.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import metadata
from m2n2v2.arrays import Image, Mask
from m2n2v2.attention import Affinity, DenseAttention
from m2n2v2.attention.affinity import AffinityParameters
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.baselines.ours import Folding
from m2n2v2.datasets import Item, find, load
from m2n2v2.evaluation.interaction import interact
from m2n2v2.evaluation.metrics import bootstrap_interval
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.reduction.subspace import reduced

DATASET = "GrabCut"
TARGET = 0.9


class Matrix:
    """The offline attention at a side, as a matrix: a stand-in for a network's."""

    gives_away = True

    def __init__(self, side: int) -> None:
        self.name = f"offline at side {side}, as a matrix"
        self._source = Affinity(replace(AffinityParameters(), grid=side))

    def extract(self, image: Image) -> DenseAttention:
        return self._source.extract(image).dense()


class Kept(Folding):
    """Keeps the mask after every click."""

    def __init__(self, state: ImageState) -> None:
        super().__init__(state)
        self.masks: list[Mask] = []

    def click(self, click: Any) -> Mask:
        mask = super().click(click)
        self.masks.append(mask)
        return mask


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--data-root", type=Path, help="where GrabCut is")
    parser.add_argument("--again", type=Path, help="sum up the rows of a result, and no more")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--shard", default="1/1", help="i/n: every n-th photograph from the i-th")
    parser.add_argument("--limit", type=int, help="the first so many of them")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    if chosen.again:
        found = json.loads(chosen.again.read_text())
        again = summary(found["rows"])
        chosen.again.write_text(json.dumps({**found, **again}, indent=1) + "\n")
        print(json.dumps(again, indent=1))
        return
    if chosen.data_root is None:
        parser.error("give --data-root")
    made_by = metadata()  # before, not after: the code that runs is the code as it is now
    first, step = map(int, chosen.shard.split("/"))
    items = find(DATASET, chosen.data_root, "field")[first - 1 :: step][: chosen.limit]
    protocol = Protocol(n_clicks=chosen.clicks, target_iou=TARGET, thresholds=(TARGET,))
    source, rows = Matrix(chosen.side), []
    for item in items:
        rows.append(compared(item, source, protocol))
        print(json.dumps(rows[-1]), flush=True)
    found = {
        "metadata": made_by,
        "attention": f"stand-in: {source.name}",
        "dataset": DATASET,
        "photographs": len(rows),
        "shard": chosen.shard,
        "protocol": protocol.to_dict(),
        **summary(rows),
        "rows": rows,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"accuracy-{chosen.side}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(summary(rows), indent=1), path, sep="\n")


def compared(item: Item, source: Matrix, protocol: Protocol) -> dict[str, Any]:
    """One object on both chains."""
    sample = load(item)
    exact = prepare(sample.image, source, settings=Settings.ours().replace(chain="exact"))
    began = time.perf_counter()
    transition = reduced(exact.transition)
    seconds = time.perf_counter() - began
    fast = replace(exact, transition=transition)
    walked, other = Kept(exact), Folding(fast)
    done = interact(walked, sample, protocol, protocol.generator(DATASET, item.name))
    again = interact(other, sample, protocol, protocol.generator(DATASET, item.name))
    other.restart()
    agree = [
        _iou(mask, other.click(click))
        for click, mask in zip(done.clicks, walked.masks, strict=True)
    ]
    attention = transition.attention
    return {
        "item": item.name,
        "error": attention.error if isinstance(attention, ReducedAttention) else None,
        "reducing_s": round(seconds, 2),
        "mask_iou": [round(iou, 5) for iou in agree],
        "noc_exact": _noc(done.ious, protocol),
        "noc_fast": _noc(again.ious, protocol),
        "click_exact_ms": round(1e3 * statistics.median(done.seconds), 1),
        "click_fast_ms": round(1e3 * statistics.median(again.seconds), 1),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all clicks of all objects."""
    agree = [iou for row in rows for iou in row["mask_iou"]]
    apart = [float(row["noc_fast"] - row["noc_exact"]) for row in rows]
    noc = {name: statistics.mean(row[f"noc_{name}"] for row in rows) for name in ("exact", "fast")}
    errors = [row["error"][0] for row in rows if row["error"]]
    return {
        "clicks": len(agree),
        "mask_iou_median": round(statistics.median(agree), 5),
        "mask_iou_5_percent": round(float(np.quantile(agree, 0.05)), 5),
        "mask_iou_least": min(agree),
        "noc90_exact": round(noc["exact"], 3),
        "noc90_fast": round(noc["fast"], 3),
        "noc90_difference": round(noc["fast"] - noc["exact"], 3),
        "noc90_difference_95_percent": bootstrap_interval(apart),
        "objects_of_another_noc": sum(clicks != 0 for clicks in apart),
        "kept_exact": len(rows) - len(errors),
        "error_median": round(statistics.median(errors), 6) if errors else None,
        "error_largest": round(max(errors), 6) if errors else None,
    }


def _iou(one: Mask, other: Mask) -> float:
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else 1.0


def _noc(ious: tuple[float, ...], protocol: Protocol) -> int:
    reached = [click for click, iou in enumerate(ious, 1) if iou >= TARGET]
    return reached[0] if reached else protocol.n_clicks


if __name__ == "__main__":
    main()
