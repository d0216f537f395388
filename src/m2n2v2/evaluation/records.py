"""One JSON line per object, written whole or not at all."""

import importlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from m2n2v2.errors import OutputError, RunError

RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Record:
    """What one object gave.

    Attributes:
        image: of the photograph, for the seconds of preparation, which objects of it share.
        size: width and height, in pixels.
        clicks: (x, y, label) in order.
        ious: after each prompt: the first, if there is one, and the clicks.
        error: why there is no result; all else is empty then.
        first: the box or scribble before the clicks, as `prompts_to_json` writes it.
    """

    dataset: str
    item: str
    image: str
    size: tuple[int, int] = (0, 0)
    clicks: tuple[tuple[int, int, int], ...] = ()
    ious: tuple[float, ...] = ()
    prepare_seconds: float = 0.0
    click_seconds: tuple[float, ...] = ()
    boundary_iou: float = 0.0
    boundary_f_score: float = 0.0
    error: str | None = None
    first: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.dataset, self.item

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        values = json.loads(line)
        return cls(
            **values
            | {
                "size": tuple(values["size"]),
                "clicks": tuple(tuple(click) for click in values["clicks"]),
                "ious": tuple(values["ious"]),
                "click_seconds": tuple(values["click_seconds"]),
            }
        )


def read_records(run: Path) -> list[Record]:
    """The last record of every object in a run's folder, sorted; a torn line is left out.

    Raises:
        RunError: a line is no record.
    """
    path = run / RECORDS
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    newest = {}
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break
        try:
            record = Record.from_json(line)
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"line {number} of {path} is no record ({error})",
                cure="remove that line, and start the run again to fill the gap",
            ) from error
        newest[record.key] = record
    return [newest[key] for key in sorted(newest)]


class RecordFile:
    """The end of a run's records, to which whole lines are added; one process at a time.

    Raises:
        RunError: another process has it open.
        OutputError: it cannot be written.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / RECORDS
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
            _lock(self._file, run)
            self._cut_torn_line()
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def append(self, records: Iterable[Record]) -> None:
        """Add one line per record.

        Raises:
            OutputError: the disk does not take it; the file ends with the last whole line.
        """
        for record in records:
            before = os.lseek(self._file, 0, os.SEEK_END)
            left = memoryview((record.to_json() + "\n").encode())
            try:
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError as error:
                os.ftruncate(self._file, before)
                raise _cannot_write(self._path, error) from error

    def _cut_torn_line(self) -> None:
        with self._path.open("rb") as file:
            content = file.read()
        os.ftruncate(self._file, content.rfind(b"\n") + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self._file)


def _lock(file: int, run: Path) -> None:
    """Until the file is closed, or its process ends."""
    try:
        _lock_or_raise(file)
    except (BlockingIOError, PermissionError) as error:
        os.close(file)
        raise RunError(
            f"another process is writing {run}", cure="wait for it, or give another --out"
        ) from error


_BINARY: int = getattr(os, "O_BINARY", 0)
"""Windows writes two bytes for a line's end without it."""

_BEYOND = 1 << 30
"""A byte no record reaches: what is locked on Windows cannot be read."""


def _lock_or_raise(file: int) -> None:
    try:
        import fcntl
    except ImportError:
        msvcrt = importlib.import_module("msvcrt")
        os.lseek(file, _BEYOND, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {path} ({error.strerror})",
        cure="make room or choose another folder; started again, the run continues",
    )
