"""Anyone's set: `images/ masks/`, optionally `depth/` and `start/`, and `pairs.tsv`.

`pairs.tsv` has a header `image`, `mask`, optionally `depth` and `start`, and one line per object;
without it files pair by stem. Names of files that are not there, and files that the table does not
name, are told. Masks are 0 and another value, and a void value; what else their
values may mean has to be declared.
"""

import csv
from pathlib import Path

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.pairs import by_stem, companions, files, subfolder
from m2n2v2.errors import DatasetError
from m2n2v2.files import decoded_text, first_names, is_file
from m2n2v2.masks.readers import MaskFile
from m2n2v2.telling import Tell

VOID = 128


def folder(
    root: Path,
    convention: Convention,
    tell: Tell,
    *,
    void: int | None = VOID,
    depth_unit: str = "mm",
) -> list[Item]:
    """The objects of a folder.

    Args:
        void: the mask value that is not scored; None for none. With the `m2n2` convention it
            counts as object.
        depth_unit: of the files in `depth/`, as in `depth.Measured`.
    """
    images, masks = subfolder(root, "images"), subfolder(root, "masks")
    table = root / "pairs.tsv"
    if table.is_file():
        rows = _rows(table)
        for column, place, are_masks in (("image", images, False), ("mask", masks, True)):
            named = [row[column] for row in rows]
            _tell_strays(table, column, named, place, files(place, tell, masks=are_masks), tell)
    else:
        pairs = by_stem(images, masks, tell)
        pictures = [image for image, _ in pairs]
        depths = _beside(pictures, images, root / "depth", tell)
        starts = _beside([mask for _, mask in pairs], masks, root / "start", tell)
        rows = [
            {
                "image": image.name,
                "mask": mask.name,
                "depth": depths.get(image, ""),
                "start": starts.get(mask, ""),
            }
            for image, mask in pairs
        ]
    return [
        Item(
            row["mask"],
            images / row["image"],
            MaskFile(masks / row["mask"], "auto", void, void_is_object=convention == "m2n2"),
            root / "depth" / row["depth"] if row.get("depth") else None,
            depth_unit,
            root / "start" / row["start"] if row.get("start") else None,
        )
        for row in rows
    ]


def _tell_strays(
    table: Path, column: str, named: list[str], place: Path, there: list[Path], tell: Tell
) -> None:
    """Say which names of a column are of no file, and which files the column does not name.

    The objects of a file that is not there stay: they cannot be read, and are counted so.
    """
    if absent := sorted({name for name in named if not is_file(place / name)}):
        tell(
            f"{table}: {len(absent)} of column {column} not in {place.name}/: {first_names(absent)}"
        )
    known = {place / name for name in named}
    if unnamed := [path.name for path in there if path not in known]:
        tell(f"{place}: {len(unnamed)} not named in {table.name}: {first_names(unnamed)}")


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        lines = decoded_text(table.read_bytes()).splitlines()
        reader = csv.DictReader(lines, delimiter="\t", strict=True)
        columns = reader.fieldnames or ()
        if not {"image", "mask"} <= set(columns):
            raise DatasetError(
                f"{table} has columns {', '.join(map(repr, columns)) or 'none'}",
                cure="begin it with a line `image<TAB>mask`, optionally depth and start",
            )
        rows = list(reader)
    except (OSError, UnicodeError, csv.Error) as error:
        raise DatasetError(
            f"{table} cannot be read ({error})", cure="save it as text with tabs, in UTF-8"
        ) from error
    if any(not row["image"] or not row["mask"] for row in rows):
        raise DatasetError(f"{table} has a line without image or mask", cure="fill both columns")
    return rows


def _beside(paths: list[Path], folder: Path, other: Path, tell: Tell) -> dict[Path, str]:
    """Names of the files in `other` that belong to these; none if there is no such folder."""
    if not other.is_dir():
        return {}
    return {
        path: beside.name
        for path, beside in companions(paths, folder, files(other, tell, masks=True), other).items()
    }
