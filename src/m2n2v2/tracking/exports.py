"""Tracks as other tools read them: boxes in a table, masks in COCO's json, a film."""

import csv
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.errors import BackendError, FrameError
from m2n2v2.files import whole_file
from m2n2v2.grid import Size, limited
from m2n2v2.images import resized
from m2n2v2.masks.coco import compressed
from m2n2v2.masks.runs import Runs
from m2n2v2.tracking.drawing import drawn
from m2n2v2.tracking.following import reduced_labels
from m2n2v2.tracking.frames import Frames
from m2n2v2.tracking.tracks import Tracks
from m2n2v2.tracking.video import pyav
from m2n2v2.version import __version__

FILM_SIDE = 720
"""Shorter side of the film, at most."""

GIF_SIDE, GIF_FRAMES = 240, 300
"""Of an animated picture, whose frames are all in memory while it is written."""

RATE = 10
"""Frames a second where nobody knows."""

CLOCK = 90_000
"""Ticks a second of the film's time stamps."""


def objects(tracks: Tracks) -> Iterator[tuple[int, int, Runs, float]]:
    """Every mask that is not empty: frame, object, mask and confidence, in that order."""
    for index, tracked in sorted(tracks.items()):
        labels = tracked.labels
        for number in np.unique(labels[labels > 0]).tolist():
            yield index, number, Runs.of(labels == number), tracked.confidence.get(number, 1.0)


def write_boxes(path: Path, tracks: Tracks) -> Path:
    """The boxes as MOT Challenge has them: frame and object from 1, left, top, width, height,
    confidence, and three times -1; no header.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        for index, number, mask, confidence in objects(tracks):
            table.writerow([index + 1, number, *mask.bbox, f"{confidence:.4f}", -1, -1, -1])
    return path


def coco(frames: Frames, tracks: Tracks, clip: str) -> dict[str, Any]:
    """COCO's json with a `track_id` for every annotation, and the video's place of every image."""
    size = frames.size
    images = [
        {
            "id": index + 1,
            "video_id": 1,
            "frame_id": index,
            "file_name": name,
            "width": size.width,
            "height": size.height,
        }
        for index, name in enumerate(frames.names)
    ]
    annotations: list[dict[str, Any]] = [
        {
            "id": at,
            "image_id": index + 1,
            "video_id": 1,
            "track_id": number,
            "category_id": 1,
            "segmentation": {"size": [size.height, size.width], "counts": compressed(mask)},
            "area": mask.area,
            "bbox": list(mask.bbox),
            "iscrowd": 0,
            "score": round(confidence, 4),
        }
        for at, (index, number, mask, confidence) in enumerate(objects(tracks), 1)
    ]
    numbers = sorted({annotation["track_id"] for annotation in annotations})
    return {
        "info": {"version": f"m2n2v2 {__version__}"},
        "videos": [{"id": 1, "name": clip, "width": size.width, "height": size.height}],
        "images": images,
        "annotations": annotations,
        "tracks": [{"id": number, "video_id": 1, "category_id": 1} for number in numbers],
        "categories": [{"id": 1, "name": "object", "supercategory": ""}],
    }


def write_coco(path: Path, frames: Frames, tracks: Tracks, clip: str) -> Path:
    """`coco` as a file.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(coco(frames, tracks, clip)), "utf-8")
    return path


def pictures(
    frames: Frames, tracks: Tracks, size: Size, every: int = 1
) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]]:
    """The frames that have masks, with them drawn on; broken ones are black."""
    for index in sorted(tracks)[::every]:
        try:
            image: Image = resized(frames.read(index), size)
        except FrameError:
            image = np.zeros((*size.shape, 3), np.uint8)
        yield index, drawn(image, reduced_labels(tracks[index].labels, size))


def write_film(path: Path, frames: Frames, tracks: Tracks) -> Path:
    """The masks over the frames as an MP4, at the frames' own times.

    Raises:
        BackendError: PyAV is not installed, or cannot write such a film.
        OutputError: it cannot be written.
    """
    av = pyav()
    shown = limited(frames.size, FILM_SIDE)
    even = Size(max(2, shown.height // 2 * 2), max(2, shown.width // 2 * 2))
    codec = next((c for c in ("libx264", "mpeg4") if c in av.codecs_available), None)
    if codec is None:
        raise BackendError("this PyAV writes no MP4", cure="use --overlay gif")
    with whole_file(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = even.width, even.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, CLOCK)
        for index, picture in pictures(frames, tracks, even):
            seconds = frames.seconds(index)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = round((index / RATE if seconds is None else seconds) * CLOCK)
            frame.time_base = Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_gif(path: Path, frames: Frames, tracks: Tracks) -> Path:
    """The masks over the frames as an animated picture, small, of 300 frames at most.

    Raises:
        OutputError: it cannot be written.
    """
    every = -(-len(tracks) // GIF_FRAMES)
    size = limited(frames.size, GIF_SIDE)
    files = [
        PILImage.fromarray(picture).quantize(64)
        for _, picture in pictures(frames, tracks, size, every)
    ]
    with whole_file(path) as temporary:
        files[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=files[1:],
            duration=round(1000 * every / RATE),
            loop=0,
        )
    return path
