"""Where the offline default spends its time on one photograph: seconds and milliseconds per part.

    python experiments/offline_times.py PHOTOGRAPH --repeats 5

Medians after a warm-up, on as many threads as torch uses. Expected: experiments/offline.md.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from skimage.color import rgb2lab

from m2n2v2 import Click, Settings
from m2n2v2.attention import Affinity
from m2n2v2.attention.affinity.cues import measured
from m2n2v2.attention.affinity.graph import manifold_ranking, weights
from m2n2v2.attention.affinity.partitions import partitioned
from m2n2v2.boundaries import boundary_strength, forget
from m2n2v2.grid import Size, of_area
from m2n2v2.images import read_image, resized
from m2n2v2.method.transition import doubly_stochastic
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, guided_upsampling, markov_maps, segment
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined
from m2n2v2.photograph.scale_evidence import weighed
from m2n2v2.preparation import prepare


def preparation(photograph: Path) -> tuple[dict[str, Callable[[], object]], ImageState]:
    """The parts of preparing a photograph, and what they make."""
    image = read_image(photograph)
    source, settings = Affinity(), Settings.offline()
    parameters = source.parameters
    size = of_area(Size(*image.shape[:2]), parameters.pixels)
    lab = rgb2lab(resized(image, size)).astype(np.float32)
    strength = boundary_strength(lab, parameters.boundary_sigma)
    labels = [partitioned(lab, partition) for partition in parameters.partitions]
    graphs = [weights(measured(segments, lab / 100, strength), parameters) for segments in labels]
    attention = source.extract(image)
    state = prepare(image, source, None, settings)
    return {
        "boundary strength": lambda: boundary_strength(lab, parameters.boundary_sigma),
        "four partitions": lambda: [
            partitioned(lab, partition) for partition in parameters.partitions
        ],
        "four graphs": lambda: [
            weights(measured(segments, lab / 100, strength), parameters) for segments in labels
        ],
        "four rankings": lambda: [manifold_ranking(graph, parameters.ranking) for graph in graphs],
        "attention, all of it": lambda: (forget(), source.extract(image)),
        "balancing": lambda: doubly_stochastic(attention, settings.temperature),
        "upsampling operator": lambda: guided_upsampling(
            state.guide, attention.cells, None, settings
        ),
        "photograph, its boundaries known": lambda: Photograph.of(state.guide),
        "preparation, all of it": lambda: (forget(), prepare(image, source, None, settings)),
    }, state


def clicking(state: ImageState) -> dict[str, Callable[[], object]]:
    """The parts of a third click."""
    height, width = state.size.shape
    click = Click(width // 2, height // 3, False)
    before = empty(state)
    for x, y in ((width // 2, height // 2), (width // 4, height // 2)):
        before = segment(state, before, Click(x, y))
    (found,) = markov_maps(state, (click,))
    mask, photograph, settings = before.working_mask, state.additions.photograph, state.settings
    points = [prompt.map.point for prompt in before.prompts]
    return {
        "map: chain, upsampling, fill, edges": lambda: markov_maps(state, (click,)),
        "evidence": lambda: weighed(
            found.values, found.candidates, found.pixels, False, mask, photograph
        ),
        "refinement": lambda: refined(
            before.margin, photograph, points, [True, True], settings.refinement
        ),
        "a click, all of it": lambda: segment(state, before, click),
    }


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    parts, state = preparation(given.photograph)
    print(f"{state.size} pixels, {torch.get_num_threads()} threads\n\n| part | ms |\n| --- | --- |")
    for name, part in (parts | clicking(state)).items():
        print(f"| {name} | {1000 * _median(part, given.repeats):.0f} |", flush=True)


def _median(part: Callable[[], object], repeats: int) -> float:
    part()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
