"""Segment a photograph by clicks. `make demo` runs this.

The weights of DINOv2 Small are fetched once, if they are not here. Where they cannot be had, the
attention is computed from the photograph alone. Either stands in for the paper's Stable
Diffusion 2. Usage: python examples/demo.py [FOLDER]
"""

import sys
import time
from pathlib import Path

import skimage

from m2n2v2 import Predictor
from m2n2v2.cli.progress import StageBar
from m2n2v2.images import read_image, write_png
from m2n2v2.overlays import overlay
from m2n2v2.pictures import write_walk
from m2n2v2.presets import best_with_weights
from m2n2v2.weights.locating import Loading

PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"
CLICKS = [(300, 180, True), (420, 200, True)]


def main(folder: Path) -> None:
    """Write mask, overlay and the walk of each click to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    image = read_image(PHOTOGRAPH)
    loading = Loading(tell=print)
    chosen = best_with_weights(loading)
    with StageBar() as bar:
        predictor = Predictor.from_preset(chosen.name, loading=loading, progress=bar)
        started = time.perf_counter()
        predictor.set_image(image)
        print(f"prepared {PHOTOGRAPH.name} in {time.perf_counter() - started:.2f} s")
    session = predictor.session()
    for x, y, positive in CLICKS:
        started = time.perf_counter()
        result = session.click(x, y, positive)
        milliseconds = 1000 * (time.perf_counter() - started)
        kind = "object" if positive else "background"
        print(f"{kind} click at ({x}, {y}): {milliseconds:.0f} ms, {result.mask.sum()} pixels")

    print(write_png(folder / "mask.png", session.mask))
    print(write_png(folder / "overlay.png", overlay(image, session.mask, session.clicks)))
    for path in write_walk(folder, image, session.state, session.segmentation):
        print(path)
    print(f"attention, a stand-in for the paper's: {chosen.name}, {chosen.summary}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out"))
