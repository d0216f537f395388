"""The network's likeness in the graph, and the forward pass behind it; the weights are random."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from m2n2v2.arrays import Image
from m2n2v2.attention.affinity import AffinityParameters, Slic
from m2n2v2.attention.affinity.likeness import LikenessAffinity, cosines, of_segments
from m2n2v2.errors import SettingsError, WeightsError
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Click
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import VisionTransformer
from tests.backbones import tiny

SMALL = AffinityParameters(grid=16, partitions=(Slic(60, 10.0),))
EVERYTHING = frozenset({"tokens", "queries", "keys", "values"})


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DINOv2 Small with one block instead of twelve, as transformers saves it."""
    folder = tmp_path_factory.mktemp("weights") / "dinov2-small"
    tiny.dinov2(layers=1, hidden_size=384, num_attention_heads=6).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def source(weights: Path) -> LikenessAffinity:
    return LikenessAffinity.load("dinov2-small", Loading(weights=weights), side=5)


# the forward pass


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("cells", [Size(4, 4), Size(3, 6)])
@torch.no_grad()
def test_the_forward_pass_is_the_librarys(registers: int, cells: Size, photograph: Image) -> None:
    library = tiny.dinov2(registers=registers)
    ours = VisionTransformer(library.state_dict())
    pixels = ours.pixels(photograph, cells)
    seen: dict[str, torch.Tensor] = {}
    last = library.encoder.layer[-1].attention
    for kind, projection in (("queries", "q"), ("keys", "k"), ("values", "v")):
        layer = getattr(last, f"{projection}_proj")
        layer.register_forward_hook(lambda m, i, out, kind=kind: seen.update({kind: out}))
    told = library(pixels, output_hidden_states=True)
    seen["tokens"] = told.last_hidden_state
    found = ours.features(pixels, {-1: EVERYTHING, 0: frozenset({"tokens"})})
    for kind in EVERYTHING:
        theirs = seen[kind][0, 1 + registers :].reshape(*cells.shape, -1)
        torch.testing.assert_close(found[1, kind], theirs, rtol=1e-4, atol=1e-4)
    first = told.hidden_states[1][0, 1 + registers :].reshape(*cells.shape, -1)
    torch.testing.assert_close(found[0, "tokens"], first, rtol=1e-4, atol=1e-4)


def test_names_of_other_releases_are_the_same_arrays(weights: Path, photograph: Image) -> None:
    stored = load_file(weights / "model.safetensors")
    other = {
        f"dinov2.{name}".replace(".attention.attention.key.", ".attention.k_proj.").replace(
            ".attention.output.dense.", ".attention.o_proj."
        ): array
        for name, array in stored.items()
    }
    wanted = {-1: frozenset({"keys"})}
    one, two = VisionTransformer(stored), VisionTransformer(other)
    pixels = one.pixels(photograph, Size(3, 3))
    torch.testing.assert_close(one.features(pixels, wanted), two.features(pixels, wanted))


@pytest.mark.parametrize("block", [1, -2])
def test_a_block_that_does_not_exist(block: int, source: LikenessAffinity) -> None:
    pixels = source.network.pixels(PICTURES["grey"], Size(2, 2))
    with pytest.raises(SettingsError, match=f"block {block} of a network of 1"):
        source.network.features(pixels, {block: frozenset({"keys"})})


# weights


def test_the_name_says_where_the_weights_came_from(source: LikenessAffinity) -> None:
    assert "dinov2-small (folder dinov2-small), licence Apache-2.0" in source.name
    assert source.name.endswith("side 5, grid 96")
    other = LikenessAffinity(source.network, temperature=0.2, parameters=AffinityParameters(grid=9))
    assert other.name.endswith("side 37, temperature 0.2, grid 9")


def test_weights_of_another_size_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="128 channels, dinov2-small has 384"):
        LikenessAffinity.load("dinov2-small", Loading(weights=folders["dinov2-base"]))


