"""Scale by score: the fill's level sets and differences against growing the segment and a sort."""

from typing import Any

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison
from benchmarks.inputs import Case
from m2n2v2.method.scoring import Scale, best_scale, candidates, values_at


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    levels = case.filled
    values = levels.values
    same = values_at(values, [(c.x, c.y) for c in case.clicks if c.positive])
    other = values_at(values, [(c.x, c.y) for c in case.clicks if not c.positive])
    area = case.state.settings.prior_fraction * case.size.area

    def ours() -> Scale:
        return best_scale(candidates(values, levels), same, other, area)

    def slow() -> tuple[float, float]:
        return textbook.best_scale(values, same, other, area)

    found, expected = ours(), slow()
    row = comparison(
        ours,
        slow,
        Agreement("difference of the best score", abs(found.score - expected[1]), 1e-4),
        ours_repetitions=effort.short,
        textbook_repetitions=effort.long,
        note="ours takes the order of the pixels from the fill, whose row includes finding it",
    )
    return {"scoring": row}
