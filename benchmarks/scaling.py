"""How time and memory grow: over pixels, attention side, clicks, threads and workers.

    for what in pixels side clicks threads workers; do python -m benchmarks.scaling $what; done
    python -m benchmarks.scaling plot

The first three count the processor's time of one thread, which other work on the machine changes
little; the last two need a machine that does nothing else. Each takes minutes and is kept in
`results/scaling.json`; `plot` draws them all. Every point is a process of its own, so that memory
is its own. The photograph and the synthetic attention are those of `benchmarks.inputs`; `workers`
prepares windows of photographs with the offline attention, by the command line's own work and
executors.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from skimage import data

from benchmarks.harness import metadata
from benchmarks.inputs import Case, Given
from benchmarks.memory import forget_peak, peak_mb, resident_mb
from m2n2v2.attention import Precomputed
from m2n2v2.evaluation.executors import processes, serial
from m2n2v2.grid import Size
from m2n2v2.preparation import prepare
from m2n2v2.presets import PRESETS
from m2n2v2.prompts import Click
from m2n2v2.session import Session
from m2n2v2.states.preparing import FolderWork, Recipe, tasks

SIDE = 64
VIDEO = Size(480, 854)
MEGAPIXELS = (0.1, 0.4, 0.8, 1.6, 4.0, 12.0, 25.0)
SIDES = (32, 64, 96, 128, 160)
CLICKS = 50
WORKERS = (1, 2, 3)
PHOTOGRAPHS = 60

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("what", choices=[*MEASURES, "plot", "point"])
    parser.add_argument("given", nargs="?", help="of a point: JSON")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument(
        "--images", type=Path, default=Path("docs/images"), help="the plots' folder"
    )
    chosen = parser.parse_args()
    if chosen.what == "point":
        print(json.dumps(point(**json.loads(chosen.given))))
        return
    path = chosen.out / "scaling.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    if chosen.what == "plot":
        for written in plots(found, chosen.images):
            print(written)
        return
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    found[chosen.what] = {"metadata": metadata(), "rows": rows}
    for row in MEASURES[chosen.what]():
        rows.append(row)
        path.write_text(json.dumps(found) + "\n")  # what is measured is kept


def over_pixels() -> Iterator[Row]:
    for pixels in MEGAPIXELS:
        size = _of_area(1e6 * pixels)
        yield _apart(height=size.height, width=size.width, side=SIDE, threads=1)


def over_side() -> Iterator[Row]:
    for side in SIDES:
        yield _apart(height=VIDEO.height, width=VIDEO.width, side=side, threads=1)


def over_clicks() -> Iterator[Row]:
    yield _apart(height=VIDEO.height, width=VIDEO.width, side=SIDE, threads=1, clicks=CLICKS)


def over_threads() -> Iterator[Row]:
    for size, side in ((VIDEO, 64), (VIDEO, 128), (_of_area(1.6e6), 64)):
        for threads in (1, 2):
            yield _apart(height=size.height, width=size.width, side=side, threads=threads)


def over_workers() -> Iterator[Row]:
    """Images a minute of `prepare`, the workers' start apart."""
    recipe = Recipe(preset=PRESETS["offline"])
    work = FolderWork(recipe=recipe, identity=str(recipe.identity()))
    with tempfile.TemporaryDirectory() as folder:
        names = [path.name for path in _photographs(Path(folder))]
        for count in WORKERS:
            todo = tasks(names, Path(folder), Path(folder) / f"states{count}")
            ends = []
            for some in (serial if count == 1 else processes(count))(work, todo):
                ends += [time.perf_counter() for _ in some]
            first = 4 * count  # by then every worker has loaded what it needs
            rest = len(ends) - first
            row = {"workers": count, "per_minute": 60 * rest / (ends[-1] - ends[first - 1])}
            print(row, flush=True)
            yield row


MEASURES = {
    "pixels": over_pixels,
    "side": over_side,
    "clicks": over_clicks,
    "threads": over_threads,
    "workers": over_workers,
}


