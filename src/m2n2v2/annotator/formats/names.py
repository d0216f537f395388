"""File names that every system takes, and that stay apart where image names would collide."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

LONGEST = 80
"""Characters of a part; with four bytes each still under every system's limit."""

FORBIDDEN = re.compile(r'[<>:"/\\|?*\s]')
RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d\u00b9\u00b2\u00b3])(\..*)?", re.IGNORECASE
)
"""Names that Windows keeps for devices, whatever their suffix."""


def safe(text: str) -> str:
    """One part of a path: no separators, spaces, control characters or device names."""
    text = unicodedata.normalize("NFC", text)
    text = "".join("_" if unicodedata.category(c)[0] == "C" else c for c in text)
    text = FORBIDDEN.sub("_", text)[:LONGEST].rstrip(".")
    if not text or text.startswith((".", "-")) or RESERVED.fullmatch(text):
        text = f"_{text.lstrip('.')}"
    return text


def stems(names: Iterable[str], *, flat: bool) -> dict[str, str]:
    """For each image name a safe path without suffix, all different, also where case is ignored.

    Args:
        names: paths in the folder, with forward slashes.
        flat: folders become part of the name (`a/b.jpg`: `a_b`); otherwise they stay folders.
    """
    by_name: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names):
        path = PurePosixPath(name)
        parts = [safe(part) for part in (*path.parent.parts, path.stem)]
        stem = ("_" if flat else "/").join(parts)
        if flat:
            stem = safe(stem)
        distinct, number = stem, 1
        while distinct.casefold() in taken:
            number += 1
            distinct = f"{stem}-{number}"
        taken.add(distinct.casefold())
        by_name[name] = distinct
    return by_name


def numbered(index: int, class_name: str | None) -> str:
    """The file name of an object without suffix: its place from the bottom, and its class."""
    return f"{index + 1:03}" + (f"_{safe(class_name)}" if class_name else "")
