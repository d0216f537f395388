"""What a segmenter is to the evaluation: prepared for an image once, then clicked."""

from typing import Protocol, runtime_checkable

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.errors import PromptError
from m2n2v2.prompts import Click


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
