"""What cannot be run here, Windows and macOS: no call of POSIX's alone, and names they take."""

import ast
import ntpath
import os
import sys
from pathlib import Path, PureWindowsPath
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import m2n2v2
from m2n2v2.annotator.formats.names import safe, stems
from m2n2v2.errors import RunError
from m2n2v2.evaluation.records import RecordFile

SOURCE = Path(m2n2v2.__file__).parent

POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"}

POSIX_CALLS = {
    "chown",
    "fork",
    "geteuid",
    "getloadavg",
    "getuid",
    "killpg",
    "mkfifo",
    "setpriority",
}
POSIX_CALLS |= {"SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "add_signal_handler"}

WITH_A_TWIN = {
    ("evaluation/records.py", "fcntl"),  # msvcrt's
    ("files.py", "geteuid"),  # asked where `sys.platform` is not Windows
    ("annotator/engine.py", "setpriority"),  # its absence is caught
    ("compiled/threads.py", "register_at_fork"),
}


def test_only_what_has_a_twin_is_of_posix_alone() -> None:
    used = set()
    for file in SOURCE.rglob("*.py"):
        name = file.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                used |= {(name, a.name) for a in node.names if a.name in POSIX_MODULES}
            elif isinstance(node, ast.ImportFrom) and node.module in POSIX_MODULES:
                used.add((name, str(node.module)))
            elif isinstance(node, ast.Attribute) and node.attr in POSIX_CALLS:
                used.add((name, node.attr))
    assert used <= WITH_A_TWIN


@given(st.text(st.characters(), min_size=1))
def test_names_of_exports_are_names_on_windows(text: str) -> None:
    name = safe(text.encode("utf-8", "replace").decode("utf-8"))
    path = PureWindowsPath(name)
    assert path.parts == (name,)
    assert not path.drive
    assert not set(name) & set('<>:"/\\|?*')
    assert not name.endswith((" ", "."))
    assert not _reserved(name)


@pytest.mark.parametrize("name", ["CON", "nul.png", "Com1.tar.gz", "LPT\u00b2", "conin$", "aux."])
def test_names_of_devices_are_not_given(name: str) -> None:
    assert not _reserved(safe(name))
    assert safe(name) != name


def _reserved(name: str) -> bool:
    if hasattr(ntpath, "isreserved"):  # Python 3.13
        return bool(ntpath.isreserved(name))
    return PureWindowsPath(name).is_reserved()


def test_folders_of_an_export_stay_folders_on_windows() -> None:
    (stem,) = stems(["C:/a b/c.jpg"], flat=False).values()
    path = PureWindowsPath("D:/out") / stem
    assert path.is_relative_to("D:/out")
    assert path.relative_to("D:/out").parts == ("C_", "a_b", "c")


class _Locks(ModuleType):
    """`msvcrt`, as far as locks go: a byte of a file is one descriptor's."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held: set[tuple[int, int]] = set()

    def locking(self, file: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        byte = os.fstat(file).st_ino, os.lseek(file, 0, os.SEEK_CUR)
        if byte in self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(byte)


def test_one_process_writes_records_on_windows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", _Locks())
    with RecordFile(tmp_path), pytest.raises(RunError, match="another process is writing"):
        RecordFile(tmp_path)
    assert (tmp_path / "records.jsonl").stat().st_size == 0
