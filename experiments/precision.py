"""How far are the maps and masks of an attention in float32 from those in float64?

    python -m experiments.precision --scenes 1000

A second a scene. The small photographs of the tests (one to three boxes and up to five clicks, all
drawn at random), under `Settings.ours()` at its tolerance, and with balancing in a fixed number of
rounds. A line is the share of scenes up to which a figure holds: the largest difference of two maps
(their values are in [0, 1]), and the share of the pixels on which the masks disagree.
"""

import argparse

import numpy as np
import torch
from tests.scenes import ColourAttention, photograph

from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import Segmentation
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click

SIZE, CELLS = Size(40, 48), Size(10, 12)
SHARES = (0.5, 0.9, 0.99, 1.0)


def scene(seed: int) -> tuple[np.ndarray, list[Click]]:
    generator = np.random.default_rng(seed)
    boxes = []
    for _ in range(generator.integers(1, 4)):
        left, top = int(generator.integers(0, 37)), int(generator.integers(0, 29))
        width, height = (int(side) for side in generator.integers(6, 25, 2))
        boxes.append((left, top, min(left + width, SIZE.width), min(top + height, SIZE.height)))
    places = generator.permutation(SIZE.area)[: generator.integers(1, 6)]
    clicks = [
        Click(int(at % SIZE.width), int(at // SIZE.width), bool(generator.integers(0, 2)))
        for at in places
    ]
    return photograph(SIZE, boxes), clicks


def segmented(
    image: np.ndarray, clicks: list[Click], settings: Settings, dtype: torch.dtype
) -> tuple[Segmentation, int]:
    state = prepare(image, ColourAttention(CELLS, dtype), settings=settings)
    done = empty(state)
    for click in clicks:
        done = segment(state, done, click)
    return done, state.transition.rounds


def apart(seed: int, settings: Settings) -> tuple[float, float, bool]:
    """Of the maps, of the masks, and whether balancing took as many rounds."""
    image, clicks = scene(seed)
    (single, fewer), (double, more) = (
        segmented(image, clicks, settings, dtype) for dtype in (torch.float32, torch.float64)
    )
    maps = max(
        float((ours.map.values - theirs.map.values).abs().max())
        for ours, theirs in zip(single.prompts, double.prompts, strict=True)
    )
    return maps, float((single.mask != double.mask).mean()), fewer == more


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=1000)
    scenes = parser.parse_args().scenes
    ours = Settings.ours()
    print("| balancing | share of scenes | maps | masks |\n| --- | --- | --- | --- |")
    for name, settings in (
        (f"to {ours.sinkhorn_tolerance:g}, the default", ours),
        ("200 rounds", ours.replace(sinkhorn_rounds=200)),
    ):
        maps, masks, same = np.array([apart(seed, settings) for seed in range(scenes)]).T
        for share in SHARES:
            print(
                f"| {name} | {share:.0%} | {np.quantile(maps, share):.1e} "
                f"| {np.quantile(masks, share):.2%} |",
                flush=True,
            )
        print(f"| {name} | as many rounds: {same.mean():.1%} | | |", flush=True)


if __name__ == "__main__":
    main()
