"""One extraction from Stable Diffusion beside a plain forward pass and a textbook capture.

    python -m benchmarks.extraction --version sd2 --side 64 --device cpu

The network has its full size and random weights: times and memory are those of the real one, the
attention itself says nothing. The textbook capture computes every self-attention of the network in
full, keeps them all, and picks the two layers at the end; ours is `StableDiffusion.extract`. The
three run in turn, so that whatever else the machine does falls on all of them alike.
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Agreement, metadata
from m2n2v2.attention import StableDiffusion
from m2n2v2.attention.capture import peak_bytes
from m2n2v2.attention.stable_diffusion import TIMESTEP, VERSIONS, config_folder
from m2n2v2.grid import Size
from m2n2v2.weights.devices import choose_device
from m2n2v2.weights.loading import library, placed, quiet
from m2n2v2.weights.locating import Loading


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--version", choices=list(VERSIONS), default="sd2")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--without-textbook", action="store_true", help="where it has no room")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    device = choose_device(chosen.device)
    source = random_source(
        chosen.version, chosen.side, Loading(device=str(device), dtype=chosen.dtype)
    )
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    calls: dict[str, Callable[[], Tensor]] = {
        "plain forward pass": lambda: plain(source, image),
        "ours": lambda: source.extract(image).matrix,
    }
    if not chosen.without_textbook:
        calls["textbook"] = lambda: textbook(source, image)
    found = {
        "metadata": metadata(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "model": f"{chosen.version}, random weights, {next(source.unet.parameters()).dtype}",
        "side": chosen.side,
        "flip": False,
        "aggregate_bytes": 4 * chosen.side**4,
        "formula_bytes": peak_bytes(Size(chosen.side, chosen.side)),
    }
    found["rows"], results = measured(calls, chosen.repetitions, device)
    if not chosen.without_textbook:
        difference = (results["ours"] - results["textbook"]).abs().max()
        found["agreement"] = Agreement(
            "largest difference of an entry, relative to the mean",
            float(difference) * chosen.side**2,
            1e-2,
        ).checked()
    rows = found["rows"]
    clock = "median_s" if device.type == "cuda" else "median_cpu_s"
    found["ours_over_plain"] = round(rows["ours"][clock] / rows["plain forward pass"][clock], 3)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"extraction-{chosen.version}-{chosen.side}-{device.type}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    for name, row in rows.items():
        print(
            f"{name:20} {row['median_s']:8.2f} s   processor {row['median_cpu_s']:8.2f} s   "
            f"{row['peak_bytes'] / 1e6:7.0f} MB above the model"
        )
    print(f"ours over plain {found['ours_over_plain']}\n{path}")


def random_source(version: str, side: int, loading: Loading) -> StableDiffusion:
    """The full-size network with the weights its library initialises it with."""
    diffusers = library("diffusers")
    parts: list[Any] = []
    torch.manual_seed(0)
    with quiet():
        for name, kind in (
            ("unet", diffusers.UNet2DConditionModel),
            ("vae", diffusers.AutoencoderKL),
        ):
            config = kind.load_config(f"{config_folder(version)}/{name}")
            parts.append(placed(kind.from_config(config), loading))
    unet, vae = parts
    prompt = torch.randn(1, 77, unet.config.cross_attention_dim).to(next(unet.parameters()))
    return StableDiffusion(unet, vae, prompt, side=side, flip=False, name="random weights")


@torch.no_grad()
def plain(source: StableDiffusion, image: Any) -> Tensor:
    """Encoder and UNet to the end, nothing captured."""
    latent = source._latent(source._pixels(image))
    found: Tensor = source.unet(latent, TIMESTEP, encoder_hidden_states=source.prompt).sample
    return found


class KeepEverything:
    """An attention processor that computes the whole softmax and keeps it."""

    def __init__(self, kept: dict[str, Tensor], name: str) -> None:
        self.kept, self.name = kept, name

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Any = None, **_: Any
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            attn.head_to_batch_dim(states)
            for states in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        scores = attn.get_attention_scores(query, key)
        if encoder_hidden_states is None:
            self.kept[self.name] = scores
        return attn.to_out[0](attn.batch_to_head_dim(torch.bmm(scores, value)))


@torch.no_grad()
def textbook(source: StableDiffusion, image: Any) -> Tensor:
    """Every self-attention of the network, kept; then the mean of the two that are wanted."""
    unet: Any = source.unet
    kept: dict[str, Tensor] = {}
    before = unet.attn_processors
    unet.set_attn_processor({name: KeepEverything(kept, name) for name in before})
    try:
        plain(source, image)
    finally:
        unet.set_attn_processor(before)
    wanted = [
        kept[f"up_blocks.3.attentions.{i}.transformer_blocks.0.attn1.processor"].float().mean(0)
        for i in (0, 1)
    ]
    return (wanted[0] + wanted[1]) / 2


def measured(
    calls: dict[str, Callable[[], Tensor]], repetitions: int, device: torch.device
) -> tuple[dict[str, dict[str, Any]], dict[str, Tensor]]:
    """Rows of median seconds and of the most memory above what is held between calls; and what
    the calls returned.

    Processor seconds are those of the process, over all its threads: on a machine that others use
    they say what the clock cannot.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    peaks: dict[str, int] = dict.fromkeys(calls, 0)
    results: dict[str, Tensor] = {}
    next(iter(calls.values()))()  # warm up
    for _ in range(repetitions):
        for name, call in calls.items():
            results.pop(name, None)
            with Peak(device) as peak:
                begin = time.perf_counter(), time.process_time()
                results[name] = call()
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                end = time.perf_counter(), time.process_time()
            taken[name].append((end[0] - begin[0], end[1] - begin[1]))
            peaks[name] = max(peaks[name], peak.bytes)
            print(f"{name}: {taken[name][-1]}, {peak.bytes}", flush=True)
    rows = {
        name: {
            "median_s": round(statistics.median(wall for wall, _ in times), 3),
            "median_cpu_s": round(statistics.median(cpu for _, cpu in times), 3),
            "repetitions": repetitions,
            "peak_bytes": peaks[name],
        }
        for name, times in taken.items()
    }
    return rows, results


class Peak:
    """The most memory above that at the start: CUDA's allocator says it; elsewhere the process's
    resident memory is looked at every two milliseconds."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.bytes = 0
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            self._start = torch.cuda.memory_allocated(self.device)
        else:
            self._start = resident()
            self._thread = threading.Thread(target=self._watch)
            self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.device.type == "cuda":
            self.bytes = torch.cuda.max_memory_allocated(self.device) - self._start
        else:
            self._stop.set()
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self.bytes = max(self.bytes, resident() - self._start)


def resident() -> int:
    """Bytes of this process in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()
