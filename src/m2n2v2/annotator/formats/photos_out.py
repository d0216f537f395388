"""Photographs beside their labels, under the names that the labels use."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from m2n2v2.annotator.formats.base import Labels
from m2n2v2.annotator.formats.files import Photos, write_text
from m2n2v2.errors import FormatError
from m2n2v2.files import decoded_text

NAMES = "names.tsv"
ESCAPE = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")
"""What cannot be seen in a name, as the table tells it."""


def copy_photos(
    labels: Labels,
    stems: dict[str, str],
    folder: Path,
    photos: Photos | None,
    counts: Counter[str],
    *,
    jpeg: bool = False,
) -> dict[str, str]:
    """Copy the photographs to `folder / stem.suffix`; returns the path in it for each image.

    Without photographs the paths are those that they would have, but for rewritten ones.
    """
    paths = {}
    for image in labels.ordered():
        stem = stems[image.name]
        if photos is None:
            counts["no photographs"] += 1
            suffix = ".jpg" if jpeg else PurePosixPath(image.name).suffix
            paths[image.name] = stem + suffix
            continue
        copied, rewritten = photos.copy(image.name, image.size, folder / stem, jpeg=jpeg)
        counts["converted"] += rewritten
        paths[image.name] = copied.relative_to(folder).as_posix()
    return paths


def write_names(folder: Path, stems: dict[str, str], counts: Counter[str]) -> None:
    """A table of the images that are called otherwise here, if there are any.

    Images that differ in suffix or case alone are all listed: their names here say nothing of it.
    """
    shared = Counter(_stem(name).casefold() for name in stems)
    renamed = {name for name, stem in stems.items() if _stem(name) != stem}
    counts["renamed"] += len(renamed)
    listed = renamed | {name for name in stems if shared[_stem(name).casefold()] > 1}
    if listed:
        rows = [f"{stems[name]}\t{_told(name)}\n" for name in sorted(listed)]
        write_text(folder / NAMES, "".join(["here\tin the folder\n", *rows]))


def read_names(folder: Path) -> dict[str, str]:
    """The images that such a table names, by what they are called there; none without a table.

    Raises:
        FormatError: there is one that cannot be read.
    """
    path = folder / NAMES
    if not path.is_file():
        return {}
    try:
        text = decoded_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{NAMES} cannot be read ({error})", cure="export again") from error
    rows = [row.rstrip("\r").split("\t") for row in text.split("\n")[1:]]
    return {row[0]: ESCAPE.sub(_meant, row[1]) for row in rows if len(row) == 2}


def _told(name: str) -> str:
    """A name in a line of text, whatever it holds; no name of an image holds a backslash."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _meant(escape: re.Match[str]) -> str:
    return chr(int(escape[0][2:], 16))


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
