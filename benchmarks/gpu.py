"""The stages on a CUDA device: events, fresh inputs every time, and who waits for the device.

    python -m benchmarks.gpu --side 128 --out DIR
    python -m benchmarks.gpu --side 16 --repetitions 1 --device cpu   # does the script itself work?

Figures: docs/performance.md. `--device cpu` takes the same path with a clock in place of events and
counts no waiting; a test runs it.

Times are between two CUDA events around the call, so they hold what the device waits for the
processor, too; wall times are of the whole click, synchronised before and after. Every repetition
has an attention and a click of its own, so nothing is served from a cache. Hidden synchronisation
is found by `torch.cuda.set_sync_debug_mode`, which warns at every call that waits; the lines it
names are counted for each stage. Known ones: one per round of balancing (is it balanced?), one per
block of the chain (does a cell wait?), and the copy of the upsampled map to the processor, where
the flood fill runs. The upsampling operator is built on the processor.
"""

import argparse
import json
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import metadata
from m2n2v2.arrays import Image, Mask
from m2n2v2.attention import DenseAttention
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.grid import Size
from m2n2v2.method.markov_map import saturation_time, start_state
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition, doubly_stochastic
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click
from m2n2v2.reduction.chain import reduced_saturation_time
from m2n2v2.reduction.subspace import reduced

