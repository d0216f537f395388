"""Who is at work in the folder, and on which image."""

import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from m2n2v2.errors import EditError
from m2n2v2.files import proper_name

MOST_LETTERS = 60
"""Of a name."""

AWAY = 12.0
"""Seconds without a word after which a person counts as gone."""


@dataclass(frozen=True)
class Present:
    """A person at work; `image` is the one they look at, None for none."""

    name: str
    image: int | None


class People:
    """The people whose pages have said lately that they are there.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int | None]] = {}

    def here(self, name: str, image: int | None) -> None:
        """A person says where they are."""
        with self._lock:
            self._seen[name] = (self._clock(), image)

    def others(self, name: str | None) -> tuple[Present, ...]:
        """Everybody else, by name."""
        with self._lock:
            now = self._clock()
            self._seen = {n: seen for n, seen in self._seen.items() if now - seen[0] < AWAY}
            return tuple(
                Present(other, image)
                for other, (_, image) in sorted(self._seen.items())
                if other != name
            )


def person_named(header: str | None) -> str | None:
    """The name in a request's `X-Person`, percent-encoded UTF-8; None where nobody says one.

    Raises:
        EditError: it is too long, or holds what cannot be shown.
    """
    name = unicodedata.normalize("NFC", unquote(header or "")).strip()
    if len(name) > MOST_LETTERS or not proper_name(name):
        raise EditError(
            f"{name[:80]!r} cannot be a person's name",
            cure=f"take at most {MOST_LETTERS} letters, without control characters",
        )
    return name or None
