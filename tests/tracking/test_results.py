"""What is kept of tracks: the folder that a killed run goes on from, boxes, COCO, films."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.errors import MaskError, TrackError
from m2n2v2.tracking.exports import coco, write_boxes, write_film, write_gif
from m2n2v2.tracking.track_folder import TrackFolder, read_labels, write_labels
from m2n2v2.tracking.tracks import Tracked
from tests.tracking.clips import Clip, passing, two

NAMES = ("a", "b", "c")


def tracked(clip: Clip) -> dict[int, Tracked]:
    return {i: Tracked.of(labels, {1: 0.5, 2: 0.25}) for i, labels in enumerate(clip.truth)}


def test_labels_are_packed_without_loss() -> None:
    labels = np.random.default_rng(0).integers(0, 65_536, (7, 9)).astype(np.int32)
    found = Tracked.of(labels, {1: 0.5})
    assert (found.labels == labels).all()
    assert found == Tracked.of(labels, {1: 0.5})
    with pytest.raises(MaskError, match="objects are numbered 0 to 65536"):
        Tracked.of(np.array([[0, 65_536]], np.int32), {})


@pytest.mark.parametrize("most", [3, 255, 4000])
def test_index_files_are_read_as_they_were_written(tmp_path: Path, most: int) -> None:
    labels = np.array([[0, 1, most], [2, 0, 0]], np.int32)
    assert (read_labels(write_labels(tmp_path / "a.png", labels)) == labels).all()


def test_a_folder_goes_on(tmp_path: Path) -> None:
    clip = two(3)
    facts = {"clip": "one", "settings": {"lags": (1, 4)}}
    folder = TrackFolder.opened(tmp_path / "out", NAMES, facts)
    for index, each in tracked(clip).items():
        folder.put(index, each)
    again = TrackFolder.opened(tmp_path / "out", NAMES, facts)
    assert again.known() == tracked(clip)


def test_what_a_kill_cut_off_does_not_count(tmp_path: Path) -> None:
    clip = two(3)
    folder = TrackFolder.opened(tmp_path, NAMES, {})
    for index, each in tracked(clip).items():
        folder.put(index, each)
    (tmp_path / "masks" / "b.png").write_bytes(b"half")
    lines = tmp_path / "frames.jsonl"
    lines.write_text(lines.read_text()[:-20])
    assert sorted(folder.known()) == [0]
    folder.put(2, tracked(clip)[2])
    assert sorted(folder.known()) == [0, 2]


def test_the_results_of_another_run_are_not_mixed(tmp_path: Path) -> None:
    TrackFolder.opened(tmp_path, NAMES, {"clip": "one"}).put(0, tracked(two(1))[0])
    with pytest.raises(TrackError, match="another run, which differs in clip"):
        TrackFolder.opened(tmp_path, NAMES, {"clip": "two"})
    anew = TrackFolder.opened(tmp_path, NAMES, {"clip": "two"}, overwrite=True)
    assert anew.known() == {}
    (tmp_path / "track.json").write_text("{")
    with pytest.raises(TrackError, match="no header of a run"):
        TrackFolder.opened(tmp_path, NAMES, {})


def test_boxes_are_those_of_mot(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[2:5, 7:11] = 3
    found = {4: Tracked.of(labels, {3: 0.75}), 5: Tracked.of(0 * labels, {3: 0.5})}
    path = write_boxes(tmp_path / "boxes.csv", found)
    assert path.read_text() == "5,3,7,2,4,3,0.7500,-1,-1,-1\n"


def test_cocos_own_tools_read_the_masks() -> None:
    tools = pytest.importorskip("pycocotools.mask")
    clip = two(3)
    made = json.loads(json.dumps(coco(clip, tracked(clip), "clip")))
    assert [each["track_id"] for each in made["annotations"]] == [1, 2, 1, 2, 1, 2]
    assert [each["id"] for each in made["tracks"]] == [1, 2]
    for each in made["annotations"]:
        with warnings.catch_warnings():  # its arrays do not know numpy 2's copy keyword
            warnings.simplefilter("ignore", DeprecationWarning)
            mask = tools.decode(each["segmentation"]).astype(bool)
        truth = clip.truth[each["image_id"] - 1] == each["track_id"]
        assert (mask == truth).all()
        assert each["area"] == truth.sum()


def test_a_film_and_a_moving_picture(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    clip = passing(5)
    found = {i: Tracked.of(labels, {1: 0.5}) for i, labels in enumerate(clip.truth)}
    with av.open(str(write_film(tmp_path / "a.mp4", clip, found))) as film:
        seen = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(seen) == 5
    inside = clip.truth[4] == 1
    assert clip.images[4][inside][:, 2].mean() < 60 < 100 < seen[4][inside][:, 2].mean()
    with PILImage.open(write_gif(tmp_path / "a.gif", clip, found)) as picture:
        assert getattr(picture, "n_frames", 1) == 5
