"""Which image of the folder a file of labels means, and everything that does not match, at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath, PureWindowsPath

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


class Names:
    """The images of the folder, found by what other tools call them.

    A file may name them by another root: the whole path counts first, then ever shorter ends of
    it, then a folder's file by its name alone if there is only one of that name.
    """

    def __init__(self, sizes: Mapping[str, Size]) -> None:
        self._sizes = sizes
        self._ends: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for name in sizes:
            for end in _ends(name):
                self._ends[end].append(name)
                self._stems[_without_suffix(end)].append(name)

    def find(self, called: str, size: Size | None) -> str:
        """The image called so.

        Raises:
            FormatError: there is none, there are several, or it has another size.
        """
        return self._checked(called, size, self._ends, called in self._sizes)

    def find_stem(self, called: str, size: Size | None) -> str:
        """The image whose path without suffix is called so; raises as `find`."""
        return self._checked(called, size, self._stems, False)

    def _checked(
        self, called: str, size: Size | None, table: Mapping[str, list[str]], exact: bool
    ) -> str:
        found = [called] if exact else self._candidates(called, table)
        if not found:
            raise FormatError(f"image {called!r} is not in the folder", cure="put it there")
        if len(found) > 1:
            raise FormatError(
                f"image {called!r} may be {found[0]} or {found[1]}", cure="give its whole path"
            )
        there = self._sizes[found[0]]  # an image that cannot be read does not match, either
        if size is not None and there != size:
            raise FormatError(
                f"{found[0]} is {there} in the folder and labelled at {size}",
                cure="label the image that is there",
            )
        return found[0]

    def _candidates(self, called: str, table: Mapping[str, list[str]]) -> list[str]:
        for end in _ends(PureWindowsPath(called).as_posix()):
            if end in table:
                whole = [name for name in table[end] if end in (name, _without_suffix(name))]
                return whole or table[end]
        return []


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _ends(path: str) -> Iterable[str]:
    """A path, and what remains of it without its first folders: `a/b/c`, `b/c`, `c`."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..", ".")]
    return ["/".join(parts[first:]) for first in range(len(parts))]
