"""Where jobs run: in this process, in worker processes, or on a Ray cluster. Same results.

A worker gets its next job when it has finished one, so nothing piles up. The job of a worker that
dies is given to a fresh one, and reported if that one dies, too.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

from m2n2v2.errors import BackendError, M2N2Error, needing

J = TypeVar("J")
Taken = TypeVar("Taken", contravariant=True)
R = TypeVar("R")


class Work(Protocol[Taken, R]):
    """What is done with every job; sent to every worker."""

    @property
    def device(self) -> str:
        """Where it computes: a worker of Ray gets a GPU if this is one."""
        ...

    def start(self) -> Any:
        """What a worker makes once, before its first job."""
        ...

    def on(self, made: Any, job: Taken) -> Iterator[R]:
        """The results of a job, as they are finished."""
        ...

    def lost(self, job: Taken, reason: str) -> list[R]:
        """The results of a job whose worker died."""
        ...


class Executor(Protocol):
    """Gives the results of a job, or one of them, in the order in which they are finished."""

    def __call__(self, work: Work[J, R], jobs: Iterable[J]) -> Iterator[list[R]]: ...


LOST = "the worker died twice on this photograph"

Answer = list[Any] | Exception | None
"""The results of a job, what it raised, or None from a worker that died."""


def serial(work: Work[J, R], jobs: Iterable[J]) -> Iterator[list[R]]:
    """In this process; every result as it is finished."""
    made = work.start()
    for job in jobs:
        for result in work.on(made, job):
            yield [result]


def processes(workers: int) -> Executor:
    """Worker processes on this machine, each with its own start and its share of the cores."""

    def run(work: Work[J, R], jobs: Iterable[J]) -> Iterator[list[R]]:
        return _shared_out(ProcessTeam(work, workers), work, workers, jobs)

    return run


def ray_actors(workers: int, address: str | None = None) -> Executor:
    """Actors of a Ray cluster, each with its own start, on a GPU of its own where it uses one.

    Args:
        address: of a running cluster, `auto` for the one of this machine; None starts one here
            and stops it at the end. The data root must be the same path on every node.

    Raises:
        BackendError: Ray is not installed, or no cluster answers.
    """

    def run(work: Work[J, R], jobs: Iterable[J]) -> Iterator[list[R]]:
        return _shared_out(RayTeam(work, workers, address), work, workers, jobs)

    return run


class Team(Protocol):
    """Workers that can die."""

    def hire(self) -> Hashable: ...

    def give(self, worker: Any, job: Any) -> None: ...

    def next_answer(self, busy: list[Any]) -> tuple[Any, Answer]:
        """The first of the busy workers to be done, and what it says."""
        ...

    def dismiss(self) -> None:
        """End all workers."""
        ...


def _shared_out(team: Team, work: Work[J, R], size: int, jobs: Iterable[J]) -> Iterator[list[R]]:
    queue, again = iter(jobs), deque[J]()
    idle: list[Hashable] = []
    busy: dict[Hashable, tuple[J, bool]] = {}
    try:
        while True:
            while len(busy) < size:
                second_try = bool(again)
                job = again.popleft() if second_try else next(queue, None)
                if job is None:
                    break
                worker = idle.pop() if idle else team.hire()
                team.give(worker, job)
                busy[worker] = (job, second_try)
            if not busy:
                return
            worker, answer = team.next_answer(list(busy))
            job, second_try = busy.pop(worker)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                idle.append(worker)
                yield answer
            elif second_try:
                yield work.lost(job, LOST)
            else:
                again.append(job)
    finally:
        team.dismiss()


class ProcessTeam:
    """Processes of this machine, each at the other end of a pipe, which closes when it dies."""

    def __init__(self, work: Work[Any, Any], workers: int) -> None:
        self._work = work
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._hired: dict[connection.Connection, BaseProcess] = {}

    def hire(self) -> connection.Connection:
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(
            target=_serve, args=(there, self._work, self._threads), daemon=True
        )
        with _environment(dict.fromkeys(_THREADS, str(self._threads))):
            process.start()
        there.close()
        self._hired[here] = process
        return here

    def give(self, worker: connection.Connection, job: Any) -> None:
        with suppress(OSError):  # if it died idle, its closed pipe answers below
            worker.send(job)

    def next_answer(
        self, busy: list[connection.Connection]
    ) -> tuple[connection.Connection, Answer]:
        worker = next(one for one in busy if one in connection.wait(busy))
        try:
            answer: Answer = worker.recv()
        except (EOFError, OSError):
            answer = None
            self._end(worker)
        return worker, answer

    def dismiss(self) -> None:
        for worker in list(self._hired):
            self._end(worker)

    def _end(self, worker: connection.Connection) -> None:
        process = self._hired.pop(worker)
        worker.close()
        process.terminate()
        process.join()
        process.close()


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's and scipy's linear algebra reads once, when it is loaded; torch is asked apart."""


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These variables for the processes that start inside; those that are set stay as they are."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _serve(pipe: connection.Connection, work: Work[Any, Any], threads: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when to stop
    torch.set_num_threads(threads)
    made = None
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            made = made or work.start()
            answer: Answer = list(work.on(made, job))
        except Exception as error:
            answer = _portable(error)
        pipe.send(answer)


def _portable(error: Exception) -> Exception:
    if isinstance(error, M2N2Error):
        return error
    return RuntimeError("in a worker:\n" + "".join(traceback.format_exception(error)))


class RayTeam:
    """Actors; a GPU each, if the work's device is one."""

    def __init__(self, work: Work[Any, Any], workers: int, address: str | None) -> None:
        with needing("ray"):
            import ray
        self._ray: Any = ray
        self._mine = not ray.is_initialized()
        if self._mine:
            try:
                ray.init(
                    address=address,
                    num_cpus=None if address else workers,
                    include_dashboard=False if address is None else None,
                    log_to_driver=False,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise BackendError(
                    f"no Ray cluster answers at {address!r} ({error})",
                    cure="start one with `ray start --head`, or leave out --address",
                ) from error
        gpu = work.device.startswith("cuda") or (work.device == "auto" and _has_gpu(ray))
        self._actor = ray.remote(num_cpus=1, num_gpus=int(gpu), max_restarts=0)(_Actor)
        self._work = ray.put(work)
        self._pending: dict[Any, Any] = {}

    def hire(self) -> Hashable:
        actor: Any = self._actor.remote(self._work)
        return actor

    def give(self, worker: Any, job: Any) -> None:
        self._pending[worker] = worker.on.remote(job)

    def next_answer(self, busy: list[Any]) -> tuple[Any, Answer]:
        (done,), _ = self._ray.wait([self._pending[one] for one in busy], num_returns=1)
        worker = next(one for one in busy if self._pending[one] == done)
        del self._pending[worker]
        try:
            answer: Answer = self._ray.get(done)
        except self._ray.exceptions.RayActorError:
            answer = None
        return worker, answer

    def dismiss(self) -> None:
        if self._mine:
            self._ray.shutdown()


class _Actor:
    def __init__(self, work: Work[Any, Any]) -> None:
        self._work = work
        self._made: Any = None

    def on(self, job: Any) -> Answer:
        try:
            self._made = self._made or self._work.start()
            return list(self._work.on(self._made, job))
        except Exception as error:
            return _portable(error)


def _has_gpu(ray: Any) -> bool:
    return bool(ray.cluster_resources().get("GPU"))
