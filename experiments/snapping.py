"""Does a mask drawn anew to the photograph come nearer to the truth?

    python experiments/snapping.py --data-root DATA --attention-cache CACHE

One row a kind of damage to the truth, on the tuning set: the mean IoU of the damaged mask, and of
it drawn anew (`snapping.snapped`), with 95 % bootstrap intervals. The preset is `dinov2-graph`.

- too large, too small: by 5 pixels, all round.
- wobbly: the outline moved by a smooth random field, 5 pixels at its standard deviation.
- coarse: a polygon of few corners, no farther than 8 pixels from the outline.
- exact: the truth itself, of which every change is a loss.

Hardware: a CPU. Time: about two minutes, the attention apart.
Expected: docs/decisions/boxes.md.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from m2n2v2.arrays import Mask
from m2n2v2.baselines import segmenter
from m2n2v2.datasets import find, load
from m2n2v2.evaluation.metrics import bootstrap_interval, iou
from m2n2v2.masks.rings import filled
from m2n2v2.masks.simplified import simplified
from m2n2v2.preparation import prepare
from m2n2v2.snapping import snapped
from m2n2v2.weights.locating import Loading


def distance(mask: Mask) -> np.ndarray:
    """From the outline, over 0 inside."""
    edt = ndimage.distance_transform_edt
    return np.where(mask, edt(mask), -edt(~mask))


def wobbly(mask: Mask) -> Mask:
    field = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(mask.shape), 12)
    return distance(mask) > 5 * field / field.std()


def coarse(mask: Mask) -> Mask:
    return filled([ring for outline in simplified(mask, 8) for ring in outline.rings], mask.shape)


DAMAGES: dict[str, Callable[[Mask], Mask]] = {
    "too large by 5": lambda mask: distance(mask) >= -5,
    "too small by 5": lambda mask: distance(mask) > 5,
    "wobbly by 5": wobbly,
    "coarse within 8": coarse,
    "exact": lambda mask: mask,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--attention-cache", type=Path)
    parser.add_argument("--shard", type=int, default=1, help="every so many photographs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ours = segmenter("dinov2-graph", Loading(device="cpu"), attention_cache=options.attention_cache)
    items = find("bsds_objects", options.data_root, "field")
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in DAMAGES}
    for image in sorted({item.image for item in items})[:: options.shard]:
        samples = [load(item) for item in items if item.image == image]
        state = prepare(samples[0].image, ours.attention, ours.depth, ours.settings)
        for sample in samples:
            for name, damage in DAMAGES.items():
                given = damage(sample.truth)
                if given.any():
                    both = (given, snapped(state, given))
                    rows[name].append(tuple(iou(sample.truth, m, sample.void) for m in both))
    print("| mask | objects | IoU given | IoU drawn anew | gain |\n| --- | --- | --- | --- | --- |")
    for name, values in rows.items():
        given, drawn = np.array(values).T
        cells = [f"{given.mean():.3f}", f"{drawn.mean():.3f}"]
        low, high = bootstrap_interval(drawn - given)
        print(
            f"| {name} | {len(values)} | {' | '.join(cells)} | "
            f"{(drawn - given).mean():+.3f} [{low:+.3f}, {high:+.3f}] |"
        )


if __name__ == "__main__":
    main()
