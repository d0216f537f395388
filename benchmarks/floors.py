"""What the machine can do, what each stage must at least move or compute, and how far each is off.

    python -m benchmarks.floors --out DIR

Bandwidth is that of summing a gigabyte, arithmetic that of a large matrix product, both on torch's
threads. A stage's floor is the larger of its bytes over the one and its operations over the other;
its own time, a median on the photograph and the synthetic attention of `benchmarks.inputs` at
854 x 480, is measured in the same run. No stage can be expected to reach its floor: loops over
pixels do not compute as a matrix product does, and a sort does not read in order.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.harness import metadata, timing
from benchmarks.inputs import Case
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.compiled.sorting import DIGIT
from m2n2v2.grid import Size
from m2n2v2.method import transition
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.nearest_neighbour import truncated_nearest_neighbour
from m2n2v2.method.scoring import candidates
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import guided_upsampling
from m2n2v2.reduction import chain
from m2n2v2.reduction.subspace import KEPT, PRODUCTS, reduced_attention

VIDEO = Size(480, 854)
PER_WEIGHT = 27
"""Operations of one weight of the operator: four differences, their squares, an exponential and
the sums it goes into."""


@dataclass(frozen=True)
class Stage:
    """What a stage has to do at least, and the stage itself."""

    name: str
    moved: float
    done: float
    call: Callable[[], object]
    repetitions: int = 15


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors", description=__doc__)
    parser.add_argument("--side", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    found: dict[str, Any] = {"metadata": metadata()}
    bandwidth, arithmetic = capable_of()
    print(f"reads {bandwidth / 1e9:.1f} GB/s, computes {arithmetic / 1e9:.0f} Gop/s")
    rows = []
    for side in chosen.side:
        print(f"\n| side {side} | MB | Mop | floor, ms | taken, ms | times the floor |")
        print("| --- | --- | --- | --- | --- | --- |")
        for stage in stages(Case(VIDEO, side)):
            floor = 1e3 * max(stage.moved / bandwidth, stage.done / arithmetic)
            taken = timing(stage.call, stage.repetitions)
            row = {"side": side, "stage": stage.name, "bytes": stage.moved, "ops": stage.done}
            rows.append(row | {"floor_ms": floor, "taken": taken})
            print(
                f"| {stage.name} | {stage.moved / 1e6:.1f} | {stage.done / 1e6:.0f} | {floor:.2f} "
                f"| {taken['median_ms']:.2f} | {taken['median_ms'] / floor:.1f} |",
                flush=True,
            )
    found |= {"read_gb_per_s": bandwidth / 1e9, "product_gflops": arithmetic / 1e9, "rows": rows}
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "floors.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{path}")


def capable_of() -> tuple[float, float]:
    """Bytes per second that are read, operations per second of a product."""
    matrix = torch.ones(16384, 16384)
    read = timing(matrix.sum, 9)
    moved = matrix.numel() * matrix.element_size()
    del matrix
    square = torch.rand(2048, 2048)
    product = timing(lambda: square @ square, 9)
    return moved / (read["median_ms"] / 1e3), 2 * 2048**3 / (product["median_ms"] / 1e3)


def stages(case: Case) -> Iterator[Stage]:
    state, n, pixels = case.state, case.side**2, case.size.area
    attention = state.transition.attention
    assert isinstance(attention, ReducedAttention)
    m, matrix, start = len(attention.basis), 4 * n * n, case.start[:1]
    columns = torch.ones(n)
    yield Stage(
        "balancing, a round",
        matrix,
        2 * matrix / 2,
        lambda: transition._round(case.exact.attention, columns),
    )
    yield Stage(
        f"reducing the chain to {m}, without the error's clicks",
        matrix * (PRODUCTS + 2),
        2 * n * n * m * (PRODUCTS + 2),
        lambda: reduced_attention(case.exact, m),
        3,
    )
    yield Stage(
        "upsampling operator",
        4 * state.upsampling.weights.numel(),
        PER_WEIGHT * pixels * pi * 9 * pixels / n,
        lambda: guided_upsampling(state.guide, case.exact.cells, state.depth, state.settings),
        5,
    )
    flat = start.flatten(1)
    yield Stage("chain, exact, a step", matrix, 2 * n * n, lambda: case.exact.step(flat))
    blocks = walked(attention, start)
    yield Stage(
        f"chain, reduced, a click ({sum(steps for _, steps in blocks) + 2} steps)",
        sum(4 * n * directions for directions, _ in blocks) + 8 * 6 * KEPT * KEPT,
        sum(2 * n * directions * steps for directions, steps in blocks),
        lambda: click_walked(attention, start),
    )
    weights = state.upsampling.weights
    yield Stage(
        "upsampling, a map",
        4 * weights.numel() + 4 * pixels,
        2 * weights.numel(),
        lambda: state.upsampling(case.times),
    )
    passes = -(-32 // DIGIT)
    sorting = (4 + 8) * pixels + passes * 16 * pixels
    yield Stage(
        "flood fill with depth, its level sets",
        12 * pixels + sorting + (8 + 4 + 4) * pixels,
        10 * pixels,
        lambda: filled_level_sets(case.upsampled, case.point, depth=case.depth),
    )
    filled = case.filled.values
    yield Stage(
        "candidates and their scores",
        (4 + 4) * pixels + (4 + 4) * pixels,
        25 * pixels,
        lambda: candidates(filled, case.filled),
    )
    maps, points = [filled] * 4, [(click.x, click.y) for click in case.clicks]
    labels = [click.positive for click in case.clicks]
    yield Stage(
        "nearest neighbour, four maps",
        4 * (len(maps) + 1) * pixels,
        4 * len(maps) * pixels,
        lambda: truncated_nearest_neighbour(maps, [0.5] * 4, points, labels),
    )


def walked(attention: ReducedAttention, start: Tensor) -> list[tuple[int, int]]:
    """Directions and steps of each block that a click takes."""
    blocks = []
    follow, *others = chain._COMPILED

    def noted(attention: ReducedAttention, coefficient: Tensor, steps: int) -> Tensor:
        blocks.append((len(coefficient), steps))
        return follow(attention, coefficient, steps)

    with mock.patch.object(chain, "_COMPILED", (noted, *others)):
        click_walked(attention, start)
    return blocks


def click_walked(attention: ReducedAttention, start: Tensor) -> Tensor:
    return chain.reduced_saturation_time(
        attention, start, threshold=Settings.chain_threshold, max_steps=Settings.chain_steps
    )


if __name__ == "__main__":
    main()