SIZE = Size(480, 854)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    cuda = chosen.device == "cuda"
    if cuda and not torch.cuda.is_available():
        raise SystemExit("no CUDA device is here; nothing was measured")
    found = {
        "metadata": metadata(),
        "device": torch.cuda.get_device_name() if cuda else "cpu: no events, no waiting counted",
        "side": chosen.side,
        "stages": stages(chosen.side, chosen.repetitions, chosen.device),
        "storage": storage(chosen.side, chosen.device),
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"gpu-{chosen.side}-{chosen.device}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1), path, sep="\n")


def random_attention(side: int, seed: int, device: str) -> DenseAttention:
    """A softmax over nearness in random smooth colours and position, made on the device."""
    generator = torch.Generator(device).manual_seed(seed)
    coarse = torch.rand(1, 3, 9, 9, generator=generator, device=device)
    colour = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")[0]
    axis = (torch.arange(side, device=device) + 0.5) / side
    position = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    keys = torch.cat([6 * colour, 12 * position]).flatten(1).T.contiguous()
    queries = keys + 0.3 * torch.randn(5, generator=generator, device=device)
    matrix = torch.softmax(-0.5 * torch.cdist(queries, keys).square(), dim=1)
    return DenseAttention(matrix.reshape(side, side, side, side))


def random_start(side: int, generator: np.random.Generator, device: str) -> Tensor:
    point = tuple(generator.uniform(0, side - 1, 2))
    return start_state([(point[0], point[1])], Size(side, side), device=device)


class Source:
    """Another attention for every photograph."""

    name = "random"
    gives_away = True

    def __init__(self, side: int, device: str) -> None:
        self.side, self.device, self.seed = side, device, 100

    def extract(self, image: Image) -> DenseAttention:
        self.seed += 1
        return random_attention(self.side, self.seed, self.device)


def mask_of(state: ImageState, click: Click) -> Mask:
    return segment(state, empty(state), click).mask


def stages(side: int, repetitions: int, device: str) -> dict[str, Any]:
    """Milliseconds and synchronisations of each stage."""
    generator = np.random.default_rng(0)
    rows: dict[str, list[tuple[float, Counter[str]]]] = {}

    def take(name: str, call: Callable[[], Any]) -> Any:
        taken, result = measured(call)
        rows.setdefault(name, []).append(taken)
        return result

    source = Source(side, device)
    measured = timed if device == "cuda" else clocked
    wall: list[tuple[float, float]] = []
    for repetition in range(repetitions + 1):  # the first is a warm-up
        if repetition == 1:
            rows.clear()
            wall.clear()
        attention = random_attention(side, repetition, device)
        balanced: Transition = take("balancing", partial(doubly_stochastic, attention))
        small: Transition = take("reducing the chain", partial(reduced, balanced))
        start = random_start(side, generator, device)
        exact = take("chain, exact", partial(saturation_time, balanced, start))
        if isinstance(small.attention, ReducedAttention):
            found = take(
                "chain, reduced",
                partial(
                    reduced_saturation_time,
                    small.attention,
                    start,
                    threshold=Settings.chain_threshold,
                    max_steps=Settings.chain_steps,
                ),
            )
            apart = float((found - exact).abs().mean() / exact.max())
            assert apart < 0.02, f"the reduced chain is {apart:g} of the largest time off"
        del attention, balanced, small
        image = generator.integers(0, 256, (*SIZE.shape, 3), dtype=np.uint8)
        began = time.perf_counter()
        state: ImageState = prepare(image, source, settings=Settings.ours(), device=device)
        if device == "cuda":
            torch.cuda.synchronize()
        prepared = time.perf_counter() - began
        maps = torch.rand(1, side, side, device=device)
        take("upsampling", partial(state.upsampling, maps))
        x, y = (int(v) for v in generator.integers(0, (SIZE.width, SIZE.height)))
        began = time.perf_counter()
        take("a click", partial(mask_of, state, Click(x, y)))
        wall.append((prepared, time.perf_counter() - began))
    summary: dict[str, Any] = {
        name: {
            "median_ms": round(statistics.median(ms for ms, _ in taken), 3),
            "synchronisations": round(statistics.mean(c.total() for _, c in taken), 1),
            "where": dict(sum((c for _, c in taken), Counter()).most_common(5)),
        }
        for name, taken in rows.items()
    }
    summary["wall"] = {
        "preparation_ms": round(1e3 * statistics.median(p for p, _ in wall), 1),
        "click_ms": round(1e3 * statistics.median(c for _, c in wall), 2),
    }
    return summary


def timed(call: Callable[[], Any]) -> tuple[tuple[float, Counter[str]], Any]:
    """Milliseconds between two events, and the lines that waited for the device."""
    event: Any = torch.cuda.Event
    begin, end = event(enable_timing=True), event(enable_timing=True)
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            begin.record()
            result = call()
            end.record()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize()
    waits = Counter(
        f"{Path(warning.filename).name}:{warning.lineno}"
        for warning in caught
        if "synchroniz" in str(warning.message)
    )
    return (begin.elapsed_time(end), waits), result


def clocked(call: Callable[[], Any]) -> tuple[tuple[float, Counter[str]], Any]:
    """`timed` without a device."""
    begin = time.perf_counter()
    result = call()
    return (1e3 * (time.perf_counter() - begin), Counter()), result


def storage(side: int, device: str) -> dict[str, dict[str, float]]:
    """The exact chain on a matrix kept in 16 bits: milliseconds and how far its times are off."""
    transition = doubly_stochastic(random_attention(side, 0, device))
    dense = transition.dense()
    start = random_start(side, np.random.default_rng(1), device)
    expected = saturation_time(transition, start)
    measured, rows = timed if device == "cuda" else clocked, {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        chain = Stored((dense * len(dense)).to(dtype))  # entries near 1: half precision holds them
        measured(partial(saturation_time, chain, start))
        (ms, _), found = measured(partial(saturation_time, chain, start))
        apart = (found - expected).abs() / expected.max()
        rows[str(dtype).removeprefix("torch.")] = {
            "ms": round(ms, 3),
            "bytes": chain.matrix.numel() * chain.matrix.element_size(),
            "error_mean": float(apart.mean()),
            "error_largest": float(apart.max()),
        }
    return rows


class Stored:
    """A chain whose matrix has some precision, and whose states have 32 bits between products."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix

    def step(self, p: Tensor) -> Tensor:
        return (p.to(self.matrix.dtype) @ self.matrix).to(torch.float32)


if __name__ == "__main__":
    main()
