"""Preparation of one image: seconds of each stage, and the most memory.

    python -m benchmarks.preparation --side 128 --out DIR

In a process of its own, so that memory is this alone. The attention is the benchmarks' synthetic
one and given away, as a network's is; its own making is not counted. `measure` is its row beside
the textbook, whose preparation is temperature and 200 rounds of balancing.
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks import inputs, textbook
from benchmarks.harness import Effort, metadata, timing
from benchmarks.inputs import Case, Given
from benchmarks.memory import forget_peak, peak_mb, resident_mb
from benchmarks.transition import ROUNDS
from m2n2v2.arrays import Image
from m2n2v2.attention import DenseAttention
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.preparation import prepare

M2N2_ROUNDS = 200


class GivenAway:
    """Returns the attention it holds, once."""

    name = "synthetic"
    gives_away = True

    def __init__(self, attention: DenseAttention) -> None:
        self._held = [attention]

    def extract(self, image: Image) -> DenseAttention:
        return self._held.pop()


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    """Ours is all of `prepare`: balancing, reducing with its error, the operator; the textbook
    builds no operator and reduces nothing, and pays for both with every click."""
    image, depth = case.photograph
    rounds = ROUNDS[case.side]

    def ours() -> object:
        source = GivenAway(DenseAttention(case.attention.clone()))
        return prepare(image, source, Given(depth))

    def slow() -> object:
        return textbook.doubly_stochastic(case.attention, Settings.ours().temperature, rounds)

    fast, full = timing(ours, 2), timing(slow, 2)
    full["median_ms"] = round(full["median_ms"] * M2N2_ROUNDS / rounds, 4)
    row = {
        "ours": fast,
        "textbook": full,
        "ratio": round(full["median_ms"] / fast["median_ms"], 2),
        "note": f"the textbook's {M2N2_ROUNDS} rounds in proportion to {rounds}; what both make "
        "is compared by the rows `transition` and `click`",
    }
    return {"preparation": row}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preparation", description=__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--chain", choices=("fast", "exact"), default="fast")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    case = Case(Size(480, 854), chosen.side)
    image, _ = case.photograph
    small = image[:64, :64]
    prepare(small, GivenAway(DenseAttention(inputs.synthetic_attention(small, 8))))  # to compile
    source = GivenAway(DenseAttention(inputs.synthetic_attention(image, chosen.side)))
    before = resident_mb()
    forget_peak()
    began: list[tuple[str, float]] = []
    settings = Settings.ours().replace(chain=chosen.chain)
    state = prepare(
        image,
        source,
        settings=settings,
        progress=lambda stage: began.append((stage, time.perf_counter())),
    )
    began.append(("end", time.perf_counter()))
    stages = {stage: round(after - start, 3) for (stage, start), (_, after) in pairwise(began)}
    attention = state.transition.attention
    found = {
        "metadata": metadata(),
        "inputs": inputs.DESCRIPTION,
        "side": chosen.side,
        "chain": chosen.chain,
        "stages_s": stages,
        "seconds": round(began[-1][1] - began[0][1], 3),
        "attention_mb": round(4 * chosen.side**4 / 1e6),
        "resident_before_mb": round(before),
        "peak_mb": round(peak_mb()),
        "rounds": state.transition.rounds,
        "error": attention.error if isinstance(attention, ReducedAttention) else None,
        "threads": torch.get_num_threads(),
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"preparation-{chosen.side}-{chosen.chain}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({k: v for k, v in found.items() if k != "metadata"}, indent=1))


if __name__ == "__main__":
    main()
