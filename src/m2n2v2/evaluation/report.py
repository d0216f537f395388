"""Tables of runs: one row per run and dataset, with everything that a number means beside it."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Self

from m2n2v2.errors import OutputError, RunError, SettingsError
from m2n2v2.evaluation.metrics import (
    bootstrap_interval,
    iou_at,
    is_failure,
    is_failure_as_counted_by_ritm,
    largest_drop,
    number_of_clicks,
)
from m2n2v2.evaluation.published import FIGURES
from m2n2v2.evaluation.records import Record, read_records
from m2n2v2.evaluation.runner import read_run

IOU_CLICKS = (1, 3, 5, 10)
FORMATS = ("text", "md", "csv", "latex", "json")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """A run, or shards of one: what it is, and its records.

    Attributes:
        paths: the folders; several if shards were merged.
    """

    identity: dict[str, Any]
    records: tuple[Record, ...]
    paths: tuple[Path, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The run in a folder, whole or not.

        Raises:
            RunError: it is no run's folder, or of another version.
        """
        return cls(read_run(path)["identity"], tuple(read_records(path)), (path,))

    @property
    def name(self) -> str:
        """Short, for a table: the preset, and the depth if it was measured."""
        depth = " + measured depth" if self.identity["depth"] == "measured" else ""
        return str(self.identity["preset"]) + depth

    @property
    def protocol(self) -> dict[str, Any]:
        protocol: dict[str, Any] = self.identity["protocol"]
        return protocol

    def of(self, dataset: str) -> list[Record]:
        """The records with a result, by item."""
        return [r for r in self.records if r.dataset == dataset and r.error is None]

    def failed(self, dataset: str) -> int:
        return sum(r.dataset == dataset and r.error is not None for r in self.records)


def merged(runs: Sequence[Run]) -> list[Run]:
    """Shards of one run become one; other runs stay apart, in order."""
    whole: dict[str, Run] = {}
    for run in runs:
        key = json.dumps(run.identity | {"shard": None}, sort_keys=True)
        known = whole.get(key)
        if known is None:
            whole[key] = run
        else:
            records = {r.key: r for r in (*known.records, *run.records)}
            every = tuple(records[name] for name in sorted(records))
            whole[key] = replace(known, records=every, paths=known.paths + run.paths)
    return list(whole.values())


def rows(runs: Sequence[Run]) -> Rows:
    """The table: a mean over objects per column, and a 95 % bootstrap interval for NoC.

    Columns: `>=N@t` counts NoC equal to the budget, as RITM does; `failed@t` counts objects that
    never got there. `mIoU@k` carries the last IoU forward after an early stop. `BIoU` and `F` are
    of the last mask. `drop` is the largest loss of IoU between two clicks. `prep,s` is per
    photograph, `SPC,s` per click, apart.

    Raises:
        RunError: a run has no result.
    """
    table = []
    for run in runs:
        budget, thresholds = run.protocol["n_clicks"], run.protocol["thresholds"]
        for dataset, facts in run.identity["datasets"].items():
            records = run.of(dataset)
            if not records:
                raise RunError(
                    f"{run.paths[0]} has no result on {dataset}", cure="start it again to finish it"
                )
            curves = [record.ious for record in records]
            row: dict[str, Any] = {
                "run": run.name,
                "dataset": dataset,
                "objects": len(records),
                "of": facts["objects"],
                "unreadable": run.failed(dataset),
            }
            for t in thresholds:
                clicks = [number_of_clicks(curve, t, budget) for curve in curves]
                row[f"NoC@{_percent(t)}"] = fmean(clicks)
                row[f"NoC@{_percent(t)} 95% CI"] = bootstrap_interval(clicks)
            for t in thresholds:
                ritm = [is_failure_as_counted_by_ritm(curve, t, budget) for curve in curves]
                row[f">={budget}@{_percent(t)}"] = sum(ritm)
            for t in thresholds:
                row[f"failed@{_percent(t)}"] = sum(is_failure(curve, t) for curve in curves)
            for k in IOU_CLICKS:
                if k <= budget:
                    row[f"mIoU@{k}"] = fmean(iou_at(curve, k) for curve in curves if curve)
            row["BIoU"] = fmean(record.boundary_iou for record in records)
            row["F"] = fmean(record.boundary_f_score for record in records)
            row["drop"] = fmean(largest_drop(curve) for curve in curves)
            preparations = {r.image: r.prepare_seconds for r in records}.values()
            row["prep,s"] = "cached" if run.identity["attention_cached"] else fmean(preparations)
            row["SPC,s"] = fmean(s for r in records for s in r.click_seconds)
            table.append(row)
    return table


