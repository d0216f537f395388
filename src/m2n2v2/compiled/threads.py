"""Share the rows of an image among threads."""

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch

MIN_ROWS = 16
"""Fewer rows than this are not worth a thread."""


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="m2n2v2")


def start() -> None:
    """Start all threads now: each keeps the priority of the thread that started it."""
    count = os.cpu_count() or 1
    together = threading.Barrier(count)
    for future in [_pool().submit(together.wait) for _ in range(count)]:
        future.result()


if hasattr(os, "register_at_fork"):  # a forked child inherits the pool's object, not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def bands(rows: int) -> int:
    """Into how many bands `over_rows` cuts so many rows."""
    return max(1, min(torch.get_num_threads(), rows // MIN_ROWS))


def over_rows(kernel: Callable[..., None], rows: int, *arguments: Any) -> None:
    """Call `kernel(start, stop, *arguments)` over bands of `rows`, one per torch thread."""
    count = bands(rows)
    if count == 1:
        kernel(0, rows, *arguments)
        return
    edges = [rows * band // count for band in range(count + 1)]
    rest = [_pool().submit(kernel, start, stop, *arguments) for start, stop in pairwise(edges[1:])]
    kernel(0, edges[1], *arguments)
    for future in rest:
        future.result()
