"""Networks on a CUDA device in float16, beside the processor in float32; the weights are random."""

from pathlib import Path

import numpy as np
import pytest
import torch

from m2n2v2.arrays import Image
from m2n2v2.attention import StableDiffusion
from m2n2v2.attention.dinov2 import Dinov2
from m2n2v2.depth import DepthAnything, Marigold
from m2n2v2.errors import DeviceError
from m2n2v2.grid import Size
from m2n2v2.tracking.cells import NetworkCells
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import VisionTransformer
from tests.backbones import tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


def on(device: str, folder: Path) -> Loading:
    """On a device, in the precision that `auto` chooses there."""
    return Loading(weights=folder, device=device)


def moved(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of the probability in a row, the share that lies elsewhere, at most."""
    return float((one.cpu() - other.cpu()).abs().sum(1).max()) / 2


@pytest.mark.parametrize("version", ["sd2", "sd1"])
@pytest.mark.parametrize("flip", [False, True])
def test_stable_diffusion(
    version: str, flip: bool, folders: dict[str, Path], photograph: Image
) -> None:
    here, there = (
        StableDiffusion.load(version, on(device, folders[version]), side=16, flip=flip)
        for device in ("cpu", "cuda")
    )
    assert next(there.unet.parameters()).dtype is torch.float16
    assert "float16" in there.name
    found = there.extract(photograph).matrix
    assert found.device.type == "cuda"
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.sum(1).cpu(), torch.ones(len(found)), rtol=0, atol=1e-4)
    assert moved(here.extract(photograph).matrix, found) < 0.02


@pytest.mark.parametrize("name", ["dinov2-base", "dinov2-with-registers-base"])
def test_dinov2(name: str, folders: dict[str, Path], photograph: Image) -> None:
    here, there = (
        Dinov2.load(name, on(device, folders[name]), side=8) for device in ("cpu", "cuda")
    )
    assert moved(here.extract(photograph).matrix, there.extract(photograph).matrix) < 0.02


@pytest.mark.parametrize("name", ["depth-anything-v2-small", "marigold-lcm"])
def test_depth(name: str, folders: dict[str, Path], photograph: Image) -> None:
    made = []
    for device in ("cpu", "cuda"):
        loading = on(device, folders[name])
        if name == "marigold-lcm":
            source = Marigold.load(name, loading, steps=2, ensemble=3, side=64)
        else:
            source = DepthAnything.load(name, loading, side=56)
        made.append(source.estimate(photograph).cpu())
    together = np.corrcoef(made[0].flatten(), made[1].flatten())[0, 1]
    assert together > 0.99, "a random network's darkest pixel moves all others a little"


def test_cells_of_a_clip(photograph: Image) -> None:
    features = [
        NetworkCells(VisionTransformer(tiny.dinov2().to(device).state_dict()), "random", 12)(
            photograph
        )
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*features, atol=2e-3)


def test_a_network_that_does_not_fit_names_the_cure(
    folders: dict[str, Path], photograph: Image
) -> None:
    source = StableDiffusion.load("sd2", on("cuda", folders["sd2"]), side=64, flip=False)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        with pytest.raises(DeviceError, match=r"side 64 does not fit in memory"):
            source.extract(photograph)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    source = StableDiffusion.load("sd2", on("cuda", folders["sd2"]), side=16, flip=False)
    assert source.extract(photograph).cells == Size(16, 16)
