"""What every experiment does: run its rows, one folder each, and print one table."""

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from m2n2v2.cli.evaluate import RunningNoC
from m2n2v2.evaluation import executors, plots, report
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.runner import Plan, evaluate
from m2n2v2.weights.locating import Loading


def first_version(base: str) -> str:
    """M2N2 on the same attention as a base preset."""
    return "m2n2" if base == "paper" else f"{base}-m2n2"


def full(base: str) -> str:
    """The base preset with all that the paper adds; ours for weak attentions go without a part."""
    return base if base == "paper" else f"{base}/with-adaptive-score"


MAIN = ("GrabCut", "Berkeley", "DAVIS", "HQSeg44K")


@dataclass(frozen=True)
class Row:
    """One line of a table: a segmenter on datasets; `protocol` overrides the experiment's."""

    preset: str
    datasets: tuple[str, ...]
    protocol: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        extra = [f"{name}-{value}" for name, value in self.protocol.items()]
        return "_".join([self.preset, *self.datasets, *extra]).replace("/", "_")


def main(doc: str | None, rows: Callable[[str], list[Row]], *, curves: bool = False) -> None:
    """Run an experiment from the command line.

    Args:
        doc: the experiment's own docstring.
        rows: makes its rows for a base preset.
        curves: draw mIoU per click, too.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="one folder per row; resumable")
    parser.add_argument("--base", default="paper", help="the preset; `offline` needs no weights")
    parser.add_argument("--weights", help="the attention's: a folder, a file or a hub id")
    parser.add_argument("--depth-weights", help="the depth model's, likewise")
    parser.add_argument("--datasets", help="A,B instead of the paper's")
    parser.add_argument("--protocol", default="m2n2", help="m2n2 is the paper's, ritm the field's")
    parser.add_argument("--limit", type=int, help="only the first objects of each dataset")
    parser.add_argument("--shard", default="1/1", help="i/n: every n-th photograph")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--ray", action="store_true", help="actors of a Ray cluster")
    parser.add_argument("--address", help="of the Ray cluster")
    parser.add_argument("--attention-cache", type=Path, help="compute each attention once")
    given = parser.parse_args()

    index, count = (int(part) for part in given.shard.split("/"))
    own = tuple(given.datasets.split(",")) if given.datasets else None
    runs = []
    for row in rows(given.base):
        plan = Plan(
            preset=row.preset,
            datasets=own or row.datasets,
            data_root=given.data_root,
            protocol=Protocol(**{"name": given.protocol} | row.protocol),
            limit=given.limit,
            shard=(index, count),
            loading=Loading(device=given.device, weights=given.weights),
            depth_weights=given.depth_weights,
            attention_cache=given.attention_cache,
        )
        folder = given.out / row.folder
        total = sum(len(job.items) for job in plan.jobs(plan.items()))
        print(row.folder, file=sys.stderr)
        with RunningNoC(total, plan.protocol.n_clicks) as bar:
            evaluate(plan, folder, _executor(given), progress=bar, command=shlex.join(sys.argv))
        runs.append(report.Run.read(folder))
    print(report.render(runs, "md", published=True))
    if curves:
        for path in plots.write_curves(runs, given.out):
            print(path)


def _executor(given: argparse.Namespace) -> executors.Executor:
    if given.ray:
        return executors.ray_actors(given.workers, given.address)
    return executors.serial if given.workers == 1 else executors.processes(given.workers)
