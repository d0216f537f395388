"""Everything of a file of labels that does not match the images, at once."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from m2n2v2.errors import FormatError, M2N2Error

SHOWN = 5


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
        self._cures: list[str] = []
        self._broken: list[str] = []
        self._read = 0
        self._notes: dict[str, int] = defaultdict(int)

    def add(self, problem: str) -> None:
        self._found.append(problem)

    def note(self, what: str, count: int = 1) -> None:
        """Something that is left out, or read by a rule, in any case; `what` is counted."""
        self._notes[what] += count

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Errors in the block are problems of `where`."""
        try:
            yield
        except M2N2Error as error:
            self.add(f"{where}: {error.what}")
            if len(self._found) <= SHOWN and error.cure not in self._cures:
                self._cures.append(error.cure)

    @contextmanager
    def leaving_out(self, where: str) -> Iterator[None]:
        """One thing of many: an error in the block leaves it out, by name, and the others stay."""
        try:
            yield
        except M2N2Error as error:
            self._broken.append(f"{where}: {error.what}")
        else:
            self._read += 1

    def settle(self) -> tuple[str, ...]:
        """What was left out, in words.

        Raises:
            FormatError: something does not match, and is not to be skipped; or nothing of what
                is in the file can be read.
        """
        if self._found and not self._skip:
            count = "1 problem" if len(self._found) == 1 else f"{len(self._found)} problems"
            raise FormatError(
                f"{self._source} does not match the images, {count}: {_shown(self._found)}",
                cure="; ".join(
                    (
                        "nothing was imported",
                        *(self._cures or ("put the right images and labels together",)),
                        "or skip what does not match (--skip)",
                    )
                ),
            )
        if self._broken and not self._read and not self._skip:
            raise FormatError(
                f"{self._source} holds nothing that can be read: {_shown(self._broken)}",
                cure="nothing was imported; export it again",
            )
        notes = (f"{count} {what}" for what, count in self._notes.items())
        return (*self._found, *self._broken, *notes)


def _shown(problems: list[str]) -> str:
    """The first problems, and how many more there are."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more
