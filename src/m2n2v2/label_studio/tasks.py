"""Images of tasks, by what they contain: each prepared once, whatever task it comes with."""

import hashlib
import threading
from dataclasses import dataclass, field

from cachetools import LRUCache
from fastapi.concurrency import run_in_threadpool

from m2n2v2.annotator.engine import Engine, Prepared
from m2n2v2.annotator.folder import Content, content_of
from m2n2v2.annotator.waiting import ready
from m2n2v2.errors import ImageError
from m2n2v2.kept import by_bytes

HELD = 256 << 20
"""Bytes of files that are held until they are prepared, at most."""

PATIENCE = 90.0
"""Seconds that an answer waits for its image; Label Studio itself waits 100."""


@dataclass(frozen=True)
class Known:
    """An image that came: its number here, and the hash of its file."""

    id: int
    sha256: str


@dataclass
class Pictures:
    """The images that came, as the engine asks for them."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: dict[str, int] = field(default_factory=dict)
    _held: LRUCache[int, bytes] = field(default_factory=lambda: by_bytes(HELD, len))

    def take(self, data: bytes) -> Known:
        """Hold a file."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            number = self._numbers.setdefault(sha256, len(self._numbers) + 1)
            self._held[number] = data
        return Known(number, sha256)

    def content(self, image: int) -> Content:
        """A file that is held, decoded.

        Raises:
            ImageError: it is no longer held, or no image that can be decoded.
        """
        with self._lock:
            data = self._held.get(image)
        if data is None:
            raise ImageError("too many images came at once", cure="ask again")
        return content_of(data, "the task's image")

    def following(self, image: int) -> int | None:
        """Nobody says which task comes next."""
        return None


async def prepared(engine: Engine, known: Known) -> Prepared:
    """An image, once it is ready.

    Raises:
        ImageError: it cannot be prepared.
        BusyError: it takes too long.
    """
    with engine.watching(known.id):
        await ready(engine, known.id, known.sha256, PATIENCE)
        return await run_in_threadpool(engine.prepared, known.id, known.sha256)
