"""What travels between page and server, as JSON; `docs/api.md` describes it for scripts."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from m2n2v2.annotator.attributes import LONGEST, LONGEST_NAME, MOST, Attribute, Kind
from m2n2v2.annotator.document import (
    Change,
    Document,
    Object,
    ObjectClass,
    Placed,
    PlacedBox,
    PlacedCleaning,
    PlacedScribble,
    Source,
    Status,
)
from m2n2v2.annotator.document import Stroke as DrawnStroke
from m2n2v2.annotator.models import Model
from m2n2v2.annotator.store import Counts, Listed
from m2n2v2.masks.cleaning import LARGEST_SMOOTH, Cleaning
from m2n2v2.masks.runs import Runs

MAX_POINTS = 4096
"""Of one stroke; longer ones are sent in parts."""

Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Id = Annotated[int, Field(ge=1, lt=1 << 53)]
Area = Annotated[int, Field(ge=0, lt=1 << 31, description="in pixels")]
Radius = Annotated[int, Field(ge=0, le=LARGEST_SMOOTH, description="in pixels")]
Points = Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=1, max_length=MAX_POINTS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class Wire(BaseModel):
    """Unknown fields are an error: a typing mistake is not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Answers


class WireMask(Wire):
    """Row-major run lengths, beginning with background."""

    size: tuple[int, int] = Field(description="height, width")
    counts: list[int]

    @classmethod
    def of(cls, runs: Runs) -> "WireMask":
        return cls.model_construct(size=runs.size.shape, counts=runs.counts.tolist())


class WireClick(Wire):
    """A prompt of an object; `x` and `y` are where its marker stands."""

    x: float
    y: float
    positive: bool
    box: tuple[float, float, float, float] | None = Field(None, description="of a box")
    scribble: list[tuple[float, float]] | None = Field(None, description="of a scribble")

    @classmethod
    def of(cls, placed: Placed) -> "WireClick":
        match placed:
            case PlacedBox():
                left, top, right, bottom = placed.corners
                x, y = (left + right) / 2, (top + bottom) / 2
                return cls.model_construct(
                    x=x, y=y, positive=placed.positive, box=placed.corners, scribble=None
                )
            case PlacedScribble():
                x, y = placed.points[0]
                points = list(placed.points)
                return cls.model_construct(
                    x=x, y=y, positive=placed.positive, box=None, scribble=points
                )
        return cls.model_construct(
            x=placed.x, y=placed.y, positive=placed.positive, box=None, scribble=None
        )


class WireStroke(Wire):
    erase: bool
    radius: float
    points: list[tuple[float, float]]

    @classmethod
    def of(cls, stroke: DrawnStroke) -> "WireStroke":
        return cls.model_construct(
            erase=stroke.erase, radius=stroke.radius, points=list(stroke.points)
        )


class WireCleaning(Wire):
    """In pixels; all 0 leaves masks as they are."""

    holes: int = Field(description="the largest area of a hole that is filled")
    specks: int = Field(description="the largest area of a part that is removed")
    smooth: int = Field(description="the radius of smoothing")

    @classmethod
    def of(cls, cleaning: Cleaning) -> "WireCleaning":
        return cls(**asdict(cleaning))


class WireCleaned(WireCleaning):
    """A cleaning, and what it changed."""

    added: int = Field(description="pixels that it added to the mask")
    removed: int = Field(description="pixels that it took from it")

    @classmethod
    def of(cls, placed: PlacedCleaning) -> "WireCleaned":  # type: ignore[override]
        return cls(**asdict(placed.cleaning), added=placed.added, removed=placed.removed)


