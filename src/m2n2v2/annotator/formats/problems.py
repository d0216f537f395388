"""Everything of a file of labels that does not match the images, at once."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from m2n2v2.errors import FormatError, M2N2Error
from m2n2v2.grid import Size

SHOWN = 5


def said_size(height: object, width: object) -> Size | None:
    """The size a file gives for an image; None if it gives none."""
    if isinstance(height, int) and isinstance(width, int):
        return Size(height, width)
    return None


class Problems:
    """What is wrong with a file of labels, collected, so that a person sees all of it at once.

    Args:
        source: the file's name, for messages.
        skip: leave out what does not match, instead of refusing the file.
    """

    def __init__(self, source: object, *, skip: bool) -> None:
        self._source = source
        self._skip = skip
        self._found: list[str] = []
        self._notes: dict[str, int] = defaultdict(int)

    def add(self, problem: str) -> None:
        self._found.append(problem)

    def note(self, what: str) -> None:
        """Something that is left out in any case; `what` is counted."""
        self._notes[what] += 1

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Errors in the block are problems of `where`."""
        try:
            yield
        except M2N2Error as error:
            self.add(f"{where}: {error.what}")

    def settle(self) -> tuple[str, ...]:
        """What was left out, in words.

        Raises:
            FormatError: something does not match, and is not to be skipped.
        """
        if self._found and not self._skip:
            shown = "; ".join(self._found[:SHOWN])
            more = f"; and {len(self._found) - SHOWN} more" if len(self._found) > SHOWN else ""
            count = "1 problem" if len(self._found) == 1 else f"{len(self._found)} problems"
            raise FormatError(
                f"{self._source} does not match the images, {count}: {shown}{more}",
                cure="nothing was imported; put the right images and labels together, or skip "
                "what does not match (--skip)",
            )
        return (*self._found, *(f"{count} {what}" for what, count in self._notes.items()))
