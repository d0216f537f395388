"""DAVIS-2016 and DAVIS-2017: sequences of frames, every frame with its masks.

`JPEGImages/480p/SEQUENCE/00000.jpg` and `Annotations/480p/SEQUENCE/00000.png`. The masks of 2016
are grey, 0 and 255; those of 2017 have a palette whose index is the object, 255 being void.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from m2n2v2.arrays import Mask
from m2n2v2.datasets.pairs import by_stem, subfolder
from m2n2v2.errors import DatasetError
from m2n2v2.masks.readers import label_values

RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
VOID = 255


@dataclass(frozen=True)
class Sequence:
    """One sequence on disk.

    Attributes:
        frames, annotations: their files, in order, one annotation a frame.
        one_object: all objects together are one, as in 2016.
        grey: its masks are 0 and 255, which is then the one object and not void.
    """

    name: str
    frames: tuple[Path, ...]
    annotations: tuple[Path, ...]
    one_object: bool
    grey: bool

    def labels(self, index: int) -> tuple[Int32[np.ndarray, "H W"], Mask]:
        """A frame's true objects by number, 0 background; and its void pixels.

        Raises:
            DatasetError: the file cannot be read.
        """
        values = label_values(self.annotations[index])
        if self.one_object:
            return (values > 0).astype(np.int32), np.zeros(values.shape, bool)
        if self.grey:
            return (values == VOID).astype(np.int32), np.zeros(values.shape, bool)
        void = values == VOID
        return np.where(void, 0, values).astype(np.int32), void

    def objects(self) -> tuple[int, ...]:
        """The numbers of the objects that its first frame shows."""
        labels, _ = self.labels(0)
        return tuple(value for value in np.unique(labels).tolist() if value)


def davis_sequences(
    root: Path, *, year: int = 2017, names: tuple[str, ...] | None = None
) -> list[Sequence]:
    """The sequences under a folder in the benchmark's layout.

    Args:
        year: 2016 takes all objects of a frame as one, 2017 as they are numbered.
        names: which; those of `ImageSets/YEAR/val.txt` if not given, or all where it is absent.

    Raises:
        DatasetError: the layout is another, a sequence is not there, or a frame has no mask.
    """
    if year not in (2016, 2017):
        raise DatasetError(f"DAVIS of {year} came", cure="use 2016 or 2017")
    images = subfolder(subfolder(root, "JPEGImages"), *RESOLUTIONS)
    annotations = subfolder(subfolder(root, "Annotations"), images.name)
    for name in names or ():
        subfolder(images, name)
    listed = root / "ImageSets" / str(year) / "val.txt"
    here = sorted(path.name for path in images.iterdir() if path.is_dir())
    if names is None and listed.is_file():
        wanted = {line.split("/")[-1].strip() for line in listed.read_text("utf-8").split()}
        here = [name for name in here if name in wanted]
    chosen = list(names) if names is not None else here
    if not chosen:
        raise DatasetError(f"{images} holds no sequence", cure="check that it was unpacked whole")
    return [_sequence(images / name, annotations, year == 2016) for name in chosen]


def _sequence(folder: Path, annotations: Path, one_object: bool) -> Sequence:
    pairs = by_stem(folder, subfolder(annotations, folder.name))
    frames, masks = zip(*pairs, strict=True)
    grey = set(np.unique(label_values(masks[0])).tolist()) <= {0, VOID}
    return Sequence(folder.name, frames, masks, one_object, grey)
