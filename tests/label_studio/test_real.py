"""The real Label Studio, in an environment of its own, on loopback: a point in, a mask out."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from skimage import data

from m2n2v2.grid import Size
from m2n2v2.label_studio.rle import decoded
from m2n2v2.predictor import Predictor
from tests.label_studio.samples import CONFIGURATION, program
from tests.patience import until

TOKEN = "0123456789abcdef0123456789abcdef01234567"

DECODING = """
import json, sys
import numpy as np
from label_studio_sdk.converter import brush
region = json.load(sys.stdin)
flat = np.asarray(brush.decode_rle(region["value"]["rle"]), np.uint8)
image = flat.reshape(region["original_height"], region["original_width"], 4)
np.save(sys.argv[1], image[:, :, 3])
"""


@dataclass
class Studio:
    """A running Label Studio."""

    address: str
    python: Path

    def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        headers = {"Authorization": f"Token {TOKEN}", **headers}
        if body is not None and not isinstance(body, bytes):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:2000]!r}") from error

    def upload(self, project: int, path: Path) -> Any:
        head = f'Content-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        body = b"--boundary\r\n" + head.encode() + b"Content-Type: image/png\r\n\r\n"
        body += path.read_bytes() + b"\r\n--boundary--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=boundary"}
        return self.ask(f"/api/projects/{project}/import?commit_to_project=true", body, **kind)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(words: list[str], address: str, log: Path, **environment: str) -> Iterator[None]:
    """A server, from when it answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, env={**os.environ, **environment}, stdout=file, stderr=file
        )

    def up() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            with urllib.request.urlopen(f"{address}/health"):
                return True
        except OSError:
            return False

    try:
        until(up)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    started = program()
    home = tmp_path_factory.mktemp("studio")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    words = [str(started), "start", "--no-browser", "--port", str(port)]
    words += ["--internal-host", "127.0.0.1", "--data-dir", str(home)]
    words += ["--username", "tester@example.org", "--password", uuid.uuid4().hex]
    with running(
        [*words, "--user-token", TOKEN],
        address,
        home / "log.txt",
        LABEL_STUDIO_BASE_DATA_DIR=str(home),
        LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN="true",
        ML_BLOCK_LOCAL_IP="false",  # else it asks no backend on this machine,
        SSRF_PROTECTION_ENABLED="false",  # nor tells it of changes
        ML_CONNECTION_TIMEOUT="1000",
        ML_TIMEOUT_HEALTH="1000",
        ML_TIMEOUT_SETUP="1000",
        ML_TIMEOUT_PREDICT="1000",
        COLLECT_ANALYTICS="false",
        LATEST_VERSION_CHECK="false",
        PYTHONPATH="",
    ):
        yield Studio(address, started.parent / "python")


@pytest.fixture(scope="module")
def backend(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    words = [sys.executable, "-m", "m2n2v2", "label-studio", "--port", str(port)]
    words += ["--label-studio", studio.address, "--preset", "offline", "--no-cache"]
    log = tmp_path_factory.mktemp("backend") / "log.txt"
    address = f"http://127.0.0.1:{port}"
    with running(words, address, log, LABEL_STUDIO_TOKEN=TOKEN):
        yield address


@pytest.mark.slow
def test_a_point_in_a_mask_out(studio: Studio, backend: str, tmp_path: Path) -> None:
    PILImage.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    project = studio.ask("/api/projects", {"title": "cups", "label_config": CONFIGURATION})["id"]
    assert studio.upload(project, tmp_path / "coffee.png")["task_count"] == 1
    (task,) = studio.ask(f"/api/tasks?project={project}")["tasks"]
    assert task["data"]["image"].startswith("/data/upload/")
    model = studio.ask(
        "/api/ml", {"url": backend, "project": project, "title": "m2n2v2", "is_interactive": True}
    )["id"]
    point = {
        "id": "point",
        "type": "keypointlabels",
        "from_name": "point",
        "to_name": "image",
        "original_width": 600,
        "original_height": 400,
        "image_rotation": 0,
        "is_positive": True,
        "value": {"x": 50.0, "y": 43.75, "width": 0.5, "keypointlabels": ["Cup"]},
    }

    def ask(region: dict[str, Any]) -> Any:
        return studio.ask(
            f"/api/ml/{model}/interactive-annotating",
            {"task": task["id"], "context": {"result": [region]}},
        )

    (region,) = ask(point)["data"]["result"]
    saved = studio.ask(f"/api/tasks/{task['id']}/annotations/", {"result": [region]})
    (kept,) = saved["result"]
    words = [str(studio.python), "-c", DECODING, str(tmp_path / "mask.npy")]
    subprocess.run(words, input=json.dumps(kept), text=True, check=True)
    theirs = np.load(tmp_path / "mask.npy")

    predictor = Predictor.from_preset("offline")
    predictor.set_image(tmp_path / "coffee.png")
    ours = predictor.session().click(300, 175).mask
    assert np.array_equal(theirs, np.where(ours, 255, 0))
    assert np.array_equal(decoded(kept["value"]["rle"], Size(400, 600)), ours)
    assert ours.sum() > 1000

    refused = ask({**point, "image_rotation": 90})
    assert "400" in refused["errors"][0]
