"""What is stored of each image and its objects: plain values, never changed."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from m2n2v2.annotator.attributes import Attribute, Values
from m2n2v2.errors import EditError, MissingError
from m2n2v2.grid import Size
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.runs import Runs
from m2n2v2.prompts import Box, Click, Given, Scribble


def forbids(id: int, why: str, *, cure: str) -> EditError:
    """The error of an edit that an object forbids: "object 3 is locked"."""
    error = EditError(f"object {id} {why}", cure=cure)
    error.object, error.why = id, why
    return error


Source = Literal["clicks", "import", "tracked"]
"""What an object's mask came of; `tracked` was followed from another frame (`tracks`)."""

Status = Literal["todo", "done", "checked", "rejected"]
"""How far an image is; who reviews says `checked` or `rejected`, and the latter is to do again."""

FINISHED: frozenset[Status] = frozenset({"done", "checked"})
"""Those that count as done."""


@dataclass(frozen=True)
class PlacedClick:
    """A click on an object, with what was made of it.

    Attributes:
        x, y: in pixels of the photograph.
        nudge: of its threshold, in [-1, 1]; 0 is the method's choice (`adjusting.nudged`).
    """

    x: float
    y: float
    positive: bool
    nudge: float = 0.0

    @property
    def prompt(self) -> Given:
        """What the method is given."""
        return Click(self.x, self.y, self.positive)

    def to_json(self) -> Any:
        """As it is stored."""
        return [self.x, self.y, int(self.positive), self.nudge]


@dataclass(frozen=True)
class PlacedBox:
    """A box on an object: left, top, right, bottom in pixels; else as a `PlacedClick`."""

    corners: tuple[float, float, float, float]
    positive: bool
    nudge: float = 0.0

    @property
    def prompt(self) -> Given:
        """What the method is given."""
        return Box(*self.corners, self.positive)

    def to_json(self) -> Any:
        """As it is stored."""
        return {"box": self.corners, "positive": self.positive, "nudge": self.nudge}


@dataclass(frozen=True)
class PlacedScribble:
    """A scribble on an object, through points in pixels; else as a `PlacedClick`."""

    points: tuple[tuple[float, float], ...]
    positive: bool
    nudge: float = 0.0

    @property
    def prompt(self) -> Given:
        """What the method is given."""
        return Scribble(self.points, self.positive)

    def to_json(self) -> Any:
        """As it is stored."""
        return {"scribble": self.points, "positive": self.positive, "nudge": self.nudge}


Placed = PlacedClick | PlacedBox | PlacedScribble
"""A prompt, with what was made of it."""


def _placed(stored: Any) -> Placed:
    if isinstance(stored, list):
        x, y, positive, nudge = stored
        return PlacedClick(x, y, bool(positive), nudge)
    positive, nudge = bool(stored["positive"]), stored["nudge"]
    if "box" in stored:
        left, top, right, bottom = stored["box"]
        return PlacedBox((left, top, right, bottom), positive, nudge)
    return PlacedScribble(tuple((x, y) for x, y in stored["scribble"]), positive, nudge)


@dataclass(frozen=True)
class Stroke:
    """A stroke of the brush or the eraser.

    Attributes:
        radius: in pixels of the photograph, over 0.
        points: its way, in pixels; one point is a disc.
    """

    erase: bool
    radius: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class PlacedCleaning:
    """A cleaning of the mask, with what it changed.

    Attributes:
        added, removed: pixels of the mask as it was drawn last.
    """

    cleaning: Cleaning
    added: int = 0
    removed: int = 0


@dataclass(frozen=True)
class FilledHole:
    """A hole filled, by the pixel (x, y) in it; where there is none any more, nothing happens."""

    x: int
    y: int


Drawn = Stroke | PlacedCleaning | FilledHole
"""What is done to a mask after its clicks."""

Ring = tuple[tuple[float, float], ...]
"""Corners (x, y) of a closed ring, in pixels."""


def _drawn_to_json(drawn: Drawn) -> Any:
    match drawn:
        case PlacedCleaning():
            return {
                "clean": asdict(drawn.cleaning),
                "added": drawn.added,
                "removed": drawn.removed,
            }
        case FilledHole():
            return {"fill": [drawn.x, drawn.y]}
    return {"erase": drawn.erase, "radius": drawn.radius, "points": drawn.points}


def _drawn(stored: Any) -> Drawn:
    if "clean" in stored:
        return PlacedCleaning(Cleaning(**stored["clean"]), stored["added"], stored["removed"])
    if "fill" in stored:
        return FilledHole(*stored["fill"])
    points = tuple((x, y) for x, y in stored["points"])
    return Stroke(stored["erase"], stored["radius"], points)


