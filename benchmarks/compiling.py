"""What the first use costs: `segment` cold and warm, and every kernel that was compiled.

    python -m benchmarks.compiling --preset offline --out DIR

Cold is with an empty folder of compiled code, warm the same again. Seconds of processor time (user
and system, whatever else the machine does) and of the clock (which mean something on a machine that
does nothing else); torch's import is measured alone, to be taken off. Then one process compiles
again and writes down, for every function that numba compiles, the processor time of the thread
that did it, without those compiled inside it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import skimage

from benchmarks.harness import metadata

PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"

LISTING = """
import json, sys, time
from numba.core import event
rows, open_ = [], []
class Listener(event.Listener):
    def on_start(self, happened):
        open_.append([time.thread_time(), 0.0])
    def on_end(self, happened):
        begun, inside = open_.pop()
        taken = time.thread_time() - begun
        if open_:
            open_[-1][1] += taken
        function = happened.data["dispatcher"].py_func
        rows.append([f"{function.__module__}.{function.__name__}", round(taken - inside, 3)])
event.register("numba:compile", Listener())
from m2n2v2.cli.main import app
try:
    app(sys.argv[1:])
finally:
    print("ROWS" + json.dumps(rows))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiling", description=__doc__)
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    facts: dict[str, Any] = {"metadata": metadata(), "preset": chosen.preset}
    with tempfile.TemporaryDirectory() as scratch:
        segment = ["segment", str(PHOTOGRAPH), "--preset", chosen.preset, "--device", "cpu"]
        segment += ["--fg", "300,180", "--no-cache", "-o", f"{scratch}/mask.png"]
        kept = {"NUMBA_CACHE_DIR": f"{scratch}/kept"}
        for name, program, environment in (
            ("import torch", ["-c", "import torch"], kept),
            ("cold", ["-m", "m2n2v2", *segment], kept),
            ("warm", ["-m", "m2n2v2", *segment], kept),
        ):
            facts[name] = _run(program, environment)[0]
            print(f"{name:14} {facts[name]}", flush=True)
        listed = _run(["-c", LISTING, *segment], {"NUMBA_CACHE_DIR": f"{scratch}/again"})[1]
    rows = json.loads(listed.partition("ROWS")[2])
    ours = [row for row in rows if row[0].startswith("m2n2v2.")]
    rest = [row for row in rows if not row[0].startswith("m2n2v2.")]
    for name, seconds in sorted(ours, key=lambda row: -row[1]):
        print(f"{seconds:7.2f} {name}")
    print(f"{sum(row[1] for row in ours):7.2f} {len(ours)} kernels of ours")
    print(f"{sum(row[1] for row in rest):7.2f} {len(rest)} functions of numba's inside them")
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "compiling.json"
    path.write_text(json.dumps(facts | {"compiled": rows}, indent=1) + "\n", "utf-8")
    print(path)


def _run(program: list[str], environment: dict[str, str]) -> tuple[dict[str, float], str]:
    """Seconds of the processor and the clock, and what a Python process printed."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *program],
        env=os.environ | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    taken = {"processor": round(processor, 2), "clock": round(time.perf_counter() - begun, 2)}
    return taken, done.stdout


if __name__ == "__main__":
    main()
