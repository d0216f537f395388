"""When earlier prompts are scored again: by hand."""

import pytest

from m2n2v2.photograph.additions import scored_again


@pytest.mark.parametrize(
    ("moved", "kept", "again"),
    [
        (1.0, 1.0, True),
        (0.95, 1.0, True),
        (0.85, 1.0, False),  # the click means what changes without
        (0.6, 0.4, True),
        (0.2, 0.16, False),  # it lies in the middle of neither: what was right stays
    ],
)
def test_earlier_prompts_are_scored_again_where_the_click_means_it(
    moved: float, kept: float, again: bool
) -> None:
    assert scored_again(moved, kept) is again