@pytest.mark.parametrize("how", ["missing", "reshaped", "nan", "cut", "no file", "other kind"])
def test_damaged_weights_are_refused(how: str, weights: Path, tmp_path: Path) -> None:
    arrays = load_file(weights / "model.safetensors")
    norm = "encoder.layer.0.norm2.weight"
    if how == "missing":
        del arrays[norm]
    elif how == "reshaped":
        arrays[norm] = arrays[norm][:-1].clone()
    elif how == "nan":
        arrays[norm][3] = torch.nan
    elif how == "other kind":
        arrays = {"weight": torch.zeros(3)}
    file = tmp_path / "model.safetensors"
    if how != "no file":
        save_file(arrays, file)
    if how == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(WeightsError):
        LikenessAffinity.load("dinov2-small", Loading(weights=tmp_path))


# the graph


def test_features_of_segments_are_means_over_their_area() -> None:
    labels = np.array([[0, 0, 1, 1], [0, 1, 1, 1]], np.int32)
    features = np.array([[1.0], [5.0]], np.float32)  # cells: left half, right half
    found = of_segments(features, Size(1, 2), labels)
    np.testing.assert_allclose(found / [[3], [5]], [[1 / 4], [(1 + 20) / 5 / 4]])


def test_nothing_is_known_of_a_row_of_zeros() -> None:
    found = cosines(np.array([[3, 4], [-3, -4], [4, -3], [0, 0]], np.float32))
    expected = [[1, -1, 0, 1], [-1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


PICTURES = {
    "grey": np.tile(np.linspace(0, 255, 90, dtype=np.uint8)[:, None, None], (1, 70, 3)),
    "long": np.random.default_rng(0).integers(0, 255, (20, 2000, 3), dtype=np.uint8),
    "one colour": np.full((64, 48, 3), 77, np.uint8),
    "below one patch": np.random.default_rng(1).integers(0, 255, (9, 5, 3), dtype=np.uint8),
    "one pixel": np.full((1, 1, 3), 9, np.uint8),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_any_picture_takes_a_click(picture: str, source: LikenessAffinity) -> None:
    image = PICTURES[picture]
    small = LikenessAffinity(source.network, side=5, parameters=SMALL)
    state = prepare(image, small, None, Settings.offline())
    y, x = image.shape[0] // 2, image.shape[1] // 2
    mask = segment(state, empty(state), Click(x, y, True)).mask
    assert mask.shape == image.shape[:2]
    assert mask[y, x]


def test_twelve_megapixels_are_looked_at_as_any_picture(source: LikenessAffinity) -> None:
    image = np.tile(np.arange(4000, dtype=np.uint8)[None, :, None], (3000, 1, 3))
    small = LikenessAffinity(source.network, side=5, parameters=SMALL)
    assert small.extract(image).cells == Size(16, 16)


@pytest.mark.parametrize("change", [{"side": 0}, {"temperature": 0.0}, {"temperature": torch.inf}])
def test_values_out_of_range(change: dict[str, float], source: LikenessAffinity) -> None:
    with pytest.raises(SettingsError):
        LikenessAffinity(source.network, **change)


def test_the_preset_takes_a_folder(weights: Path, photograph: Image) -> None:
    found = preset("dinov2-graph")
    source = found.attention_source(Loading(weights=weights, offline=True))
    assert isinstance(source, LikenessAffinity)
    attention = source.extract(photograph)
    ones = torch.ones(attention.cells.area)
    torch.testing.assert_close(attention.right(ones), ones)


def test_the_features_that_are_kept_say_the_same(
    source: LikenessAffinity, photograph: Image
) -> None:
    features = source._features(photograph)
    kept = source.extract(photograph).features
    assert kept.shape == (5, 5, 64 if features.shape[1] > 64 else features.shape[1])
    rows = kept.flatten(0, 1).float().numpy()
    np.testing.assert_allclose(rows @ rows.T, features @ features.T, atol=5e-3)
