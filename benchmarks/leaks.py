"""Does memory grow? Many images through one Predictor, many clicks in one Session.

    python -m benchmarks.leaks --images 2000 --clicks 10000 --plot docs/images/leaks.png

Small photographs, windows of one that comes with scikit-image, and the offline attention, so that
it takes minutes. A session clicks on one image as a person goes through its objects: up to 20
clicks, some undone, redone or removed, then a reset. Garbage is collected when Python thinks so.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from skimage import data

from benchmarks.harness import metadata
from benchmarks.memory import resident_mb
from m2n2v2 import Predictor
from m2n2v2.arrays import Image

SIZE = (48, 64)
CLICKS_PER_OBJECT = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--clicks", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=100, help="points of each curve")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--plot", type=Path, help="a PNG")
    chosen = parser.parse_args()
    runs = {"images": (chosen.images, images()), "clicks": (chosen.clicks, clicks())}
    found: dict[str, Any] = {"metadata": metadata(), "size": SIZE}
    for name, (count, work) in runs.items():
        found[name] = curve(work, count, max(1, count // chosen.samples))
        after = {share: round(growth(found[name], share), 1) for share in (0.1, 0.5)}
        found[name]["growth_mb"] = after
        print(
            f"{count} {name}: {found[name]['mb'][-1]:.0f} MB at the end; grew {after} MB",
            flush=True,
        )
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "leaks.json"
    path.write_text(json.dumps(found) + "\n")
    print(path)
    if chosen.plot:
        plot(found, chosen.plot)
        print(chosen.plot)


def images() -> Iterator[None]:
    """One image after the other, each clicked on twice."""
    predictor = Predictor.from_preset("offline", device="cpu")
    photograph, rng = data.astronaut(), np.random.default_rng(0)  # type: ignore[no-untyped-call]
    while True:
        predictor.set_image(_window(photograph, rng))
        predictor.predict([[30, 20], [5, 40]], [1, 0])
        yield


def clicks() -> Iterator[None]:
    """Click after click in one session."""
    predictor = Predictor.from_preset("offline", device="cpu")
    rng = np.random.default_rng(1)
    predictor.set_image(_window(data.astronaut(), rng))  # type: ignore[no-untyped-call]
    session = predictor.session()
    while True:
        height, width = SIZE
        pixels = rng.permutation(height * width)[:CLICKS_PER_OBJECT]
        for turn, pixel in enumerate(pixels):
            session.click(pixel % width, pixel // width, bool(turn % 2 == 0))
            if turn % 7 == 3:
                session.undo()
                session.redo()
            if turn % 11 == 5:
                session.remove(turn // 2 % len(session.clicks))
            yield
        session.reset()


def curve(work: Iterator[None], count: int, every: int) -> dict[str, Any]:
    """Resident memory after each `every` rounds of work."""
    done, mb = [], []
    for turn in range(1, count + 1):
        next(work)
        if turn % every == 0:
            done.append(turn)
            mb.append(round(resident_mb(), 1))
    return {"done": done, "mb": mb}


def growth(found: dict[str, Any], since: float) -> float:
    """MB from that share of the run to its end, medians of five points."""
    mb = found["mb"]
    at = int(since * len(mb))
    return float(np.median(mb[-5:]) - np.median(mb[at : at + 5]))


def plot(found: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6), dpi=100, layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("images", "clicks"), strict=True):
        axes.plot(found[name]["done"], found[name]["mb"], color="tab:blue")
        axes.set_ylim(0, 1.3 * max(found[name]["mb"]))
        axes.set_xlabel(
            "images through one Predictor" if name == "images" else "clicks in one Session"
        )
        axes.set_ylabel("resident memory, MB")
        axes.grid(alpha=0.3)
    figure.savefig(path)


def _window(photograph: Image, rng: np.random.Generator) -> Image:
    height, width = SIZE
    top = int(rng.integers(photograph.shape[0] - height))
    left = int(rng.integers(photograph.shape[1] - width))
    window: Image = photograph[top : top + height, left : left + width].copy()
    return window


if __name__ == "__main__":
    main()
