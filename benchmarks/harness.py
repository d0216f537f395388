"""Warm up, repeat, take the median; check agreement before timing; write everything down."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

Call = Callable[[], object]


class DisagreementError(Exception):
    """The two sides of a comparison compute different things: their times mean nothing."""


@dataclass(frozen=True)
class Agreement:
    """How far ours and the textbook's results lie apart, and how far they may."""

    measure: str
    difference: float
    tolerance: float

    def checked(self) -> dict[str, Any]:
        if not self.difference <= self.tolerance:
            raise DisagreementError(
                f"{self.measure}: {self.difference:g} apart, over {self.tolerance:g}"
            )
        return {
            "measure": self.measure,
            "difference": self.difference,
            "tolerance": self.tolerance,
        }


@dataclass(frozen=True)
class Effort:
    """How often to repeat: short pieces, and those that take seconds."""

    short: int
    long: int


FULL = Effort(short=31, long=3)
QUICK = Effort(short=7, long=2)


def timing(call: Call, repetitions: int, warm_up: int = 1) -> dict[str, float]:
    """Median and interquartile range of a call, in milliseconds, of two calls or more."""
    for _ in range(warm_up):
        call()
    taken = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        call()
        taken.append(1e3 * (time.perf_counter() - begin))
    quartiles = statistics.quantiles(taken, n=4, method="inclusive")
    return {
        "median_ms": round(quartiles[1], 4),
        "iqr_ms": round(quartiles[2] - quartiles[0], 4),
        "repetitions": repetitions,
    }


def comparison(
    ours: Call,
    textbook: Call,
    agreement: Agreement,
    *,
    ours_repetitions: int,
    textbook_repetitions: int,
    note: str = "",
) -> dict[str, Any]:
    """One row: both timings and the textbook's median over ours.

    The textbook's first call is the one that made the agreement, so it is warm already.
    """
    checked = agreement.checked()
    fast = timing(ours, ours_repetitions, warm_up=2 if ours_repetitions > 3 else 1)
    slow = timing(textbook, textbook_repetitions, warm_up=0)
    row = {
        "ours": fast,
        "textbook": slow,
        "ratio": round(slow["median_ms"] / fast["median_ms"], 2),
        "agreement": checked,
    }
    return row | ({"note": note} if note else {})


def metadata() -> dict[str, Any]:
    """The machine, the versions and the commit that the figures belong to."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numba", "numpy", "scipy", "torch")},
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "src", "benchmarks/*.py")),
        "date": time.strftime("%Y-%m-%d"),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
