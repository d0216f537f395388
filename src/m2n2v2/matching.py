"""Which photograph of a folder is meant by what another tool calls it."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from m2n2v2.errors import FormatError
from m2n2v2.grid import Size

HASH = re.compile(r"(^|/)[0-9a-f]{8}-(?=[^/]+$)")
"""What Label Studio puts before the name of an upload."""
SUFFIX = re.compile(r"(?<=[^/])\.[^./]+$")
SAID_SUFFIX = re.compile(r"(?<=[^/])\.[A-Za-z][A-Za-z0-9]{1,4}$")
"""A suffix of a name that may have none: `scan.001` ends in a number, not in a suffix."""


@runtime_checkable
class Sizes(Protocol):
    """The sizes of images by name; an image may be opened only when its size is asked for."""

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, name: object, /) -> bool: ...

    def __getitem__(self, name: str, /) -> Size: ...


class Names:
    """The images of a folder, looked up by what other tools call them.

    A file may name them by another root: the whole path counts first, then ever shorter ends of
    it, then a folder's file by its name alone if there is only one of that name. Where no name is
    the same, Unicode's forms and the quoting of URLs are overlooked, then case, then the hash
    that Label Studio puts in front, at last the suffix. Several that fit are an error.

    Args:
        sizes: of the images, by their paths in the folder with forward slashes.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._ends = [_table(sizes, key, _same) for key in KEYS]
        self._stems = [_table(sizes, key, _without_suffix) for key in KEYS]

    def find(self, called: str, size: Size | None) -> str:
        """The image called so.

        Raises:
            FormatError: there is none, there are several, or it has another size.
        """
        return self._checked(called, self.candidates(called), size)

    def candidates(self, called: str) -> list[str]:
        """The images that may be called so: none, one, or several of which none fits better."""
        if called in self._sizes:
            return [called]
        whole = called.replace("\\", "/")
        images = self._first([whole], self._ends)
        if not images:  # of another suffix: only where no folder of the image's own is left unsaid
            stems = [whole, SAID_SUFFIX.sub("", whole)]
            images = self._first(stems, self._stems, whole=True)
        return images

    def find_stem(self, called: str, size: Size | None) -> str:
        """The image whose path without suffix is called so; raises as `find`."""
        return self._checked(called, self._first([called.replace("\\", "/")], self._stems), size)

    def _first(
        self, called: list[str], tables: list[dict[str, list[str]]], *, whole: bool = False
    ) -> list[str]:
        """What the strictest reading finds; `whole`: among images whose whole path is called."""
        for cut in (_same, _without_hash):
            for key, table in zip(KEYS, tables, strict=True):
                images = [
                    name
                    for wanted in called
                    for name in _candidates(key(cut(wanted)), table, whole)
                ]
                if images:
                    return list(dict.fromkeys(images))
        return []

    def _checked(self, called: str, images: list[str], size: Size | None) -> str:
        if not images:
            raise FormatError(f"image {visible(called)} is not in the folder", cure="put it there")
        if len(images) > 1:
            first, second = _apart(images[0], images[1])
            raise FormatError(
                f"image {visible(called)} may be {first} or {second}", cure="give its whole path"
            )
        there = self._sizes[images[0]]  # an image that cannot be read does not match, either
        if size is not None and there != size:
            raise FormatError(
                f"{images[0]} is {there} in the folder and labelled at {size}",
                cure="label the image that is there",
            )
        return images[0]


def visible(name: str) -> str:
    """A name in quotes, escaped where it would look like another one."""
    plain = unicodedata.normalize("NFKC", name) == name
    hidden = any(unicodedata.category(character) == "Cf" for character in name)
    return repr(name) if plain and not hidden else ascii(name)


def _apart(first: str, second: str) -> tuple[str, str]:
    """Two names, escaped if they can be mistaken for one another."""
    if visible(first) == repr(first) and visible(second) == repr(second):
        return first, second
    return ascii(first), ascii(second)


def _same(path: str) -> str:
    return path


def _plain(path: str) -> str:
    """Without the quoting of URLs, in Unicode's composed form."""
    with suppress(UnicodeDecodeError):  # then the percent signs are the name's own
        path = unquote(path, errors="strict")
    return unicodedata.normalize("NFC", path)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", _plain(path).casefold())


KEYS: tuple[Callable[[str], str], ...] = (_same, _plain, _folded)
"""What two names must share, from strict to loose."""


def _table(
    sizes: Sizes, key: Callable[[str], str], cut: Callable[[str], str]
) -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for name in sizes:
        for end in _ends(key(cut(name))):
            table[end].append(name)
    return dict(table)


def _candidates(called: str, table: Mapping[str, list[str]], only_whole: bool) -> list[str]:
    for end in _ends(called):
        if end in table:
            depth = end.count("/")
            whole = [name for name in table[end] if name.count("/") == depth]
            if whole or not only_whole:
                return whole or table[end]
    return []


def _without_suffix(path: str) -> str:
    return SUFFIX.sub("", path)


def _without_hash(path: str) -> str:
    return HASH.sub(r"\1", path)


def _ends(path: str) -> Iterable[str]:
    """A path, and what remains of it without its first folders: `a/b/c`, `b/c`, `c`."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..", ".")]
    return ["/".join(parts[first:]) for first in range(len(parts))]
