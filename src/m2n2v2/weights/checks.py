"""Is a file of weights whole, and is it the one that was meant?"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from m2n2v2.errors import WeightsError

PICKLES = (".bin", ".ckpt", ".pt", ".pth")
"""Suffixes of weights whose loading can run code."""

RECORD = "sha256.json"
"""Beside weights that were converted here: the SHA-256 of each file, by its name."""


def check_safetensors(path: Path) -> None:
    """Is the file as long as its header says?

    Raises:
        WeightsError: it is cut off, or is no safetensors file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= 100_000_000:
                raise ValueError("no header")
            header = json.loads(file.read(length))
        end = max(entry["data_offsets"][1] for key, entry in header.items() if key[:2] != "__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} is no safetensors file ({error})",
            cure="give a .safetensors file, or fetch it again with `m2n2v2 weights fetch`",
        ) from error
    missing = 8 + length + end - path.stat().st_size
    if missing > 0:
        raise WeightsError(
            f"{path} is cut off: {missing} bytes are missing",
            cure="delete it and fetch it again with `m2n2v2 weights fetch`",
        )


def recorded(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a conversion, by name; empty where none is recorded."""
    try:
        sums = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return sums if isinstance(sums, dict) else {}


def as_stated(path: Path, sha256: str | None = None) -> bool | None:
    """Has a file the checksum that the hub, or its conversion, gave it? None: it gave none.

    The hub's cache stores a large file under its SHA-256 and a small one under its git blob's
    SHA-1.

    Args:
        sha256: of the file, where it is known already.
    """
    blob = path.resolve()
    if blob.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return (sha256 or digest(blob)) == blob.name
    if blob.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{40}", blob.name):
        prefix = f"blob {blob.stat().st_size}\0".encode()
        return digest(blob, hashlib.sha1(prefix, usedforsecurity=False)) == blob.name
    stated = recorded(path.parent).get(path.name)
    return None if stated is None else (sha256 or digest(path)) == stated


def digest(path: Path, begun: Any = None) -> str:
    """A file's checksum in hexadecimal: SHA-256, or of the kind `begun`."""
    hashed = begun or hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return str(hashed.hexdigest())
