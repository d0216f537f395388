"""A folder that is a sequence: its frames in order, and what is known of each at a glance."""

import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from m2n2v2.annotator.document import Document, Status
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Listed
from m2n2v2.arrays import Image
from m2n2v2.errors import FolderError, FrameError, ImageError, MissingError, StoreError
from m2n2v2.files import OURS, whole_file
from m2n2v2.grid import Size
from m2n2v2.tracking.frames import common_size

SIDECAR = "sequence.json"
"""In our own folder: says that the images are the frames of a sequence."""


def is_sequence(root: Path) -> bool:
    """Has a folder been called a sequence?"""
    return (root / OURS / SIDECAR).is_file()


def call_sequence(root: Path, yes: bool) -> None:
    """Say for the times to come whether a folder is a sequence.

    Raises:
        StoreError: it cannot be written.
    """
    path = root / OURS / SIDECAR
    try:
        if not yes:
            path.unlink(missing_ok=True)
        elif not path.is_file():
            path.parent.mkdir(exist_ok=True)
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps({"format": 1}) + "\n", "utf-8")
    except OSError as error:
        raise StoreError(
            f"{OURS}/{SIDECAR} cannot be written ({error.strerror})",
            cure="make the folder writable",
        ) from error


@dataclass(frozen=True)
class Glance:
    """One frame at a glance.

    Attributes:
        coverage: the share of its pixels that objects cover.
        confidence: the least of the masks that were followed; None where there are none.
        touched: a person made or changed an object in it, or called it done.
    """

    image: int
    name: str
    status: Status
    objects: int
    coverage: float
    confidence: float | None
    touched: bool
    problem: str | None

    @classmethod
    def of(cls, document: Document, problem: str | None) -> "Glance":
        """What a document says."""
        objects = document.objects
        covered = np.zeros(0, bool)
        for obj in objects:
            covered = obj.mask.mask if not covered.size else covered | obj.mask.mask
        followed = [o.confidence for o in objects if not o.by_person and o.confidence is not None]
        return cls(
            image=document.id,
            name=document.name,
            status=document.status,
            objects=len(objects),
            coverage=round(float(covered.mean()), 4) if covered.size else 0.0,
            confidence=min(followed, default=None),
            touched=document.done or any(obj.by_person for obj in objects),
            problem=problem,
        )


class Timeline:
    """The frames of a project that is a sequence, in the folder's order."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, Status, Glance]] = {}

    def listed(self) -> list[Listed]:
        """The frames as the store lists them."""
        return [entry.listed for entry in self.project.entries()]

    def glances(self) -> list[Glance]:
        """All frames at a glance; only those that have changed are looked at again."""
        return [self._glance(e.listed, e.problem) for e in self.project.entries()]

    def some(self, images: Iterable[int]) -> list[Glance]:
        """Those of these frames that there are, in their order."""
        entries = {entry.listed.id: entry for entry in self.project.entries(look=False)}
        chosen = [entries[image] for image in images if image in entries]
        return [self._glance(entry.listed, entry.problem) for entry in chosen]

    def glance(self, image: int) -> Glance:
        """One frame at a glance.

        Raises:
            MissingError: there is no such frame.
        """
        for glance in self.some([image]):
            return glance
        raise MissingError(f"there is no image {image}", cure="look at the list again")

    def _glance(self, listed: Listed, problem: str | None) -> Glance:
        with self._lock:
            known = self._known.get(listed.id)
        now = (listed.revision, listed.status)
        if known is None or known[:2] != now or known[2].problem != problem:
            known = (*now, Glance.of(self.project.store.document(listed.id), problem))
            with self._lock:
                self._known[listed.id] = known
        return known[2]


@dataclass(frozen=True)
class ProjectFrames:
    """Some frames of a project, as `tracking` takes them (`tracking.frames.Frames`).

    Attributes:
        names: their names in the folder.
    """

    project: Project
    names: tuple[str, ...]
    size: Size
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, project: Project, listed: Sequence[Listed], size: Size) -> "ProjectFrames":
        """Frames of one size, that of an image among them.

        Raises:
            FrameError: one is of another size; a file that cannot be opened is a broken frame.
        """
        names = tuple(frame.name for frame in listed)
        folder = project.folder
        common_size((name, folder.path(name)) for name in names if folder.has(name))
        return cls(project, names, size)

    def identity(self) -> str:
        return hashlib.sha256(json.dumps(self.names).encode()).hexdigest()

    def seconds(self, index: int) -> float | None:
        return None

    def read(self, index: int) -> Image:
        name = self.names[index]
        try:
            image = self.project.folder.content(name).image
        except (ImageError, FolderError) as error:
            raise FrameError(f"frame {name} is broken: {error.what}", cure=error.cure) from error
        if image.shape[:2] != self.size.shape:
            raise FrameError(f"frame {name} has changed its size", cure="put the original back")
        return image
