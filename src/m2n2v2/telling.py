"""Lines for people, from whatever has something to say."""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Called with one line for people."""


def silent(line: str) -> None:
    """Tells nobody."""
