"""States on disk: the same clicks give the same masks, and what does not fit is refused."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from m2n2v2 import Click, Settings
from m2n2v2.attention import Affinity, Precomputed
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.errors import OutputError, StateError
from m2n2v2.images import pixel_digest
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.session import replay
from m2n2v2.states.file import read_header, read_state, write_state
from tests.scenes import GivenDepth, colour_attention, disc

IMAGE, TRUTH = disc()
CLICKS = [Click(30, 28), Click(60, 12, False), Click(33, 40)]


def made(kind: str, depth: bool = True, settings: Settings | None = None) -> ImageState:
    source = Precomputed(colour_attention(IMAGE)) if kind == "dense" else Affinity()
    usual = {
        "dense": Settings.ours(),
        "factored": Settings.offline().replace(chain="exact"),
        "reduced": Settings.offline(),
    }
    settings = settings or usual[kind]
    ramp = torch.linspace(0, 1, TRUTH.size).reshape(TRUTH.shape)
    return prepare(IMAGE, source, GivenDepth(ramp) if depth else None, settings)


@pytest.fixture(scope="module")
def dense() -> ImageState:
    return made("dense")


@pytest.fixture(scope="module", params=["dense", "factored", "reduced", "dense without depth"])
def state(request: pytest.FixtureRequest) -> ImageState:
    return made(request.param.split()[0], depth="without" not in request.param)


def test_an_exact_state_comes_back_bit_for_bit(state: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", state, exact=True)
    again = read_state(path)
    assert again.settings == state.settings
    assert again.provenance == state.provenance
    assert (again.size, again.working_size) == (state.size, state.working_size)
    assert again.image_sha256 == pixel_digest(IMAGE)
    np.testing.assert_array_equal(again.guide, state.guide)
    for name, value in state.transition.arrays().items():
        assert torch.equal(again.transition.arrays()[name], value), name
    assert (again.depth is None) == (state.depth is None)
    if state.depth is not None:
        assert torch.equal(again.depth, state.depth)
    assert torch.equal(again.upsampling.weights, state.upsampling.weights)
    assert set(read_header(path).errors.values()) == {0.0}


def test_the_masks_of_a_small_state_are_the_same(state: ImageState, tmp_path: Path) -> None:
    again = read_state(write_state(tmp_path / "s.safetensors", state))
    before, after = replay(state, CLICKS).mask, replay(again, CLICKS).mask
    assert before.any()
    assert (before != after).mean() < 1e-3


def test_the_header_says_what_the_compression_costs(dense: ImageState, tmp_path: Path) -> None:
    """Against the two matrices, in full."""
    path = write_state(tmp_path / "s.safetensors", dense)
    again, errors = read_state(path), read_header(path).errors
    before, after = dense.transition.dense(), again.transition.dense()
    assert errors["transition_row"] == pytest.approx(
        float((before - after).abs().sum(1).max() / 2), rel=1e-3
    )
    assert 0 < errors["transition_row"] < 1e-3
    assert errors["depth"] <= 0.5 / 65535 + 1e-9
    torch.testing.assert_close(after.sum(1), torch.ones(len(after)), atol=1e-5, rtol=0)
    assert again.transition.residual == pytest.approx(
        float((after.sum(0) - 1).abs().max()), abs=1e-5
    )


def test_sixteen_bits_are_half_the_size(dense: ImageState, tmp_path: Path) -> None:
    small = write_state(tmp_path / "small.safetensors", dense)
    whole = write_state(tmp_path / "whole.safetensors", dense, exact=True)
    assert small.stat().st_size < 0.6 * whole.stat().st_size


def test_large_arrays_are_mapped_from_the_file(
    dense: ImageState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("m2n2v2.states.file.MAPPED", 1000)
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not tell what is mapped")
    path = write_state(tmp_path / "mapped.safetensors", dense, exact=True)
    again = read_state(path)
    assert "mapped.safetensors" in maps.read_text()
    path.unlink()
    assert replay(again, CLICKS).mask.any(), "an open state outlives its file"


def test_another_image_is_refused(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", dense)
    assert read_state(path, image_sha256=pixel_digest(IMAGE)).size == dense.size
    other = IMAGE.copy()
    other[0, 0, 0] += 1
    with pytest.raises(StateError, match=r"another image \(80x60"):
        read_state(path, image_sha256=pixel_digest(other))


def test_other_settings_are_refused_by_name(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", dense)
    with pytest.raises(StateError, match=r"temperature 0\.65 and not 4\.0; prepare"):
        read_state(path, settings=dense.settings.replace(temperature=4.0, alpha=4.0))


def test_a_state_is_clicked_on_with_other_settings(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "a.safetensors", dense, exact=True)
    clicked = dense.settings.replace(alpha=4.0)
    assert read_state(path, settings=clicked).settings == clicked
    assert read_state(path).settings == dense.settings


def _rewritten(
    path: Path,
    header: Callable[[str], str] = lambda text: text,
    arrays: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] = lambda given: given,
    *,
    checksum: bool = True,
) -> Path:
    """A state changed by a hand that also knows how to make a checksum, or does not."""
    from m2n2v2.states.file import _checksum

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        found = arrays({name: file.get_tensor(name).clone() for name in sorted(file.keys())})
    metadata["m2n2v2"] = header(metadata["m2n2v2"])
    if checksum:
        metadata["sha256"] = _checksum(metadata["m2n2v2"], found)
    save_file(found, path, metadata)
    return path


def without(name: str) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    return lambda given: {key: value for key, value in given.items() if key != name}


def put(name: str, value: object) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    def change(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        given[name].reshape(-1)[3] = value
        return given

    return change


DAMAGE = {
    "another format": ({"header": lambda t: t.replace('"format": 3', '"format": 9')}, "format 9"),
    "no JSON": ({"header": lambda t: t[:-1]}, "without sense"),
    "a list": ({"header": lambda t: "[1]"}, "without sense"),
    "no image": ({"header": lambda t: t.replace("image_sha256", "x")}, "without sense"),
    "a new setting": (
        {"header": lambda t: t.replace('"alpha"', '"beta"')},
        "'beta' does not exist",
    ),
    "another size": (
        {"header": lambda t: re.sub(r'"height": 60', '"height": 61', t)},
        "the header says 80x61",
    ),
    "another working size": (
        {"header": lambda t: t.replace('"height": 60', '"height": 61', 1)},
        "no working size",
    ),
    "checksum": ({"header": lambda t: t.replace("32.0", "31.0"), "checksum": False}, "checksum"),
    "a bit": ({"arrays": put("transition.rows", 2.0), "checksum": False}, "checksum"),
    "no photograph": ({"arrays": without("guide.png")}, "photograph is missing"),
    "no rows": ({"arrays": without("transition.rows")}, "rows"),
    "no matrix": ({"arrays": without("transition.dense.matrix")}, "matrix"),
    "not finite": ({"arrays": put("transition.columns", float("nan"))}, "columns"),
    "infinite": ({"arrays": put("transition.dense.matrix", float("inf"))}, "matrix"),
    "no PNG": ({"arrays": put("guide.png", 0)}, "cannot be decoded"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named(dense: ImageState, tmp_path: Path, case: str) -> None:
    change, reason = DAMAGE[case]
    path = write_state(tmp_path / "s.safetensors", dense)
    _rewritten(path, **change)
    with pytest.raises(StateError, match=reason) as raised:
        read_state(path)
    assert "s.safetensors" in str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5])
def test_depth_out_of_range_is_damage(dense: ImageState, tmp_path: Path, value: float) -> None:
    path = write_state(tmp_path / "s.safetensors", dense, exact=True)
    _rewritten(path, arrays=put("depth", value))
    with pytest.raises(StateError, match="depth is no map"):
        read_state(path)


def test_a_file_cut_off_or_of_another_kind_is_refused(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", dense)
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StateError, match="cut off or no state"):
            read_state(path)
    save_file({"weights": torch.zeros(3)}, path)
    with pytest.raises(StateError, match="no state of m2n2v2"):
        read_header(path)
    with pytest.raises(StateError, match="there is no file"):
        read_header(tmp_path / "nowhere.safetensors")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    dense: ImageState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_state(tmp_path / "s.safetensors", dense)
    before = path.read_bytes()

    def full(arrays: object, file: Path, metadata: object) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("m2n2v2.states.file.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_state(path, replace(dense, guide=dense.guide[::-1].copy()))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["s.safetensors"]
    with pytest.raises(OutputError, match="end it in"):
        write_state(tmp_path / "s.npz", dense)


WITHOUT_BACKBONES = """
import sys
for name in ("diffusers", "transformers", "accelerate", "huggingface_hub", "matplotlib", "ray"):
    sys.modules[name] = None
