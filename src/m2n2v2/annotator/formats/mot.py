"""MOT Challenge's boxes of a sequence: a line an object and frame. For trackers; not read back.

Columns: frame and object from 1, left, top, width, height in pixels, confidence, and three times
-1; no header. `frames.tsv` says which image each frame is.
"""

import csv
import io
from collections import Counter
from pathlib import Path

from m2n2v2.annotator.formats.base import Labels, Losses, solid
from m2n2v2.annotator.formats.files import Photos, write_text
from m2n2v2.errors import FormatError

FILE, FRAMES = "boxes.csv", "frames.tsv"


def write(labels: Labels, folder: Path, photos: Photos | None = None) -> Losses:
    """Write `boxes.csv` and `frames.tsv`.

    Raises:
        FormatError: the images are no sequence.
    """
    counts: Counter[str] = Counter()
    lines: list[tuple[int, int, str]] = []
    frames: list[tuple[int, str]] = []
    for image in labels.images:
        if image.frame is None:
            raise FormatError(
                "MOT has boxes of sequences, and this folder is not called one",
                cure="start the annotator on it with --sequence, or choose another format",
            )
        frames.append((image.frame + 1, image.name))
        for obj in solid(image, counts, tracks=True):
            counts["boxes"] += 1
            sure = 1.0 if obj.confidence is None else obj.confidence
            row = (image.frame + 1, obj.track, *obj.mask.bbox, f"{sure:.4f}", -1, -1, -1)
            lines.append((image.frame + 1, obj.track or 0, _line(row, ",")))
    write_text(folder / FILE, "".join(line for _, _, line in sorted(lines)))
    write_text(folder / FRAMES, "".join(_line(row, "\t") for row in sorted(frames)))
    counts["colors"] += sum(label.color is not None for label in labels.classes)
    return Losses.of(counts)


def _line(row: tuple[object, ...], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(row)
    return out.getvalue()
