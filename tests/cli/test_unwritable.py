"""No cache that is only for speed is fatal: a home that cannot be made, nor anything under it.

A file stands where the home's folder should be, so that root can make nothing there either.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as PILImage

from tests.scenes import disc

IMAGE, _ = disc()
SETTINGS = ("M2N2V2_CACHE", "M2N2V2_WEIGHTS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
THEIRS = ("MPLCONFIGDIR", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME")
"""Where others keep things, which is under the home if nobody says."""


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "home").write_text("in the way")
    PILImage.fromarray(IMAGE).save(folder / "photo.png")
    environment = {name: value for name, value in os.environ.items() if name not in THEIRS}
    environment["HOME"] = str(folder / "home/user")
    environment |= {name: str(folder / "home" / name) for name in SETTINGS}
    return subprocess.run(
        [sys.executable, "-m", "m2n2v2", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("preset", ["offline", "auto"])
def test_segment_with_pictures_of_the_walk(tmp_path: Path, preset: str) -> None:
    pytest.importorskip("matplotlib")
    walk = ("--maps", "walk", "--output", "mask.png")
    done = _run(tmp_path, "segment", "photo.png", "--fg", "30,28", "--preset", preset, *walk)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "mask.png").is_file()
    assert list(tmp_path.rglob("walk*.png"))


@pytest.mark.parametrize("arguments", [("info",), ("weights", "list")])
def test_what_is_here_can_be_asked(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = _run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "dinov2-small" in done.stdout


def test_weights_that_are_to_be_kept_are_an_error_in_words(tmp_path: Path) -> None:
    done = _run(tmp_path, "weights", "fetch", "dinov2-small")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "m2n2v2: " in done.stderr
