"""What the machine can do, and what each stage must at least move or compute.

    python -m benchmarks.floors --out DIR

Bandwidth is that of reading a gigabyte once, arithmetic that of a large matrix product, both on
torch's threads. A stage's floor is the larger of its bytes over the one and its operations over the
other; the table in docs/performance.md sets the measured times beside it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness import metadata, timing
from m2n2v2.kernels import balancing
from m2n2v2.kernels.threads import bands, over_rows
from m2n2v2.reduction import DIMENSIONS, KEPT, PRODUCTS

PIXELS = 854 * 480


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    bandwidth, arithmetic = measured()
    found = {
        "metadata": metadata(),
        "read_gb_per_s": round(bandwidth / 1e9, 1),
        "product_gflops": round(arithmetic / 1e9, 1),
        "floors_ms": {
            side: {
                name: round(1e3 * max(moved / bandwidth, done / arithmetic), 3)
                for name, (moved, done) in stages(side).items()
            }
            for side in (64, 128)
        },
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "floors.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({k: v for k, v in found.items() if k != "metadata"}, indent=1))


def measured() -> tuple[float, float]:
    """Bytes per second that are read, operations per second of a product."""
    matrix = np.ones((16384, 16384), np.float32)
    columns, rows = np.ones(16384, np.float32), np.empty(16384, np.float32)
    sums = np.empty((bands(len(matrix)), 16384), np.float32)
    read = timing(
        lambda: over_rows(balancing.one_round, len(matrix), matrix, columns, rows, sums), 7
    )
    bandwidth = matrix.nbytes / (read["median_ms"] / 1e3)
    del matrix
    square = torch.rand(2048, 2048)
    product = timing(lambda: square @ square, 7)
    return bandwidth, 2 * 2048**3 / (product["median_ms"] / 1e3)


def stages(side: int) -> dict[str, tuple[float, float]]:
    """Bytes and operations of each stage at 854 x 480."""
    n, m = side * side, DIMENSIONS[0]
    taps = 64
    window = np.pi * (3 * 854 / side) * (3 * 480 / side)
    return {
        "balancing, a round": (4 * n * n, 4 * n * n),
        "reducing the chain": (4 * n * n * (PRODUCTS + 2), 2 * n * n * m * (PRODUCTS + 2)),
        "chain, exact, a step": (4 * n * n, 2 * n * n),
        "chain, reduced, the first 10 steps": (4 * n * m + 8 * KEPT * 4, 2 * 10 * n * m),
        "upsampling operator": (4 * PIXELS * taps, PIXELS * window * 27),
        "upsampling, per click": (4 * PIXELS * taps, 2 * PIXELS * taps),
    }


if __name__ == "__main__":
    main()
