"""A real browser for the tests of pages.

Skipped, with the reason, where playwright or a Chromium is missing. `CHROMIUM` names another
browser than the first one on the path.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.browser import chromium_path, launched


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One for all tests of a process: playwright cannot be started in it twice."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium_path()
    if path is None:
        pytest.skip("no chromium on the path (Debian: apt-get install chromium)")
    with launched(path) as browser:
        yield browser
