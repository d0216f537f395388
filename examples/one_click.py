"""One click on a photograph: by the photograph alone, and with what a network knows to be alike.

The picture of the README: `python examples/one_click.py docs/images/one-click.jpg`. The weights of
DINOv2 Small must be here (`m2n2v2 weights fetch dinov2-small`); which they were is printed.
"""

import sys
from pathlib import Path

import numpy as np
import skimage
from PIL import Image as PILImage

from m2n2v2 import Predictor
from m2n2v2.images import read_image
from m2n2v2.overlays import overlay
from m2n2v2.weights.locating import Loading

PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"
CLICK = (300, 180)
PRESETS = ("offline", "dinov2-graph")
GAP = 8
"""Pixels of white between the pictures."""


def main(path: Path) -> None:
    """Write the pictures side by side."""
    image = read_image(PHOTOGRAPH)
    pictures = []
    for name in PRESETS:
        predictor = Predictor.from_preset(name, loading=Loading(offline=True))
        predictor.set_image(image)
        session = predictor.session()
        session.click(*CLICK)
        pictures += [overlay(image, session.mask, session.clicks), _gap(len(image))]
        print(f"{name}: {session.mask.sum()} pixels; {session.state.provenance.attention}")
    PILImage.fromarray(np.concatenate(pictures[:-1], axis=1)).save(path, quality=85)
    print(path)


def _gap(height: int) -> np.ndarray:
    return np.full((height, GAP, 3), 255, np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("one-click.jpg"))
