"""Tiny models with random weights, saved once; one thread, as such models have no use for more."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from tests.backbones import tiny


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees weights of the machine it runs on, or asks the real hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "hub"


@pytest.fixture(scope="session")
def photograph() -> Image:
    """Smooth and not symmetric, wider than high."""
    y, x = np.mgrid[:90, :120] / 120
    channels = [np.sin(7 * x + 3 * y), np.cos(5 * y * x + 2), np.sin(9 * x * x - y)]
    return (np.stack(channels, 2) * 127 + 128).astype(np.uint8)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every tiny model as its library saves it, by the name of its weights."""
    root = tmp_path_factory.mktemp("weights")
    found = {version: tiny.save_stable_diffusion(root / version, version) for version in VERSIONS}
    found["marigold-lcm"] = tiny.save_marigold(root / "marigold-lcm")
    for name, registers in (("dinov2-base", 0), ("dinov2-with-registers-base", 4)):
        tiny.dinov2(registers=registers).save_pretrained(root / name)
        found[name] = root / name
    tiny.depth_anything().save_pretrained(root / "depth-anything-v2-small")
    found["depth-anything-v2-small"] = root / "depth-anything-v2-small"
    return found


VERSIONS = ("sd2", "sd1")
