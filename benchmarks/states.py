"""States on disk: their size, and how long writing and opening one takes.

    python -m benchmarks.states

Opening reads, checks and builds the upsampling operator again. The attention is the synthetic one
of `benchmarks.inputs` (a network's may need more dimensions) or the offline one, on a photograph
with measured depth. `exact` is the chain on the whole matrix, in 16 bits.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import metadata
from benchmarks.inputs import DESCRIPTION, Case, Given
from m2n2v2.attention import Affinity, Precomputed
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.preparation import prepare
from m2n2v2.states.file import read_header, read_state, write_state

VIDEO, PHOTOGRAPH = Size(480, 854), Size(3000, 4000)
PLAN = (
    (VIDEO, 64, "offline"),
    (PHOTOGRAPH, 64, "offline"),
    (VIDEO, 64, "fast"),
    (VIDEO, 64, "exact"),
    (VIDEO, 128, "fast"),
    (PHOTOGRAPH, 128, "fast"),
    (VIDEO, 128, "exact"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.states", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    rows = []
    for size, side, chain in PLAN:
        row = measured(size, side, chain)
        rows.append(row)
        print(row, flush=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "states.json"
    path.write_text(
        json.dumps({"metadata": metadata(), "inputs": DESCRIPTION, "rows": rows}, indent=1) + "\n"
    )
    print(path)


def measured(size: Size, side: int, chain: str) -> dict[str, Any]:
    """One state, written and opened."""
    case = Case(size, side)
    image, depth = case.photograph
    source = Affinity() if chain == "offline" else Precomputed(case.attention)
    settings = Settings.offline() if chain == "offline" else Settings.ours().replace(chain=chain)
    state = prepare(image, source, Given(depth), settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        begin = time.perf_counter()
        write_state(path, state)
        written = time.perf_counter()
        header = read_header(path)
        begin_opening = time.perf_counter()
        read_state(path)
        opened = time.perf_counter()
        bytes_ = path.stat().st_size
    attention = state.transition.attention
    return {
        "image": str(size),
        "side": side,
        "chain": chain,
        "dimensions": len(attention.basis) if isinstance(attention, ReducedAttention) else None,
        "mb": round(bytes_ / 1e6, 1),
        "write_s": round(written - begin, 2),
        "open_s": round(opened - begin_opening, 2),
        "errors": header.errors,
        "chain_error": header.chain_error,
    }


if __name__ == "__main__":
    main()
