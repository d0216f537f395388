"""What stays in memory while a long clip is followed, and what is kept on disk."""

import weakref
from pathlib import Path

import numpy as np
import pytest

from m2n2v2.grid import Size
from m2n2v2.tracking.cells import OwnCells, grid_of
from m2n2v2.tracking.features_file import FeatureCache, KeptFeatures
from m2n2v2.tracking.flow import belief, chained, flow, warped
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import runs
from m2n2v2.tracking.resampling import over_cells
from m2n2v2.tracking.settings import FLOW
from m2n2v2.tracking.tracks import Tracked
from tests.tracking.clips import Clip, passing, texture


class Counted(Clip):
    """A clip that counts how many of the frames it gave are still somewhere."""

    alive = 0
    most = 0

    def read(self, index: int) -> np.ndarray:
        image = super().read(index).copy()
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        weakref.finalize(image, Counted._gone)
        return image

    @staticmethod
    def _gone() -> None:
        Counted.alive -= 1


def test_memory_does_not_grow_with_the_clip() -> None:
    whole = passing(30, Size(48, 64), 1.0)
    clip = Counted(whole.images, whole.truth)
    settings = FLOW.replace(lags=(1, 2, 20))
    tracks = {0: Tracked.of(whole.truth[0], {}, frozenset({1}))}
    follower = Follower(clip, OwnCells(), settings)
    for _ in follower.follow(tracks, runs(30, [0], backward=False)):
        pass
    assert Counted.most <= 3  # the last, this one, and the next being read


class Slow:
    """Features that count how often they are made."""

    name, costly, channels = "a stand-in", True, 2

    def __init__(self) -> None:
        self.made = 0

    def cells(self, size: Size) -> Size:
        return Size(2, 3)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.made += 1
        return np.full((2, 3, 2), image.mean() / 7, np.float32)


def test_features_are_made_once_and_read_as_they_were_made(tmp_path: Path) -> None:
    source, cache = Slow(), FeatureCache(tmp_path)
    image = passing(1).images[0]
    first, again = KeptFeatures(source, cache)(image), KeptFeatures(source, cache)(image)
    assert source.made == 1
    assert (first == again).all()
    assert KeptFeatures(source, cache).bytes(Size(10, 10)) == 2 * 6 * 2
    KeptFeatures(source, cache)(255 - image)
    assert source.made == 2


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    source, cache = Slow(), FeatureCache(tmp_path)
    image = passing(1).images[0]
    first = KeptFeatures(source, cache)(image)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert (KeptFeatures(source, cache)(image) == first).all()
    assert source.made == 2


def test_a_cache_that_cannot_be_written_costs_a_line_and_no_result(tmp_path: Path) -> None:
    """A file stands where the folder should, which stops root, too."""
    (tmp_path / "file").write_text("")
    source, told = Slow(), list[str]()
    kept = KeptFeatures(source, FeatureCache(tmp_path / "file/frames", tell=told.append))
    for image in passing(2).images:
        half = np.float32(np.float16(image.mean() / 7))
        assert (kept(image) == np.full((2, 3, 2), half)).all()
    (line,) = told
    assert line.startswith("features of frames are not kept: cannot make the cache")
    assert "M2N2V2_CACHE" in line


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    source = Slow()
    images = passing(5).images
    KeptFeatures(source, FeatureCache(tmp_path))(images[0])
    (file,) = tmp_path.iterdir()
    bounded = KeptFeatures(source, FeatureCache(tmp_path, limit=2 * file.stat().st_size))
    for image in images:
        bounded(image)
    assert len(list(tmp_path.iterdir())) == 2
    nothing = tmp_path / "nothing"
    KeptFeatures(source, FeatureCache(nothing, limit=0))(images[0])
    assert not nothing.exists()


def test_the_grid_keeps_the_aspect() -> None:
    assert grid_of(Size(480, 854), 2074) == Size(34, 61)
    assert grid_of(Size(854, 480), 2074) == Size(61, 34)
    assert grid_of(Size(1, 4000), 100) == Size(1, 632)


def test_flow_of_a_shift() -> None:
    """What moves 3 right and 2 down is followed, there and back."""
    ground = texture(100, 140, 0)
    grey = np.repeat((127 + 120 * ground)[:, :, None], 3, 2).astype(np.uint8)
    moved = np.roll(grey, (2, 3), (0, 1))
    there, back = flow(grey, moved), flow(moved, grey)
    inner = np.s_[25:-25, 25:-25]
    assert np.abs(there[inner] - [3, 2]).mean() < 0.1
    assert belief(there, back)[inner].min() > 0.9
    assert belief(there, there)[inner].max() < 0.1
    assert np.abs(warped(moved.astype(np.float32), there) - grey)[inner].mean() < 3


def test_a_frame_too_small_for_flow_stands_still() -> None:
    assert not flow(np.zeros((8, 30, 3), np.uint8), np.ones((8, 30, 3), np.uint8)).any()


def test_flow_in_cells_and_ways_one_after_another() -> None:
    field = np.zeros((20, 40, 2), np.float32)
    field[:, :20] = [4, 0]
    cells = over_cells(field, Size(2, 4))
    assert cells[:, :, 0] == pytest.approx(np.array([[0.4, 0.4, 0, 0]] * 2))
    first = np.zeros((1, 4, 2), np.float32)
    first[0, 0, 0] = 2  # the first cell comes from the third,
    then = np.zeros((1, 4, 2), np.float32)
    then[0, 2, 0] = 1  # and that from the fourth
    assert chained(first, then)[0, :, 0].tolist() == pytest.approx([3, 0, 1, 0])
