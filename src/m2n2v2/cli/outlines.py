"""Masks that leave the command line: cleaned, and as polygons."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from m2n2v2.arrays import Mask
    from m2n2v2.masks.cleaning import Cleaning

NAMES = ("holes", "specks", "smooth")


def read_cleaning(text: str | None) -> "Cleaning":
    """`holes=N,specks=N,smooth=R`, any of them; nothing without.

    Raises:
        MaskError: it is not of that form, or a number is out of its range.
    """
    from m2n2v2.errors import MaskError
    from m2n2v2.masks.cleaning import Cleaning

    wanted: dict[str, int] = {}
    for part in (text or "").split(",") if text is not None else ():
        name, _, value = part.partition("=")
        if name not in NAMES or name in wanted or not value.isdecimal():
            raise MaskError(
                f"--clean is {text!r}", cure="write it like holes=50,specks=50,smooth=2"
            )
        wanted[name] = int(value)
    return Cleaning(**wanted)


def write_polygons(path: Path, mask: "Mask", deviation: float, *, single_ring: bool) -> Path:
    """The mask's polygons as JSON, and how many corners and bridges they have.

    Raises:
        MaskError: the deviation has no meaning.
        OutputError: the file cannot be written.
    """
    from m2n2v2.files import whole_file
    from m2n2v2.masks.simplified import simplified
    from m2n2v2.masks.simplified import single_ring as joined

    polygons = simplified(mask, deviation)
    rings = [joined(polygon) for polygon in polygons] if single_ring else []
    document = {
        "size": [mask.shape[1], mask.shape[0]],
        "deviation": deviation,
        "points": sum(polygon.points for polygon in polygons),
        "bridges": sum(ring.bridges for ring in rings),
        "polygons": [{"outer": ring.points.tolist(), "holes": []} for ring in rings]
        if single_ring
        else [
            {"outer": polygon.outer.tolist(), "holes": [hole.tolist() for hole in polygon.holes]}
            for polygon in polygons
        ],
    }
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(document), "utf-8")
    return path
