"""Joint bilateral upsampling: an operator built once against a shifted window for every click."""

from typing import Any

from benchmarks import textbook
from benchmarks.harness import Agreement, Effort, comparison, timing
from benchmarks.inputs import Case
from m2n2v2.method.upsampling import joint_bilateral_upsampling


def measure(case: Case, effort: Effort) -> dict[str, dict[str, Any]]:
    image, depth = case.photograph
    operator = case.state.upsampling

    def slow() -> object:
        return textbook.joint_bilateral_upsampling(case.times[0], image, depth)

    expected = textbook.joint_bilateral_upsampling(case.times[0], image, depth)
    difference = float((operator(case.times)[0] - expected).abs().max() / expected.max())
    row = comparison(
        lambda: operator(case.times),
        slow,
        Agreement("largest difference, relative to the map's maximum", difference, 1e-4),
        ours_repetitions=effort.short,
        textbook_repetitions=effort.long,
        note="per click; the operator is built once per image",
    )
    build = timing(
        lambda: joint_bilateral_upsampling(image, case.state.transition.cells, depth=depth),
        effort.long,
    )
    return {"upsampling": row, "upsampling, building the operator": {"ours": build}}