import m2n2v2
predictor = m2n2v2.Predictor.from_state(sys.argv[1])
masks, _, _ = predictor.predict([[30, 28]], [1])
print(int(masks.sum()))
"""


def test_clicking_on_a_state_needs_no_backbone_library(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", dense, exact=True)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BACKBONES, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == int(replay(dense, CLICKS[:1]).mask.sum()) > 0


def test_the_header_is_json_for_everyone(dense: ImageState, tmp_path: Path) -> None:
    path = write_state(tmp_path / "s.safetensors", dense)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["m2n2v2"])
    assert header["format"] == 3
    assert header["size"] == {"height": 60, "width": 80}
    assert header["settings"]["temperature"] == 0.65
    assert header["provenance"]["depth"] == "given"


def test_a_reduced_state_comes_back_bit_for_bit_with_its_error(tmp_path: Path) -> None:
    """Its arrays are kept in 16 bits in memory, too: nothing is lost on the way."""
    state = prepare(IMAGE, Precomputed(colour_attention(IMAGE, side=46)))
    attention = state.transition.attention
    assert isinstance(attention, ReducedAttention)
    path = write_state(tmp_path / "s.safetensors", state)
    again, header = read_state(path), read_header(path)
    assert header.errors["transition_row"] == 0
    assert header.chain_error == attention.error
    assert 0 < attention.error[0] <= attention.error[1] < 0.05
    for name, value in state.transition.arrays().items():
        assert torch.equal(again.transition.arrays()[name], value), name
    assert path.stat().st_size < 0.7 * 2 * 46**4, "the matrix in 16 bits"
    np.testing.assert_array_equal(replay(again, CLICKS).mask, replay(state, CLICKS).mask)
    assert read_header(write_state(path, made("dense"))).chain_error is None
