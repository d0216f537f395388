"""Waiting for other threads and processes, however slow the machine is."""

import threading
from collections.abc import Callable

PATIENCE = 1800.0
"""Seconds after which a test gives up: only one that has failed waits so long, so that it ends."""


def until(true: Callable[[], bool]) -> None:
    """Wait for something that other threads do."""
    never = threading.Event()
    looks = int(PATIENCE / 0.005)
    assert any(true() or never.wait(0.005) for _ in range(looks)), "it did not happen"
