"""A preset with a real network on one photograph: how long, how large, how much memory.

    python -m benchmarks.network [PHOTOGRAPH ...] --preset dinov2-graph --out DIR

Forward pass and preparation (medians), clicks one after another on fresh objects (median and
95 %), the state's file, and peak memory above that after the imports. Processor seconds stand
beside seconds: on a busy machine they are what to compare. The photograph is scikit-image's
`coffee` unless some are given, at 854 x 480. The weights must be here
(`m2n2v2 weights fetch dinov2-small`).
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import skimage

from benchmarks.harness import metadata
from benchmarks.memory import forget_peak, peak_mb, resident_mb
from m2n2v2.arrays import Image
from m2n2v2.attention.affinity.likeness import LikenessAffinity
from m2n2v2.boundaries import forget
from m2n2v2.grid import Size
from m2n2v2.images import read_image, resized
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Click
from m2n2v2.states.file import write_state
from m2n2v2.weights.locating import Loading

SIZE = Size(480, 854)
PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"
OBJECTS, CLICKS, BACKGROUND = 5, 8, (2, 5, 7)
"""Clicks on an object, and which of them are on the background."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__)
    parser.add_argument("photographs", type=Path, nargs="*", default=[PHOTOGRAPH])
    parser.add_argument("--preset", default="dinov2-graph")
    parser.add_argument("--weights", help="a folder or file; the cache's if not given")
    parser.add_argument("--device", default="cpu", help="of the network and the chain")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    rows = []
    for photograph in chosen.photographs:
        image = resized(read_image(photograph), SIZE)
        row = measured(image, chosen)
        rows.append({"photograph": photograph.name, **row})
        print(json.dumps(rows[-1], indent=1), flush=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    on = "" if chosen.device == "cpu" else f"-{chosen.device}"
    path = chosen.out / f"network-{chosen.preset}{on}.json"
    path.write_text(json.dumps({"metadata": metadata(), "rows": rows}, indent=1) + "\n")
    print(path)


def measured(image: Image, given: argparse.Namespace) -> dict[str, Any]:
    """All of it on one photograph."""
    before = resident_mb()
    forget_peak()
    chosen, repetitions = preset(given.preset), given.repetitions
    source = chosen.attention_source(
        Loading(weights=given.weights, device=given.device, offline=True)
    )

    def prepared() -> ImageState:
        forget()  # what is known of the photograph's boundaries
        return prepare(image, source, None, chosen.settings, device=given.device)

    state = prepared()
    clicked(state, seed=0)
    peak = peak_mb() - before
    row: dict[str, Any] = {"preset": chosen.name, "device": given.device, "attention": source.name}
    if isinstance(source, LikenessAffinity):
        row["forward pass"] = _summary(_timed(lambda: source._features(image), repetitions))
    row["preparation"] = _summary(_timed(prepared, repetitions))
    row["click"] = _summary(
        taken for seed in range(1, OBJECTS + 1) for taken in clicked(state, seed)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = write_state(Path(folder) / "state.safetensors", state)
        row["state_mb"] = round(path.stat().st_size / 1e6, 2)
    row["peak_mb_above_imports"] = round(peak)
    return row


def clicked(state: ImageState, seed: int) -> list[tuple[float, float]]:
    """Seconds, and processor seconds, of clicks on one object after another."""
    generator = np.random.default_rng(seed)
    segmentation, taken = empty(state), []
    for number in range(CLICKS):
        x, y = (int(generator.integers(side)) for side in (state.size.width, state.size.height))
        click = Click(x, y, number not in BACKGROUND)
        begun, used = time.perf_counter(), time.process_time()
        segmentation = segment(state, segmentation, click)
        taken.append((time.perf_counter() - begun, time.process_time() - used))
    return taken


def _timed(call: Callable[[], object], repetitions: int) -> list[tuple[float, float]]:
    taken = []
    for _ in range(repetitions):
        begun, used = time.perf_counter(), time.process_time()
        call()
        taken.append((time.perf_counter() - begun, time.process_time() - used))
    return taken


def _summary(taken: Iterable[tuple[float, float]]) -> dict[str, float]:
    """In milliseconds."""
    wall, used = zip(*taken, strict=True)
    return {
        "median_ms": round(1e3 * statistics.median(wall), 1),
        "95%_ms": round(1e3 * float(np.quantile(wall, 0.95)), 1),
        "processor_median_ms": round(1e3 * statistics.median(used), 1),
        "times": len(wall),
    }


if __name__ == "__main__":
    main()
