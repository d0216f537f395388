"""The version, in one place: what was installed says it, and Git's tags said it there."""

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "0.0"
"""Of files that nobody installed, and of a build that knows neither tags nor a source archive."""


def _installed() -> str:
    try:
        return version("m2n2v2")
    except PackageNotFoundError:
        return UNKNOWN


__version__ = _installed()
