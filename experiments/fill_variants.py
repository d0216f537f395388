"""Other ways to fill and to score a Markov-map (docs/decisions/flood-fill.md).

    python -m experiments.fill_variants

A minute on a machine that does nothing else. The upsampled map of a click on a photograph with
measured depth, 854 x 480, the benchmarks' synthetic attention at side 64. Medians in milliseconds;
of the fill, the largest difference to the exact one in parts of the largest value; of the scores,
how far the segment of the best scale is from the exact one's (IoU), the least of four clicks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from benchmarks import textbook
from benchmarks.harness import timing
from benchmarks.inputs import Case
from numba import njit
from skimage.morphology import reconstruction

from m2n2v2.grid import Size
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.scoring import best_scale, candidates
from m2n2v2.method.walk import markov_map_stages

BITS = (8, 10, 12, 16)


@njit(nogil=True)
def buckets(keys, y, x, count):  # type: ignore[no-untyped-def]
    """Dial's queue: a list of waiting pixels for each of `count` values."""
    height, width = keys.shape
    out = np.full(keys.shape, count, np.int32)
    head, following = np.full(count, -1, np.int32), np.empty(height * width, np.int32)
    out[y, x] = keys[y, x]
    head[keys[y, x]] = y * width + x
    following[y * width + x] = -1
    value = 0
    while value < count:
        at = head[value]
        if at < 0:
            value += 1
            continue
        head[value] = following[at]
        row, column = divmod(at, width)
        for other in range(4):
            ny = row + (other == 0) - (other == 1)
            nx = column + (other == 2) - (other == 3)
            if 0 <= ny < height and 0 <= nx < width and out[ny, nx] == count:
                reached = max(value, keys[ny, nx])
                out[ny, nx] = reached
                following[ny * width + nx] = head[reached]
                head[reached] = ny * width + nx
    return out


def distance(values: Any, depth: Any, point: tuple[int, int]) -> Any:
    x, y = point
    return np.sqrt((values - values[y, x]) ** 2 + (depth - depth[y, x]) ** 2)


def reconstructed(cost: Any, point: tuple[int, int]) -> Any:
    x, y = point
    seed = np.full_like(cost, cost.max())
    seed[y, x] = cost[y, x]
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    return reconstruction(seed, cost, method="erosion", footprint=cross)


def whole_numbers(cost: Any, bits: int) -> Any:
    """The distance in 2 ** bits steps of the same size."""
    return np.floor(cost * ((2**bits - 1) / cost.max())).astype(np.int32)


def main() -> None:
    case = Case(Size(480, 854), 64)
    depth = case.depth.numpy()
    found = list(markov_map_stages(case.state, case.clicks))
    maps = [stages.upsampled for stages in found]
    points = [(click.x, click.y) for click in case.clicks]
    values, point = maps[0], points[0]
    cost = distance(values.numpy(), depth, point)
    exact = filled_level_sets(values, point, depth=case.depth)
    expected = exact.values.numpy()
    x, y = point

    print("| fill | ms | largest difference |\n| --- | --- | --- |")

    def fill(name: str, call: Callable[[], Any], unit: float = 1.0, repeats: int = 21) -> None:
        apart = np.abs(np.asarray(call()) * unit - expected).max() / expected.max()
        print(f"| {name} | {timing(call, repeats)['median_ms']:.1f} | {apart:.1g} |", flush=True)

    fill(
        "as it is: ranks, a byte each; level sets, too",
        lambda: filled_level_sets(values, point, depth=case.depth).values,
    )
    fill("the textbook: a binary heap", lambda: textbook.flood_fill(values, point, case.depth))
    fill(
        "scikit-image, reconstruction by erosion",
        lambda: reconstructed(distance(values.numpy(), depth, point), point),
        repeats=3,
    )
    for bits in BITS:
        fill(
            f"buckets, {bits} bits",
            lambda bits=bits: buckets(
                whole_numbers(distance(values.numpy(), depth, point), bits), y, x, 2**bits
            ),
            unit=float(cost.max()) / (2**bits - 1),
        )

    print("\n| scores | ms | least IoU of a segment |\n| --- | --- | --- |")
    levels = [
        filled_level_sets(values, at, depth=case.depth).over_maximum()
        for values, at in zip(maps, points, strict=True)
    ]
    area = 0.4 * case.size.area
    truth = [segment_of(sets, sets, area) for sets in levels]

    def score(name: str, made: Callable[[LevelSets], LevelSets]) -> None:
        ms = timing(lambda: scored(made(levels[0]), area), 21)["median_ms"]
        pairs = zip(levels, truth, strict=True)
        iou = min(_iou(segment_of(made(sets), sets, area), segment) for sets, segment in pairs)
        print(f"| {name} | {ms:.1f} | {iou:.4f} |", flush=True)

    score("as it is: every value a candidate, one pass and a running sum", lambda sets: sets)
    for bits in BITS:
        score(
            f"a histogram of 2^{bits} values, its making included",
            lambda sets, bits=bits: binned(sets, bits),
        )
    first = levels[0].values
    ms = timing(lambda: textbook.best_scale(first, [0.0], [], area), 3)["median_ms"]
    print(f"| the textbook: grown pixel by pixel | {ms:.1f} | |")


def binned(levels: LevelSets, bits: int) -> LevelSets:
    """The level sets of the map in so many steps."""
    steps = np.floor(levels.thresholds * (2**bits - 1)).astype(np.int32)
    last = np.append(steps[1:] != steps[:-1], True)
    joined = (np.cumsum(last, dtype=np.int32) - last).astype(np.int32)
    return LevelSets(levels.thresholds[last], levels.area[last], joined[levels.level])


def scored(levels: LevelSets, area: float) -> float:
    found = candidates(levels.values, levels)
    return best_scale(found, [0.0], [], area).threshold or 0.0


def segment_of(levels: LevelSets, whole: LevelSets, area: float) -> Any:
    return whole.values.numpy() <= scored(levels, area)


def _iou(one: Any, other: Any) -> float:
    return float((one & other).sum() / (one | other).sum())


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
