"""Where masks fall short: what partitions, cells and refinement can express, what clicks change.

    python experiments/outlines.py --data-root DATA --weights FOLDER

Three tables, on every third photograph of the tuning set. (1) The best mask there is: every segment
of a partition, or of all four crossed, on the side that most of it is; the truth through cells and
upsampling; the truth itself, and the truth grown or shrunk, after the refinement. (2) The same with
clicks, where the truth chooses the new click's scale. (3) What one click changes, by the IoU before
it: `dinov2-graph` as it is.

Hardware: a CPU. Time: about two minutes on one core. Expected: docs/decisions/outlines.md.
"""

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from m2n2v2.arrays import Image, Mask
from m2n2v2.attention.affinity.likeness import PARAMETERS
from m2n2v2.attention.affinity.partitions import partitioned
from m2n2v2.boundaries import analysed
from m2n2v2.datasets.base import Sample, load
from m2n2v2.evaluation.metrics import iou, number_of_clicks
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.runner import Plan
from m2n2v2.grid import Size
from m2n2v2.images import resized_map
from m2n2v2.method.scoring import scale_at
from m2n2v2.method.upsampling import joint_bilateral_upsampling
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import _placed, empty, markov_maps, merged, segment
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Click
from m2n2v2.weights.locating import Loading

