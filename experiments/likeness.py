"""What decides the likeness in the graph: what is compared, how sharply, on which cells.

    python experiments/likeness.py --weights FOLDER --data-root DATA --out runs/likeness

One row a variant, on every third photograph of the tuning set, each against `offline`'s own row;
`--rows a,b` chooses some, `--datasets` and `--shard` others of the data. What the network makes of
a photograph is kept in the output folder, so that a row costs no forward pass twice.

Hardware: a CPU. Time: about half a minute a row on one core, the forward passes apart.
Expected: docs/decisions/likeness.md.
"""

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from m2n2v2.attention import Affinity
from m2n2v2.attention.affinity import AffinityParameters
from m2n2v2.attention.affinity.likeness import LikenessAffinity
from m2n2v2.baselines.ours import Ours
from m2n2v2.evaluation.metrics import bootstrap_interval, number_of_clicks
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.runner import Plan
from m2n2v2.evaluation.work import Work
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.presets import preset
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import VisionTransformer

CLICKS = (1, 5, 10)
THRESHOLDS = (0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Row:
    """A variant: what is compared, on which cells, and the method's settings.

    Attributes:
        kinds: (block from the last, kind) of each feature whose cosines are averaged.
        keep: cells in the photograph's proportions, `side` squared in number.
        tiles: beside the whole photograph its four quarters are seen, at twice the resolution.
    """

    kinds: tuple[tuple[int, str], ...] = ((-1, "keys"),)
    side: int = 37
    temperature: float = 0.1
    keep: bool = False
    tiles: bool = False
    parameters: Mapping[str, Any] = field(default_factory=lambda: FINE)
    settings: Mapping[str, Any] = field(default_factory=lambda: PRESET)


PRESET = preset("dinov2-graph").settings.to_dict()
ADAPTIVE = {"size_rule": "adaptive"}
PRIOR = {"size_rule": "prior"}
COARSE = {"grid": 64}
FINE = {"grid": 96}
KEYS, TOKENS, VALUES, QUERIES = ((-1, kind) for kind in ("keys", "tokens", "values", "queries"))

ROWS = {
    "preset": Row(),
    "keys-64-adaptive": Row(settings=ADAPTIVE, parameters=COARSE),
    "keys-64-prior": Row(settings=PRIOR, parameters=COARSE),
    "keys-96-adaptive": Row(settings=ADAPTIVE, parameters=FINE),
    "keys-96-prior": Row(settings=PRIOR),
    "keep-64-adaptive": Row(keep=True, settings=ADAPTIVE, parameters=COARSE),
    "keep": Row(keep=True),
    "side-28": Row(side=28),
    "side-48": Row(side=48),
    "side-74": Row(side=74),
    "tiles": Row(tiles=True),
    "tau-0.05": Row(temperature=0.05),
    "tau-0.07": Row(temperature=0.07),
    "tau-0.2": Row(temperature=0.2),
    "tokens": Row((TOKENS,)),
    "values": Row((VALUES,)),
    "keys+tokens": Row((KEYS, TOKENS)),
    "all": Row((KEYS, TOKENS, VALUES, QUERIES)),
    "two-blocks": Row((KEYS, (-2, "keys"))),
}


class Variant(LikenessAffinity):
    """A row's attention; what the network makes of a photograph is kept on disk."""

    def __init__(self, network: VisionTransformer, row: Row, store: Path) -> None:
        parameters = AffinityParameters(**row.parameters)
        super().__init__(network, side=row.side, temperature=row.temperature, parameters=parameters)
        self.row, self.store = row, store

    def _features(self, image: np.ndarray) -> np.ndarray:
        whole = self._seen(image)
        if not self.row.tiles:
            return whole
        height, width = image.shape[:2]
        rows = [slice(0, height // 2), slice(height // 2, height)]
        columns = [slice(0, width // 2), slice(width // 2, width)]
        cells = self.cells
        quarters = [
            [self._seen(np.ascontiguousarray(image[y, x]), False) for x in columns] for y in rows
        ]
        shaped = [[part.reshape(*cells.shape, -1) for part in line] for line in quarters]
        fine = torch.from_numpy(np.concatenate([np.concatenate(line, 1) for line in shaped]))
        self.cells = Size(2 * cells.height, 2 * cells.width)
        fine = fine.flatten(0, 1)
        fine = torch.nn.functional.normalize(fine - fine.mean(0), dim=1).numpy()
        maps = torch.from_numpy(whole).T.reshape(1, -1, *cells.shape)
        coarse = torch.nn.functional.interpolate(maps, self.cells.shape, mode="bilinear")
        coarse = coarse[0].flatten(1).T.numpy()
        return np.concatenate([coarse, fine], 1) / np.float32(2**0.5)

    def _seen(self, image: np.ndarray, centred: bool = True) -> np.ndarray:
        """The features of an image, `centred` with their mean taken off and of length 1."""
        row, height, width = self.row, *image.shape[:2]
        self.cells = Size(row.side, row.side)
        if row.keep:
            ratio = (height / width) ** 0.5
            self.cells = Size(max(1, round(row.side * ratio)), max(1, round(row.side / ratio)))
        digest = hashlib.sha256(image.tobytes()).hexdigest()[:16]
        parts = []
        missing = {}
        files = {}
        for block, kind in row.kinds:
            file = self.store / f"{digest}-{self.cells}{block}{kind}.npy"
            files[block, kind] = file
            if not file.exists():
                missing[block] = missing.get(block, frozenset()) | {kind}
        if missing:
            found = self.network.features(self.network.pixels(image, self.cells), missing)
            for (block, kind), value in found.items():
                array = value.flatten(0, 1).numpy().astype(np.float16)
                np.save(files[block - self.network.shape.blocks, kind], array)
        for file in files.values():
            value = torch.from_numpy(np.load(file).astype(np.float32))
            if centred:
                value = torch.nn.functional.normalize(value - value.mean(0), dim=1)
            parts.append(value)
        return torch.cat(parts, 1).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", help="a folder; the cache's if not given")
    parser.add_argument("--rows", default=",".join(["offline", *ROWS]))
    parser.add_argument("--datasets", default="bsds_objects")
    parser.add_argument("--shard", default="1/3")
    given = parser.parse_args()
    store = given.out / "features"
    store.mkdir(parents=True, exist_ok=True)
    network, _ = VisionTransformer.load("dinov2-small", Loading(weights=given.weights))
    index, count = (int(part) for part in given.shard.split("/"))
    plan = Plan(
        preset="offline",
        datasets=tuple(given.datasets.split(",")),
        data_root=given.data_root,
        shard=(index, count),
    )
    jobs = plan.jobs(plan.items())
    print("| row | NoC85 / 90 / 95 [90, 95 %] | mIoU@1 / 5 / 10 |\n|---|---|---|")
    for name in given.rows.split(","):
        ious = evaluated(name, network, jobs, store)
        noc = [np.mean([number_of_clicks(course, t, 20) for course in ious]) for t in THRESHOLDS]
        miou = [np.mean([course[min(k, len(course)) - 1] for course in ious]) for k in CLICKS]
        numbers = " / ".join(f"{x:.2f}" for x in noc), " / ".join(f"{x:.3f}" for x in miou)
        low, high = bootstrap_interval([number_of_clicks(course, 0.9, 20) for course in ious])
        print(f"| {name} | {numbers[0]} [{low:.2f}, {high:.2f}] | {numbers[1]} |", flush=True)
        np.savez(
            given.out / f"{name}-{given.datasets}-{index}-{count}.npz",
            *[np.asarray(course) for course in ious],
        )


def evaluated(
    name: str, network: VisionTransformer, jobs: list[Any], store: Path
) -> list[tuple[float, ...]]:
    """The IoU after every click, of every object."""
    if name == "offline":
        source, settings = Affinity(), Settings.offline()
    else:
        row = ROWS[name]
        source = Variant(network, row, store)
        settings = Settings.offline().replace(**row.settings)
    made = Ours(name, source, None, settings, torch.device("cpu"))
    work = Work(name, Protocol())
    return [record.ious for job in jobs for record in work.on(made, job)]


if __name__ == "__main__":
    main()
