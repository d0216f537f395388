"""Follow objects through a clip, frame by frame; nothing but masks is kept of what is behind."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Int32

from m2n2v2.arrays import Image
from m2n2v2.errors import FrameError, MaskError, TrackError
from m2n2v2.grid import Size, limited
from m2n2v2.images import resized
from m2n2v2.tracking.cells import CellFeatures, Features
from m2n2v2.tracking.flow import opencv
from m2n2v2.tracking.frames import Frames
from m2n2v2.tracking.plan import Run
from m2n2v2.tracking.propagation import Cells, FeaturesOf, Known, Propagation
from m2n2v2.tracking.settings import TrackingSettings
from m2n2v2.tracking.tracks import Labels, Tracked, Tracks, people


class Follower:
    """Follows objects through the frames of one clip.

    Args:
        frames: the clip.
        source: what describes cells; None where `settings.keep` is 0.
        settings: constants.
        kept: given a source, what describes cells and remembers it, such as
            `features_file.FeatureCache`; the source itself if not given.
    """

    def __init__(
        self,
        frames: Frames,
        source: CellFeatures | None,
        settings: TrackingSettings,
        kept: Callable[[CellFeatures], FeaturesOf] | None = None,
    ) -> None:
        if source is None and settings.keep:
            raise TrackError("no features came", cure="give a source, or settings with keep 0")
        self.frames, self.settings = frames, settings
        self.size = limited(frames.size, settings.short_side)
        self._features: FeaturesOf
        if source is None:
            self._features = _no_features
        else:
            self._features = kept(source) if kept else source

    def image(self, index: int) -> Image:
        """A frame at working size.

        Raises:
            FrameError: it is broken.
        """
        return resized(self.frames.read(index), self.size)

    def follow(
        self,
        tracks: Tracks,
        todo: Sequence[Run],
        *,
        known: frozenset[int] = frozenset(),
        settings: TrackingSettings | None = None,
    ) -> Iterator[tuple[int, Tracked]]:
        """Follow runs; every frame's answer as soon as it is there.

        Args:
            tracks: what is known: at least the frames of a person that runs begin at, or lie near.
            todo: the runs (`plan.runs`).
            known: frames whose answer in `tracks` stands, so that an interrupted run goes on
                where it stopped: those at a run's begin are not followed again.
            settings: constants in the place of the follower's.

        Raises:
            TrackError: nothing is said of the frame that a run begins at.
            FrameError: that frame is broken.
        """
        for run in todo:
            yield from self._run(tracks, run, known, settings or self.settings)

    def _run(
        self, tracks: Tracks, run: Run, known: frozenset[int], settings: TrackingSettings
    ) -> Iterator[tuple[int, Tracked]]:
        if run.start not in tracks:
            raise TrackError(
                f"nothing is said of frame {self.frames.names[run.start]}",
                cure="click in it, or give it a mask",
            )
        done = 0
        while done < len(run.frames) and run.frames[done] in known:
            done += 1
        if done == len(run.frames):
            return
        numbers = numbers_of(tracks)
        propagation = self._propagation(tracks, run, numbers, settings)
        for known_frame in self._behind(propagation, tracks, run, done):
            propagation.remember(known_frame)
        for index in run.frames[done:]:
            try:
                image = self.image(index)
            except FrameError:
                nobody = np.zeros(self.frames.size.shape, np.int32)
                yield index, Tracked.of(nobody, dict.fromkeys(numbers, 0.0))
                continue
            step = propagation.step(index, image)
            labels = enlarged_labels(step.labels, self.frames.size)
            propagation.settle(reduced_labels(labels, self.size))  # as after an interruption
            yield index, Tracked.of(labels, step.confidence)

    def _propagation(
        self, tracks: Tracks, run: Run, numbers: tuple[int, ...], settings: TrackingSettings
    ) -> Propagation:
        """A run's memory: the frames of a person nearest to its begin."""
        near = sorted(people(tracks), key=lambda index: (abs(index - run.start), index))
        bare = Propagation(self._features, numbers, (), settings)
        anchors: list[Cells] = []
        for index in near:
            if len(anchors) == settings.anchors or not settings.keep:
                break
            try:
                image = self.image(index)
            except FrameError:  # a mask may be known of a frame that cannot be seen
                continue
            anchors.append(bare.known(index, image, self._labels(tracks[index])).cells)
        return Propagation(self._features, numbers, anchors, settings)

    def _behind(self, propagation: Propagation, tracks: Tracks, run: Run, done: int) -> list[Known]:
        """The frames to go on from, the newest last; broken ones do not count."""
        behind: list[Known] = []
        for index in [*reversed(run.frames[:done]), run.start]:
            if len(behind) == self.settings.lags[-1]:
                break
            try:
                image = self.image(index)
            except FrameError:
                if index == run.start and not behind:
                    raise
                continue
            behind.append(propagation.known(index, image, self._labels(tracks[index])))
        return behind[::-1]

    def _labels(self, tracked: Tracked) -> Labels:
        """A frame's labels at working size."""
        if tracked.size != self.frames.size:
            raise MaskError(
                f"a mask is {tracked.size} and its frame {self.frames.size}",
                cure="give a mask of the frame's size",
            )
        return reduced_labels(tracked.labels, self.size)


def numbers_of(tracks: Tracks) -> tuple[int, ...]:
    """The objects that a person spoke of anywhere, ascending.

    Raises:
        TrackError: there are none.
    """
    numbers = {number for tracked in tracks.values() for number in tracked.by_person}
    if not numbers:
        raise TrackError("the masks hold no object", cure="mark one in a frame in which it is seen")
    return tuple(sorted(numbers))


def reduced_labels(labels: Labels, size: Size) -> Int32[np.ndarray, "h w"]:
    """Labels at another size: each pixel's the one at its centre."""
    height, width = labels.shape
    rows = ((2 * np.arange(size.height) + 1) * height) // (2 * size.height)
    columns = ((2 * np.arange(size.width) + 1) * width) // (2 * size.width)
    return labels[rows[:, None], columns[None, :]]


def enlarged_labels(labels: Labels, size: Size) -> Int32[np.ndarray, "h w"]:
    """Labels at the size of the frames: outlines are rounded, not in steps."""
    if labels.shape == size.shape:
        return labels
    cv2 = opencv()
    best = np.full(size.shape, 0.5, np.float32)
    out = np.zeros(size.shape, np.int32)
    for number in np.unique(labels[labels > 0]).tolist():
        share = cv2.resize(
            (labels == number).astype(np.float32),
            (size.width, size.height),
            interpolation=cv2.INTER_LINEAR,
        )
        ahead = share >= best
        out[ahead], best[ahead] = number, share[ahead]
    return out


def _no_features(image: Image) -> Features:
    raise AssertionError("keep is 0: nobody asks for features")
