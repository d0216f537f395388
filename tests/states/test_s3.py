"""Photographs and states in S3, as `moto` answers for it on loopback; skips where it is not."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage

from m2n2v2.cli.main import run
from m2n2v2.errors import PlaceError
from m2n2v2.states.file import read_header
from m2n2v2.states.places import Remote, photographs_in, size_of, writing
from tests.scenes import disc

IMAGE, _ = disc()
pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The file system, of nobody's credentials but the test's, with a bucket `photos`."""
    import s3fs

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem(use_listings_cache=False)
    system.mkdir("photos")
    yield system
    system.rm("photos", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


Verb = Callable[..., int]


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> Verb:
    def call(*arguments: str) -> int:
        words = ["m2n2v2", "prepare", *arguments, "--preset", "offline", "--json"]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as stopped:
            run()
        return int(stopped.value.code or 0)

    return call


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_prepare_reads_and_writes_s3(
    s3: Any, prepare: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    for index, name in enumerate(("a.png", "deep/b.png", "c d+%20?.png")):
        pixels = IMAGE.copy()
        pixels[0, 0] = index
        PILImage.fromarray(pixels).save(tmp_path / "one.png")
        s3.put_file(str(tmp_path / "one.png"), f"photos/in/{name}")
    words = ("s3://photos/in", "--out", "s3://photos/states", "--workers", workers)
    assert prepare(*words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["prepared"], facts["skipped"]) == (3, 0)
    listed = sorted(name.removeprefix("photos/states/") for name in s3.find("photos/states"))
    assert listed == [
        "a.png.safetensors",
        "c d+%20?.png.safetensors",
        "deep/b.png.safetensors",
    ]
    s3.get_file("photos/states/deep/b.png.safetensors", str(tmp_path / "b.safetensors"))
    assert read_header(tmp_path / "b.safetensors").size.shape == IMAGE.shape[:2]
    assert prepare(*words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["prepared"], facts["skipped"]) == (0, 3)


def test_a_bucket_that_is_not_there(
    s3: Any, prepare: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare("s3://nowhere/in", "--out", "states") == 2
    assert "s3://nowhere/in cannot be listed: there is no such bucket" in capsys.readouterr().err
    s3.pipe_file("photos/in/a.png", b"")
    assert prepare("s3://photos/in", "--out", "s3://nowhere/states") == 2
    assert "s3://nowhere/states cannot be reached: there is no such bucket" in (
        capsys.readouterr().err
    )
    assert not s3.exists("nowhere"), "none is made, either"


def test_no_credentials(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3.clear_instance_cache()
    with pytest.raises(PlaceError, match="no credentials came") as caught:
        photographs_in(Remote("s3://photos/in"))
    assert "AWS_ACCESS_KEY_ID" in caught.value.cure


def test_nobody_answers(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3.clear_instance_cache()
    with pytest.raises(PlaceError, match="cannot be listed") as caught:
        photographs_in(Remote("s3://photos/in"))
    assert "the network" in caught.value.cure


def test_an_upload_in_parts_that_breaks_off(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second part fails: no object appears, the earlier one stays, no part is kept."""
    import s3fs

    whole, call = s3fs.S3FileSystem._put_file, s3fs.S3FileSystem._call_s3

    async def in_parts(self: Any, local: str, path: str, **options: Any) -> Any:
        return await whole(self, local, path, **{**options, "chunksize": 5 << 20})

    async def breaking(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "upload_part" and options["PartNumber"] == 2:
            raise ConnectionResetError("the line went dead")
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_put_file", in_parts)
    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", breaking)
    s3.clear_instance_cache()  # whose methods are the class's of when they were made
    s3.pipe_file("photos/states/old.safetensors", b"before")
    for name, length in (("a", None), ("old", 6)):
        place = Remote(f"s3://photos/states/{name}.safetensors")
        with pytest.raises(PlaceError, match="went dead"), writing(place) as path:
            path.write_bytes(bytes(11 << 20))
        assert size_of(place) == length
    assert s3.cat_file("photos/states/old.safetensors") == b"before"
    assert not s3.list_multipart_uploads("photos")
