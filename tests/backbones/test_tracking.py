"""Following by a network's cells; the weights are random."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.errors import BackendError
from m2n2v2.grid import Size
from m2n2v2.presets import preset
from m2n2v2.tracking.cells import NetworkCells, OwnCells
from m2n2v2.tracking.sources import follows, source_of
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import VisionTransformer
from tests.backbones import tiny
from tests.patience import PATIENCE
from tests.tracking.clips import passing


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DINOv2 Small with one block instead of twelve, as transformers saves it."""
    folder = tmp_path_factory.mktemp("weights") / "dinov2-small"
    tiny.dinov2(layers=1, hidden_size=384, num_attention_heads=6).save_pretrained(folder)
    return folder


def test_cells_are_unit_vectors_in_the_clips_proportions() -> None:
    network = VisionTransformer(tiny.dinov2().state_dict())
    source = NetworkCells(network, "made up", cells=12)
    image = passing(1).images[0]
    found = source(image)
    assert found.shape == (3, 4, network.shape.channels)
    assert source.channels == network.shape.channels
    np.testing.assert_allclose(np.linalg.norm(found, axis=2), 1, atol=1e-5)
    assert source.cells(Size(128, 96)) == Size(4, 3)


def test_a_preset_says_what_is_compared(weights: Path) -> None:
    assert isinstance(source_of(preset("offline"))[0], OwnCells)
    source, _ = source_of(preset("dinov2-graph"), Loading(weights=str(weights)))
    assert source.name.startswith("keys of dinov2-small")
    assert follows(preset("dinov2-small"))
    assert not follows(preset("sd2"))
    with pytest.raises(BackendError, match="no features that frames are compared by"):
        source_of(preset("sd2"))


def test_track_with_a_network_and_workers(tmp_path: Path, weights: Path) -> None:
    clip = passing(4)
    frames = clip.written(tmp_path / "frames")
    PILImage.fromarray(clip.truth[0].astype(np.uint8)).save(tmp_path / "first.png")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "m2n2v2", "track", str(frames), "--json", "--workers", "2"),
            *("--mask", str(tmp_path / "first.png"), "--out", str(tmp_path / "out")),
            *("--preset", "dinov2-graph", "--weights", str(weights), "--overlay", "none"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["followed"] == 3
    assert facts["features"].startswith("keys of dinov2-small")
    assert "MB a frame" in done.stderr
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 4
