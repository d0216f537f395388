"""The step between prompts that draws what is there anew, and sequences of both."""

from collections.abc import Iterable
from dataclasses import dataclass

from m2n2v2.grid import Size
from m2n2v2.prompts.sequences import Given, check_sequence


@dataclass(frozen=True)
class Snap:
    """The mask so far is drawn anew to the photograph, and stands for itself from then on.

    The prompts before it are spent: later ones may contradict them.
    """


SNAP = Snap()
"""They are all alike."""

Step = Given | Snap
"""What a person does to a mask."""


def check_steps(steps: Iterable[Step], size: Size) -> None:
    """Are all prompts inside `size`, and do none contradict another since the last snap?

    Raises:
        ClickError, PromptError: as of `check_sequence`.
    """
    run: list[Given] = []
    for step in steps:
        if isinstance(step, Snap):
            check_sequence(run, size)
            run = []
        else:
            run.append(step)
    check_sequence(run, size)
