"""Stacks: a session for each slice, and objects followed from slice to slice."""

import sys
from typing import Any

import numpy as np
import pytest

from m2n2v2.predictor import Predictor
from m2n2v2.presets import preset
from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.sources import source_of
from tests.napari_plugin.pictures import picture
from tests.tracking.clips import iou, passing

CLIP = passing(5)


def alone(image: np.ndarray, *clicks: tuple[int, int]) -> np.ndarray:
    """The mask of a session's clicks."""
    predictor = Predictor.from_preset("offline", device="cpu")
    predictor.set_image(image)
    session = predictor.session()
    for x, y in clicks:
        session.click(x, y)
    return session.mask


def test_each_slice_has_a_session_of_its_own(started: Any, settle: Any, viewer: Any) -> None:
    widget = started(np.stack(CLIP.images[:2]), rgb=True, scale=(3.0, 1, 1))
    desk = widget.desk
    viewer.dims.set_point(0, 0)
    desk.clicks.add((0, 48, 30))
    viewer.dims.set_point(0, 3)
    desk.clicks.add((1, 48, 33))
    assert widget.status.text() == "preparing slice 0 ..."
    settle(widget)
    for index, x in enumerate((30, 33)):
        assert np.array_equal(desk.objects.data[index], alone(CLIP.images[index], (x, 48)))
    viewer.dims.set_point(0, 0)
    widget.undo.click()  # of the other slice: it is shown
    settle(widget)
    assert viewer.dims.current_step[0] == 1
    assert not desk.objects.data[1].any()
    assert desk.objects.data[0].any()


def test_objects_are_followed_both_ways_as_a_tracking_session_does(
    started: Any, settle: Any, viewer: Any
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra tracking)")
    widget = started(np.stack(CLIP.images), rgb=True)
    desk = widget.desk
    viewer.dims.set_point(0, 2)
    widget.forward.click()
    settle(widget)
    assert widget.status.text() == "slice 2 has no object to follow; click on one in it first"
    desk.clicks.add((2, 48, 36))
    settle(widget)
    mask = desk.objects.data[2].copy()
    peer = TrackingSession(Follower(CLIP, *source_of(preset("offline"))))
    peer.set_labels(2, mask.astype(np.int32))
    followed = {index: tracked.labels for index, tracked in peer.follow()}
    widget.forward.click()
    settle(widget)
    assert [bool(sheet.any()) for sheet in desk.objects.data] == [False, False, True, True, True]
    widget.backward.click()
    settle(widget)
    assert np.array_equal(desk.objects.data[2], mask)
    for index, labels in followed.items():
        assert np.array_equal(desk.objects.data[index], labels)
        assert iou(labels == 1, CLIP.truth[index] == 1) > 0.8
    widget.undo.click()
    settle(widget)
    assert [bool(sheet.any()) for sheet in desk.objects.data] == [False, False, True, True, True]
    viewer.dims.set_point(0, 4)
    desk.clicks.add((4, 48, 42))  # a correction, which begins from what was followed
    settle(widget)
    corrected = desk.objects.data[4].copy()
    viewer.dims.set_point(0, 2)
    widget.forward.click()
    settle(widget)
    assert np.array_equal(desk.objects.data[4], corrected)
    viewer.dims.set_point(0, 4)
    widget.forward.click()
    settle(widget)
    assert widget.status.text() == "nothing lies behind slice 4; go to another slice"


def test_following_stops_after_a_slice(
    started: Any, settle: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra tracking)")
    widget = started(np.stack(CLIP.images), rgb=True)
    desk = widget.desk
    viewer.dims.set_point(0, 0)
    desk.clicks.add((0, 48, 30))
    settle(widget)
    read = type(desk._shown).read

    def stopping(self: Any, index: int) -> np.ndarray:
        if index == 2:
            desk.stop()
        return read(self, index)

    monkeypatch.setattr(type(desk._shown), "read", stopping)
    widget.forward.click()
    settle(widget)
    seen = [bool(sheet.any()) for sheet in desk.objects.data]
    assert seen[:2] == [True, True]
    assert seen[3:] == [False, False]
    widget.undo.click()
    settle(widget)
    assert [bool(sheet.any()) for sheet in desk.objects.data] == [True] + 4 * [False]


def test_features_that_cost_something_are_kept(
    started: Any, settle: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra tracking)")
    monkeypatch.setattr(OwnCells, "costly", True)
    described: list[int] = []
    own = OwnCells.__call__
    monkeypatch.setattr(OwnCells, "__call__", lambda *of: described.append(1) or own(*of))
    widget = started(np.stack(CLIP.images), rgb=True)
    viewer.dims.set_point(0, 0)
    widget.desk.clicks.add((0, 48, 30))
    settle(widget)
    widget.forward.click()
    settle(widget)
    first = widget.desk.objects.data.copy()
    made = len(described)
    assert made > 0
    widget.undo.click()
    widget.forward.click()
    settle(widget)
    assert len(described) == made
    assert np.array_equal(widget.desk.objects.data, first)


def test_one_picture_is_not_followed(started: Any) -> None:
    widget = started(picture())
    widget.forward.click()
    assert widget.status.text() == "photo is one picture; follow objects in a stack of slices"


def test_without_opencv_slices_are_clicked_and_not_followed(
    started: Any, settle: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    widget = started(np.stack(CLIP.images[:2]), rgb=True)
    viewer.dims.set_point(0, 0)
    widget.desk.clicks.add((0, 48, 30))
    settle(widget)
    assert widget.desk.objects.data[0].any()
    widget.forward.click()
    settle(widget)
    assert "needs OpenCV; pip install 'm2n2v2[tracking]'" in widget.status.text()
    assert not widget.desk.objects.data[1].any()


def test_what_is_painted_by_hand_is_followed_and_outlives_an_undo(
    started: Any, settle: Any, viewer: Any
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra tracking)")
    widget = started(np.stack(CLIP.images[:2]), rgb=True)
    desk = widget.desk
    desk.objects.data[0] = CLIP.truth[0]
    viewer.dims.set_point(0, 0)
    widget.forward.click()
    settle(widget)
    assert iou(desk.objects.data[1] == 1, CLIP.truth[1] == 1) > 0.8
    desk.objects.data[1, :4, :4] = 7
    widget.undo.click()
    settle(widget)
    assert desk.objects.data[1].sum() == 7 * 16
    assert np.array_equal(desk.objects.data[0], CLIP.truth[0])