class WireObject(Wire):
    id: int
    class_id: int | None
    clicks: list[WireClick]
    scale: float = Field(description="nudge of the last click's threshold, in [-1, 1]")
    strokes: list[WireStroke]
    hidden: bool
    locked: bool
    finished: bool
    source: Source
    track: int = Field(description="who it is in every frame of a sequence")
    confidence: float | None = Field(description="of a mask that was followed, in [0, 1]")
    made_by: str | None = Field(description="the attention and depth behind the clicks")
    attributes: dict[str, str | bool] = Field(description="what is said of it")
    cleaned: WireCleaned | None = Field(description="its last cleaning, and what that changed")
    polygon: list[list[tuple[float, float]]] | None = Field(
        description="the rings it is made of, by the even-odd rule; null for a mask like others"
    )
    area: int
    bbox: tuple[int, int, int, int]
    mask: WireMask

    @classmethod
    def of(cls, obj: Object) -> "WireObject":
        return cls.model_construct(
            id=obj.id,
            class_id=obj.class_id,
            clicks=[WireClick.of(placed) for placed in obj.clicks],
            scale=obj.scale,
            strokes=[WireStroke.of(stroke) for stroke in obj.brushed],
            hidden=obj.hidden,
            locked=obj.locked,
            finished=obj.finished,
            source=obj.source,
            track=obj.identity,
            confidence=obj.confidence,
            made_by=obj.made_by,
            attributes=dict(obj.attributes),
            cleaned=WireCleaned.of(obj.cleaned) if obj.cleaned else None,
            polygon=None if obj.polygon is None else [list(ring) for ring in obj.polygon],
            area=obj.mask.area,
            bbox=obj.mask.bbox,
            mask=WireMask.of(obj.mask),
        )


State = Literal["none", "queued", "preparing", "ready", "failed"]


class WireState(Wire):
    state: State
    stage: str | None = None
    error: str | None = None
    depth: bool = Field(default=False, description="there is a depth map to look at")


class WireImage(Wire):
    id: int
    name: str
    width: int | None
    height: int | None
    sha256: str | None
    done: bool
    status: Status
    note: str = Field(description="why it was checked or rejected")
    status_by: str | None
    revision: int
    objects: list[WireObject]
    can_undo: bool
    can_redo: bool
    state: State
    stage: str | None
    error: str | None
    depth: bool = Field(description="there is a depth map to look at")
    problem: str | None = Field(
        description="null, or a text that begins with `unreadable:`, `missing:` or `changed:`"
    )

    @classmethod
    def of(cls, document: Document, state: WireState, problem: str | None) -> "WireImage":
        return cls.model_construct(
            id=document.id,
            name=document.name,
            width=document.size.width if document.size else None,
            height=document.size.height if document.size else None,
            sha256=document.sha256,
            done=document.done,
            status=document.status,
            note=document.note,
            status_by=document.status_by,
            revision=document.revision,
            objects=[WireObject.of(obj) for obj in document.objects],
            can_undo=document.can_undo,
            can_redo=document.can_redo,
            state=state.state,
            stage=state.stage,
            error=state.error,
            depth=state.depth,
            problem=problem,
        )


class WireCounts(Wire):
    images: int
    done: int
    unreadable: int = Field(description="images not done that cannot be read, as far as known")
    objects: int

    @classmethod
    def of(cls, counts: Counts) -> "WireCounts":
        return cls(**asdict(counts))


class WireListed(Wire):
    id: int
    name: str
    done: bool
    status: Status
    objects: int
    problem: str | None
    width: int | None
    height: int | None

    @classmethod
    def of(cls, listed: Listed, problem: str | None) -> "WireListed":
        return cls(
            id=listed.id,
            name=listed.name,
            done=listed.done,
            status=listed.status,
            objects=listed.objects,
            problem=problem,
            width=listed.size.width if listed.size else None,
            height=listed.size.height if listed.size else None,
        )


class WireList(Wire):
    total: int
    position: int | None = Field(description="of the image asked for by `open`, from 0")
    counts: WireCounts
    images: list[WireListed]


