"""The benchmark's rules, on a made-up sequence."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from tests.patience import PATIENCE
from tests.tracking.clips import passing, two

from m2n2v2.attention import Affinity
from m2n2v2.datasets.davis import Sequence, davis_sequences
from m2n2v2.errors import DatasetError
from m2n2v2.evaluation.tracking import (
    Scores,
    click_first_frame,
    corrected,
    mean,
    scores,
    worst_first,
)
from m2n2v2.method.settings import Settings
from m2n2v2.preparation import prepare
from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.frames import open_frames
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.settings import FLOW
from m2n2v2.tracking.tracks import Tracked


def sequence(
    root: Path, truth: list[np.ndarray], images: list[np.ndarray] | None = None
) -> Sequence:
    pictures, masks = root / "JPEGImages/480p/one", root / "Annotations/480p/one"
    pictures.mkdir(parents=True)
    masks.mkdir(parents=True)
    for i, labels in enumerate(truth):
        pixels = np.zeros((*labels.shape, 3), np.uint8) if images is None else images[i]
        PILImage.fromarray(pixels).save(pictures / f"{i:05d}.png")
        file = PILImage.fromarray(labels.astype(np.uint8))
        file.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [9] * (3 * 253))
        file.save(masks / f"{i:05d}.png")
    (found,) = davis_sequences(root)
    return found


EXPERIMENT = Path(__file__).parents[2] / "experiments" / "tracking.py"


def test_the_first_and_the_last_frame_are_not_scored(tmp_path: Path) -> None:
    """Wrong in the first and the last frame, half right in the second, right in the third."""
    truth = np.zeros((30, 30), np.int32)
    truth[5:15, 5:15] = 1
    half = truth.copy()
    half[5:10] = 0
    nothing = np.zeros_like(truth)
    found = {i: Tracked.of(each, {}) for i, each in enumerate([nothing, half, truth, nothing])}
    result = scores(sequence(tmp_path, [truth] * 4), found)
    assert result.region.tolist() == [[0.5, 1.0]]
    assert result.j == 0.75
    assert result.recall == 0.5
    assert result.contour[0, 1] == 1
    assert result.j_and_f == (result.j + result.f) / 2


def test_objects_are_those_of_the_first_frame(tmp_path: Path) -> None:
    first = np.zeros((20, 20), np.int32)
    first[2:8, 2:8], first[12:18, 12:18] = 1, 2
    later = np.where(first == 2, 0, first)
    later[2:8, 12:18] = 3  # an object that nobody could know of
    found = {i: Tracked.of(later, {}) for i in range(3)}
    result = scores(sequence(tmp_path, [first, later, later]), found)
    assert result.region.tolist() == [[1.0], [1.0]]  # the second is absent in both


def test_the_mean_is_over_objects() -> None:
    one = Scores("a", np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]]))
    two = Scores("b", np.array([[0.2], [0.3]]), np.array([[0.0], [0.5]]))
    assert mean([one, two]) == (pytest.approx(1 / 3), pytest.approx(0.5))


def test_two_frames_are_too_few(tmp_path: Path) -> None:
    truth = np.ones((5, 5), np.int32)
    with pytest.raises(DatasetError, match="has 2 frames"):
        scores(sequence(tmp_path, [truth] * 2), {})


@pytest.mark.parametrize("before", [True, False])
def test_clicks_go_to_the_worst_frame_and_help(
    before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = passing(5)
    made = sequence(tmp_path, clip.truth, clip.images)
    frames = open_frames(tmp_path / "JPEGImages/480p/one")
    session = TrackingSession(
        Follower(frames, OwnCells(), FLOW),
        lambda image: prepare(image, Affinity(), None, Settings.offline()),
    )
    click_first_frame(made, session, 2)
    assert 1 <= len(session.clicks(0)) <= 2
    wrong = np.zeros(clip.size.shape, np.int32)
    wrong[40:60, 25:45] = 1
    session.set_labels(0, wrong)  # half of the disc is missed
    list(session.follow())
    asked: list[bool] = []
    follow = session.follow_from

    def follow_from(frame: int, *, before: bool = False) -> Iterator[tuple[int, Tracked]]:
        asked.append(before)
        return follow(frame, before=before)

    monkeypatch.setattr(session, "follow_from", follow_from)
    found = dict(corrected(made, session, 2, before=before))
    assert sorted(found) == [0, 1, 2]
    assert found[1].j > found[0].j
    assert len(session.touched) >= 2
    assert 0 in session.touched
    assert (session.labels(0) == wrong).all()
    assert asked == [before, before]


def test_the_worst_frame_has_the_lowest_j_and_f() -> None:
    """Frame 2 has the lower J, frame 1 the lower J&F; in frame 2 the second object is worse."""
    region = np.array([[0.5, 0.4, 0.9], [0.5, 0.3, 0.9]])
    contour = np.array([[0.2, 0.6, 0.9], [0.1, 0.5, 0.8]])
    found = worst_first(Scores("a", region, contour))
    assert found == [(1, 1), (1, 0), (2, 1), (2, 0), (3, 1), (3, 0)]


def test_without_an_error_no_click_is_made(tmp_path: Path) -> None:
    clip = passing(4)
    made = sequence(tmp_path, clip.truth, clip.images)
    frames = open_frames(tmp_path / "JPEGImages/480p/one")
    session = TrackingSession(Follower(frames, OwnCells(), FLOW))
    for index, labels in enumerate(clip.truth):
        session.set_labels(index, labels)
    assert [(count, each.j) for count, each in corrected(made, session, 3)] == [(0, 1.0)]


def test_the_experiment_on_a_folder_of_davis_2017(tmp_path: Path) -> None:
    """Two objects by palette: given by clicks, followed, corrected once; then read from its file.

    In the third frame the truth is made to lie beside the first object, so that there is an error.
    """
    clip = two(4)
    truth = list(clip.truth)
    truth[2] = np.where(truth[2] == 2, 2, np.roll(truth[2] == 1, 6, 1))
    sequence(tmp_path / "davis", truth, clip.images)
    usual = (
        *(sys.executable, str(EXPERIMENT), "--davis", str(tmp_path / "davis")),
        *("--out", str(tmp_path / "out"), "--rows", "flow"),
        *("--first-clicks", "2", "--clicks", "1"),
    )
    for _ in range(2):
        done = subprocess.run(usual, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "flow_first-2_clicks-1_one.json"
    result = json.loads(path.read_text())
    assert [np.shape(each[kind]) for each in result["clicks"] for kind in "jf"] == [(2, 2)] * 4
    heads, _, one, overall = done.stdout.strip().splitlines()[-4:]
    assert heads.startswith("| sequence | objects | J | F | J&F after 0 | J&F after 1 | s a frame")
    cells = [cell.strip() for cell in one.strip("|").split("|")]
    j, f = (np.mean(result["clicks"][0][kind]) for kind in "jf")
    after = [np.mean([each["j"], each["f"]]) for each in result["clicks"]]
    assert cells[:2] == ["one", "2"]
    assert [float(each) for each in cells[2:6]] == pytest.approx([j, f, *after], abs=6e-4)
    assert overall.startswith("| mean | 2 |")
    assert j > 0.7
