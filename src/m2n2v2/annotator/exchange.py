"""Between the annotations of a folder and the formats: labels out, labels in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from m2n2v2.annotator.attributes import MOST, Attribute, Kind
from m2n2v2.annotator.class_files import with_key_and_color
from m2n2v2.annotator.document import Document, Object, ObjectClass
from m2n2v2.annotator.edits import MOST_OBJECTS
from m2n2v2.annotator.formats.base import LabelClass, Labelled, LabelledObject, Labels
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import Edit
from m2n2v2.annotator.timeline import is_sequence
from m2n2v2.errors import ConflictError, FormatError, ImageError, M2N2Error
from m2n2v2.grid import Size


@dataclass(frozen=True)
class Taken:
    """Labels of a folder, and the images left out because of their files, in words."""

    labels: Labels
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Added:
    """How much an import brought."""

    images: int
    objects: int
    classes: int


def labels_of(project: Project, *, only_done: bool = False) -> Taken:
    """The labels of every image that has an object or is marked as done.

    An image that is gone, cannot be read, or is another picture than the one annotated is left
    out: its masks belong to no picture that is here.

    Args:
        only_done: of images marked as done, no others.
    """
    classes = project.store.classes()
    by_id = {label.id: label for label in classes}
    sequence = is_sequence(project.folder.root)
    images, skipped = [], []
    for frame, entry in enumerate(project.entries()):
        listed = entry.listed
        if not (listed.done or (listed.objects and not only_done)):
            continue
        try:
            document = project.document(listed.id)
        except (ImageError, ConflictError) as error:
            skipped.append(f"{listed.name}: {error.what}")
            continue
        last = project.store.last_edits(listed.id)
        objects = tuple(
            _labelled(
                obj, by_id.get(obj.class_id or 0), last.get(obj.id, Edit(None, None)), sequence
            )
            for obj in document.objects
        )
        place = frame if sequence else None
        images.append(Labelled(document.name, _size(document), objects, place))
    listed_classes = tuple(LabelClass(label.name, label.color) for label in classes)
    return Taken(Labels(tuple(images), listed_classes), tuple(skipped))


def _labelled(obj: Object, label: ObjectClass | None, last: Edit, sequence: bool) -> LabelledObject:
    """An object as formats take it, with the person who edited it last, and when."""
    return LabelledObject(
        obj.mask,
        label.name if label else None,
        len(obj.clicks) + len(obj.brushed),
        label.said(obj.attributes) if label else (),
        last.person,
        last.time,
        obj.identity if sequence else None,
        obj.confidence if sequence else None,
    )


class Sizes(Mapping[str, Size]):
    """The images of a folder by name; one is opened when its size is asked for."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, Size] = {}
        self._ids = {e.listed.name: e.listed.id for e in project.entries() if not e.problem}

    def __getitem__(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = _size(self._project.document(self._ids[name]))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def id(self, name: str) -> int:
        """Of the image of that name."""
        return self._ids[name]


def add_labels(project: Project, sizes: Sizes, labels: Labels, person: str | None = None) -> Added:
    """Put labels on top of what is there: all of them or none, one step of undo for each image.

    Classes are those of the same name; others are made. What is said of their objects they ask
    for from then on, as far as a class has room for it. Objects without a pixel are left out.

    Raises:
        FormatError: an image would have too many objects.
        ConflictError: an image was edited meanwhile, or is another picture now.
        AccessError, StoreError: nothing can be stored.
    """
    project.store.check_writable()
    documents = []
    for image in labels.images:
        solid = tuple(obj for obj in image.objects if obj.mask.area)
        if solid:
            document = project.document(sizes.id(image.name))
            if len(document.objects) + len(solid) > MOST_OBJECTS:
                raise FormatError(
                    f"{image.name} would have over {MOST_OBJECTS:,} objects", cure="import fewer"
                )
            documents.append((document, solid))
    before = project.store.classes()
    met = [obj for _, solid in documents for obj in solid]
    after = project.store.set_classes(_asking(_with_new(before, labels.classes), met))
    ids: dict[str | None, int] = {label.name: label.id for label in after}
    changes = [
        (document, (*document.objects, *(_object(obj, ids) for obj in solid)))
        for document, solid in documents
    ]
    try:
        project.store.commit_all(changes, person)
    except M2N2Error:
        project.store.set_classes(before)
        raise
    objects = sum(len(solid) for _, solid in documents)
    return Added(len(documents), objects, len(after) - len(before))


def _object(obj: LabelledObject, ids: Mapping[str | None, int]) -> Object:
    """An imported object: its mask is what later clicks correct."""
    return Object(
        id=0,
        mask=obj.mask,
        base=obj.mask,
        class_id=ids.get(obj.class_name),
        finished=True,
        source="import",
        attributes=obj.attributes,
    )


def _with_new(
    known: tuple[ObjectClass, ...], wanted: tuple[LabelClass, ...]
) -> tuple[ObjectClass, ...]:
    """The classes known and those to be made, with the free keys and colours of their own."""
    every = list(known)
    names = {known_label.name for known_label in known}
    for label in wanted:
        if label.name not in names:
            made = ObjectClass(0, label.name, label.color or "")
            every.append(with_key_and_color(made, every))
    return tuple(every)


def _asking(
    classes: tuple[ObjectClass, ...], objects: Iterable[LabelledObject]
) -> tuple[ObjectClass, ...]:
    """The classes with attributes for what is said of their objects: flags and texts."""
    said: dict[str | None, dict[str, Attribute]] = {}
    for obj in objects:
        for name, value in obj.attributes:
            kind: Kind = "flag" if isinstance(value, bool) else "text"
            said.setdefault(obj.class_name, {}).setdefault(name, Attribute(name, kind))
    return tuple(
        replace(label, attributes=(*label.attributes, *_more(label, said.get(label.name, {}))))
        for label in classes
    )


def _more(label: ObjectClass, said: Mapping[str, Attribute]) -> list[Attribute]:
    """What a class does not ask for yet, as far as it has room."""
    known = {attribute.name for attribute in label.attributes}
    return [said[name] for name in said if name not in known][: MOST - len(known)]


def _size(document: Document) -> Size:
    if document.size is None:
        raise ImageError(f"{document.name} has no size yet", cure="open it once")
    return document.size
