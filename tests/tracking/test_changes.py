"""What a correction changed, and where it goes: by hand, and in clips whose truth is known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.changes import Change
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.settings import FLOW
from tests.tracking.clips import Clip, iou, passing

LABELS = arrays.arrays(np.int32, (4, 5), elements=st.sampled_from([0, 1, 2, 65_535]))


def test_a_change_by_hand() -> None:
    change = Change.between(np.array([[0, 1, 1, 2]], np.int32), np.array([[7, 1, 0, 2]], np.int32))
    assert change.became == (0, 7)
    assert change.labels.tolist() == [[2, 0, 1, 0]]
    moved = np.array([[0, 2, 2, 1]], np.int32)
    assert change.applied(np.array([[3, 3, 3, 3]], np.int32), moved).tolist() == [[3, 7, 7, 0]]


@given(LABELS, LABELS)
def test_a_change_where_it_was_made_is_the_correction(
    before: np.ndarray, after: np.ndarray
) -> None:
    change = Change.between(before, after)
    np.testing.assert_array_equal(change.applied(before, change.labels), after)
    assert (change.labels > 0).tolist() == (before != after).tolist()


def followed(clip: Clip, spoilt: frozenset[int]) -> TrackingSession:
    """A session in which all was followed, and then half of the disc is missing in some frames."""
    made = TrackingSession(Follower(clip, OwnCells(), FLOW))
    made.set_labels(0, clip.truth[0])
    list(made.follow())
    tracks = dict(made.tracks)
    for index in spoilt:
        x = np.nonzero(clip.truth[index])[1]
        labels = np.where(np.arange(clip.size.width) > x.mean(), 0, clip.truth[index])
        tracks[index] = type(tracks[index]).of(labels.astype(np.int32), tracks[index].confidence)
    return TrackingSession(made.follower, tracks=tracks)


def test_what_a_correction_changed_is_followed_and_the_rest_stays() -> None:
    clip = passing(7)
    made = followed(clip, frozenset({3, 4, 5, 6}))
    before = {index: made.labels(index) for index in range(7)}
    labels = made.labels(3)
    labels[clip.truth[3] == 1] = 1
    labels[:6, :6] = 1  # a mistake of the person, on what stands still
    made.set_labels(3, labels)
    assert sorted(dict(made.follow_from(3))) == [4, 5, 6]
    for index in (4, 5, 6):
        mask = made.labels(index) == 1
        mask[:12, :12] = False
        assert (
            iou(mask, clip.truth[index] == 1)
            > 0.85
            > iou(before[index] == 1, clip.truth[index] == 1)
        )
    for index in (1, 2):
        np.testing.assert_array_equal(made.labels(index), before[index])
    assert sorted(dict(made.follow_from(3, before=True))) == [2, 4, 5, 6]
    np.testing.assert_array_equal(made.labels(1), before[1])  # nearer to the first


def test_without_a_change_nothing_changes() -> None:
    clip = passing(5)
    made = followed(clip, frozenset({3}))
    made.set_labels(2, made.labels(2))
    before = dict(made.tracks)
    list(made.follow_from(2, before=True))
    for index in (1, 3, 4):
        np.testing.assert_array_equal(made.labels(index), before[index].labels)


def test_a_change_is_followed_once_and_undone_as_a_whole() -> None:
    clip = passing(5)
    made = followed(clip, frozenset({2, 3, 4}))
    spoilt = dict(made.tracks)
    made.set_labels(2, clip.truth[2])
    list(made.follow_from(2))
    once = dict(made.tracks)
    list(made.follow_from(2))
    assert all((made.labels(index) == once[index].labels).all() for index in (3, 4))
    made.undo()
    made.undo()
    made.undo()
    assert made.tracks == spoilt


def test_a_following_that_was_stopped_is_done_again_to_the_same_masks() -> None:
    clip = passing(7)
    masks = []
    for stopped in (False, True):
        made = followed(clip, frozenset({2, 3, 4, 5, 6}))
        made.set_labels(2, clip.truth[2])
        if stopped:
            next(made.follow_from(2))
        list(made.follow_from(2))
        masks.append([made.labels(index) for index in range(7)])
    np.testing.assert_array_equal(masks[0], masks[1])