class WireAttribute(Wire):
    """What can be said of the objects of a class."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    type: Kind
    values: Annotated[list[str], Field(max_length=MOST)] = Field([], description="of a choice")

    @classmethod
    def of(cls, attribute: Attribute) -> "WireAttribute":
        return cls(name=attribute.name, type=attribute.kind, values=list(attribute.values))

    @property
    def attribute(self) -> Attribute:
        """As it is stored, checked."""
        return Attribute(self.name, self.type, tuple(self.values))


class WireClass(Wire):
    id: int
    name: str
    color: str
    key: int | None
    attributes: list[WireAttribute]

    @classmethod
    def of(cls, label: ObjectClass) -> "WireClass":
        return cls(
            id=label.id,
            name=label.name,
            color=label.color,
            key=label.key,
            attributes=[WireAttribute.of(attribute) for attribute in label.attributes],
        )


class WireProject(Wire):
    folder: str = Field(description="its name, not its path")
    version: str
    preset: str
    note: str = Field(description="which attention, and whether it is a stand-in")
    classes: list[WireClass]
    counts: WireCounts
    left_out: str = Field(description="files of the folder that are not listed, in words")
    cleaning: WireCleaning = Field(description="of the masks of new objects")
    uploads: bool
    read_only: bool
    sample: bool = Field(description="these are the sample photographs, on which the page teaches")
    sequence: bool = Field(description="the images are the frames of a sequence")


class WireChange(Wire):
    revision: int
    can_undo: bool
    can_redo: bool
    objects: list[WireObject] = Field(description="those that are new or changed")
    removed: list[int]
    order: list[int] = Field(description="all that are there, bottom to top")
    seconds: float

    @classmethod
    def of(cls, change: Change, seconds: float) -> "WireChange":
        after = change.after
        return cls.model_construct(
            revision=after.revision,
            can_undo=after.can_undo,
            can_redo=after.can_redo,
            objects=[WireObject.of(obj) for obj in change.changed],
            removed=list(change.removed),
            order=[obj.id for obj in after.objects],
            seconds=seconds,
        )


class WireModel(Wire):
    name: str
    note: str
    chosen: bool
    seconds: float | None = Field(description="of preparing an image here; null if none was yet")

    @classmethod
    def of(cls, model: Model, chosen: Model) -> "WireModel":
        seconds = None if model.seconds is None else round(model.seconds, 2)
        return cls(name=model.name, note=model.note, chosen=model == chosen, seconds=seconds)


class WirePerson(Wire):
    name: str
    image: int | None = Field(description="the one they look at")


class WireHealth(Wire):
    status: Literal["up"] = "up"


class WireHere(Wire):
    revision: int | None = Field(description="of the image where you are")
    others: list[WirePerson]
    model: str = Field(description="what prepares images now")


class WireDone(Wire):
    done: bool
    status: Status
    note: str
    status_by: str | None
    counts: WireCounts


class WirePlaced(Wire):
    image: int
    name: str
    object: int
    area: int
    finished: bool


class WireDay(Wire):
    """The work of one person on one day (UTC); without a name it was not noted whose."""

    day: str
    person: str
    images: int
    edits: int
    seconds: float


class WireImported(Wire):
    """What an import brought; `skipped` says in words what was left out."""

    images: int
    objects: int
    classes: int = Field(description="classes that were made")
    skipped: list[str]


class WirePreview(Wire):
    mask: WireMask


class WireCurve(Wire):
    thresholds: list[float]
    area: list[int]
    score: list[float]
    chosen: float | None = Field(description="the threshold chosen; null if no candidate scores")


class WireProblem(Wire):
    kind: str
    message: str
    cure: str
    revision: int | None = Field(None, description="the current one, where an edit's was stale")


class WireError(Wire):
    error: WireProblem


# Requests


class GivenClass(Wire):
    id: Id | None = None
    name: Name
    color: Color
    key: Annotated[int, Field(ge=1, le=9)] | None = None
    attributes: Annotated[list[WireAttribute], Field(max_length=MOST)] | None = Field(
        None, description="null keeps those that the class has"
    )


class GivenClasses(Wire):
    classes: Annotated[list[GivenClass], Field(max_length=1000)]
    reassign_to: Id | None = None


class GivenCleaning(Wire):
    holes: Area = 0
    specks: Area = 0
    smooth: Radius = 0


class Drawing(Wire):
    """On an object, or as a new one of that class."""

    object: Id | None = None
    class_id: Id | None = None


class OfObject(Wire):
    """On an object that is there."""

    object: Id


class Click(Drawing):
    kind: Literal["click"]
    x: Coordinate
    y: Coordinate
    positive: bool = True


class Box(Drawing):
    """The object is inside; with `positive` false, nothing inside belongs to it."""

    kind: Literal["box"]
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    positive: bool = True


class Scribble(Drawing):
    """A stroke that is one prompt, not paint."""

    kind: Literal["scribble"]
    points: Points
    positive: bool = True


class RemoveClick(OfObject):
    kind: Literal["remove_click"]
    index: Annotated[int, Field(ge=0, lt=1 << 31)]


class Scale(OfObject):
    kind: Literal["scale"]
    scale: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class Stroke(Drawing):
    kind: Literal["stroke"]
    erase: bool = False
    radius: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)]
    points: Points


class Finish(OfObject):
    kind: Literal["finish"]
    finished: bool


class SetClass(OfObject):
    kind: Literal["class"]
    class_id: Id | None


class SetAttribute(OfObject):
    """Say something of an object that its class has an attribute for; null says nothing."""

    kind: Literal["attribute"]
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    value: bool | Annotated[str, Field(max_length=LONGEST)] | None


class Clear(OfObject):
    kind: Literal["clear"]


class Delete(OfObject):
    kind: Literal["delete"]


class Duplicate(OfObject):
    kind: Literal["duplicate"]


class Copy(Wire):
    """Objects of another image, on top of those of this one."""

    kind: Literal["copy"]
    image: Id
    objects: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Hide(OfObject):
    kind: Literal["hide"]
    hidden: bool


class Lock(OfObject):
    kind: Literal["lock"]
    locked: bool


class Clean(OfObject, GivenCleaning):
    """Clean the mask, in place of a cleaning just before; what it changed is in `cleaned`."""

    kind: Literal["clean"]


class Fill(OfObject):
    """Fill the hole at a point."""

    kind: Literal["fill"]
    x: Coordinate
    y: Coordinate


class Combine(OfObject):
    """With another object of the image: `merge` takes it in, the others leave it as it is."""

    kind: Literal["merge", "subtract", "intersect"]
    other: Id


class Split(OfObject):
    """Each part becomes an object; the largest stays this one."""

    kind: Literal["split"]


class Snap(OfObject):
    """Draw the mask anew, to the photograph's edges near its own."""

    kind: Literal["snap"]