def point(height: int, width: int, side: int, threads: int, clicks: int = 5) -> Row:
    """Prepare one image and click on it, in this process."""
    torch.set_num_threads(threads)
    case = Case(Size(height, width), side)
    image, depth = case.photograph
    attention = Precomputed(case.attention)
    before = resident_mb()
    forget_peak()
    begin = time.process_time()
    state = prepare(image, attention, Given(depth))
    prepared = time.process_time() - begin
    preparing = peak_mb()
    forget_peak()
    session, rng = Session(state), np.random.default_rng(0)
    pixels = rng.choice(height * width, clicks + 1, replace=False)
    wall, processor = [], []
    for turn, pixel in enumerate(pixels):
        click = Click(int(pixel % width), int(pixel // width), turn % 3 != 2)
        begin, begin_processor = time.perf_counter(), time.process_time()
        session.click(click.x, click.y, click.positive).mask.any()
        processor.append(time.process_time() - begin_processor)
        wall.append(time.perf_counter() - begin)
    return {
        "megapixels": round(height * width / 1e6, 3),
        "working": str(state.working_size),
        "side": side,
        "threads": threads,
        "prepare_processor_s": round(prepared, 3),
        "click_ms": [round(1e3 * seconds, 2) for seconds in wall[1:]],
        "click_processor_ms": [round(1e3 * seconds, 2) for seconds in processor[1:]],
        "before_mb": round(before),
        "preparing_mb": round(preparing),
        "clicking_mb": round(peak_mb()),
    }


def _apart(**given: int) -> Row:
    command = [sys.executable, "-m", "benchmarks.scaling", "point", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{given}: {done.stderr}")
    row: Row = json.loads(done.stdout)
    shown = {
        **row,
        **{
            k: statistics.median(row[k])
            for k in row
            if k.startswith("click_") and k.endswith("_ms")
        },
    }
    print(shown, flush=True)
    return row


def _of_area(pixels: float) -> Size:
    """Three to two, as a camera's."""
    height = round((pixels / 1.5) ** 0.5)
    return Size(height, round(1.5 * height))


def _photographs(folder: Path) -> list[Path]:
    """Windows of 480 x 320 of photographs that come with scikit-image."""
    whole = [data.astronaut(), data.coffee()]  # type: ignore[no-untyped-call]
    rng = np.random.default_rng(0)
    paths = []
    for index in range(PHOTOGRAPHS):
        image = whole[index % len(whole)]
        top = int(rng.integers(image.shape[0] - 320 + 1))
        left = int(rng.integers(image.shape[1] - 480 + 1))
        path = folder / f"{index}.png"
        PILImage.fromarray(image[top : top + 320, left : left + 480]).save(path)
        paths.append(path)
    return paths


def plots(found: dict[str, Any], folder: Path) -> list[Path]:
    """Two pictures: time per click, and memory with the workers' throughput."""
    from matplotlib.figure import Figure

    def rows(what: str) -> list[Row]:
        return list(found.get(what, {}).get("rows", []))

    def median(row: Row, clock: str = "click_processor_ms") -> float:
        return statistics.median(row[clock])

    written = []
    panels = 3 + bool(rows("threads"))
    figure = Figure(figsize=(3.3 * panels, 3), dpi=80, layout="constrained")
    over_area, by_side, by_click, *by_thread = figure.subplots(1, panels)
    over_area.plot(
        [r["megapixels"] for r in rows("pixels")], [median(r) for r in rows("pixels")], "o-"
    )
    over_area.set(xscale="log", xlabel="megapixels (side 64)", ylabel="processor ms per click")
    by_side.plot([r["side"] for r in rows("side")], [median(r) for r in rows("side")], "o-")
    by_side.set(xlabel="attention side (854 x 480)", ylabel="processor ms per click")
    by_side.set_ylim(bottom=0)
    for row in rows("clicks"):
        by_click.plot(range(2, CLICKS + 2), row["click_processor_ms"], ".-")
    by_click.set(xlabel="click of a session (854 x 480, side 64)", ylabel="processor ms per click")
    by_click.set_ylim(bottom=0)
    pairs: dict[str, list[float]] = {}
    for row in rows("threads"):
        pairs.setdefault(f"{row['working']}, side {row['side']}", []).append(
            median(row, "click_ms")
        )
    for axes in by_thread:
        for label, ms in pairs.items():
            axes.plot(range(1, len(ms) + 1), ms, "o-", label=label)
        axes.set(xlabel="threads", xticks=(1, 2), ylabel="ms per click")
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower left")
    written.append(_saved(figure, folder / "scaling-click.png"))

    panels = 2 + bool(rows("workers"))
    figure = Figure(figsize=(3.3 * panels, 3), dpi=80, layout="constrained")
    over_area, by_side, *by_worker = figure.subplots(1, panels)
    for axes, some, key in (
        (over_area, rows("pixels"), "megapixels"),
        (by_side, rows("side"), "side"),
    ):
        for what in ("preparing", "clicking", "before"):
            label = "before" if what == "before" else f"peak, {what}"
            axes.plot([r[key] for r in some], [r[f"{what}_mb"] for r in some], "o-", label=label)
        axes.set(ylabel="resident MB")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left")
    over_area.set(xscale="log", xlabel="megapixels (side 64)")
    by_side.set(xlabel="attention side (854 x 480)")
    for axes in by_worker:
        some = rows("workers")
        axes.plot([r["workers"] for r in some], [r["per_minute"] for r in some], "o-")
        axes.set(xlabel="workers of prepare (offline, 480 x 320)", ylabel="images per minute")
        axes.set_ylim(bottom=0)
    written.append(_saved(figure, folder / "scaling-memory.png"))
    return written


def _saved(figure: Any, path: Path) -> Path:
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


if __name__ == "__main__":
    main()
