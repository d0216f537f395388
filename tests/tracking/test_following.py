"""Following objects through clips whose truth is known, without any network."""

import numpy as np
import pytest

from m2n2v2.errors import FrameError, TrackError
from m2n2v2.grid import Size
from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import runs
from m2n2v2.tracking.settings import FLOW, WARP
from m2n2v2.tracking.tracks import Tracked
from tests.tracking.clips import Clip, iou, passing, scene, two


def follower(clip: Clip) -> Follower:
    return Follower(clip, OwnCells(), FLOW)


def given_masks(clip: Clip, *frames: int) -> dict[int, Tracked]:
    return {
        frame: Tracked.of(
            clip.truth[frame],
            {},
            frozenset(int(n) for n in np.unique(clip.truth[frame]) if n),
        )
        for frame in frames
    }


def followed(clip: Clip, *frames: int, backward: bool = True) -> dict[int, Tracked]:
    tracks = given_masks(clip, *frames)
    todo = runs(len(clip.names), frames, backward=backward)
    return tracks | dict(follower(clip).follow(tracks, todo))


def test_one_object_is_followed() -> None:
    clip = passing()
    found = followed(clip, 0)
    assert sorted(found) == list(range(8))
    for index, tracked in found.items():
        assert iou(tracked.mask(1), clip.truth[index] == 1) > 0.9
        if index:
            assert tracked.confidence[1] > 0.7
            assert not tracked.by_person


def test_what_does_not_look_like_the_object_is_not_taken_though_cells_are_like_it() -> None:
    """The objects' model alone, which learned the second disc as background."""
    clip = two()
    only = {0: Tracked.of(np.where(clip.truth[0] == 1, 1, 0).astype(np.int32), {}, frozenset({1}))}
    todo = runs(len(clip.names), [0], backward=False)
    by = FLOW.replace(model=1.0, flow_weight=0.0)
    for index, tracked in Follower(clip, OwnCells(), by).follow(only, todo):
        assert iou(tracked.mask(1), clip.truth[index] == 1) > 0.75
        assert not (tracked.mask(1) & (clip.truth[index] == 2)).any()


def test_backward_is_forward_of_the_clip_turned_round() -> None:
    clip = passing(5)
    turned = Clip(clip.images[::-1], clip.truth[::-1])
    there, back = followed(clip, 0), followed(turned, 4)
    for index, tracked in there.items():
        assert (tracked.labels == back[4 - index].labels).all()


def test_two_objects_keep_their_numbers_and_never_overlap() -> None:
    clip = two()
    found = followed(clip, 0)
    for index, tracked in found.items():
        for number in (1, 2):
            assert iou(tracked.mask(number), clip.truth[index] == number) > 0.85


def test_the_flow_alone_is_a_control() -> None:
    clip = passing(4)
    tracks = given_masks(clip, 0)
    found = dict(Follower(clip, None, WARP).follow(tracks, runs(4, [0], backward=False)))
    assert iou(found[3].mask(1), clip.truth[3] == 1) > 0.8
    with pytest.raises(TrackError, match="no features came"):
        Follower(clip, None, FLOW)


def test_an_object_that_leaves_has_an_empty_mask() -> None:
    """It goes out of the image on the right; the rest of the ground is not taken for it."""
    size = Size(96, 128)
    made = [scene([(100 + 9.0 * t, 48.0)], size, 14) for t in range(7)]
    clip = Clip([image for image, _ in made], [labels for _, labels in made])
    assert not (clip.truth[6] == 1).any()
    found = followed(clip, 0)
    assert not found[6].mask(1).any()
    assert found[6].confidence[1] > 0.5


def test_an_object_that_comes_later_is_given_there() -> None:
    """The second disc is first seen, and marked, in the fourth frame; before it is absent."""
    size = Size(96, 160)
    centres = [[(30 + 3.0 * t, 40.0), (125.0, 50.0) if t >= 3 else None] for t in range(6)]
    made = [scene(list(each), size, 16) for each in centres]
    clip = Clip([image for image, _ in made], [labels for _, labels in made])
    found = followed(clip, 0, 3)
    assert iou(found[5].mask(2), clip.truth[5] == 2) > 0.85
    assert iou(found[5].mask(1), clip.truth[5] == 1) > 0.85
    assert found[1].mask(2).sum() < 0.1 * (clip.truth[3] == 2).sum()


def test_a_broken_frame_is_empty_and_the_next_one_goes_on() -> None:
    whole = passing(6)
    clip = Clip(whole.images, whole.truth, broken=frozenset({2}))
    found = followed(clip, 0)
    assert not found[2].labels.any()
    assert found[2].confidence == {1: 0.0}
    assert iou(found[5].mask(1), clip.truth[5] == 1) > 0.85
    with pytest.raises(FrameError):
        followed(Clip(whole.images, whole.truth, broken=frozenset({0})), 0)


@pytest.mark.parametrize("broken", [frozenset[int](), frozenset({3})])
@pytest.mark.parametrize(("model", "motion"), [(0.0, 0.0), (0.5, 1.0)])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    broken: frozenset[int], model: float, motion: float
) -> None:
    """Frames of another size than the working size, so that masks are resized, too."""
    small = FLOW.replace(short_side=64, lags=(1, 3), model=model, motion=motion)
    whole = passing(7)
    clip = Clip(whole.images, whole.truth, broken)
    tracks, todo = given_masks(clip, 0), runs(7, [0], backward=False)
    at_once = tracks | dict(Follower(clip, OwnCells(), small).follow(tracks, todo))
    for stopped in (1, 4):
        done = {index: at_once[index] for index in range(stopped + 1)}
        rest = Follower(clip, OwnCells(), small).follow(done, todo, known=frozenset(done))
        resumed = done | dict(rest)
        assert resumed == at_once


def test_one_frame_needs_no_following() -> None:
    clip = passing(1)
    assert sorted(followed(clip, 0)) == [0]


def test_an_object_that_vanishes_and_returns_keeps_its_number() -> None:
    """The first disc goes behind a wall, stays hidden for some frames, and comes out again."""
    size = Size(96, 160)
    made = [scene([(25 + 8.0 * t, 48.0)], size, 14) for t in range(14)]
    wall = np.s_[:, 60:104]
    images, truth = [], []
    for image, labels in made:
        image[wall], labels[wall] = (240, 240, 240), 0
        images.append(image)
        truth.append(labels)
    hidden = [t for t, labels in enumerate(truth) if not labels.any()]
    assert len(hidden) >= 2
    clip = Clip(images, truth)
    found = followed(clip, 0)
    for index in hidden:
        assert found[index].labels.sum() < 0.02 * size.area
    assert iou(found[13].mask(1), truth[13] == 1) > 0.7
