"""The examples run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from m2n2v2.images import read_image

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_demo_writes_mask_and_overlay(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "no weights")},
    )
    assert done.returncode == 0, done.stderr
    mask = read_image(tmp_path / "mask.png")[:, :, 0]
    assert set(np.unique(mask)) == {0, 255}
    assert 0.05 < (mask > 0).mean() < 0.9
    assert (tmp_path / "overlay.png").exists()
    assert "offline is used, which needs no weights" in done.stdout
    assert "stand-in" in done.stdout
