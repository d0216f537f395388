"""Results kept in memory: as many as fit, and the least recently used dropped."""

from collections.abc import Callable
from typing import TypeVar

from cachetools import LRUCache

K = TypeVar("K")
V = TypeVar("V")


def by_bytes(limit: int, size: Callable[[V], int]) -> LRUCache[K, V]:
    """A dictionary that drops what was used longest ago when all takes more than a limit.

    The newest always stays, however large it is. Looking something up counts as using it; asking
    whether it is there does not.

    Args:
        limit: bytes that all values take together, at most.
        size: the bytes of a value, read when it is put in; put it in again when they change.
    """
    return LRUCache(limit, getsizeof=lambda value: min(size(value), limit))
