"""The cache changes no mask, keeps to its size, and is shared among processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from m2n2v2 import Click, Settings
from m2n2v2.attention import Precomputed
from m2n2v2.errors import OutputError, SettingsError
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.presets import PRESETS
from m2n2v2.session import replay
from m2n2v2.states.cache import StateCache, cache_key, default_folder
from m2n2v2.states.preparing import Preparer, Recipe
from tests.patience import PATIENCE
from tests.scenes import colour_attention, disc

IMAGE, TRUTH = disc()


@pytest.fixture(scope="module")
def state() -> ImageState:
    return prepare(IMAGE, Precomputed(colour_attention(IMAGE, side=8)))


def used(cache: StateCache) -> list[str]:
    return sorted(path.stem for path in cache.folder.glob("[!.]*"))


def test_what_comes_out_is_what_went_in(state: ImageState, tmp_path: Path) -> None:
    cache = StateCache(tmp_path / "made" / "now", limit=10**9)
    assert cache.find("a") is None
    cache.put("a", state)
    again = cache.find("a")
    assert again is not None
    assert torch.equal(again.transition.dense(), state.transition.dense())
    assert len(cache) == 1
    assert cache.bytes() == sum(f.stat().st_size for f in cache.folder.iterdir()) > 0


def test_the_least_recently_used_goes_first(state: ImageState, tmp_path: Path) -> None:
    one = StateCache(tmp_path, limit=10**9)
    one.put("a", state)
    size = one.bytes()
    cache = StateCache(tmp_path, limit=3 * size)
    for age, key in enumerate("cba"):
        cache.put(key, state)
        os.utime(cache._kept.path(key), (time.time() - 100 * (3 - age),) * 2)
    assert used(cache) == ["a", "b", "c"]
    assert cache.find("c") is not None  # now the newest; b is the oldest
    cache.put("d", state)
    assert used(cache) == ["a", "c", "d"]
    assert cache.bytes() <= cache.limit
    StateCache(tmp_path, limit=size - 1).put("e", state)
    assert used(cache) == [], "larger than the cache itself"


def test_a_limit_of_nothing_keeps_nothing(state: ImageState, tmp_path: Path) -> None:
    cache = StateCache(tmp_path / "none", limit=0)
    cache.put("a", state)
    assert not cache.folder.exists()


def test_a_damaged_state_is_made_again(state: ImageState, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, limit=10**9)
    cache.put("a", state)
    path = cache._kept.path("a")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    assert cache.find("a") is None
    assert not path.exists()


def test_what_a_dead_process_left_is_swept_after_an_hour(state: ImageState, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, limit=10**9)
    old, new = tmp_path / ".old.safetensors", tmp_path / ".new.safetensors"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)
    cache.put("a", state)
    assert new.exists(), "another process may be writing it"
    assert not old.exists()
    assert len(cache) == 1


def test_the_key_depends_on_all_that_a_state_does(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.ours()
    keys = {
        cache_key("image", settings, "recipe"),
        cache_key("other", settings, "recipe"),
        cache_key("image", settings.replace(temperature=4.0), "recipe"),
        cache_key("image", settings, "other"),
    }
    assert cache_key("image", settings, "recipe") in keys
    monkeypatch.setattr("m2n2v2.states.cache.source_digest", lambda *roots: "other code")
    keys.add(cache_key("image", settings, "recipe"))
    assert len(keys) == 5


def test_what_clicking_needs_is_not_in_the_key_and_comes_from_who_asks(
    state: ImageState, tmp_path: Path
) -> None:
    clicked = state.settings.replace(alpha=4.0, size_rule="prior", refinement=0.02)
    assert cache_key("image", clicked, "recipe") == cache_key("image", state.settings, "recipe")
    cache = StateCache(tmp_path)
    cache.put("a", state)
    again = cache.find("a", settings=clicked)
    assert again is not None
    assert again.settings == clicked


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("M2N2V2_CACHE", str(tmp_path / "mine"))
    assert StateCache().folder == tmp_path / "mine"
    monkeypatch.delenv("M2N2V2_CACHE")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert default_folder() == tmp_path / "m2n2v2" / "states"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert default_folder() == Path.home() / ".cache" / "m2n2v2" / "states"
    monkeypatch.setenv("M2N2V2_CACHE_GIB", "0.5")
    assert StateCache().limit == 2**29
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("M2N2V2_CACHE_GIB", wrong)
        with pytest.raises(SettingsError, match="M2N2V2_CACHE_GIB"):
            StateCache()


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(preset=PRESETS["offline"])


def test_a_prepared_image_is_not_prepared_again(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = StateCache(tmp_path, limit=10**9)
    first = Preparer(recipe, cache)(IMAGE)

    def fail(*args: object) -> None:
        raise AssertionError("loaded, to prepare again")

    monkeypatch.setattr(Recipe, "sources", fail)
    second = Preparer(recipe, cache)(IMAGE)
    clicks = [Click(30, 28), Click(5, 5, False)]
    np.testing.assert_array_equal(replay(first, clicks).soft_mask, replay(second, clicks).soft_mask)
    with pytest.raises(AssertionError, match="prepare again"):
        Preparer(recipe, cache)(IMAGE[::-1].copy())
    with pytest.raises(AssertionError, match="prepare again"):
        Preparer(recipe)(IMAGE)


def test_a_cache_that_cannot_be_written_is_no_failure(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **more: object) -> None:
        raise OutputError("no room", cure="make some")

    monkeypatch.setattr("m2n2v2.states.cache.write_state", full)
    told: list[str] = []
    loading = recipe.loading.__class__(tell=told.append)
    preparer = Preparer(Recipe(preset=recipe.preset, loading=loading), StateCache(tmp_path, 10**9))
    assert preparer(IMAGE).size.shape == TRUTH.shape
    assert told == ["not kept: no room; make some"]


SHARING = """
import sys
from pathlib import Path
from m2n2v2.states.preparing import Preparer, Recipe
from m2n2v2.presets import PRESETS
from m2n2v2.states.cache import StateCache
from tests.scenes import disc

cache = StateCache(Path(sys.argv[1]), limit=int(sys.argv[2]))
preparer = Preparer(Recipe(preset=PRESETS["offline"]), cache)
image, _ = disc()
for turn in range(12):
    shifted = image.copy()
    shifted[0, 0] = turn % 4
    state = preparer(shifted)
    assert (state.guide == shifted).all(), turn
"""


@pytest.mark.slow
def test_several_processes_share_one(tmp_path: Path, recipe: Recipe) -> None:
    """They write, read and drop the same few states, of which two fit, at the same time."""
    alone = StateCache(tmp_path / "alone", limit=10**9)
    Preparer(recipe, alone)(IMAGE)
    limit = int(2.5 * alone.bytes())
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SHARING, str(tmp_path / "shared"), str(limit)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    assert 0 < StateCache(tmp_path / "shared", limit).bytes() <= limit
