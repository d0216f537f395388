"""A folder of states gives an image its own, and says why it does not."""

from pathlib import Path

import numpy as np
import pytest

from m2n2v2 import Click, Settings
from m2n2v2.attention import Precomputed
from m2n2v2.errors import StateError
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.session import replay
from m2n2v2.states.file import write_state
from m2n2v2.states.folder import StateFolder
from tests.scenes import colour_attention, disc

IMAGE, TRUTH = disc()
OTHER = IMAGE[::-1].copy()


@pytest.fixture(scope="module")
def state() -> ImageState:
    return prepare(IMAGE, Precomputed(colour_attention(IMAGE, side=8)))


def test_an_image_is_found_by_its_content(state: ImageState, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_state(tmp_path / "deep" / "any name.safetensors", state, exact=True)
    states = StateFolder(tmp_path)
    assert len(states) == 1
    found = states.find(IMAGE)
    assert found is not None
    np.testing.assert_array_equal(
        replay(found, [Click(30, 28)]).mask, replay(state, [Click(30, 28)]).mask
    )
    assert states.find(OTHER) is None
    assert states.refused == {}


def test_files_that_come_and_go_are_seen(state: ImageState, tmp_path: Path) -> None:
    states = StateFolder(tmp_path)
    assert states.find(IMAGE) is None
    path = write_state(tmp_path / "a.safetensors", state)
    assert states.find(IMAGE) is not None
    path.unlink()
    assert states.find(IMAGE) is None
    assert len(states) == 0


def test_reasons_are_told_once(state: ImageState, tmp_path: Path) -> None:
    good = write_state(tmp_path / "good.safetensors", state)
    content = bytearray(good.read_bytes())
    content[-3] ^= 255
    (tmp_path / "bad.safetensors").write_bytes(bytes(content))
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    (tmp_path / ".half.safetensors").write_bytes(b"being written")
    told: list[str] = []
    states = StateFolder(tmp_path, tell=told.append)
    for _ in range(2):
        assert states.find(IMAGE) is not None, "another file has it"
    assert len(told) == len(states.refused) == 2
    assert any("none.safetensors is cut off" in line for line in told)
    assert any("bad.safetensors is damaged" in line for line in told)


def test_states_of_other_settings_are_refused(state: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "a.safetensors", state)
    states = StateFolder(tmp_path, settings=Settings.offline())
    assert states.find(IMAGE) is None
    assert "temperature 0.65 and not 1.0" in states.refused[path]
    assert StateFolder(tmp_path, settings=Settings.ours()).find(IMAGE) is not None


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no folder"):
        StateFolder(tmp_path / "nowhere")
