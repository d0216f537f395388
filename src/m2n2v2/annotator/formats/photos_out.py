"""Photographs beside their labels, under the names that the labels use."""

from collections import Counter
from pathlib import Path, PurePosixPath

from m2n2v2.annotator.formats.base import Labels
from m2n2v2.annotator.formats.files import Photos, write_text

NAMES = "names.tsv"


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
    """A table of the images that are called otherwise here, if there are any."""
    renamed = {name: stem for name, stem in stems.items() if _stem(name) != stem}
    counts["renamed"] += len(renamed)
    if renamed:
        rows = [f"{stem}\t{_told(name)}\n" for name, stem in sorted(renamed.items())]
        write_text(folder / NAMES, "".join(["here\tin the folder\n", *rows]))


def read_names(folder: Path) -> dict[str, str]:
    """The images that such a table names, by what they are called there."""
    try:
        rows = (folder / NAMES).read_text("utf-8").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return {}
    return dict(row.split("\t") for row in rows if row.count("\t") == 1)


def _told(name: str) -> str:
    """A name in a line of text, whatever it holds."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