FIRST_VERSIONS = ("m2n2", "offline-m2n2")
"""Presets with the first version's rules."""


def meanings(runs: Sequence[Run]) -> list[str]:
    """For every run, what its numbers mean: segmenter, weights, protocol, settings, code."""
    lines = []
    for run in runs:
        protocol = ", ".join(f"{name} {value}" for name, value in run.protocol.items())
        weights = ", ".join(
            f"{of} {which}" for of, which in run.identity.get("weights", {}).items()
        )
        limit = run.identity["limit"]
        lines.append(
            f"{run.name}: {run.identity['segmenter']}; "
            + (f"weights: {weights}; " if weights else "")
            + f"protocol: {protocol}; "
            + (f"only the first {limit} objects of each dataset; " if limit else "")
            + f"m2n2v2 {run.identity['version']}, code {run.identity['code']}"
        )
        rules, name = run.identity["preset"].partition("/")[0], run.protocol["name"]
        if rules in FIRST_VERSIONS and name != "m2n2":
            lines.append(
                f"{run.name}: clicked by protocol {name}; the first version's published numbers "
                "are by its own, --protocol m2n2"
            )
    return lines


def render(runs: Sequence[Run], form: str, *, published: bool = False) -> str:
    """The table in one of `FORMATS`, with the meanings; published figures in a table of their own.

    Raises:
        SettingsError: another format.
    """
    if form not in FORMATS:
        raise SettingsError(f"format is {form!r}", cure=f"use one of {', '.join(FORMATS)}")
    table = rows(runs)
    datasets = {row["dataset"] for row in table}
    quoted: Rows = [
        {"quoted": f.method, "dataset": f.dataset, "kind": f.kind, **f.values, "source": f.source}
        for f in FIGURES
        if published and f.dataset in datasets
    ]
    if form == "json":
        content: dict[str, Any] = {"measured": table, "meanings": meanings(runs)}
        return json.dumps(content | ({"quoted": quoted} if published else {}), indent=2)
    write = _WRITERS[form]
    parts = [write(table), *(f"{_COMMENT[form]}{line}" for line in meanings(runs))]
    if quoted:
        parts += ["", f"{_COMMENT[form]}Quoted from others' papers, not measured here:"]
        parts += ["", write(quoted)]
    return "\n".join(parts)


def render_ious(runs: Sequence[Run]) -> str:
    """Mean IoU after every click, one row per run and dataset."""
    table: Rows = [
        {
            "run": run.name,
            "dataset": dataset,
            **{
                f"@{k}": fmean(iou_at(record.ious, k) for record in run.of(dataset))
                for k in range(1, run.protocol["n_clicks"] + 1)
            },
        }
        for run in runs
        for dataset in run.identity["datasets"]
    ]
    return _text(table)


def write_ious(runs: Sequence[Run], path: Path) -> None:
    """Every object's IoUs, a CSV with one line per object and click."""
    lines = [
        [run.name, record.dataset, record.item, k, iou]
        for run in runs
        for record in run.records
        for k, iou in enumerate(record.ious, 1)
    ]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["run", "dataset", "object", "click", "iou"])
            writer.writerows(lines)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror})", cure="make room") from error


