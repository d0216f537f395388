"""Runs: written as they go, continued, refused; interrupted; a full disk."""

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import HALTED, made_up_set
from tests.patience import PATIENCE

from m2n2v2.errors import DatasetError, OutputError, RunError, SettingsError
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import RECORDS, Record, RecordFile, read_records
from m2n2v2.evaluation.runner import Plan, evaluate, read_run

SHORT = Protocol(n_clicks=3)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        preset="click-disc",
        datasets=("mine",),
        data_root=made_up_set(tmp_path / "data"),
        protocol=SHORT,
    )


def timeless(records: list[Record]) -> list[Record]:
    return [replace(r, prepare_seconds=0.0, click_seconds=()) for r in records]


def test_one_line_per_object(plan: Plan, tmp_path: Path) -> None:
    records = evaluate(plan, tmp_path / "run")
    assert [record.item for record in records] == ["0.png", "1.png", "2.png", "3.png"]
    assert len((tmp_path / "run" / RECORDS).read_text().splitlines()) == 4
    for record in records:
        assert len(record.clicks) == len(record.ious) == len(record.click_seconds) <= 3
        assert record.clicks[0][2] == 1
        assert record.size == (50, 40)
        assert record.prepare_seconds > 0
    # a photograph is prepared once for all its objects
    assert records[0].prepare_seconds == records[1].prepare_seconds
    # the radius is 8 pixels: the object of radius 8 is a disc around its centre, found at once
    assert records[3].ious[0] == 1


