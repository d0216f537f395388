"""The weights that the user has: these tests run where `m2n2v2 weights fetch dinov2-small` did."""

import os
from pathlib import Path

import pytest

from m2n2v2.files import user_cache
from m2n2v2.weights.catalogue import model
from m2n2v2.weights.locating import Located, cached

OURS = {name: os.environ.get(name) for name in ("M2N2V2_WEIGHTS", "PIP_NO_INDEX")}
FOLDER = OURS["M2N2V2_WEIGHTS"] or str(user_cache() / "weights")
"""Read now: every test has folders of its own."""


@pytest.fixture
def users_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights are read where the user keeps them, and are not fetched."""
    monkeypatch.setenv("M2N2V2_WEIGHTS", FOLDER)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return Path(FOLDER)


@pytest.fixture
def weights(users_folder: Path) -> Located:
    """DINOv2 Small."""
    located = cached(model("dinov2-small"))
    if located is None:
        pytest.skip(
            "DINOv2 Small is not here: `m2n2v2 weights fetch dinov2-small`, where an index answers"
        )
    return located


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip is set up as the user has it."""
    monkeypatch.delenv("PIP_NO_INDEX")
    if OURS["PIP_NO_INDEX"] is not None:
        monkeypatch.setenv("PIP_NO_INDEX", OURS["PIP_NO_INDEX"])
