"""The figure of docs/decisions/adaptive-rule.md: one click at the edge, with and without the
rule where it bounds the segment.

Usage: python examples/adaptive_rule.py [FILE.png]
"""

import dataclasses
import sys
from pathlib import Path

import skimage
from matplotlib.figure import Figure

from m2n2v2 import Click, Predictor
from m2n2v2.images import read_image
from m2n2v2.overlays import overlay
from m2n2v2.session import MapCache, replay

START = (Click(300, 180), Click(420, 200))
ROWS = {
    "a background click at the edge": Click(315, 387, False),
    "an object click": Click(481, 234),
}


def main(path: Path) -> None:
    """Draw both rules side by side."""
    image = read_image(skimage.data.coffee())
    predictor = Predictor.from_preset("offline/without-photograph-terms")
    predictor.set_image(image)
    prior = predictor.get_image_embedding()
    settings = prior.settings.replace(size_rule="adaptive", bound="segment")
    adaptive = dataclasses.replace(prior, settings=settings)
    maps = MapCache(adaptive)

    figure = Figure(figsize=(12, 5.8), layout="constrained")
    for axes, (title, click) in zip(figure.subplots(2, 3), ROWS.items(), strict=True):
        shown = {
            "before": replay(adaptive, START, maps=maps),
            f"{title}: prior alone": replay(prior, (*START, click), maps=maps),
            f"{title}: adaptive rule": replay(adaptive, (*START, click), maps=maps),
        }
        for axis, (name, result) in zip(axes, shown.items(), strict=True):
            axis.imshow(overlay(image, result.mask, result.clicks))
            axis.set_title(f"{name}, {result.mask.sum()} pixels", fontsize=9)
            axis.set_axis_off()
    figure.savefig(path, dpi=80)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("adaptive-rule.png"))
