"""A person's say over the last click's scale: other scales to choose from, and a nudge."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int32

from m2n2v2.method.scoring import Candidates, Scale, scale_at
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import best_scale_of, merged, score_curve_of


def alternatives(
    state: ImageState, segmentation: Segmentation, count: int = 3
) -> tuple[Segmentation, ...]:
    """The segmentation with the last prompt at each of its best-scoring scales.

    Neighbouring thresholds give nearly the same segment, so a scale counts as another one only
    if the smaller of the two segments has at most 4/5 of the other's pixels.

    Returns:
        `count` segmentations, best score first, the first being `segmentation`'s own; where the
        map has fewer distinct scales that score, the last is repeated.
    """
    *_, last = segmentation.prompts
    choices = last.choices
    score = score_curve_of(state, last, segmentation.prompts)
    results = [segmentation]
    score[_alike(choices.area, segmentation.scales[-1].area)] = 0
    while len(results) < count:
        at = int(score.argmax())
        if score[at] <= 0:
            results.append(results[-1])
            continue
        scale = scale_at(choices, float(choices.thresholds[at]), float(score[at]))
        results.append(_rescaled(state, segmentation, scale))
        score[_alike(choices.area, scale.area)] = 0
    return tuple(results)


@dataclass(frozen=True)
class Nudge:
    """A scale made smaller or larger by a person, on every choice of the method's anew.

    Attributes:
        amount: in [-1, 1]; a quarter doubles the segment's area, a quarter less than 0 halves it.
    """

    amount: float

    def __call__(self, scale: Scale, known: Candidates) -> Scale:
        """The largest candidate of at most `16 ** amount` times the area, scored by its edge."""
        wanted = scale.area * 16.0**self.amount
        at = max(int(np.searchsorted(known.area, wanted, side="right")) - 1, 0)
        return scale_at(known, float(known.thresholds[at]), float(known.edge[at]))


def nudged(state: ImageState, segmentation: Segmentation, amount: float) -> Segmentation:
    """The segmentation with the last prompt's segment made smaller or larger by a person.

    The prompt takes, among its candidates, the largest segment of at most `16 ** amount` times the
    pixels of the one the method chose. It stays so when further clicks come. This step is ours,
    not the paper's.

    Args:
        segmentation: at least one click.
        amount: in [-1, 1]; 0 is the method's choice again.
    """
    *others, last = segmentation.prompts
    moved = replace(last, moved=Nudge(amount) if amount else None)
    prompts = (*others, moved)
    scale = best_scale_of(state, moved, prompts)
    return _rescaled(state, replace(segmentation, prompts=prompts), scale)


def _rescaled(state: ImageState, segmentation: Segmentation, scale: Scale) -> Segmentation:
    """The same prompts, the last of them at another scale."""
    scales = (*segmentation.scales[:-1], scale)
    result = merged(state, segmentation.prompts, scales, segmentation.base)
    return state.additions.refined(state, result)


def _alike(area: Int32[np.ndarray, " L"], other: int) -> Bool[np.ndarray, " L"]:
    """Which of these areas are too near to another to be a different scale."""
    return np.minimum(area, other) > 0.8 * np.maximum(area, other)
