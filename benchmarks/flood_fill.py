"""The depth-guided fill: a queue of bits over ranked pixels against a binary heap."""

from typing import Any

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison
from benchmarks.inputs import Case
from m2n2v2.method.flood_fill import flood_fill


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    values, point, depth = case.upsampled, case.point, case.depth

    def ours() -> object:
        return flood_fill(values, point, depth=depth)

    def slow() -> object:
        return textbook.flood_fill(values, point, depth)

    expected = textbook.flood_fill(values, point, depth)
    difference = float((flood_fill(values, point, depth=depth) - expected).abs().max())
    row = comparison(
        ours,
        slow,
        Agreement("largest difference", difference, 0.0),
        ours_repetitions=effort.short,
        textbook_repetitions=effort.long,
    )
    return {"flood fill": row}
