"""A folder being annotated: its images, what is stored of them, and the clicks between.

The one place that knows all three: `folder` says what a file contains now, `store` what was
annotated, `engine` what clicks make of it. A mask belongs to the content it was made on: where
the file has become another picture, nothing is drawn on it.
"""

import errno
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from m2n2v2.annotator import edits, wire
from m2n2v2.annotator.document import Change, Document, Object
from m2n2v2.annotator.engine import Engine, Prepared
from m2n2v2.annotator.folder import Content, Folder, Picture
from m2n2v2.annotator.people import People
from m2n2v2.annotator.store import Counts, Listed, Store, check_revision
from m2n2v2.annotator.strokes import painted
from m2n2v2.annotator.tracks import spoken
from m2n2v2.arrays import Mask
from m2n2v2.errors import (
    ClassError,
    ConflictError,
    EditError,
    FolderError,
    ImageError,
    MissingError,
    StoreError,
)
from m2n2v2.files import OURS
from m2n2v2.masks.runs import Runs
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.prompts import Click

LOOK_AGAIN = 5.0
"""Seconds after which the folder is looked through again when its list is asked for."""


@dataclass(frozen=True)
class Entry:
    """An image in the list, with what is wrong with it."""

    listed: Listed
    problem: str | None

    @property
    def unreadable(self) -> bool:
        """Whether its file is no picture that can be decoded, as far as known."""
        return self.problem is not None and self.problem.startswith("unreadable:")


