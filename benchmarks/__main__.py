"""Run all benchmarks: `python -m benchmarks --out DIR [--quick]`."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    chain,
    click,
    flood_fill,
    inputs,
    preparation,
    scoring,
    transition,
    upsampling,
)
from benchmarks.harness import FULL, QUICK, Effort, metadata
from benchmarks.inputs import Case
from m2n2v2.grid import Size

Measure = Callable[[Case, Effort], dict[str, dict[str, Any]]]

VGA_WIDE, SMALL = Size(480, 854), Size(320, 480)
PER_CLICK: tuple[Measure, ...] = (upsampling.measure, flood_fill.measure, scoring.measure)
ALL: tuple[Measure, ...] = (
    transition.measure,
    preparation.measure,
    chain.measure,
    *PER_CLICK,
    click.measure,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--side", type=int, choices=(64, 128), help="only this side")
    parser.add_argument("--only", nargs="+", help="only these files: chain, click, ...")
    parser.add_argument("--quick", action="store_true", help="side 64 only, fewer repetitions")
    chosen = parser.parse_args()
    effort = QUICK if chosen.quick else FULL
    plan = [(SMALL, 64, PER_CLICK, effort), (VGA_WIDE, 64, ALL, effort)]
    if not chosen.quick:
        plan.append((VGA_WIDE, 128, ALL, Effort(short=FULL.short, long=QUICK.long)))

    plan = [part for part in plan if chosen.side in (None, part[1])]
    chosen.out.mkdir(parents=True, exist_ok=True)
    found = {"metadata": metadata(), "inputs": inputs.DESCRIPTION, "quick": chosen.quick}
    rows: list[dict[str, Any]] = []
    for size, side, measures, effort in plan:
        case = Case(size, side)
        print(f"\n{size}, attention side {side}")
        for measure in measures:
            if chosen.only and measure.__module__.rpartition(".")[2] not in chosen.only:
                continue
            for stage, row in measure(case, effort).items():
                rows.append({"stage": stage, **case.name, **row})
                print(_line(stage, row), flush=True)
    name = f"benchmarks-{chosen.side}" if chosen.side else "benchmarks"
    path = chosen.out / f"{name}.json"
    path.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")
    print(f"\n{path}")


def _line(stage: str, row: dict[str, Any]) -> str:
    line = f"  {stage:36} ours {_milliseconds(row['ours'])}"
    if "ratio" in row:
        line += f"   textbook {_milliseconds(row['textbook'])}   ratio {row['ratio']:7.1f}"
    return line


def _milliseconds(timing: dict[str, float]) -> str:
    return f"{timing['median_ms']:9.2f} ms (IQR {timing['iqr_ms']:8.2f})"


if __name__ == "__main__":
    main()
