"""Benchmarks that no machine of ours can run for real still run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_gpu_script_runs_on_a_cpu(tmp_path: Path) -> None:
    """The same path, with a grid large enough to be reduced."""
    given = ["--side", "46", "--repetitions", "1", "--device", "cpu", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.gpu", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu-46-cpu.json").read_text())
    assert {"balancing", "chain, exact", "chain, reduced", "a click"} <= found["stages"].keys()
    assert found["storage"]["float16"]["bytes"] == 2 * 46**4
    assert (
        0 < found["storage"]["float16"]["error_mean"] < found["storage"]["bfloat16"]["error_mean"]
    )


def test_memory_of_following_is_reported(tmp_path: Path) -> None:
    """A clip of seconds; that the peak is level is for the long one to show."""
    given = ["--size", "64x48", "--frames", "4", "--at", "2,4", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.tracking", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "tracking-offline.json").read_text())
    assert found["frames"] == 4
    assert 0 < found["before_mb"] <= found["peak_mb"]["2"] + 1 <= found["peak_mb"]["4"] + 2
    assert found["peak_mb"]["4"] <= found["written_mb"] + 1, "the kernel counts in batches"
    assert "4 frames:" in done.stdout
