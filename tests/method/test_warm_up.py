"""Preparing compiles all that a click runs: the first click does not wait for a compiler."""

import subprocess
import sys

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
from m2n2v2.preparation import warm_up
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

warm_up()
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
for depth in (None, Depth(rng.random((40, 50)))):
    for settings in (Settings.paper(), Settings.ours(), Settings.m2n2(), ours):
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
