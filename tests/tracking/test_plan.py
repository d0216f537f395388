"""The order in which frames are followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.errors import TrackError
from m2n2v2.tracking.plan import Run, after_correction, reached, runs


def test_from_the_first_frame_to_the_end() -> None:
    assert runs(4, [0], backward=True) == [Run(0, range(1, 4))]


def test_backward_only_if_asked() -> None:
    assert runs(4, [2], backward=False) == [Run(2, range(3, 4))]
    assert runs(4, [2], backward=True) == [Run(2, range(1, -1, -1)), Run(2, range(3, 4))]


def test_between_two_frames_of_a_person_the_nearer_one_counts() -> None:
    assert runs(7, [0, 6], backward=False) == [Run(0, range(1, 4)), Run(6, range(5, 3, -1))]


@given(st.integers(1, 30), st.sets(st.integers(0, 29), min_size=1))
def test_every_frame_is_reached_once_and_from_the_nearest(count: int, chosen: set[int]) -> None:
    anchors = sorted(index for index in chosen if index < count) or [0]
    reached = {i: run.start for run in runs(count, anchors, backward=True) for i in run.frames}
    assert sorted([*reached, *anchors]) == list(range(count))
    for index, start in reached.items():
        assert abs(index - start) == min(abs(index - anchor) for anchor in anchors)


def test_a_correction_changes_what_lies_between_the_frames_of_a_person() -> None:
    anchors = [0, 10, 20]
    assert after_correction(30, anchors, 10, before=False) == [
        Run(10, range(11, 16)),
        Run(20, range(19, 15, -1)),
    ]
    assert after_correction(30, anchors, 10, before=True) == [
        Run(0, range(1, 6)),
        Run(10, range(9, 5, -1)),
        Run(10, range(11, 16)),
        Run(20, range(19, 15, -1)),
    ]
    assert after_correction(30, anchors, 20, before=False) == [Run(20, range(21, 30))]
    assert after_correction(30, [5], 5, before=True) == [
        Run(5, range(4, -1, -1)),
        Run(5, range(6, 30)),
    ]


def test_what_is_followed_from_a_frame_of_a_person() -> None:
    assert reached(30, [0, 10, 21], 10, ahead=True) == range(11, 16)
    assert reached(30, [0, 10, 21], 10, ahead=False) == range(9, 5, -1)
    assert reached(30, [0, 10, 21], 21, ahead=True) == range(22, 30)
    assert reached(30, [4], 4, ahead=False) == range(3, -1, -1)
    assert not reached(5, [0, 1, 4], 0, ahead=True)
    assert not reached(5, [0, 1, 4], 4, ahead=True)


def test_frames_that_are_not_there_and_no_frames_at_all() -> None:
    with pytest.raises(TrackError, match="no mask and no click came"):
        runs(4, [], backward=True)
    with pytest.raises(TrackError, match="frame 4 of a clip of 4"):
        runs(4, [4], backward=True)
