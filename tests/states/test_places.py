"""Photographs from a store and states into it, by fsspec's own store in memory."""

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image as PILImage
from safetensors import safe_open

from m2n2v2.arrays import Image
from m2n2v2.errors import BackendError, ImageError, M2N2Error, PlaceError
from m2n2v2.evaluation.executors import serial
from m2n2v2.files import walk_files
from m2n2v2.grid import Size
from m2n2v2.images import SUFFIXES, photographs_among, pixel_digest
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.presets import PRESETS, preset
from m2n2v2.states.file import read_header, read_state
from m2n2v2.states.places import (
    Place,
    Remote,
    check_states,
    photographs_in,
    place_of,
    size_of,
    writing,
)
from m2n2v2.states.preparing import FolderWork, Preparer, Recipe, Result, tasks
from tests.scenes import ColourAttention, disc

IMAGE, _ = disc()
RECIPE = Recipe(preset=PRESETS["offline"])
STATE = prepare(IMAGE, ColourAttention(Size(4, 4)), settings=RECIPE.settings)
PHOTOS, STATES = Remote("memory://photos"), Remote("memory://out/states/")


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's store in memory, with two photographs, a file that is none, and a hidden one."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    for index, name in enumerate(("a.png", "deep/b.png")):
        pixels = IMAGE.copy()
        pixels[0, 0] = index
        written = io.BytesIO()
        PILImage.fromarray(pixels).save(written, "PNG")
        system.pipe_file(f"/photos/{name}", written.getvalue())
    system.pipe_file("/photos/notes.txt", b"no photograph")
    system.pipe_file("/photos/.hidden.png", b"")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


class Given(Preparer):
    """Gives every photograph one state, said to be its own: how it is made is not tested here."""

    made: ClassVar[list[str]] = []

    def make(self, image: Image) -> ImageState:
        self.made.append(digest := pixel_digest(image))
        return replace(STATE, image_sha256=digest, settings=self.recipe.settings)


class Quick(FolderWork):
    def start(self) -> Preparer:
        return Given(self.recipe)


def prepared(states: Place = STATES, folder: Place = PHOTOS, **options: Any) -> list[Result]:
    recipe = options.pop("recipe", RECIPE)
    work = Quick(recipe=recipe, identity="as asked for", **options)
    todo = tasks(photographs_in(folder).names, folder, states)
    return [result for some in serial(work, todo) for result in some]


def stored(memory: Any, name: str, folder: Path) -> Path:
    """A file of the store, as one on the disk."""
    path = folder / Path(name).name
    path.write_bytes(memory.cat_file(name))
    return path