class Project:
    """All that the routes need.

    Args:
        folder: where the images are.
        store: where annotations are.
    """

    def __init__(self, folder: Folder, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.people = People()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._problems: dict[int, str] = {}
        self._place: dict[str, int] = {}
        self.left_out = ""
        self._looked = 0.0
        self._looking = threading.Lock()
        self.look()

    # The list

    def look(self) -> None:
        """See which images the folder has now."""
        with self._looking:
            listing = self.folder.listing()
            self.store.add_images(list(listing.names))
            self._place = {name: place for place, name in enumerate(listing.names)}
            self.left_out = listing.said
            self._looked = time.monotonic()

    def entries(self, *, look: bool = True) -> list[Entry]:
        """The images there are, and those annotated that are gone, in the folder's order.

        Args:
            look: through the folder, if that was not done lately.
        """
        if look and time.monotonic() - self._looked > LOOK_AGAIN:
            self.look()
        place, last = self._place, len(self._place)
        shown = [
            listed for listed in self.store.images() if listed.name in place or listed.revision
        ]
        shown.sort(key=lambda listed: (place.get(listed.name, last), listed.name))
        return [Entry(listed, self._problem(listed)) for listed in shown]

    def counts(self, entries: list[Entry] | None = None) -> Counts:
        """How far the folder is."""
        every = self.entries() if entries is None else entries
        return Counts(
            images=len(every),
            done=sum(e.listed.done for e in every),
            unreadable=sum(e.unreadable and not e.listed.done for e in every),
            objects=sum(e.listed.objects for e in every),
        )

    def following(self, image: int) -> int | None:
        """The next image that is not done, in the folder's order, around its end."""
        here = [entry.listed for entry in self.entries(look=False) if not entry.problem]
        at = next((i for i, listed in enumerate(here) if listed.id == image), -1)
        later = [*here[at + 1 :], *here[: max(at, 0)]]
        return next((listed.id for listed in later if not listed.done), None)

    # One image

    def content(self, image: int) -> Content:
        """The photograph, decoded, if it is the one annotated."""
        document = self.document(image)
        content = self.folder.content(document.name)
        self._check_same(document, content.sha256)
        return content

    def picture(self, image: int, max_side: int | None = None) -> Picture:
        """The photograph as browsers show it, if it is the one annotated."""
        document = self.document(image)
        picture = self.folder.picture(document.name, max_side)
        self._check_same(document, picture.sha256)
        return picture

    def thumb(self, image: int, known: str, max_side: int) -> Picture | None:
        """The file as it is, small, without opening the image; None if it is the one `known`.

        Raises:
            ConflictError: it is another picture than the one annotated.
        """
        annotated = self.store.document(image)
        with self._noting(annotated):
            sha256 = self.folder.sha256(annotated.name)
            if annotated.revision:
                self._check_same(annotated, sha256)
            return None if sha256 == known else self.folder.picture(annotated.name, max_side)

    def add_image(self, name: str, data: bytes) -> Listed:
        """Put an image into the folder.

        Raises:
            AccessError: the folder takes no changes.
            FolderError, ImageError, StoreError: see `Folder.add`.
        """
        self.store.check_writable()
        self.folder.add(name, data)
        self.look()
        return next(listed for listed in self.store.images() if listed.name == name)

    def document(self, image: int, person: str | None = None) -> Document:
        """The annotations of an image whose file is as it was annotated.

        Args:
            person: whose edits there may be to undo and redo.

        Raises:
            MissingError: no such image.
            ImageError: its file is gone, or is no image that can be decoded.
            ConflictError: its file is another picture now.
        """
        annotated = self.store.document(image, person)
        with self._noting(annotated):
            sha256 = self.folder.sha256(annotated.name)
            if sha256 == annotated.sha256:
                self._problems.pop(image, None)
                return annotated
            if annotated.revision:
                self._check_same(annotated, sha256)
            content = self.folder.content(annotated.name)
        self.store.opened(image, content.size, content.sha256)
        self._problems.pop(image, None)
        return self.store.document(image, person)

    def shown(self, image: int, person: str | None = None) -> tuple[Document, str | None]:
        """The annotations to be shown, and what is wrong with the file.

        Where the file is not the picture annotated, no object is shown.
        """
        try:
            return self.document(image, person), None
        except (FolderError, ImageError, ConflictError):
            kept = self.store.document(image, person)
            return replace(kept, objects=()), self._problems.get(image, "unreadable: try again")

    def edit(
        self,
        engine: Engine,
        image: int,
        revision: int,
        edit: wire.Edit,
        person: str | None = None,
    ) -> Change:
        """Do an edit of a person; it is on the disk on return.

        Raises:
            ConflictError: another revision by now, or another picture.
            BusyError: the image is not prepared.
            M2N2Error: the edit makes no sense; nothing has changed.
        """
        with self._locks[image]:
            document = self.document(image)
            check_revision(document.revision, revision)
            self._check_class(document, edit)
            means = edits.Means(
                segmented=lambda obj: self._segmented(engine, document, obj),
                snapped=lambda obj: self._snapped(engine, document, obj),
                other=self.document,
                cleaning=self.store.cleaning(),
            )
            objects = edits.applied(document, edit, means)
            objects = spoken(document, edit, objects)
            change = self.store.commit(document, objects, person)
        engine.settle(image)
        return change

    def revise(
        self,
        image: int,
        change: Callable[[Document], Sequence[Object]],
        person: str | None = None,
    ) -> Change | None:
        """Change the objects of an image by what they are at that moment; on the disk on return.

        Returns:
            None if that changes nothing.

        Raises:
            ImageError, ConflictError: as `document` does.
            AccessError, StoreError: nothing can be stored.
        """
        with self._locks[image]:
            document = self.document(image)
            objects = tuple(change(document))
            if objects == document.objects:
                return None
            return self.store.commit(document, objects, person)

    def step(self, image: int, revision: int, person: str | None = None, *, back: bool) -> Change:
        """Undo or redo one edit of a person; raises as `edit` does."""
        with self._locks[image]:
            document = self.document(image)
            move = self.store.undo if back else self.store.redo
            return move(document.id, revision, person)

    def prompt(
        self, engine: Engine, image: int, object: int, click: int
    ) -> tuple[ImageState, Segmentation, int]:
        """An object's segmentation, and the index of one of its clicks (-1 is the last).

        Raises:
            MissingError: no such object or click.
            BusyError: the image is not prepared.
        """
        document = self.document(image)
        obj = document.object(object)
        count = len(obj.clicks)
        if not -count <= click < count:
            raise MissingError(
                f"there is no click {click} among {count}", cure="use an index from 0, or -1"
            )
        prepared = engine.prepared(image, str(document.sha256))
        return prepared.state, prepared.segmentation(obj.base, obj.clicks), click % count

    def preview(self, engine: Engine, image: int, given: wire.GivenPreview) -> Runs:
        """The mask that a click would give; nothing is stored.

        Raises:
            BusyError: there is no time for it, or the image is not prepared.
            ClickError: the click lies outside, or contradicts another.
        """
        document = self.document(image)
        prepared = engine.prepared(image, str(document.sha256))
        click = Click(given.x, given.y, given.positive)
        if given.object is None:
            mask = prepared.preview(None, (), click)
            return Runs.of(self.store.cleaning().of(mask).mask)
        obj = document.object(given.object)
        mask = prepared.preview(obj.base, obj.clicks, click)
        return Runs.of(painted(mask, obj.strokes))

    def _check_class(self, document: Document, edit: wire.Edit) -> None:
        """Is there the class, or the attribute of the object's class, that an edit names?"""
        class_id = getattr(edit, "class_id", None)
        if class_id is not None and all(c.id != class_id for c in self.store.classes()):
            raise ClassError(f"there is no class {class_id}", cure="make it first")
        if isinstance(edit, wire.SetAttribute) and edit.value is not None:
            of = document.object(edit.object).class_id
            label = next((c for c in self.store.classes() if c.id == of), None)
            known = {attribute.name: attribute for attribute in (label.attributes if label else ())}
            if edit.name not in known:
                raise EditError(
                    f"{label.name if label else 'an object without a class'} has no attribute "
                    f"{edit.name!r}",
                    cure=f"use {', '.join(known)}" if known else "give the class one first",
                )
            known[edit.name].check(edit.value)

    def _segmented(self, engine: Engine, document: Document, obj: Object) -> tuple[Mask, str]:
        prepared = engine.prepared(document.id, str(document.sha256))
        return prepared.segmentation(obj.base, obj.clicks).mask, _named(prepared)

    def _snapped(self, engine: Engine, document: Document, obj: Object) -> tuple[Mask, str]:
        prepared = engine.prepared(document.id, str(document.sha256))
        return prepared.snapped(obj.mask.mask), _named(prepared)

    @contextmanager
    def _noting(self, annotated: Document) -> Iterator[None]:
        """What is wrong with a file is kept for the list."""
        try:
            yield
        except (FolderError, ImageError) as error:
            kind = "unreadable" if self.folder.has(annotated.name) else "missing"
            self._problems[annotated.id] = f"{kind}: {error}"
            raise

    def _check_same(self, document: Document, sha256: str) -> None:
        if document.sha256 == sha256:
            return
        text = f"{document.name} is another picture than the one annotated"
        cure = "put the original back, or give the new picture another name"
        self._problems[document.id] = f"changed: {text}; {cure}"
        raise ConflictError(text, cure=cure)

    def _problem(self, listed: Listed) -> str | None:
        if listed.name not in self._place:
            return f"missing: {listed.name} is no longer in the folder; put it back"
        return self._problems.get(listed.id)


def _named(prepared: Prepared) -> str:
    """What makes masks of an image's clicks."""
    made_by = prepared.state.provenance
    return f"{made_by.attention}; depth: {made_by.depth}; m2n2v2 {made_by.version}"


def open_project(root: Path) -> Project:
    """The project of a folder, with its annotations file; made if there is none.

    A folder that takes no changes opens for looking.

    Raises:
        FolderError: no such folder.
        StoreError: the annotations cannot be read.
    """
    folder = Folder(root)
    home = folder.root / OURS
    path = home / "annotations.sqlite"
    if home.is_symlink() or path.is_symlink():
        raise StoreError(f"{OURS} is a link, and may lead anywhere", cure="remove the link")
    return Project(folder, Store(path, read_only=not _writable(home, path)))


def _writable(home: Path, path: Path) -> bool:
    """May we write in our own folder? It is made if it is not there."""
    try:
        home.mkdir(exist_ok=True)
        probe = home / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return False
        raise StoreError(
            f"nothing can be written to {OURS} ({error.strerror})", cure="look at the disk"
        ) from error
    return not path.exists() or os.access(path, os.W_OK)
