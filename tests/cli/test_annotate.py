"""`m2n2v2 annotate`, run as a person runs it; killed as the power kills it."""

import http.client
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image as PILImage

from m2n2v2.annotator import serve
from m2n2v2.cli.main import run
from m2n2v2.grid import Size
from tests.patience import PATIENCE, until
from tests.scenes import photograph
from tests.tracking.clips import passing

COMMAND = [sys.executable, "-m", "m2n2v2", "annotate", "--no-browser", "--preset", "offline"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photographs"
    root.mkdir()
    PILImage.fromarray(photograph(Size(40, 60), [(8, 8, 30, 30)])).save(root / "a.png")
    return root


@contextmanager
def running(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str, list[str]]]:
    """The process, the address it printed, and the lines before that."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            if line.startswith("http://"):
                yield process, line.strip(), lines
                break
            lines.append(line.strip())
        else:
            raise AssertionError("it ended without an address")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(url: str, method: str, path: str, body: object = None) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        return found if answer.status < 400 else found["error"] | {"status": answer.status}
    finally:
        connection.close()


Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs the verb in this process; returns the one line that says why it does not start."""

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [*COMMAND[2:], *arguments])
        monkeypatch.setattr(serve, "run", lambda *_, **__: pytest.fail("it started"))
        with pytest.raises(SystemExit) as stopped:
            run()
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return call


def test_a_click_through_the_whole_server(folder: Path) -> None:
    with running(str(folder)) as (process, url, lines):
        assert lines == [f"1 images in {folder}"]
        assert url.startswith("http://127.0.0.1:")
        assert ask(url, "GET", "/api/project")["preset"] == "offline"
        edit = {"revision": 0, "edit": {"kind": "click", "x": 20, "y": 20}}
        done = ask(url, "POST", "/api/images/1/edits", edit)
        assert 300 < done["objects"][0]["area"] < 700
        assert "affinity" in done["objects"][0]["made_by"].casefold()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) in (0, 130)
    with running(str(folder)) as (_, url, _):
        assert ask(url, "GET", "/api/images/1")["objects"] == done["objects"]


def test_killed_at_random_moments_nothing_acknowledged_is_missing(folder: Path) -> None:
    """A few kills; `python -m benchmarks.annotator kill` does 200."""
    generator = random.Random(0)
    known: list[Any] = []
    revision = 0
    for _ in range(3):
        with running(str(folder)) as (process, url, _):
            shown = ask(url, "GET", "/api/images/1")
            assert shown["objects"][: len(known)] == known
            assert len(shown["objects"]) - len(known) == shown["revision"] - revision
            assert shown["revision"] - revision in (0, 1), "at most the one not answered"
            known, revision = shown["objects"], shown["revision"]
            timer = threading.Timer(generator.uniform(0.05, 0.4), process.kill)
            timer.start()
            try:
                while True:
                    points = [[generator.uniform(0, 60), generator.uniform(0, 40)]]
                    edit = {"kind": "stroke", "radius": 3, "points": points}
                    body = {"revision": revision, "edit": edit}
                    done = ask(url, "POST", "/api/images/1/edits", body)
                    known += done["objects"]
                    revision = done["revision"]
            except (OSError, http.client.HTTPException):
                pass
            timer.join()
    assert revision > 10


def test_other_addresses_get_a_token(folder: Path) -> None:
    with running(str(folder), "--host", "0.0.0.0") as (_, url, _):
        port, token = urlsplit(url).port, urlsplit(url).query.removeprefix("token=")
        assert len(token) >= 32
        here = f"http://127.0.0.1:{port}"
        assert ask(here, "GET", "/api/project")["status"] == 403
        assert ask(here, "GET", f"/api/project?token={token}")["folder"] == "photographs"


def test_samples_go_into_the_folder_named(tmp_path: Path) -> None:
    with running("--offline", "--sample", str(tmp_path / "samples")) as (_, url, lines):
        assert lines == [f"5 images in {tmp_path / 'samples'}"]
        names = [each["name"] for each in ask(url, "GET", "/api/images")["images"]]
        assert "coffee.png" in names


def test_a_port_in_use(folder: Path, refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = refused(str(folder), "--port", str(taken.getsockname()[1]))
    assert line.startswith("m2n2v2: ServerError: cannot listen on 127.0.0.1 port")
    assert "--port" in line
    assert not (folder / ".m2n2v2").exists()


def test_what_does_not_start(folder: Path, tmp_path: Path, refused: Refused) -> None:
    assert "is no folder" in refused(str(tmp_path / "none"))
    assert "no folder came" in refused()
    assert "no port 70000" in refused(str(folder), "--port", "70000")
    assert "cannot listen" in refused(str(folder), "--host", "192.0.2.1", "--port", "0")
    assert "no preset 'papre'" in refused(str(folder), "--preset", "papre")
    (folder / ".m2n2v2").mkdir()
    path = folder / ".m2n2v2" / "annotations.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("PRAGMA application_id = 1832021554")
    db.close()
    assert "version 99" in refused(str(folder))


def test_help_and_import_need_no_server() -> None:
    code = (
        "import sys; sys.argv = ['m2n2v2', 'annotate', '--help']\n"
        "import m2n2v2\n"
        "from m2n2v2.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('fastapi', 'uvicorn', 'torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--uploads" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_classes_come_from_a_file(folder: Path, tmp_path: Path, refused: Refused) -> None:
    listed = tmp_path / "classes.txt"
    listed.write_text("cup\nsaucer\n")
    with running(str(folder), "--classes", str(listed)) as (_, url, _lines):
        made = ask(url, "GET", "/api/project")["classes"]
    assert [(each["name"], each["key"]) for each in made] == [("cup", 1), ("saucer", 2)]
    listed.write_text("cup\ncup\n")
    assert "classes.txt names 'cup' twice" in refused(str(folder), "--classes", str(listed))


def test_a_sequence_is_followed_remembered_and_exported(tmp_path: Path) -> None:
    """Killed between: what was followed is there, and the folder is still a sequence."""
    clip = passing(4)
    folder = clip.written(tmp_path / "frames")
    with running(str(folder), "--sequence") as (_, url, _):
        assert ask(url, "GET", "/api/project")["sequence"]
        stroke = {"kind": "stroke", "radius": 18, "points": [[30, 48]]}
        ask(url, "GET", "/api/images/1")
        made = ask(url, "POST", "/api/images/1/edits", {"revision": 0, "edit": stroke})
        assert made["revision"] == 1
        assert ask(url, "POST", "/api/sequence/follow", {"start": 1})["total"] == 3
        until(lambda: not ask(url, "GET", "/api/sequence/following")["running"])
        told = ask(url, "GET", "/api/sequence/following")
        assert (told["done"], told["error"]) == (3, None)
    with running(str(folder)) as (_, url, _):
        frames = ask(url, "GET", "/api/sequence")["frames"]
        assert [frame["objects"] for frame in frames] == [1, 1, 1, 1]
        assert [frame["touched"] for frame in frames] == [True, False, False, False]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "m2n2v2", "export", str(folder), "--format", "mot"]
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in (out / "boxes.csv").read_text().splitlines()]
    assert [row[:2] for row in rows] == [["1", "1"], ["2", "1"], ["3", "1"], ["4", "1"]]
    assert [int(row[2]) for row in rows] == pytest.approx([12, 15, 18, 21], abs=2)
    with running(str(folder), "--no-sequence") as (_, url, _):
        assert not ask(url, "GET", "/api/project")["sequence"]
