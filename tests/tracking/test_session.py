"""A person following objects: what a person said stays, and everything can be undone."""

import numpy as np
import pytest

from m2n2v2.attention import Affinity
from m2n2v2.errors import ClickError, MaskError, TrackError
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.settings import FLOW, WARP
from tests.tracking.clips import Clip, iou, passing, two


def session(clip: Clip, *, clicks: bool = False) -> TrackingSession:
    def prepared(image: np.ndarray) -> ImageState:
        return prepare(image, Affinity(), None, Settings.offline())

    return TrackingSession(Follower(clip, OwnCells(), FLOW), prepared if clicks else None)


def quick(clip: Clip) -> TrackingSession:
    """By the flow alone: what is followed does not matter."""
    return TrackingSession(Follower(clip, None, WARP))


def test_click_follow_correct() -> None:
    clip = passing(5)
    made = session(clip, clicks=True)
    made.click(0, 30, 48)
    assert iou(made.labels(0) == 1, clip.truth[0] == 1) > 0.8
    assert sorted(dict(made.follow())) == [1, 2, 3, 4]
    before = made.labels(3)
    wrong = made.click(3, 5, 90)  # the ground, taken for object
    assert wrong[90, 5]
    assert made.touched == (0, 3)
    assert (made.labels(1) != before).any()
    made.undo()
    assert (made.labels(3) == before).all()
    assert made.clicks(3) == ()


def test_a_correction_follows_what_comes_after_and_before_only_if_asked() -> None:
    clip = passing(7)
    made = quick(clip)
    made.set_labels(0, clip.truth[0])
    list(made.follow())
    made.set_labels(3, clip.truth[3])
    assert sorted(dict(made.follow_from(3))) == [4, 5, 6]
    assert sorted(dict(made.follow_from(3, before=True))) == [2, 4, 5, 6]  # 1 is nearer to 0
    with pytest.raises(TrackError, match="frame 5 is nobody's"):
        list(made.follow_from(5))


def test_masks_of_a_person_are_never_overwritten() -> None:
    clip = passing(6)
    made = quick(clip)
    strange = np.zeros(clip.size.shape, np.int32)
    strange[2:5, 2:9] = 1
    made.set_labels(0, clip.truth[0])
    made.set_labels(2, strange)
    list(made.follow())
    made.set_labels(4, clip.truth[4])
    list(made.follow_from(4, before=True))
    list(made.follow())
    assert (made.labels(0) == clip.truth[0]).all()
    assert (made.labels(2) == strange).all()
    assert (made.labels(4) == clip.truth[4]).all()


def test_undo_and_redo_of_masks_and_of_following() -> None:
    clip = passing(4)
    made = quick(clip)
    assert not made.can_undo
    made.undo()
    made.set_labels(0, clip.truth[0])
    list(made.follow())
    followed = dict(made.tracks)
    made.undo()
    assert sorted(made.tracks) == [0]
    made.undo()
    assert not made.tracks
    made.redo()
    made.redo()
    assert made.tracks == followed
    assert not made.can_redo
    made.undo()
    made.set_labels(1, clip.truth[1])
    assert not made.can_redo


def test_following_that_is_stopped_keeps_what_it_has() -> None:
    clip = passing(6)
    made = quick(clip)
    made.set_labels(0, clip.truth[0])
    following = made.follow()
    next(following), next(following)
    following.close()
    assert sorted(made.tracks) == [0, 1, 2]
    made.undo()
    assert sorted(made.tracks) == [0]


def test_one_object_of_several_is_corrected() -> None:
    clip = two(4)
    made = quick(clip)
    made.set_labels(0, clip.truth[0])
    mask = np.zeros(clip.size.shape, bool)
    mask[30:50, 20:60] = True  # over object 1, and beside it
    made.set_mask(0, mask, 2)
    labels = made.labels(0)
    assert (labels[mask] == 2).all()
    assert (labels[~mask & (clip.truth[0] == 1)] == 1).all()
    assert not (labels[~mask] == 2).any()


def test_bad_input_changes_nothing() -> None:
    clip = passing(3)
    made = session(clip, clicks=True)
    with pytest.raises(TrackError, match="no mask and no click came"):
        list(made.follow())
    with pytest.raises(MaskError, match="a mask is 10x10 and its frame 128x96"):
        made.set_labels(0, np.ones((10, 10), np.int32))
    with pytest.raises(MaskError, match="a mask is 10x10 and its frame 128x96"):
        made.set_mask(0, np.ones((10, 10), bool))
    with pytest.raises(TrackError, match="the mask is empty"):
        made.set_labels(0, np.zeros(clip.size.shape, np.int32))
    with pytest.raises(TrackError, match="frame 3 of a clip of 3"):
        made.set_labels(3, clip.truth[0])
    with pytest.raises(TrackError, match="object 0"):
        made.set_mask(0, clip.truth[0] == 1, 0)
    with pytest.raises(ClickError, match="outside"):
        made.click(0, 500, 5)
    assert not made.tracks
    assert not made.can_undo
    with pytest.raises(TrackError, match="nothing that prepares frames"):
        quick(clip).click(0, 3, 3)