def comparison(first: Run, second: Run, threshold: float = 0.9) -> Rows:
    """Every object that both have, where the first needed more clicks than the second first.

    Raises:
        RunError: the runs have no object in common.
    """
    budgets = [run.protocol["n_clicks"] for run in (first, second)]
    known = {record.key: record for record in second.records if record.error is None}
    table = []
    for a in first.records:
        b = known.get(a.key)
        if a.error is None and b is not None:
            clicks = [
                number_of_clicks(record.ious, threshold, budget)
                for record, budget in zip((a, b), budgets, strict=True)
            ]
            table.append(
                {
                    "dataset": a.dataset,
                    "object": a.item,
                    "first": clicks[0],
                    "second": clicks[1],
                    "lost": clicks[0] - clicks[1],
                    **{
                        f"mIoU@{k}": iou_at(a.ious, k) - iou_at(b.ious, k)
                        for k in IOU_CLICKS
                        if a.ious and b.ious
                    },
                    "drop": largest_drop(a.ious) - largest_drop(b.ious),
                    "last IoU, first": a.ious[-1] if a.ious else 0.0,
                    "last IoU, second": b.ious[-1] if b.ious else 0.0,
                }
            )
    if not table:
        raise RunError("the two runs have no object in common", cure="compare on one dataset")
    return sorted(table, key=lambda row: (-row["lost"], row["dataset"], row["object"]))


def render_comparison(first: Run, second: Run, form: str) -> str:
    """The comparison, and mean differences with 95 % paired bootstrap intervals."""
    if form not in FORMATS:
        raise SettingsError(f"format is {form!r}", cure=f"use one of {', '.join(FORMATS)}")
    table = comparison(first, second)
    means: Rows = [_mean_difference(table, "lost", "NoC@90")]
    others = (*(f"mIoU@{k}" for k in IOU_CLICKS), "drop")
    means += [_mean_difference(table, of, of) for of in others]
    if form == "json":
        facts = {"means": means, "objects": table, "meanings": meanings([first, second])}
        return json.dumps(facts, indent=2)
    summary = [
        f"{mean['of']} of first ({first.name}) minus second ({second.name}): {mean['mean']:+.3f} "
        f"[{mean['95% CI'][0]:+.3f}, {mean['95% CI'][1]:+.3f}] over {len(table)} objects"
        for mean in means
    ]
    lines = [*summary, *meanings([first, second])]
    return "\n".join([_WRITERS[form](table), *(_COMMENT[form] + line for line in lines)])


def _mean_difference(table: Rows, column: str, of: str) -> dict[str, Any]:
    values = [row[column] for row in table if column in row]
    return {"of": of, "mean": fmean(values), "95% CI": bootstrap_interval(values)}


def _percent(threshold: float) -> str:
    return f"{100 * threshold:.10g}"


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{end:.2f}" for end in value) + "]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _columns(table: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in table for name in row))


def _grid(table: Rows) -> list[list[str]]:
    columns = _columns(table)
    return [columns, *([_cell(row.get(name, "")) for name in columns] for row in table)]


def _text(table: Rows) -> str:
    grid = _grid(table)
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in grid
    )


def _markdown(table: Rows) -> str:
    head, *body = _grid(table)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _latex(table: Rows) -> str:
    head, *body = [[_escaped(cell) for cell in line] for line in _grid(table)]
    lines = [" & ".join(line) + r" \\" for line in (head, *body)]
    lines.insert(1, r"\hline")
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(head)}}}", *lines, r"\end{tabular}"])


def _escaped(cell: str) -> str:
    for sign in "&%_#":
        cell = cell.replace(sign, "\\" + sign)
    return cell


def _csv(table: Rows) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerows(_grid(table))
    return lines.getvalue().rstrip("\n")


_WRITERS: dict[str, Callable[[Rows], str]] = {
    "text": _text,
    "md": _markdown,
    "csv": _csv,
    "latex": _latex,
}
_COMMENT = {"text": "", "md": "- ", "csv": "# ", "latex": "% "}
