"""Does memory grow with the clip? The peak after 100, 500 and 1,000 followed frames.

    python -m benchmarks.tracking                          # offline, 854 x 480
    python -m benchmarks.tracking --preset dinov2-graph
    python -m benchmarks.tracking --size 128x96 --frames 10 --at 5,10    # seconds

A made-up clip, whose frames are drawn when they are read: two textured discs on a textured ground,
going round. It is followed and written frame by frame, as `m2n2v2 track` does, into a folder that
is removed; `written` is after boxes and COCO are written, too. Megabytes are the highest resident
memory of the process so far, so a peak that lies before 100 frames is in all of the figures.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from benchmarks.harness import metadata
from benchmarks.memory import forget_peak, peak_mb, resident_mb
from m2n2v2.arrays import Image
from m2n2v2.grid import Size
from m2n2v2.presets import preset
from m2n2v2.tracking.exports import write_boxes, write_coco
from m2n2v2.tracking.features_file import FeatureCache
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.plan import runs
from m2n2v2.tracking.sources import source_of
from m2n2v2.tracking.track_folder import TrackFolder
from m2n2v2.tracking.tracks import Tracked

TURN = 240
"""Frames in which a disc goes round once."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracking", description=__doc__)
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--size", default="854x480", help="WIDTHxHEIGHT")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--at", default="100,500,1000", help="after how many frames to look")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    width, height = map(int, chosen.size.split("x"))
    clip = MadeUp(Size(height, width), chosen.frames)
    found = measured(clip, chosen.preset, [int(at) for at in chosen.at.split(",")])
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"tracking-{chosen.preset}.json"
    path.write_text(json.dumps({"metadata": metadata(), **found}, indent=1) + "\n")
    for at, mb in found["peak_mb"].items():
        print(f"{at:>7} frames: {mb:.0f} MB at most")
    print(
        f"written: {found['written_mb']:.0f} MB at most; {found['seconds_per_frame']:.2f} s a frame"
    )
    print(path)


def measured(clip: "MadeUp", chosen: str, looks: list[int]) -> dict[str, Any]:
    """Follow a clip; the peak of memory after some numbers of frames, in MB."""
    source, settings = source_of(preset(chosen))
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="m2n2v2-tracking-") as folder:
        out = Path(folder)
        cache = FeatureCache(out / "features") if source.costly else None
        follower = Follower(clip, source, settings, cache)
        tracks = {0: Tracked.of(clip.drawn(0)[1], {}, frozenset({1, 2}))}
        kept = TrackFolder.opened(out / "tracks", clip.names, {})
        kept.put(0, tracks[0])
        forget_peak()
        before = resident_mb()
        began = time.perf_counter()
        todo = runs(len(clip.names), [0], backward=False)
        for index, tracked in follower.follow(dict(tracks), todo):
            kept.put(index, tracked)
            tracks[index] = tracked
            if index + 1 in looks:
                peaks[str(index + 1)] = round(peak_mb(), 1)
        seconds = time.perf_counter() - began
        write_boxes(out / "boxes.csv", tracks)
        write_coco(out / "annotations.json", clip, tracks, "made up")
        written = round(peak_mb(), 1)
    return {
        "preset": chosen,
        "features": source.name,
        "size": str(clip.size),
        "frames": len(clip.names),
        "before_mb": round(before, 1),
        "peak_mb": peaks,
        "written_mb": written,
        "packed_mb": round(sum(len(track.packed) for track in tracks.values()) / 1e6, 2),
        "seconds_per_frame": round(seconds / max(1, len(tracks) - 1), 3),
    }


@dataclass(frozen=True)
class MadeUp:
    """A clip that is drawn when it is read."""

    size: Size
    count: int
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{index:05d}" for index in range(self.count))

    def identity(self) -> str:
        return f"made up, {self.size}, {self.count}"

    def seconds(self, index: int) -> float | None:
        return None

    def read(self, index: int) -> Image:
        return self.drawn(index)[0]

    def drawn(self, index: int) -> tuple[Image, Int32[np.ndarray, "H W"]]:
        """A frame, and the disc of each of its pixels."""
        height, width = self.size.shape
        radius = min(height, width) // 6
        y, x = np.mgrid[:height, :width]
        image = np.stack([90 + 50 * np.sin(x / 7 + c) * np.sin(y / 11) for c in range(3)], 2)
        labels = np.zeros(self.size.shape, np.int32)
        for number, colour in enumerate(((210, 90, 40), (60, 170, 70)), 1):
            angle = 2 * np.pi * (index / TURN + number / 2)
            at_x = width * (0.5 + 0.28 * np.cos(angle))
            at_y = height * (0.5 + 0.28 * np.sin(angle))
            inside = (x - at_x) ** 2 + (y - at_y) ** 2 <= radius**2
            pattern = 30 * np.sin((x - at_x) / 5) * np.sin((y - at_y) / 6)
            image[inside] = np.array(colour) + pattern[inside, None]
            labels[inside] = number
        return image.clip(0, 255).astype(np.uint8), labels


if __name__ == "__main__":
    main()
