"""The table, worked out by hand from made-up records; formats; comparison; pictures."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import made_up_set

from m2n2v2.errors import RunError, SettingsError
from m2n2v2.evaluation import report
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import RECORDS, Record
from m2n2v2.evaluation.report import Run, merged
from m2n2v2.evaluation.runner import Plan, evaluate


def made_up_run(*ious: tuple[float, ...], preset: str = "offline", shard: int = 1) -> Run:
    identity = {
        "preset": preset,
        "segmenter": f"{preset} (settings)",
        "depth": "preset",
        "attention_cached": False,
        "protocol": Protocol(n_clicks=4, thresholds=(0.9,)).to_dict(),
        "datasets": {"mine": {"objects": 9, "fingerprint": "f"}},
        "limit": None,
        "shard": [shard, 2],
        "version": "1.2.3",
        "code": "abc",
    }
    records = tuple(
        Record(
            "mine",
            f"{shard}-{i}.png",
            "same.png",
            (5, 4),
            ((1, 1, 1),) * len(each),
            each,
            2.0,
            (0.5,) * len(each),
            0.25,
            0.75,
        )
        for i, each in enumerate(ious)
    )
    return Run(identity, records, (Path(f"run-{preset}-{shard}"),))


RUN = made_up_run((0.5, 0.95), (0.9, 0.4, 0.5, 0.6), (0.1, 0.2, 0.3, 0.92), (0.1, 0.2, 0.3, 0.4))


def test_row() -> None:
    (row,) = report.rows([RUN])
    assert row["NoC@90"] == (2 + 1 + 4 + 4) / 4
    assert row[">=4@90"] == 2
    assert row["failed@90"] == 1
    assert row["mIoU@1"] == pytest.approx((0.5 + 0.9 + 0.1 + 0.1) / 4)
    assert row["mIoU@3"] == pytest.approx((0.95 + 0.5 + 0.3 + 0.3) / 4)  # the first is carried
    assert "mIoU@5" not in row  # beyond the budget
    assert row["drop"] == pytest.approx(0.5 / 4)
    assert (row["BIoU"], row["F"]) == (0.25, 0.75)
    assert (row["prep,s"], row["SPC,s"]) == (2.0, 0.5)
    assert (row["objects"], row["of"]) == (4, 9)
    low, high = row["NoC@90 95% CI"]
    assert 1 <= low < row["NoC@90"] < high <= 4


def test_shards_are_merged_and_other_runs_are_not() -> None:
    one, two = made_up_run((0.9,)), made_up_run((0.1,), shard=2)
    other = made_up_run((0.9,), preset="grabcut")
    runs = merged([one, other, two])
    assert [(run.name, len(run.records)) for run in runs] == [("offline", 2), ("grabcut", 1)]


def test_failed_objects_are_counted_not_averaged() -> None:
    lost = Record("mine", "x.png", "x.png", error="the worker died")
    (row,) = report.rows([replace(RUN, records=(*RUN.records, lost))])
    assert (row["objects"], row["unreadable"]) == (4, 1)
    assert row["NoC@90"] == 2.75


def test_everything_that_a_number_means_stands_beside_it() -> None:
    for form in ("text", "md", "csv", "latex"):
        text = report.render([RUN], form)
        for part in ("offline (settings)", "name ritm", "n_clicks 4", "m2n2v2 1.2.3", "code abc"):
            assert part in text


@pytest.mark.parametrize("preset", ["m2n2", "m2n2/with-flip", "offline-m2n2"])
def test_the_first_versions_rules_by_another_protocol_say_so(preset: str) -> None:
    run = made_up_run((0.5, 0.95), preset=preset)
    own = replace(run, identity=run.identity | {"protocol": {**run.protocol, "name": "m2n2"}})
    said = "by protocol ritm; the first version's published numbers are by its own, --protocol m2n2"
    for form in report.FORMATS:
        assert said in report.render([run], form)
        assert "--protocol" not in report.render([own], form)
        assert "--protocol" not in report.render([RUN], form)
    assert said in report.render_comparison(run, RUN, "text")


def test_formats() -> None:
    assert "| NoC@90 |" in report.render([RUN], "md")
    assert r"NoC@90 & " in report.render([RUN], "latex")
    assert r"\%" in report.render([RUN], "latex")
    (row,) = csv.DictReader(io.StringIO(report.render([RUN], "csv").split("\n# ")[0]))
    assert row["NoC@90"] == "2.750"
    assert json.loads(report.render([RUN], "json"))["measured"][0]["NoC@90"] == 2.75
    with pytest.raises(SettingsError, match="yaml"):
        report.render([RUN], "yaml")


def test_published_figures_are_quoted_apart() -> None:
    davis = replace(
        RUN,
        identity=RUN.identity | {"datasets": {"DAVIS": {"objects": 4}}},
        records=tuple(replace(r, dataset="DAVIS") for r in RUN.records),
    )
    measured, quoted = report.render([davis], "text", published=True).split("Quoted from")
    assert "4.760" in quoted
    assert "4.760" not in measured
    assert "source" in quoted
    assert "M2N2V2 (SD2, DA2-L)" not in report.render([davis], "text")
    both = json.loads(report.render([davis], "json", published=True))
    assert all("source" in figure for figure in both["quoted"])
    assert {figure["dataset"] for figure in both["quoted"]} == {"DAVIS"}


def test_comparison_puts_the_worst_loss_first() -> None:
    other = made_up_run((0.95,), (0.9,), (0.95,), (0.3, 0.95), preset="grabcut")
    table = report.comparison(RUN, other)
    assert [row["lost"] for row in table] == [3, 2, 1, 0]
    assert table[0]["object"] == "1-2.png"
    text = report.render_comparison(RUN, other, "text")
    assert "NoC@90 of first (offline) minus second (grabcut): +1.500 [" in text
    assert f"mIoU@1 of first (offline) minus second (grabcut): {-1.5 / 4:+.3f} [" in text
    worse = made_up_run((0.95, 0.55), (0.9,), (0.95,), (0.3, 0.95))
    assert "drop of first (offline) minus second (grabcut): +0.100 [" in report.render_comparison(
        worse, other, "text"
    )
    with pytest.raises(RunError, match="no object in common"):
        report.comparison(RUN, made_up_run((0.5,), shard=2))


def test_a_run_without_results_says_so() -> None:
    with pytest.raises(RunError, match="no result"):
        report.rows([replace(RUN, records=())])


def test_ious_file(tmp_path: Path) -> None:
    report.write_ious([RUN], tmp_path / "ious.csv")
    lines = list(csv.DictReader((tmp_path / "ious.csv").read_text().splitlines()))
    assert len(lines) == 2 + 4 + 4 + 4
    assert lines[1] == {
        "run": "offline",
        "dataset": "mine",
        "object": "1-0.png",
        "click": "2",
        "iou": "0.95",
    }


@pytest.mark.slow
def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from m2n2v2.evaluation import plots

    plan = Plan(
        preset="click-disc",
        datasets=("mine",),
        data_root=made_up_set(tmp_path),
        protocol=Protocol(n_clicks=3),
        masks=True,
    )
    evaluate(plan, tmp_path / "run")
    run = Run.read(tmp_path / "run")
    names = {path.name for path in plots.write_all([run, run], tmp_path / "plots")}
    assert names == {
        "miou-mine.png",
        "noc-mine.png",
        "contact-sheet-1-mine.png",
        "contact-sheet-2-mine.png",
    }
    sheet = plots.contact_sheet(run, "mine")
    assert sheet is not None
    assert len(np_colours(sheet)) > 10
    bars = [bar.get_height() for bar in plots.noc_histogram([run], "mine").axes[0].patches]
    assert sum(bars) == 4
    curve = plots.miou_curves([run], "mine").axes[0].lines[0].get_ydata()
    assert curve[0] == pytest.approx(sum(r.ious[0] for r in run.records) / 4)
    (tmp_path / "run" / RECORDS).unlink()


def np_colours(sheet) -> set[tuple[int, ...]]:
    return set(map(tuple, sheet.reshape(-1, 3)[::7].tolist()))