THRESHOLDS = (0.85, 0.9, 0.95)
LEVELS = (0, 0.7, 0.85, 0.9, 0.95)
SHIFTS = (2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--datasets", default="bsds_objects")
    parser.add_argument("--shard", default="1/3", help="i/n: every n-th photograph")
    parser.add_argument("--weights", help="a folder; the cache's if not given")
    given = parser.parse_args()
    index, count = (int(part) for part in given.shard.split("/"))
    plan = Plan(
        preset="dinov2-graph",
        datasets=tuple(given.datasets.split(",")),
        data_root=given.data_root,
        shard=(index, count),
    )
    chosen = preset("dinov2-graph")
    source = chosen.attention_source(Loading(weights=given.weights))
    best: dict[str, list[float]] = {}
    clicked: dict[str, list[list[float]]] = {"as it is": [], "scales by the truth": []}
    for job in plan.jobs(plan.items()):
        samples = [load(item) for item in job.items]
        image = samples[0].image
        for sample in samples:
            for name, mask in expressible(image, sample):
                best.setdefault(name, []).append(iou(sample.truth, mask, sample.void))
        state = prepare(image, source, None, chosen.settings)
        for sample in samples:
            clicked["as it is"].append(course(state, sample, truth_chooses=False))
            clicked["scales by the truth"].append(course(state, sample, truth_chooses=True))
    print("| best mask | mean IoU | under .85 / .90 / .95 |\n|---|---|---|")
    for name, ious in best.items():
        under = " / ".join(f"{np.mean(np.array(ious) < t):.2f}" for t in THRESHOLDS)
        print(f"| {name} | {np.mean(ious):.3f} | {under} |")
    print("\n| clicks | NoC85 / 90 / 95 | mIoU@1 / 5 / 10 |\n|---|---|---|")
    for name, courses in clicked.items():
        noc = [np.mean([number_of_clicks(c, t, 20) for c in courses]) for t in THRESHOLDS]
        miou = [np.mean([c[min(k, len(c)) - 1] for c in courses]) for k in (1, 5, 10)]
        print(f"| {name} | {noc[0]:.2f} / {noc[1]:.2f} / {noc[2]:.2f} |", end=" ")
        print(" / ".join(f"{x:.3f}" for x in miou), "|")
    print("\n| IoU before | clicks an object | gain, mean / median | that lost over .01 |")
    print("|---|---|---|---|")
    steps = np.array([pair for course in clicked["as it is"] for pair in pairwise(course)])
    for low, high in pairwise(LEVELS):
        gain = np.diff(steps[(steps[:, 0] >= low) & (steps[:, 0] < high)]).ravel()
        often = len(gain) / len(clicked["as it is"])
        print(
            f"| {low} to {high} | {often:.2f} | {gain.mean():+.4f} / {np.median(gain):+.4f} |",
            end="",
        )
        print(f" {np.mean(gain < -0.01):.2f} |")


def expressible(image: Image, sample: Sample) -> Iterator[tuple[str, Mask]]:
    """The best masks of each stage, by name."""
    photograph, size = Photograph.of(image), Size(*image.shape[:2])
    truth = sample.truth

    def drawn(mask: Mask) -> Mask:
        margin = torch.from_numpy(np.where(mask, np.float32(1), np.float32(-1)))
        return refined(margin, photograph, [], [], 0.02).numpy() > 0

    lab = analysed(image, PARAMETERS.pixels, PARAMETERS.boundary_sigma).lab
    crossed = np.zeros(size.shape, np.int64)
    for partition in PARAMETERS.partitions:
        labels = _enlarged(partitioned(lab, partition), size)
        crossed = crossed * (int(labels.max()) + 1) + labels
        best = _majority(labels, sample)
        yield f"{partition}", best
        yield f"{partition}, refined", drawn(best)
    best = _majority(np.unique(crossed, return_inverse=True)[1].reshape(size.shape), sample)
    yield "all four crossed", best
    yield "all four crossed, refined", drawn(best)
    cells = Size(PARAMETERS.grid, PARAMETERS.grid)
    up = joint_bilateral_upsampling(image, cells, spatial_sigma=0.4)
    mask = up(resized_map(torch.from_numpy(truth.astype(np.float32)), cells)[None])[0] > 0.5
    yield f"cells of {cells}", mask.numpy()
    yield "the truth, refined", drawn(truth)
    for by in SHIFTS:
        for name, moved in (
            ("smaller", ndimage.binary_erosion),
            ("larger", ndimage.binary_dilation),
        ):
            mask = moved(truth, iterations=by)
            yield f"the truth, {by} pixels {name}", mask
            yield f"the truth, {by} pixels {name}, refined", drawn(mask)


def course(state: ImageState, sample: Sample, *, truth_chooses: bool) -> list[float]:
    """The IoU after every click."""
    protocol, result = Protocol(), empty(state)
    clicks: list[Click] = []
    ious: list[float] = []
    mask = np.zeros_like(sample.truth)
    generator = protocol.generator("", sample.name)
    while not protocol.finished(ious):
        click = protocol.next_click(sample.truth, sample.void, mask, clicks, generator)
        if click is None:
            break
        step = _by_truth(state, result, click, sample) if truth_chooses else None
        result = step or segment(state, result, click)
        mask = result.mask
        clicks.append(click)
        ious.append(iou(sample.truth, mask, sample.void))
    return ious


def _by_truth(
    state: ImageState, previous: Segmentation, click: Click, sample: Sample
) -> Segmentation:
    """The earlier scales as they were, the new one by the truth, refined."""
    prompt = _placed(state, previous, click, markov_maps(state, (click,))[0])
    made = [
        merged(
            state,
            (*previous.prompts, prompt),
            (*previous.scales, scale_at(prompt.choices, float(threshold), 1.0)),
            None,
        )
        for threshold in prompt.choices.thresholds
    ]
    chosen = max(made, key=lambda result: iou(sample.truth, result.mask, sample.void))
    return state.additions.refined(state, chosen)


def _majority(labels: np.ndarray, sample: Sample) -> Mask:
    scored = (~sample.void).ravel().astype(float)
    area = np.bincount(labels.ravel(), scored)
    inside = np.bincount(labels.ravel(), scored * sample.truth.ravel())
    return (inside > area / 2)[labels]


def _enlarged(labels: np.ndarray, size: Size) -> np.ndarray:
    places = (
        ((np.arange(pixels) + 0.5) * side / pixels).astype(int)
        for pixels, side in zip(size.shape, labels.shape, strict=True)
    )
    return labels[np.ix_(*places)]


if __name__ == "__main__":
    main()