class ToPolygon(OfObject):
    """Make it a polygon whose vertices can be moved, no farther than so many pixels from it."""

    kind: Literal["polygon"]
    deviation: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 2.0


class Vertices(OfObject):
    """The rings of a polygon, changed; all of them."""

    kind: Literal["vertices"]
    rings: Annotated[
        list[Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=3)]],
        Field(min_length=1),
    ]


class ToMask(OfObject):
    """Make a polygon a mask again."""

    kind: Literal["mask"]


class Order(Wire):
    kind: Literal["order"]
    order: Annotated[list[Id], Field(max_length=10_000)]


Edit = Annotated[
    Click
    | Box
    | Scribble
    | RemoveClick
    | Scale
    | Stroke
    | Finish
    | SetClass
    | SetAttribute
    | Clear
    | Delete
    | Duplicate
    | Copy
    | Hide
    | Lock
    | Order
    | Clean
    | Fill
    | Combine
    | Split
    | Snap
    | ToPolygon
    | Vertices
    | ToMask,
    Field(discriminator="kind"),
]

Revision = Annotated[int, Field(ge=0, lt=1 << 53)]


class GivenEdit(Wire):
    revision: Revision
    edit: Edit


class GivenRevision(Wire):
    revision: Revision


class GivenPlace(Wire):
    image: Id | None


class GivenModel(Wire):
    name: Annotated[str, StringConstraints(max_length=200)]


class GivenDone(Wire):
    done: bool


class GivenStatus(Wire):
    status: Status
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


class GivenPreview(Wire):
    object: Id | None = None
    x: Coordinate
    y: Coordinate
    positive: bool = True
