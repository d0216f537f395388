"""The whole click: the fourth of a sequence, whose earlier maps both sides have kept."""

from functools import reduce
from typing import Any

import torch

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison, timing
from benchmarks.inputs import Case
from m2n2v2.arrays import Mask
from m2n2v2.method.values import MarkovMap
from m2n2v2.method.walk import empty, markov_maps, segment


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    state, clicks = case.state, case.clicks
    image, depth = case.photograph
    dense = case.exact.dense()
    before = reduce(lambda found, click: segment(state, found, click), clicks[:-1], empty(state))
    previous = before.working_mask
    maps = [prompt.map.values for prompt in before.prompts]
    limits = [prompt.limit for prompt in before.prompts]
    points = [(click.x, click.y) for click in clicks]
    labels = [click.positive for click in clicks]
    prior_area = state.settings.prior_fraction * case.size.area

    def ours() -> Mask:
        return segment(state, before, clicks[-1]).mask

    def slow() -> Mask:
        times = textbook.saturation_time(dense, case.start[-1])
        upsampled = textbook.joint_bilateral_upsampling(times, image, depth)
        filled = textbook.flood_fill(upsampled / upsampled.max(), points[-1], depth)
        limit = textbook.size_limit(points[-1], labels[-1], previous, state.settings.alpha)
        found: list[torch.Tensor] = [*maps, filled / filled.max()]
        return textbook.segment(found, points, labels, [*limits, limit], previous, prior_area)

    different = float((ours() != slow()).mean())
    row = comparison(
        ours,
        slow,
        Agreement("share of the pixels that differ", different, 5e-3),
        ours_repetitions=effort.long,
        textbook_repetitions=effort.long,
        note="ours with the reduced chain",
    )
    known: MarkovMap = markov_maps(state, clicks[-1:])[0]
    again = timing(lambda: segment(state, before, clicks[-1], known).mask, effort.short, warm_up=2)
    return {"click": row, "click, its map known": {"ours": again}}