def test_continues_where_it_stopped(plan: Plan, tmp_path: Path) -> None:
    whole = evaluate(plan, tmp_path / "whole")
    run = tmp_path / "cut"
    evaluate(plan, run)
    lines = (run / RECORDS).read_text().splitlines(keepends=True)
    (run / RECORDS).write_text("".join(lines[:2]) + lines[2][:30])  # torn in the third line
    seen: list[str] = []
    again = evaluate(plan, run, progress=lambda record: seen.append(record.item))
    assert timeless(again) == timeless(whole)
    assert (run / RECORDS).read_text().splitlines(keepends=True)[:2] == lines[:2]
    assert sorted(seen) == ["0.png", "1.png", "2.png", "3.png"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"preset": "grabcut"}, "segmenter"),
        ({"protocol": Protocol(n_clicks=4)}, "protocol"),
        ({"limit": 2}, "limit"),
        ({"shard": (1, 2)}, "shard"),
        ({"void": 77}, "void"),
        ({"depth_unit": "m"}, "depth_unit"),
    ],
)
def test_refuses_other_settings(
    plan: Plan, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    if change.get("preset") == "grabcut":
        pytest.importorskip("cv2")
    evaluate(plan, tmp_path / "run")
    before = (tmp_path / "run" / RECORDS).read_bytes()
    with pytest.raises(RunError, match=named):
        evaluate(replace(plan, **change), tmp_path / "run")
    assert (tmp_path / "run" / RECORDS).read_bytes() == before


def test_refuses_other_data(plan: Plan, tmp_path: Path) -> None:
    evaluate(plan, tmp_path / "run")
    with (plan.data_root / "mine/images/1.png").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(RunError, match="datasets"):
        evaluate(plan, tmp_path / "run")


def test_refuses_other_code(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(plan, tmp_path / "run")
    monkeypatch.setattr("m2n2v2.evaluation.runner.source_digest", lambda *roots: "another")
    with pytest.raises(RunError, match="code"):
        evaluate(plan, tmp_path / "run")


def test_refuses_another_version_and_other_folders(plan: Plan, tmp_path: Path) -> None:
    evaluate(plan, tmp_path / "run")
    facts = read_run(tmp_path / "run")
    facts["identity"]["format"] = 99
    (tmp_path / "run/run.json").write_text(json.dumps(facts))
    with pytest.raises(RunError, match="format 99"):
        evaluate(plan, tmp_path / "run")
    with pytest.raises(RunError, match="no run's folder"):
        read_run(tmp_path)


def test_a_line_that_is_no_record_is_named(plan: Plan, tmp_path: Path) -> None:
    evaluate(plan, tmp_path / "run")
    with (tmp_path / "run" / RECORDS).open("a") as file:
        file.write('{"dataset": "mine"}\n')
    with pytest.raises(RunError, match="line 5"):
        read_records(tmp_path / "run")


def test_shards_are_the_whole(plan: Plan, tmp_path: Path) -> None:
    whole = evaluate(plan, tmp_path / "whole")
    parts = [
        record
        for index in (1, 2)
        for record in evaluate(replace(plan, shard=(index, 2)), tmp_path / str(index))
    ]
    assert timeless(sorted(parts, key=lambda r: r.key)) == timeless(whole)


def test_limit(plan: Plan, tmp_path: Path) -> None:
    records = evaluate(replace(plan, limit=3), tmp_path / "run")
    assert [record.item for record in records] == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("change", [{"shard": (0, 2)}, {"shard": (3, 2)}, {"limit": 0}])
def test_plans_validate_themselves(plan: Plan, change: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        replace(plan, **change)


def test_a_broken_image_stops_or_is_counted(plan: Plan, tmp_path: Path) -> None:
    (plan.data_root / "mine/masks/1.png").write_bytes(b"no mask")
    with pytest.raises(DatasetError, match=r"1\.png"):
        evaluate(plan, tmp_path / "run")
    records = evaluate(replace(plan, skip_broken=True), tmp_path / "run")
    assert [record.item for record in records if record.error] == ["1.png"]
    assert len(records) == 4


def test_errors_are_tried_again(plan: Plan, tmp_path: Path) -> None:
    path = plan.data_root / "mine/masks/1.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 10] + b"0123456789")  # as long, but broken
    skipping = replace(plan, skip_broken=True)
    assert [r.error is None for r in evaluate(skipping, tmp_path / "run")].count(False) == 1
    path.write_bytes(whole)
    assert all(record.error is None for record in evaluate(skipping, tmp_path / "run"))


def test_masks_are_kept(plan: Plan, tmp_path: Path) -> None:
    evaluate(replace(plan, masks=True), tmp_path / "run")
    kept = sorted(path.name for path in (tmp_path / "run/masks/mine").iterdir())
    assert kept == ["0.png", "1.png", "2.png", "3.png"]


def test_records_survive_json() -> None:
    record = Record("d", "i", "x.png", (5, 4), ((1, 2, 1),), (0.5,), 0.1, (0.2,), 0.3, 0.4)
    assert Record.from_json(record.to_json()) == record


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    record = Record("d", "i", "x.png", ious=(0.5,) * 20)
    length = len(record.to_json()) + 1
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * length + length // 2, before[1]))
        with RecordFile(tmp_path) as file, pytest.raises(OutputError, match="make room"):
            file.append([record] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / RECORDS).read_text() == 2 * (record.to_json() + "\n")


def test_one_process_writes_a_run(plan: Plan, tmp_path: Path) -> None:
    evaluate(plan, tmp_path / "run")
    with RecordFile(tmp_path / "run"), pytest.raises(RunError, match="another process"):
        evaluate(plan, tmp_path / "run")
    evaluate(plan, tmp_path / "run")


def test_a_folder_that_cannot_be_made(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        evaluate(plan, tmp_path / "file" / "run")


SCRIPT = """
import sys
from pathlib import Path
from tests.fakes import halting
from m2n2v2.evaluation.work import Work
import m2n2v2.evaluation.runner as runner
from functools import partial
runner.Work = partial(Work, build=halting)
from m2n2v2.cli.main import run
sys.argv = ["m2n2v2", "evaluate", "--preset", "click-disc", "--datasets", "mine", "--n-clicks", "3",
    "--data-root", sys.argv[1], "--out", sys.argv[2]]
run()
"""


@pytest.mark.slow
def test_ctrl_c_finishes_the_line_exits_130_and_continues(plan: Plan, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", SCRIPT, str(plan.data_root), str(run)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    path, pipe = run / RECORDS, subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert HALTED in map(str.strip, process.stdout), "it ended before its second photograph"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate("go on\n", timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "interrupted" in said
    records = read_records(run)
    assert path.read_text().endswith("\n")
    assert len(records) == 3  # the photograph in work was finished, the last not begun
    done = subprocess.run(command, env=environment, input="", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(read_records(run)) == 4
    assert len(path.read_text().splitlines()) == 4  # nothing was done twice