@dataclass(frozen=True)
class Object:
    """One object on an image: how it was made, and the mask that came of it.

    Attributes:
        id: unique in the folder, never used again.
        class_id: a key of the classes; None for none yet.
        clicks: in the order of clicking; boxes and scribbles are among them.
        strokes: drawn after the clicks, in order; cleanings and filled holes are among them.
        base: the mask that the clicks correct; None for an empty one.
        mask: base, then clicks, then strokes.
        made_by: the attention and depth that made something of the clicks, or drew the mask anew;
            None without, or if it was not noted.
        attributes: what is said of it, whether its class asks for it or not.
        polygon: the rings of which the base is made by the even-odd rule, while their vertices may
            be moved; None for a mask like others.
        track: its identity where it has one of another image (`identity`); None for its own.
        confidence: of a mask that was followed, in [0, 1]; None for others.
    """

    id: int
    mask: Runs
    class_id: int | None = None
    clicks: tuple[Placed, ...] = ()
    strokes: tuple[Drawn, ...] = ()
    base: Runs | None = None
    hidden: bool = False
    locked: bool = False
    finished: bool = False
    source: Source = "clicks"
    made_by: str | None = None
    attributes: Values = ()
    polygon: tuple[Ring, ...] | None = None
    track: int | None = None
    confidence: float | None = None

    @property
    def brushed(self) -> tuple[Stroke, ...]:
        """The strokes of brush and eraser."""
        return tuple(stroke for stroke in self.strokes if isinstance(stroke, Stroke))

    @property
    def cleaned(self) -> PlacedCleaning | None:
        """The last cleaning."""
        cleanings = [stroke for stroke in self.strokes if isinstance(stroke, PlacedCleaning)]
        return cleanings[-1] if cleanings else None

    @property
    def identity(self) -> int:
        """Who it is in every frame of a sequence: the id of the first object that it was."""
        return self.track or self.id

    @property
    def by_person(self) -> bool:
        """Did a person make or change it, or lock it?"""
        return self.source != "tracked" or self.locked

    @property
    def scale(self) -> float:
        """The nudge of the last click."""
        return self.clicks[-1].nudge if self.clicks else 0.0

    def to_dict(self) -> dict[str, Any]:
        """All that has no column of its own in the store, ready for JSON."""
        return {
            "clicks": [c.to_json() for c in self.clicks],
            "strokes": [_drawn_to_json(stroke) for stroke in self.strokes],
            "hidden": self.hidden,
            "locked": self.locked,
            "finished": self.finished,
            "source": self.source,
            "attributes": dict(self.attributes),
            **({} if self.polygon is None else {"polygon": self.polygon}),
            "track": self.track,
            "confidence": self.confidence,
        }

    @classmethod
    def from_dict(
        cls,
        values: dict[str, Any],
        *,
        id: int,
        class_id: int | None,
        mask: Runs,
        base: Runs | None,
        made_by: str | None,
    ) -> Self:
        """What `to_dict` gave, with the rest."""
        return cls(
            id=id,
            class_id=class_id,
            mask=mask,
            base=base,
            made_by=made_by,
            clicks=tuple(_placed(stored) for stored in values["clicks"]),
            strokes=tuple(_drawn(stored) for stored in values["strokes"]),
            polygon=_rings(values["polygon"]) if "polygon" in values else None,
            hidden=values["hidden"],
            locked=values["locked"],
            finished=values["finished"],
            source=values["source"],
            attributes=tuple(sorted(values.get("attributes", {}).items())),
            track=values.get("track"),
            confidence=values.get("confidence"),
        )


def _rings(stored: Any) -> tuple[Ring, ...]:
    return tuple(tuple((x, y) for x, y in ring) for ring in stored)


@dataclass(frozen=True)
class Document:
    """The annotations of one image.

    Attributes:
        id: of the image, unique in the folder.
        name: its path in the folder, with forward slashes.
        size, sha256: of the photograph when it was opened; None before.
        status: how far it is; `note` says why, and `status_by` who said so, None for nobody.
        revision: grows by one with every edit, undo and redo.
        objects: bottom to top; later ones cover earlier ones.
    """

    id: int
    name: str
    size: Size | None = None
    sha256: str | None = None
    status: Status = "todo"
    note: str = ""
    status_by: str | None = None
    revision: int = 0
    objects: tuple[Object, ...] = ()
    can_undo: bool = False
    can_redo: bool = False

    @property
    def done(self) -> bool:
        """Labelled, and not rejected."""
        return self.status in FINISHED

    def object(self, id: int) -> Object:
        """The object of that id.

        Raises:
            MissingError: this image has none.
        """
        for obj in self.objects:
            if obj.id == id:
                return obj
        raise MissingError(f"this image has no object {id}", cure="look at its objects again")

    def with_object(self, changed: Object) -> "Document":
        """With an object in its place, or on top if it is new."""
        if all(obj.id != changed.id for obj in self.objects):
            return replace(self, objects=(*self.objects, changed))
        return replace(
            self, objects=tuple(changed if o.id == changed.id else o for o in self.objects)
        )

    def without(self, id: int) -> "Document":
        """Without an object."""
        return replace(self, objects=tuple(o for o in self.objects if o.id != id))


@dataclass(frozen=True)
class ObjectClass:
    """What objects can be.

    Attributes:
        color: `#rrggbb`.
        key: a digit from 1 to 9 that picks it; None for none.
        attributes: what can be said of its objects.
    """

    id: int
    name: str
    color: str
    key: int | None = None
    attributes: tuple[Attribute, ...] = ()

    def said(self, values: Values) -> Values:
        """Those of an object's values that this class has attributes for."""
        names = {attribute.name for attribute in self.attributes}
        return tuple((name, value) for name, value in values if name in names)


@dataclass(frozen=True)
class Change:
    """What an edit, undo or redo did to a document.

    Attributes:
        before, after: the whole document.
        changed: objects of `after` that are new or different.
        removed: ids of those that are gone.
    """

    before: Document
    after: Document
    changed: tuple[Object, ...] = field(init=False)
    removed: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        known = {obj.id: obj for obj in self.before.objects}
        left = {obj.id for obj in self.after.objects}
        changed = tuple(o for o in self.after.objects if known.get(o.id) != o)
        object.__setattr__(self, "changed", changed)
        object.__setattr__(self, "removed", tuple(id for id in known if id not in left))
