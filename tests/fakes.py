"""Segmenters and datasets for tests of the evaluation; module level, so that workers find them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PILImage

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.baselines import Segmenter
from m2n2v2.baselines.click_disc import ClickDisc, Discs


def made_up_set(root: Path, name: str = "mine", count: int = 4) -> Path:
    """A folder of `count` grey photographs; the object of the i-th is a disc of radius 5 + i.

    The first two objects share a photograph.
    """
    (root / name / "images").mkdir(parents=True)
    (root / name / "masks").mkdir()
    y, x = np.mgrid[:40, :50]
    lines = ["image\tmask"]
    for i in range(count):
        mask = (x - 10 - 3 * i) ** 2 + (y - 20) ** 2 <= (5 + i) ** 2
        PILImage.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(
            root / name / "masks" / f"{i}.png"
        )
        image = max(0, i - 1)
        PILImage.new("RGB", (50, 40), (image, 99, 99)).save(root / name / "images" / f"{image}.png")
        lines.append(f"{image}.png\t{i}.png")
    (root / name / "pairs.tsv").write_text("\n".join(lines) + "\n")
    return root


class Surroundings:
    """Work whose result is what the worker may use: torch's threads, and a variable."""

    device = "cpu"

    def start(self) -> None:
        return None

    def on(self, made: None, job: str) -> Iterator[tuple[int, str | None]]:
        import torch

        yield torch.get_num_threads(), os.environ.get(job)

    def lost(self, job: str, reason: str) -> list[tuple[int, str | None]]:
        return []


def discs(*given: object) -> Segmenter:
    return ClickDisc()


class Deadly(ClickDisc):
    """Kills its process on the photograph whose red value is 1: once, or every time."""

    def start(self, image: Image, depth: DepthMap | None = None) -> Discs:
        if image[0, 0, 0] == 1:
            marker = Path(os.environ["M2N2V2_TEST_MARKER"])
            if not marker.exists() or marker.read_text() == "always":
                if not marker.exists():
                    marker.write_text("once")
                os._exit(9)
        return super().start(image, depth)


def deadly(*given: object) -> Segmenter:
    return Deadly()


class Halting(ClickDisc):
    """Says when it begins the photograph whose red value is 1, and waits for a line."""

    def start(self, image: Image, depth: DepthMap | None = None) -> Discs:
        if image[0, 0, 0] == 1:
            print(HALTED, flush=True)
            sys.stdin.readline()
        return super().start(image, depth)


HALTED = "halted"


def halting(*given: object) -> Segmenter:
    return Halting()


class Broken(ClickDisc):
    def start(self, image: Image, depth: DepthMap | None = None) -> Discs:
        raise ZeroDivisionError("a bug, not bad input")


def broken(*given: object) -> Segmenter:
    return Broken()
