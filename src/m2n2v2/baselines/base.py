"""What a segmenter is to the evaluation: prepared for an image once, then clicked."""

from typing import Protocol, runtime_checkable

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.errors import PromptError
from m2n2v2.prompts import Box, Click, Scribble


@runtime_checkable
class Clicking(Protocol):
    """One image, prepared; clicks accumulate until `restart`."""

    def restart(self, mask: Mask | None = None) -> None:
        """Forget all clicks: the next object begins, from the empty mask or from `mask`.

        Raises:
            PromptError: a mask came, and this segmenter cannot start from one.
        """
        ...

    def click(self, click: Click) -> Mask:
        """The mask after one more click, at the photograph's size."""
        ...


@runtime_checkable
class Prompted(Clicking, Protocol):
    """One that takes a box or a scribble before the clicks."""

    def begin(self, first: Box | Scribble) -> Mask:
        """The mask that the first prompt gives, at the photograph's size; clicks correct it.

        Raises:
            PromptError: it takes no prompt of this kind.
        """
        ...


def begun(clicking: Clicking, first: Box | Scribble) -> Mask:
    """The mask of the first prompt, of whatever was just restarted.

    Raises:
        PromptError: it takes no prompt of this kind.
    """
    if not isinstance(clicking, Prompted):
        raise refused(first, type(clicking).__name__)
    return clicking.begin(first)


def refused(first: Box | Scribble, name: str) -> PromptError:
    """What a method says that does not take such a prompt."""
    kind = type(first).__name__.lower()
    return PromptError(f"{name} takes no {kind} first", cure="use --first click, or another preset")


@runtime_checkable
class Segmenter(Protocol):
    """A method under evaluation."""

    @property
    def name(self) -> str:
        """What it is, with every setting that changes a mask; recorded with every result."""
        ...

    def start(self, image: Image, depth: DepthMap | None = None) -> Clicking:
        """Prepare for clicks on `image`; the result is as good as restarted.

        Args:
            depth: measured depth; a method that has no use for it ignores it.
        """
        ...


def refuse_start_mask(mask: Mask | None, name: str) -> None:
    """For segmenters that always start from the empty mask."""
    if mask is not None:
        raise PromptError(
            f"{name} cannot start from a mask", cure="start from the empty mask (--start empty)"
        )
