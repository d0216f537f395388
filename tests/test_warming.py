"""Preparing compiles all that a click runs: the first click does not wait for a compiler."""

import os
import subprocess
import sys
from pathlib import Path

from m2n2v2.preparation import STAGES

PROGRAM = r"""
import importlib, pkgutil, re
import numpy as np
import torch
import m2n2v2
from m2n2v2 import Predictor, Settings
from m2n2v2.attention import Precomputed
from m2n2v2.attention.factored import FactoredAttention, Head
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.depth import Precomputed as Depth
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import start_state
from m2n2v2 import warming
from m2n2v2.method.transition import Transition
from m2n2v2.reduction.chain import reduced_saturation_time, shortest_saturation_time

places = pkgutil.walk_packages(m2n2v2.__path__, "m2n2v2.")
private = re.compile(r"\.compiled\.|\._[a-z]")
names = [m.name for m in places if private.search(m.name)]
found = [vars(importlib.import_module(name)) for name in names]
kernels = {
    f"{k.__module__}.{k.__name__}": k
    for names in found
    for k in names.values()
    if hasattr(k, "nopython_signatures")
}
assert len(kernels) > 5, kernels

def compiled():
    return {name: len(kernel.signatures) for name, kernel in kernels.items()}

for kind in (FactoredAttention, ReducedAttention):
    warming._chain(kind)
before = compiled()
cells, generator = Size(30, 30), torch.Generator().manual_seed(0)
basis = torch.linalg.qr(torch.rand(900, 40, generator=generator))[0].T
rest = torch.rand(900, 5, generator=generator) * 1e-3
some = torch.randint(0, 900, (900, 5), generator=generator)
small = ReducedAttention(cells, basis, basis.T.contiguous(), some, rest)
start = start_state([(3.5, 20.2), (0.0, 0.0)], cells)
reduced_saturation_time(small, start, threshold=0.3, max_steps=90)
head = Head(torch.arange(900), torch.arange(900) // 300, torch.ones(900), torch.ones(3, 3))
factored, ones = FactoredAttention(cells, [head, head]), torch.ones(900)
factored.left(start.flatten(1))
chain = Transition(factored, ones, ones, 0, 0.0)
shortest_saturation_time(chain, start, threshold=0.3, max_steps=90)
assert compiled() == before, (before, compiled())

rng = np.random.default_rng(0)
image = rng.integers(0, 255, (40, 50, 3)).astype(np.uint8)
attention = rng.random((8, 8, 8, 8)).astype(np.float32)
source = Precomputed(attention, normalize=True)
ours = Settings.offline().replace(temperature=0.65)
smaller = ours.replace(max_short_side=20)
for depth in (None, Depth(rng.random((40, 50)))):
    for settings in (Settings.paper(), Settings.ours(), Settings.m2n2(), ours, smaller):
        predictor = Predictor(source, depth, settings)
        predictor.set_image(image)
        before = compiled()
        predictor.predict([[5, 5], [30, 30], [44, 8]], [1, 1, 0], multimask_output=True)
        assert compiled() == before, (before, compiled())
print("nothing was compiled by a click")
"""


def test_a_click_compiles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nothing was compiled" in done.stdout


SAID = r"""
import numpy as np
from m2n2v2 import Predictor
said = []
predictor = Predictor.from_preset("offline", progress=said.append)
predictor.set_image(np.zeros((64, 64, 3), np.uint8))
print(*said, sep="\n")
"""


def test_what_is_compiled_once_is_said_once(tmp_path: Path) -> None:
    """With numbers, and never again once it is kept."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold, warm = (
        subprocess.run(
            [sys.executable, "-c", SAID],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout.splitlines()
        for _ in range(2)
    )
    words = "compiling for this processor, once: "
    counts = [line.removeprefix(words).split(" of at most ") for line in cold if words in line]
    assert counts
    assert all(0 <= int(done) <= int(most) for done, most in counts)
    assert warm == list(STAGES)


def test_a_program_that_ends_does_not_wait_for_the_compiler(tmp_path: Path) -> None:
    program = (
        "from m2n2v2 import Settings, warming; from m2n2v2.compiled.kernels import KERNELS;"
        "import atexit;"
        "atexit.register(lambda: print(sum(bool(k.signatures) for k in KERNELS.values())));"
        "warming.begin(Settings.offline())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 5