def content(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """What a state holds: `safetensors` writes a head's names in any order."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118
        return file.metadata(), tensors


def test_states_are_those_of_a_folder(memory: Any, tmp_path: Path) -> None:
    results = prepared()
    assert [(str(r.image), r.outcome) for r in results] == [
        ("memory://photos/a.png", "prepared"),
        ("memory://photos/deep/b.png", "prepared"),
    ]
    memory.get_file("/photos/deep/b.png", str(tmp_path / "b.png"))
    prepared(tmp_path / "states", tmp_path)
    ours = stored(memory, "/out/states/deep/b.png.safetensors", tmp_path)
    assert content(ours) == content(tmp_path / "states/b.png.safetensors")
    assert [r.bytes for r in results] == [
        memory.size(f"/out/states/{name}.safetensors") for name in ("a.png", "deep/b.png")
    ]
    assert len(memory.find("/out")) == 2, "nothing else is left there"


def test_finished_states_are_skipped_by_their_heads(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared()
    fetched: list[str] = []
    whole = type(memory).get_file

    def get_file(self: Any, path: str, *arguments: Any, **options: Any) -> Any:
        fetched.append(path)
        return whole(self, path, *arguments, **options)

    monkeypatch.setattr(type(memory), "get_file", get_file)
    monkeypatch.setattr(Given, "made", [])
    results = prepared()
    assert Given.made == []
    assert [r.outcome for r in results] == ["skipped"] * 2
    assert all(r.bytes > 0 for r in results)
    assert fetched == ["/photos/a.png", "/photos/deep/b.png"]


def test_other_settings_of_clicking_are_taken_over(memory: Any, tmp_path: Path) -> None:
    prepared()
    results = prepared(recipe=Recipe(preset=preset("offline/alpha-4")))
    assert [r.outcome for r in results] == ["skipped"] * 2
    state = stored(memory, "/out/states/a.png.safetensors", tmp_path)
    assert read_state(state).settings.alpha == 4


def test_what_does_not_fit_is_named_by_its_address(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/photos/a.png", b"no picture")
    memory.pipe_file("/out/states/deep/b.png.safetensors", b"half a state")
    first, second = prepared()
    assert (first.outcome, second.outcome) == ("broken", "refused")
    assert "memory://photos/a.png" in str(first.reason)
    assert "memory://out/states/deep/b.png.safetensors is cut off" in str(second.reason)
    (again,) = prepared(overwrite=True)[1:]
    assert again.outcome == "prepared"
    memory.pipe_file("/photos/a.png", memory.cat_file("/photos/deep/b.png"))
    prepared()
    memory.pipe_file("/photos/deep/b.png", _png(IMAGE[::-1]))
    assert "is of another image" in str(prepared()[1].reason)
    other = prepared(recipe=Recipe(preset=PRESETS["offline-m2n2"]), overwrite=True)
    assert [r.outcome for r in other] == ["prepared"] * 2
    state = stored(memory, "/out/states/a.png.safetensors", tmp_path)
    assert read_header(state).settings == PRESETS["offline-m2n2"].settings


def _png(pixels: Any) -> bytes:
    written = io.BytesIO()
    PILImage.fromarray(pixels.copy()).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("earlier", [None, b"the state before"])
def test_an_upload_that_breaks_off_leaves_what_was_there(
    memory: Any, monkeypatch: pytest.MonkeyPatch, earlier: bytes | None
) -> None:
    place = STATES / "a.safetensors"
    if earlier is not None:
        memory.pipe_file("/out/states/a.safetensors", earlier)
    before = memory.find("/out")

    def half(self: Any, local: str, path: str, **options: Any) -> None:
        memory.pipe_file(path, Path(local).read_bytes()[:3])
        raise ConnectionResetError("the line went dead")

    monkeypatch.setattr(type(memory), "put_file", half)
    with (
        pytest.raises(PlaceError, match=r"states/a\.safetensors cannot be written .*went dead"),
        writing(place) as path,
    ):
        path.write_bytes(b"a whole state")
    assert memory.find("/out") == before
    assert earlier is None or memory.cat_file("/out/states/a.safetensors") == earlier


def test_a_block_that_fails_uploads_nothing(memory: Any) -> None:
    with pytest.raises(IsADirectoryError), writing(STATES / "a.safetensors") as path:
        path.parent.read_bytes()
    assert size_of(STATES / "a.safetensors") is None


def test_a_photograph_that_went_is_broken_and_the_rest_is_done(memory: Any) -> None:
    todo = tasks(["gone.png", "a.png"], PHOTOS, STATES)
    work = Quick(recipe=RECIPE, identity="x")
    results = [result for some in serial(work, todo) for result in some]
    assert [r.outcome for r in results] == ["broken", "prepared"]
    assert "memory://photos/gone.png is gone" in str(results[0].reason)


def test_a_listing_leaves_out_what_a_walk_does(memory: Any, tmp_path: Path) -> None:
    names = ["9.jpg", "10.JPG", "b/c.png", "b/notes.txt", ".hidden.png", ".git/x.png", "e\x07.png"]
    names += [".m2n2v2/a.png", "b/.m2n2v2/a.png", "no-suffix"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    walked, chosen = walk_files(tmp_path, SUFFIXES), photographs_among(names)
    assert chosen.names == walked.names == ("9.jpg", "10.JPG", "b/c.png")
    reasons = [{reason for reason, _ in listing.left_out} for listing in (walked, chosen)]
    assert reasons[0] == reasons[1]
    odd = photographs_among(["../out.png", "a//b.png", "/c.png", "d\\e.png", "f/"])
    assert odd.names == ()
    assert photographs_in(PHOTOS).said == (
        "2 files left out: .hidden.png (hidden); notes.txt (not by their suffix)"
    )


def test_a_file_is_no_folder(memory: Any, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"memory://photos/a\.png is no folder"):
        photographs_in(PHOTOS / "a.png")
    with pytest.raises(ImageError, match="nowhere is no folder"):
        photographs_in(tmp_path / "nowhere")
    assert photographs_in(Remote("memory://nowhere")).names == ()


def test_addresses() -> None:
    assert place_of("photos/a") == Path("photos/a")
    assert place_of("s3://bucket/photos") == Remote("s3://bucket/photos")
    place = Remote("sftp://anna:secret@host/photos/") / "a.png"
    assert place.url == "sftp://anna:secret@host/photos/a.png"
    assert str(place) == "sftp://***@host/photos/a.png"
    with pytest.raises(PlaceError, match=r"simplecache::s3://a is a chain"):
        place_of("simplecache::s3://a")


def refusal(address: str) -> M2N2Error:
    with pytest.raises(M2N2Error) as caught:
        check_states(place_of(address))
    return caught.value


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    unknown = refusal("nothing://anna:secret@a/b")
    assert isinstance(unknown, PlaceError)
    assert "check what is before ://" in str(unknown)
    assert "secret" not in str(unknown)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    store = refusal("gs://bucket/photos")
    assert isinstance(store, BackendError)
    assert "install what it names" in str(store)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    extra = refusal("s3://bucket/photos")
    assert isinstance(extra, BackendError)
    assert extra.cure == "pip install 'm2n2v2[remote]'"
