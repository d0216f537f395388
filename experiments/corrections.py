"""What clicks make of a mask that was given to be corrected.

    python experiments/corrections.py --data-root DATA --attention-cache CACHE

The masks given are those after one click of `ritm` in a session of its own; then a new session
begins with the mask, and gets three clicks of `ritm`. One row: the mean IoU of what was given, and
after one, two and three clicks, with 95 % bootstrap intervals. The preset is `dinov2-graph`.

Hardware: a CPU. Time: about two minutes for `bsds_objects`, the attention apart.
Expected: docs/decisions/boxes.md.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from m2n2v2.arrays import Mask
from m2n2v2.baselines import segmenter
from m2n2v2.datasets import find, load
from m2n2v2.datasets.base import Sample
from m2n2v2.evaluation.clicker import largest_error_click
from m2n2v2.evaluation.metrics import bootstrap_interval, iou
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.session import Session
from m2n2v2.weights.locating import Loading

CLICKS = 3


def clicked(state: ImageState, sample: Sample, given: Mask | None, count: int) -> list[Mask]:
    """The masks of a session after so many clicks, or fewer where no error is left."""
    session = Session(state, given)
    mask = np.zeros_like(sample.truth) if given is None else given
    before, masks = np.zeros_like(sample.truth), []
    for _ in range(count):
        click = largest_error_click(sample.truth, sample.void, mask, before)
        if click is not None:
            before[click.y, click.x] = True
            mask = session.click(click.x, click.y, click.positive).mask
        masks.append(mask)
    return masks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--dataset", default="bsds_objects")
    parser.add_argument("--attention-cache", type=Path)
    parser.add_argument("--shard", type=int, default=1, help="every so many photographs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ours = segmenter("dinov2-graph", Loading(device="cpu"), attention_cache=options.attention_cache)
    items = find(options.dataset, options.data_root, "field")
    rows = []
    for image in sorted({item.image for item in items})[:: options.shard]:
        samples = [load(item) for item in items if item.image == image]
        state = prepare(samples[0].image, ours.attention, ours.depth, ours.settings)
        for sample in samples:
            (given,) = clicked(state, sample, None, 1)
            masks = [given, *clicked(state, sample, given, CLICKS)]
            rows.append([iou(sample.truth, mask, sample.void) for mask in masks])
    print(f"{options.dataset}, {len(rows)} objects: mean IoU as given, and after each click")
    for values in np.array(rows).T:
        low, high = bootstrap_interval(values)
        print(f"{values.mean():.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
