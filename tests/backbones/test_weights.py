"""Weights from the hub's stand-in, from mirrors, from the cache, and from nowhere."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.weights.catalogue import MODELS, Model, Source
from m2n2v2.weights.checks import check_safetensors
from m2n2v2.weights.hub import cache_folder
from m2n2v2.weights.locating import Loading, cached, fetch, locate
from m2n2v2.weights.verifying import verify
from tests.backbones.hub import Hub, Repository, serve

FIRST, SECOND = "first/model", "second/model"
CONFIG, TENSORS = b"{}", save({"a": torch.arange(5000.0)})
FILES = {"config.json": CONFIG, "model.safetensors": TENSORS, "extra.bin": b"not needed"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, and a model with two sources on it."""
    model = Model(
        "tiny",
        "Some-Licence-1.0",
        ("config.json", "model.safetensors"),
        (Source(FIRST), Source(SECOND, "b" * 40, note="a mirror")),
    )
    monkeypatch.setitem(MODELS, "tiny", model)
    with serve() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        found.repositories[SECOND] = Repository(dict(FILES), commit="b" * 40)
        yield found


@pytest.fixture
def first(hub: Hub) -> Repository:
    hub.repositories[FIRST] = Repository(dict(FILES))
    return hub.repositories[FIRST]


def test_fetch_takes_the_files_needed_and_no_others(hub: Hub, first: Repository) -> None:
    told: list[str] = []
    found = locate("tiny", Loading(tell=told.append))
    assert found.origin == f"{FIRST}@{'a' * 12}"
    assert (found.path / "model.safetensors").read_bytes() == TENSORS
    assert hub.served() == [f"/{FIRST}/resolve/{rev}/{file}" for rev, file in _two(first.commit)]
    assert told == [f"weights: tiny ({FIRST}@{'a' * 12}), licence Some-Licence-1.0"]


def _two(commit: str) -> list[tuple[str, str]]:
    """The second file is asked for at the commit the first came from."""
    return [("main", "config.json"), (commit, "model.safetensors")]


def test_what_is_in_the_cache_is_not_asked_for_again(hub: Hub, first: Repository) -> None:
    before = locate("tiny")
    hub.requests.clear()
    assert locate("tiny") == before
    assert hub.requests == []


def test_a_download_that_breaks_off_is_resumed(
    hub: Hub, first: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    first.breaks["model.safetensors"] = 7000
    found = fetch("tiny")
    assert (found.path / "model.safetensors").read_bytes() == TENSORS
    assert [r for verb, _, r in hub.requests if verb == "GET" and r] == ["bytes=7000-"]


def test_a_fetch_that_was_interrupted_goes_on_with_what_is_missing(
    hub: Hub, first: Repository
) -> None:
    tensors = first.files.pop("model.safetensors")
    hub.repositories[SECOND].error = (404, "RepoNotFound")
    with pytest.raises(WeightsError):
        fetch("tiny")
    first.files["model.safetensors"] = tensors
    hub.requests.clear()
    fetch("tiny")
    assert [path.rpartition("/")[2] for path in hub.served()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ((401, "RepoNotFound"), "not found, or private"),
        ((404, "RepoNotFound"), "not found, or private"),
        ((401, ""), "401"),
        ((403, ""), "403"),
        ((404, "RevisionNotFound"), "has no revision main"),
        ((404, "EntryNotFound"), "has no file config.json"),
        ((403, "GatedRepo"), "gated; accept its licence"),
    ],
)
def test_a_source_that_refuses_is_passed_over(
    error: tuple[int, str], reason: str, hub: Hub, first: Repository
) -> None:
    first.error = error
    told: list[str] = []
    found = locate("tiny", Loading(tell=told.append))
    assert found.origin == f"{SECOND}@{'b' * 12}"
    assert told[0].startswith(f"weights: {FIRST}: ")
    assert reason in told[0]
    assert told[1] == f"weights: {SECOND} is a mirror"
    assert "Some-Licence-1.0" in told[2]


