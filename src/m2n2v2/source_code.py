"""A digest of this package's own source: what was made by other code is not taken for ours."""

import functools
import hashlib
from pathlib import Path

import m2n2v2


@functools.cache
def source_digest(*without: str) -> str:
    """Of every module but those of the packages named, relative to ours."""
    root = Path(m2n2v2.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in without:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
