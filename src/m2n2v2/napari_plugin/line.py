"""Jobs one after another in a thread beside the viewer's; answers come back in the viewer's own."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import FunctionWorker, GeneratorWorker, create_worker


@dataclass(frozen=True)
class Job:
    """Something to compute.

    Attributes:
        what: for people.
        run: computes, in the other thread; `Steps` for answers as they are made.
        done: takes the answer, or each of an iterator's, in the viewer's thread.
        failed: takes the error there that ended it, ours or any.
        after: called there at the end, however it came.
    """

    what: str
    run: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    after: Callable[[], None] = lambda: None


class Line:
    """Jobs wait for those before them, never the viewer.

    Args:
        changed: called in the viewer's thread with what is being done, empty once nothing is.
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._waiting: deque[Job] = deque()
        self._worker: Any = None
        self._dropped = False

    @property
    def busy(self) -> bool:
        return self._worker is not None

    def add(self, job: Job) -> None:
        """Do a job after all others."""
        self._waiting.append(job)
        if not self.busy:
            self._begin()

    def stop(self) -> None:
        """End the job that is being done, if it is an iterator, after its next answer."""
        if isinstance(self._worker, GeneratorWorker):
            self._worker.quit()

    def close(self) -> None:
        """Drop all that waits, and whatever the present job answers; nobody is told any more."""
        self._changed = lambda what: None
        self._waiting.clear()
        self._dropped = self.busy
        self.stop()

    def _begin(self) -> None:
        if not self._waiting:
            self._changed("")
            return
        job = self._waiting.popleft()
        self._dropped = False

        def take(answer: Any) -> None:
            if not self._dropped and answer is not None:
                self._handle(job, answer)

        def end() -> None:
            self._worker = None
            if not self._dropped:
                job.after()
            self._begin()

        several = isinstance(job.run, Steps)
        work = _steps if several else _whole
        kind = GeneratorWorker if several else FunctionWorker
        self._changed(job.what)
        self._worker = create_worker(work, job.run, _worker_class=kind, _start_thread=False)
        (self._worker.yielded if several else self._worker.returned).connect(take)
        self._worker.finished.connect(end)
        self._worker.start()

    def _handle(self, job: Job, answer: Any) -> None:
        if isinstance(answer, _Failed):
            job.failed(answer.error)
        else:
            job.done(answer)


class Steps:
    """Marks a job whose answers come one by one.

    Args:
        run: makes the iterator.
    """

    def __init__(self, run: Callable[[], Iterator[Any]]) -> None:
        self._run = run

    def __call__(self) -> Iterator[Any]:
        return self._run()


@dataclass(frozen=True)
class _Failed:
    """In the place of an answer; a bare exception would be raised again on its way."""

    error: Exception


def _whole(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except Exception as error:  # a bug or a lack of memory must not leave the line waiting for ever
        return _Failed(error)


def _steps(run: Steps) -> Iterator[Any]:
    try:
        yield from run()
    except Exception as error:  # likewise
        yield _Failed(error)
