"""How a box is read: what its map is made of.

    python experiments/boxes.py --data-root DATA --attention-cache CACHE

One row a reading, on every third photograph of the tuning set, from a box alone: tight, and
loosened by a tenth and a fifth of its sides. The preset is `dinov2-graph`.

Hardware: a CPU. Time: about a minute a row on one core, the attention apart.
Expected: docs/decisions/boxes.md.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from m2n2v2 import boxed
from m2n2v2.arrays import DepthMap, Image
from m2n2v2.baselines import segmenter
from m2n2v2.baselines.ours import Folding, Ours
from m2n2v2.datasets import find, load
from m2n2v2.evaluation.interaction import interact
from m2n2v2.evaluation.metrics import bootstrap_interval
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.scoring import candidates
from m2n2v2.method.values import ImageState, MarkovMap
from m2n2v2.method.walk import markov_maps
from m2n2v2.photograph.additions import PhotographTerms
from m2n2v2.photograph.box_colours import POWER, held
from m2n2v2.prompts import Box, Click
from m2n2v2.weights.locating import Loading

READINGS = ("absorbing, held by colours", "absorbing", "seeds", "colour start")
SEEDS = 5
"""Seeds along a side of the box."""


@dataclass(frozen=True)
class Read(PhotographTerms):
    """The additions, with boxes read in one of the ways."""

    reading: str = READINGS[0]

    def mapped(self, state: ImageState, box: Box) -> MarkovMap:
        if self.reading == "absorbing":
            return boxed.box_map(state, box)
        if self.reading == "seeds":
            return self._best_seed(state, box)
        if self.reading == "colour start":
            return self._colour_start(state, box)
        return super().mapped(state, box)

    def _best_seed(self, state: ImageState, box: Box) -> MarkovMap:
        """The map of the click on a grid whose best segment fills the box best."""
        rows, columns = window = box.window(state.size, state.working_size)
        steps = (np.arange(SEEDS) + 0.5) / SEEDS
        clicks = tuple(
            Click(box.left + x * (box.right - box.left), box.top + y * (box.bottom - box.top))
            for y in steps
            for x in steps
        )
        found = []
        for seed in markov_maps(state, clicks):
            values = torch.ones_like(seed.values)
            values[window] = seed.values[window]
            levels = filled_level_sets(values, seed.point).over_maximum()
            known = candidates(levels.values, levels)
            found.append((_fit(levels.values.numpy(), known, window), levels, known, seed.point))
        _, levels, known, point = max(found, key=lambda seeded: seeded[0])
        choices = boxed.scored(levels.values, known, (rows, columns))
        marked = box.pixels(state.size, state.working_size)
        return MarkovMap(levels.values, point, choices, marked, window)

    def _colour_start(self, state: ImageState, box: Box) -> MarkovMap:
        """The chain from all cells of the box, the more the less their colours are outside."""
        window = box.window(state.size, state.working_size)
        cells = state.transition.cells
        inside = boxed._inside(window, state.working_size, cells)
        colours, kinds = self.photograph.colours, self.photograph.kinds
        start = inside * held(colours, kinds, window, cells) ** (1 / POWER)
        times = state.saturation_time(
            state.transition,
            (start / start.max())[None].to(state.transition.rows),
            threshold=state.settings.chain_threshold,
            max_steps=state.settings.chain_steps,
        )
        upsampled = state.upsampling(times).cpu()[0]
        values = torch.ones_like(upsampled)
        values[window] = (upsampled / upsampled.max())[window]
        surest = np.argwhere(values.numpy() == values.numpy().min())[:, ::-1]
        levels = filled_level_sets(values, surest).over_maximum()
        choices = boxed.scored(levels.values, candidates(levels.values, levels), window)
        x, y = surest[len(surest) // 2].tolist()
        marked = box.pixels(state.size, state.working_size)
        return MarkovMap(levels.values, (x, y), choices, marked, window)


def _fit(values, known, window) -> float:
    """The best score, of the same rule, not over the map's own best."""
    chosen = boxed._strongest(known, window)
    thresholds, part = known.thresholds[chosen], values[window]
    gap = np.maximum(
        boxed._gaps(part.min(axis=1), thresholds), boxed._gaps(part.min(axis=0), thresholds)
    )
    score = (
        boxed.EDGE_POWER * np.log(known.edge[chosen] + 0.01)
        - boxed.GAP_WEIGHT * gap
        + boxed.AREA_POWER * np.log(known.area[chosen] / part.size)
    )
    return float(score.max())


@dataclass(frozen=True)
class Reading:
    """Ours, with boxes read in one of the ways."""

    ours: Ours
    reading: str

    def start(self, image: Image, depth: DepthMap | None = None) -> Folding:
        folding = self.ours.start(image, depth)
        state = folding._state
        return Folding(replace(state, additions=Read(state.guide, self.reading)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--attention-cache", type=Path)
    parser.add_argument("--shard", type=int, default=3, help="every so many photographs")
    parser.add_argument("--readings", default=",".join(map(str, range(len(READINGS)))))
    options = parser.parse_args()
    torch.set_num_threads(1)
    ours = segmenter("dinov2-graph", Loading(device="cpu"), attention_cache=options.attention_cache)
    items = find("bsds_objects", options.data_root, "field")
    images = sorted({item.image for item in items})[:: options.shard]
    chosen = [READINGS[int(k)] for k in options.readings.split(",")]
    ious = {(reading, loosen): [] for reading in chosen for loosen in (0.0, 0.1, 0.2)}
    for image in images:
        samples = [load(item) for item in items if item.image == image]
        for reading in chosen:
            clicking = Reading(ours, reading).start(samples[0].image)
            for loosen in (0.0, 0.1, 0.2):
                protocol = Protocol(first="box", loosen=loosen, n_clicks=1)
                for sample in samples:
                    generator = protocol.generator("bsds_objects", sample.name)
                    done = interact(clicking, sample, protocol, generator)
                    ious[reading, loosen].append(done.ious[0])
    print("| reading | tight | by 10 % | by 20 % |\n| --- | --- | --- | --- |")
    for reading in chosen:
        cells = []
        for loosen in (0.0, 0.1, 0.2):
            values = np.array(ious[reading, loosen])
            low, high = bootstrap_interval(values)
            cells.append(f"{values.mean():.3f} [{low:.3f}, {high:.3f}]")
        print(f"| {reading} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
