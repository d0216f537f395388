"""Machine code is kept where that is possible, and nothing fails where it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import m2n2v2

CALL = """
import numpy as np
from m2n2v2.method._level_sets import look_up
level, out = np.array([[1, 0]], np.int32), np.zeros((1, 2), np.float32)
look_up(0, 1, np.array([5, 7], np.float32), level, out)
"""

ONE_KERNEL = f"{CALL}print(out.tolist(), sum(look_up.stats.cache_hits.values()))"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")


def _without_rights() -> list[str]:
    """What a command begins with, so that permissions count for it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to give that up with")
    return ["setpriv", "--bounding-set=-all", "--no-new-privs"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a copy of the package that cannot be written, and a temporary one that can."""
    source = Path(m2n2v2.__file__).parent
    copy = tmp_path / "site" / "m2n2v2"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "page"))
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def _run(place: Path, program: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [*_without_rights(), sys.executable, *program],
        env={
            **kept,
            "HOME": str(place / "no home"),
            "TMPDIR": str(place / "temporary"),
            "PYTHONPATH": str(place / "site"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def _lock(place: Path) -> None:
    """The home that is not there cannot be made."""
    place.chmod(0o555)


def test_in_the_users_cache_where_the_package_cannot_be_written(place: Path) -> None:
    for hits in (0, 1):
        done = _run(place, ["-c", ONE_KERNEL], XDG_CACHE_HOME=str(place / "cache"))
        assert (done.stdout, done.stderr) == (f"[[7.0, 5.0]] {hits}\n", "")
    assert list((place / "cache/m2n2v2/compiled").rglob("*.nbi"))


def test_in_a_private_temporary_folder_where_there_is_no_home_either(place: Path) -> None:
    _lock(place)
    for hits in (0, 1):
        done = _run(place, ["-c", ONE_KERNEL])
        assert done.stdout == f"[[7.0, 5.0]] {hits}\n", done.stderr
        assert done.stderr.count("compiled code is kept in") == 1
    (folder,) = (place / "temporary").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_a_cache_where_there_is_no_private_folder_either(place: Path) -> None:
    others = place / "temporary" / f"m2n2v2-{os.geteuid()}"
    others.mkdir()
    others.chmod(0o755)  # others may look into it
    _lock(place)
    for _ in range(2):
        done = _run(place, ["-c", ONE_KERNEL])
        assert done.stdout == "[[7.0, 5.0]] 0\n", done.stderr
        assert done.stderr.count("compiled code is kept nowhere") == 1
    assert list(others.iterdir()) == []


def test_a_link_is_not_a_private_folder(place: Path) -> None:
    (place / "elsewhere").mkdir(mode=0o700)
    (place / "temporary" / f"m2n2v2-{os.geteuid()}").symlink_to(place / "elsewhere")
    _lock(place)
    assert "kept nowhere" in _run(place, ["-c", ONE_KERNEL]).stderr
    assert list((place / "elsewhere").iterdir()) == []


def test_damaged_code_is_compiled_again(place: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(place / "cache")}
    _run(place, ["-c", ONE_KERNEL], **cache)
    for suffix in ("nbi", "nbc"):
        for file in (place / "cache").rglob(f"*.{suffix}"):
            file.write_bytes(b"\x80\x04not a pickle")
        for hits in (0, 1):
            done = _run(place, ["-c", ONE_KERNEL], **cache)
            assert (done.stdout, done.stderr) == (f"[[7.0, 5.0]] {hits}\n", "")


def test_kernels_stay_python_where_numba_is_told_so(place: Path) -> None:
    """For a debugger, and for what counts lines or changes them."""
    done = _run(place, ["-c", f"{CALL}print(out.tolist())"], NUMBA_DISABLE_JIT="1")
    assert (done.stdout, done.stderr) == ("[[7.0, 5.0]]\n", "")


def test_code_is_kept_for_the_source_that_it_uses(place: Path) -> None:
    """`exp2_minus` is written into `relax`: a change of the one compiles the other again."""
    stamp = (
        "from m2n2v2.photograph._refinement import relax;"
        "print(relax._cache._impl.locator.get_source_stamp())"
    )
    before = _run(place, ["-c", stamp]).stdout
    file = place / "site/m2n2v2/compiled/exponential.py"
    file.write_text(file.read_text("utf-8").replace("57.0", "56.0"), "utf-8")
    assert before
    assert _run(place, ["-c", stamp]).stdout not in ("", before)


@pytest.mark.slow
def test_a_photograph_is_segmented_where_nothing_but_the_result_can_be_written(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No cache is ever the reason of a failure: compiled code, states, weights or plots."""
    import skimage

    photograph = Path(skimage.__file__).parent / "data" / "rocket.jpg"
    others = place / "temporary" / f"m2n2v2-{os.geteuid()}"
    others.mkdir()
    others.chmod(0o755)
    _lock(place)
    out = tmp_path_factory.mktemp("out")
    arguments = ["segment", str(photograph), "--preset", "offline", "--device", "cpu"]
    arguments += ["--fg", "320,160", "-o", str(out / "mask.png"), "--maps", str(out)]
    done = _run(place, ["-m", "m2n2v2", *arguments])
    assert done.returncode == 0, done.stderr
    assert (out / "mask.png").is_file()
    assert "Traceback" not in done.stderr
