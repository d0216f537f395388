"""A click while the machine has other work to do: our loops beside torch's products.

    python -m experiments.busy_machine

Two minutes on a machine that does nothing else. Milliseconds of a click's map (chain, upsampling,
fill and candidates), median and the slowest of 15, at 854 x 480: the offline default, and the
benchmarks' synthetic attention at side 64, reduced. Then the same while as many processes as there
are cores multiply matrices. `torch` hands the chains' small products to
torch's threads, as was done before. The figures in docs/decisions/threads.md are its output.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np
import torch
from benchmarks.inputs import Case

from m2n2v2.attention import Affinity, factored, reduced
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import markov_maps
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click
from m2n2v2.reduction import chain

BUSY = "import torch\na = torch.rand(1500, 1500)\nwhile True: a @ a"
CLICKS = 15


@contextmanager
def torchs_products() -> Iterator[None]:
    """Both chains with torch's products in place of our loops."""
    with ExitStack() as stack:
        for home, name, value in (
            (factored, "FEW", 0),
            (reduced, "_times", lambda p, rows: p @ rows),
            (chain, "_COMPILED", chain._VECTORISED),
        ):
            stack.enter_context(mock.patch.object(home, name, value))
        yield


@contextmanager
def busy() -> Iterator[None]:
    """Other work on every core."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    time.sleep(4)
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def clicks(state: ImageState) -> str:
    rng, taken = np.random.default_rng(0), []
    for _ in range(CLICKS + 2):
        click = Click(*(int(rng.integers(side)) for side in (state.size.width, state.size.height)))
        begin = time.perf_counter()
        markov_maps(state, (click,))
        taken.append(1e3 * (time.perf_counter() - begin))
    return f"{np.median(taken[2:]):.0f}, {max(taken[2:]):.0f}"


def main() -> None:
    case = Case(Size(480, 854), 64)
    photograph, _ = case.photograph
    states = {
        "offline default": prepare(photograph, Affinity(), None, Settings.offline()),
        "side 64, reduced": case.state,
    }
    print("| | alone: ours | torch | busy: ours | torch |\n| --- | --- | --- | --- | --- |")
    for name, state in states.items():
        cells = []
        for surroundings in (ExitStack(), busy()):
            with surroundings:
                cells.append(clicks(state))
                with torchs_products():
                    cells.append(clicks(state))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
