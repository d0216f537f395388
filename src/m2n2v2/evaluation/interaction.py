"""One simulated session: a segmenter and a protocol take turns on one object."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from m2n2v2.arrays import Mask
from m2n2v2.baselines.base import Clicking, begun
from m2n2v2.datasets.base import Sample
from m2n2v2.evaluation.metrics import iou
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.prompts import Box, Click, Scribble


@dataclass(frozen=True)
class Interaction:
    """What happened: one entry per prompt, and the mask after the last.

    Attributes:
        first: what came before the clicks, if anything did; it has an IoU and seconds, too.
    """

    clicks: tuple[Click, ...]
    ious: tuple[float, ...]
    seconds: tuple[float, ...]
    mask: Mask
    first: Box | Scribble | None = None


def interact(
    clicking: Clicking, sample: Sample, protocol: Protocol, generator: np.random.Generator
) -> Interaction:
    """Click until the protocol is finished or nothing is left to click.

    Args:
        clicking: prepared for the sample's image.
        generator: of `protocol.generator`.
    """
    clicking.restart(sample.start)
    mask = np.zeros_like(sample.truth) if sample.start is None else sample.start
    clicks: list[Click] = []
    ious: list[float] = []
    seconds: list[float] = []
    first = protocol.first_prompt(sample.truth, generator)
    if first is not None:
        before = synchronized_seconds()
        mask = begun(clicking, first)
        seconds.append(synchronized_seconds() - before)
        ious.append(iou(sample.truth, mask, sample.void))
    while not protocol.finished(ious):
        click = protocol.next_click(sample.truth, sample.void, mask, clicks, generator)
        if click is None:
            break
        before = synchronized_seconds()
        mask = clicking.click(click)
        seconds.append(synchronized_seconds() - before)
        clicks.append(click)
        ious.append(iou(sample.truth, mask, sample.void))
    return Interaction(tuple(clicks), tuple(ious), tuple(seconds), mask, first)


def synchronized_seconds() -> float:
    """The clock, after the accelerator has finished what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()
    return time.perf_counter()
