"""How long importing takes and how soon the command answers, beside torch's own import.

    python -m benchmarks.imports --out DIR

Every run is a new process, its interpreter's start included; medians after one that warms the
disk's cache. What a name of the package loads, it loads when it is first used, so importing the
package and importing `Predictor` are two things.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import metadata, timing

PLAN = {
    "python alone": ["-c", "pass"],
    "import torch": ["-c", "import torch"],
    "import m2n2v2": ["-c", "import m2n2v2"],
    "from m2n2v2 import Predictor": ["-c", "from m2n2v2 import Predictor"],
    "m2n2v2 --help": ["-m", "m2n2v2", "--help"],
    "m2n2v2 annotate --help": ["-m", "m2n2v2", "annotate", "--help"],
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    rows = {}
    for name, arguments in PLAN.items():

        def call(arguments: list[str] = arguments) -> None:
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

        rows[name] = timing(call, chosen.repetitions)
        print(f"{name:30} {rows[name]['median_ms']:7.0f} ms", flush=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "imports.json"
    path.write_text(json.dumps({"metadata": metadata(), "rows": rows}, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
