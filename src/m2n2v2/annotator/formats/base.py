"""Labels as every format takes and gives them, and what a format could not keep."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from m2n2v2.annotator.attributes import Values
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs

CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
LONGEST_NAME = 100
COLOR = re.compile(r"#[0-9a-fA-F]{6}")

UNCLASSIFIED = "unclassified"
"""The class written for objects without one, where a format needs one."""


@dataclass(frozen=True)
class LabelClass:
    """A class; color is `#rrggbb`, or None where a file names none.

    Raises:
        FormatError: the name is empty, too long or holds control characters; no such colour.
    """

    name: str
    color: str | None = None

    def __post_init__(self) -> None:
        control = any(unicodedata.category(c) in CONTROL for c in self.name)
        if not self.name.strip() or control or len(self.name) > LONGEST_NAME:
            raise FormatError(
                f"a class is called {self.name[:LONGEST_NAME]!r}",
                cure=f"give a name of 1 to {LONGEST_NAME} printable characters",
            )
        if self.color is not None and not COLOR.fullmatch(self.color):
            raise FormatError(f"the colour of a class is {self.color!r}", cure="write #rrggbb")


@dataclass(frozen=True)
class LabelledObject:
    """An object: its mask, its class (None for none), and how many clicks made it.

    Attributes:
        attributes: what is said of it, by name: texts, and flags that are set.
        person, time: who edited it last, and when, in seconds since 1970; None if not known.
        track: in a sequence, who it is in every frame; None elsewhere.
        confidence: of a mask that was followed, in [0, 1]; None for others.
    """

    mask: Runs
    class_name: str | None = None
    clicks: int = 0
    attributes: Values = ()
    person: str | None = None
    time: float | None = None
    track: int | None = None
    confidence: float | None = None

    @property
    def when(self) -> str | None:
        """The time by ISO 8601, to the second, in UTC."""
        if self.time is None:
            return None
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Labelled:
    """An image and its objects, bottom to top: later ones cover earlier ones.

    Attributes:
        name: the path in the folder, with forward slashes.
        frame: its place in the sequence, from 0; None where the folder is none.
    """

    name: str
    size: Size
    objects: tuple[LabelledObject, ...] = ()
    frame: int | None = None

    def __post_init__(self) -> None:
        for obj in self.objects:
            if obj.mask.size != self.size:
                raise FormatError(
                    f"{self.name} is {self.size} and a mask of it {obj.mask.size}",
                    cure="give masks of the image's size",
                )


@dataclass(frozen=True)
class Labels:
    """The labels of a folder.

    Raises:
        FormatError: two images or two classes share a name, or an object's class is not listed.
    """

    images: tuple[Labelled, ...] = ()
    classes: tuple[LabelClass, ...] = ()

    def __post_init__(self) -> None:
        for kind, names in (
            ("image", [image.name for image in self.images]),
            ("class", [label.name for label in self.classes]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise FormatError(f"{kind} {twice[0]!r} comes twice", cure="list each once")
        unlisted = {obj.class_name for image in self.images for obj in image.objects}
        unlisted -= {None, *(label.name for label in self.classes)}
        if unlisted:
            raise FormatError(
                f"objects are of class {min(map(str, unlisted))!r}, which is not listed",
                cure="list every class",
            )

    @property
    def objects(self) -> int:
        return sum(len(image.objects) for image in self.images)

    def ordered(self) -> tuple[Labelled, ...]:
        """The images by name, so that the same labels always give the same bytes."""
        return tuple(sorted(self.images, key=lambda image: image.name))


KINDS = {
    "clicks": "{n} clicks (and strokes) behind the masks are not in this format",
    "attributes": "what is said of {n} objects (attributes) is not in this format",
    "people": "who edited {n} objects, and when, is not in this format",
    "tracks": "which objects of different frames are one is not in this format ({n} masks)",
    "boxes": "{n} masks are their boxes only here, without a class",
    "colors": "the colours of {n} classes are not in this format",
    "empty": "{n} objects without a pixel are left out",
    "unclassified": f"{{n}} objects without a class are written as class `{UNCLASSIFIED}`",
    "order": "which object covers which is not kept on {n} images with overlaps",
    "overlap": "{n} pixels that several objects share are kept for the uppermost only",
    "hidden": "{n} objects are wholly covered by others and vanish",
    "bridges": "{n} background pixels become object under bridges between the parts of an object",
    "parts": "{n} objects of several parts are one polygon, its parts joined by bridges",
    "holes": "{n} objects have holes, which bridges join to their outline without loss",
    "as runs": "{n} objects have holes and are run lengths, not polygons",
    "as mask": "{n} objects have holes and are `mask` shapes (LabelMe 5.4 or newer), not polygons",
    "simplified": "{n} pixels change sides under polygons of fewer corners",
    "cleaned": "{n} pixels were added or removed by cleaning",
    "renamed": "{n} images have another file name here than in the folder (see `names.tsv`)",
    "converted": "{n} photographs are written anew (another format, turned upright)",
    "no photographs": "the {n} photographs are not copied: put them in place yourself",
    "outside": "{n} objects show their box only; where it lies is in the manifest",
}
"""What formats lose or change, in words, each with a number; each word is said here only."""


@dataclass(frozen=True)
class Losses:
    """What an export did not keep, by kind (see `KINDS`); falsy if there is nothing to say."""

    counts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, counts: Counter[str]) -> "Losses":
        return cls(tuple((kind, counts[kind]) for kind in KINDS if counts[kind]))

    def __getitem__(self, kind: str) -> int:
        return dict(self.counts).get(kind, 0)

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(KINDS[kind].format(n=f"{count:,}") for kind, count in self.counts)


@dataclass(frozen=True)
class Reading:
    """Labels read from a file, and what of it was left out, in words."""

    labels: Labels
    skipped: tuple[str, ...] = ()


def class_index(labels: Labels, counts: Counter[str]) -> dict[str | None, int]:
    """The classes counted from 0; one more for objects without a class, if there are any."""
    index: dict[str | None, int] = {label.name: n for n, label in enumerate(labels.classes)}
    without = sum(
        obj.class_name is None and obj.mask.area > 0
        for image in labels.images
        for obj in image.objects
    )
    counts["unclassified"] += without
    if without:
        index[None] = index.setdefault(UNCLASSIFIED, len(index))
    return index


def solid(
    image: Labelled, counts: Counter[str], *, described: bool = False, tracks: bool = False
) -> list[LabelledObject]:
    """The objects of an image that have a pixel; clicks and the others are counted as lost.

    Args:
        described: the format holds attributes and who edited; else these are lost, too.
        tracks: it says which objects of different frames are one; else that is lost.
    """
    if not described:
        counts["attributes"] += sum(bool(obj.attributes) for obj in image.objects)
        counts["people"] += sum(obj.person is not None for obj in image.objects)
    if not tracks:
        counts["tracks"] += sum(obj.track is not None for obj in image.objects)
    counts["clicks"] += sum(obj.clicks for obj in image.objects)
    counts["empty"] += sum(not obj.mask.area for obj in image.objects)
    return [obj for obj in image.objects if obj.mask.area]


def overlapping(objects: Iterable[LabelledObject]) -> bool:
    """Do any two of the objects share a pixel?"""
    spans = []
    for obj in objects:
        edges = np.cumsum(obj.mask.counts)
        spans += list(zip(edges[:-1:2].tolist(), edges[1::2].tolist(), strict=True))
    spans.sort()
    return any(stop > start for (_, stop), (start, _) in pairwise(spans))