def test_when_all_refuse_one_message_says_what_to_do(hub: Hub, first: Repository) -> None:
    first.error = (401, "RepoNotFound")
    hub.repositories[SECOND].token = "secret"
    with pytest.raises(WeightsError) as caught:
        locate("tiny")
    for part in (FIRST, "not found, or private", SECOND, "gated", "HF_TOKEN", "HF_HOME"):
        assert part in str(caught.value)
    for part in ("HF_ENDPOINT", "--weights", ".safetensors", "--preset offline"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_token_is_sent(hub: Hub, first: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert locate("tiny").origin.startswith(FIRST)


def test_a_damaged_download_is_removed_and_the_mirror_asked(hub: Hub, first: Repository) -> None:
    first.damaged.add("model.safetensors")
    told: list[str] = []
    found = locate("tiny", Loading(tell=told.append))
    assert "damaged model.safetensors (its checksum differs)" in told[0]
    assert found.origin.startswith(SECOND)
    assert all(check.sound for check in verify(found))
    first.damaged.clear()
    assert fetch("tiny").origin.startswith(FIRST)  # nothing of the damaged file was kept


def test_small_files_are_checked_too(hub: Hub, first: Repository) -> None:
    first.damaged.add("config.json")
    assert locate("tiny").origin.startswith(SECOND)


def test_verify_finds_a_file_that_changed_on_disk(hub: Hub, first: Repository) -> None:
    found = locate("tiny")
    assert [check.state for check in verify(found)] == ["ok", "ok"]
    blob = (found.path / "model.safetensors").resolve()
    blob.write_bytes(TENSORS[:-1] + b"x")
    states = {check.file: check.state for check in verify(found)}
    assert states == {
        "config.json": "ok",
        "model.safetensors": "differs from the checksum it came with",
    }
    blob.write_bytes(TENSORS[:-100])
    states = {check.file: check.state for check in verify(found)}
    assert states["model.safetensors"] == "is cut off: 100 bytes are missing"


def test_verify_says_when_there_is_no_checksum(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(TENSORS)
    (check,) = verify(locate("dinov2-base", Loading(weights=tmp_path)))
    assert check.sound
    assert "no checksum to compare with" in check.state
    assert len(check.sha256) == 64


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to connect anywhere fails and is noted."""
    attempts: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        attempts.append(address)
        raise ConnectionRefusedError("the test forbids it")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(socket.socket(), a))
    return attempts


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_offline_uses_no_network(
    how: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, no_network: list[object]
) -> None:
    if how == "environment":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    loading = Loading(offline=how == "flag")
    with pytest.raises(WeightsError, match=r"offline mode forbids the network; run `m2n2v2 weig"):
        locate("tiny", loading)
    with pytest.raises(WeightsError, match="offline"):
        locate("tiny", Loading(weights=FIRST, offline=loading.offline))
    with pytest.raises(WeightsError, match="offline"):
        fetch("tiny", loading)
    assert no_network == []
    assert hub.requests == []


def test_offline_finds_what_is_in_the_cache(
    hub: Hub, first: Repository, request: pytest.FixtureRequest
) -> None:
    before = fetch("tiny")
    request.getfixturevalue("no_network")
    assert locate("tiny", Loading(offline=True)) == before


def test_loading_from_a_folder_uses_no_network(
    folders: dict[str, Path], no_network: list[object]
) -> None:
    from m2n2v2.attention import Dinov2, StableDiffusion
    from m2n2v2.depth import DepthAnything, Marigold

    for load, name in (
        (StableDiffusion.load, "sd2"),
        (Dinov2.load, "dinov2-base"),
        (DepthAnything.load, "depth-anything-v2-small"),
        (Marigold.load, "marigold-lcm"),
    ):
        load(name, Loading(weights=folders[name]))
    assert no_network == []


def test_a_cache_that_is_not_whole_does_not_count(hub: Hub, first: Repository) -> None:
    found = fetch("tiny")
    (found.path / "model.safetensors").unlink()
    assert cached(MODELS["tiny"]) is None


def test_without_an_answer_the_message_names_the_other_ways(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(WeightsError, match=r"no answer.*check the connection.*HF_HOME"):
        locate("tiny")


def test_without_a_network_one_message_comes_at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    told: list[str] = []
    with pytest.raises(WeightsError, match=r"hub\.invalid has no address.*--weights.*HF_HOME"):
        locate("tiny", Loading(tell=told.append))
    assert told == []
    assert hub.requests == []


def test_a_hub_id_of_the_users(hub: Hub) -> None:
    hub.repositories["my/own"] = Repository(dict(FILES), commit="c" * 40)
    found = locate("tiny", Loading(weights="my/own"))
    assert found.origin == f"my/own@{'c' * 12}"
    assert locate("tiny", Loading(weights=f"my/own@{'c' * 40}", offline=True)) == found


@pytest.mark.parametrize("text", ["nowhere", "a/b/c", "./missing", "x/y.safetensors", ""])
def test_neither_a_folder_nor_a_file_nor_an_id(text: str) -> None:
    with pytest.raises(WeightsError, match="there is no folder or file"):
        locate("sd2", Loading(weights=text))


def test_an_unknown_model() -> None:
    with pytest.raises(BackendError, match=r"no weights 'sd3'; choose from .*sd2"):
        locate("sd3")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_cannot_take_it(
    number: int, hub: Hub, first: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other source is tried: it would fail the same way. The disk's answer is simulated."""

    def fail(*args: object, **named: object) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(WeightsError) as caught:
        fetch("tiny")
    assert os.strerror(number) in str(caught.value)
    assert "HF_HOME" in str(caught.value)


def test_a_cache_folder_that_cannot_be_made(
    hub: Hub, first: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(WeightsError, match="cannot write config"):
        fetch("tiny")


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02}q", (10**9).to_bytes(8, "little"), b"\x02\0\0\0\0\0\0\0[]"]
)
def test_what_is_no_safetensors_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="is no safetensors file"):
        check_safetensors(tmp_path / "x.safetensors")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(BackendError, match=r"pip install 'm2n2v2\[backbones\]'"):
        locate("sd2")


def test_every_model_names_licence_files_and_sources() -> None:
    for model in MODELS.values():
        assert model.licence
        assert model.files
        assert model.sources
        assert not any(file.endswith((".bin", ".ckpt", ".pth")) for file in model.files)


def test_the_hubs_own_variables_lead_to_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == Path(os.environ["HF_HUB_CACHE"])
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "hub"


def test_importing_is_light() -> None:
    heavy = "diffusers transformers huggingface_hub accelerate safetensors"
    code = (
        "import sys, m2n2v2, m2n2v2.presets, m2n2v2.weights.locating, m2n2v2.weights.loading, "
        "m2n2v2.attention.stable_diffusion, m2n2v2.attention.dinov2, "
        "m2n2v2.depth.depth_anything, m2n2v2.depth.marigold; "
        f"print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
