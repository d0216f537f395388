"""Serial, processes and Ray give the same records; a dead worker costs one retry."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import Surroundings, broken, deadly, discs, made_up_set

from m2n2v2.errors import DatasetError
from m2n2v2.evaluation.executors import LOST, Executor, processes, ray_actors, serial
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import Record
from m2n2v2.evaluation.runner import Plan
from m2n2v2.evaluation.work import Job, Work

PROTOCOL = Protocol(n_clicks=3)


def jobs(root: Path) -> list[Job]:
    plan = Plan(preset="click-disc", datasets=("mine",), data_root=root, protocol=PROTOCOL)
    return plan.jobs(plan.items())


def results(executor: Executor, work: Work, given: list[Job]) -> list[Record]:
    """Without times, in a fixed order."""
    records = [record for some in executor(work, given) for record in some]
    assert len({record.key for record in records}) == len(records)
    timeless = [replace(r, prepare_seconds=0.0, click_seconds=()) for r in records]
    return sorted(timeless, key=lambda record: record.key)


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the deadly worker leaves behind; known before a cluster's processes start."""
    monkeypatch.setenv("M2N2V2_TEST_MARKER", str(tmp_path / "marker"))


def check_executor(executor: Executor, tmp_path: Path) -> None:
    given = jobs(made_up_set(tmp_path))
    reference = results(serial, Work("click-disc", PROTOCOL, build=discs), given)
    assert len(reference) == 4

    marker = tmp_path / "marker"
    fatal = Work("click-disc", PROTOCOL, build=deadly)
    assert results(executor, fatal, given) == reference  # died once, tried again
    assert marker.read_text() == "once"

    marker.write_text("always")
    lost = {r.item: r.error for r in results(executor, fatal, given)}
    assert lost == {"0.png": None, "1.png": None, "2.png": LOST, "3.png": None}


@pytest.mark.slow
@pytest.mark.usefixtures("marker")
def test_processes(tmp_path: Path) -> None:
    check_executor(processes(2), tmp_path)


@pytest.mark.slow
def test_workers_share_the_cores_and_leave_what_a_person_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each with all threads, two take longer than one."""
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    names = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]
    found = [result for some in processes(2)(Surroundings(), names) for result in some]
    assert sorted(found) == [(3, "3"), (3, "5")]
    assert "OPENBLAS_NUM_THREADS" not in os.environ


@pytest.mark.slow
def test_errors_of_processes_arrive(tmp_path: Path) -> None:
    given = jobs(made_up_set(tmp_path))
    with pytest.raises(RuntimeError, match="a bug, not bad input"):
        results(processes(1), Work("click-disc", PROTOCOL, build=broken), given)
    (tmp_path / "mine/masks/2.png").write_bytes(b"no mask")
    with pytest.raises(DatasetError, match=r"2\.png"):
        results(processes(1), Work("click-disc", PROTOCOL, build=discs), given)


@pytest.mark.slow
@pytest.mark.usefixtures("marker", "ray_cluster")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_ray(tmp_path: Path) -> None:
    check_executor(ray_actors(2), tmp_path)


def test_jobs_are_taken_as_workers_become_free(tmp_path: Path) -> None:
    given = jobs(made_up_set(tmp_path))
    taken: list[Job] = []

    def feed():
        for job in given:
            taken.append(job)
            yield job

    running = serial(Work("click-disc", PROTOCOL, build=discs), feed())
    next(running)
    assert len(taken) == 1
    running.close()
