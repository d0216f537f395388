"""The routes of a folder that is a sequence: its timeline, and following objects through it."""

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi import Path as InPath
from pydantic import Field

from m2n2v2.annotator.asking import Person
from m2n2v2.annotator.document import Status
from m2n2v2.annotator.following import Following
from m2n2v2.annotator.timeline import Glance
from m2n2v2.annotator.wire import Id, Wire

ImageId = Annotated[int, InPath(ge=1, lt=1 << 53)]


class WireFrame(Wire):
    image: int
    name: str
    status: Status
    objects: int
    coverage: float = Field(description="share of the pixels that objects cover")
    confidence: float | None = Field(
        description="the least of the masks that were followed; null where there are none"
    )
    touched: bool = Field(description="a person made or changed an object, or called it done")
    problem: str | None

    @classmethod
    def of(cls, glance: Glance) -> "WireFrame":
        return cls.model_construct(**vars(glance))


class WireFollowing(Wire):
    running: bool
    done: int
    total: int
    seconds_per_frame: float | None
    error: str | None = Field(description="why it ended before its time")
    written: int = Field(description="frames that were answered so far")
    undoable: int = Field(description="frames that an undo of it takes back, at most")
    frames: list[WireFrame] = Field(description="those answered since the `since` asked for")

    @classmethod
    def of(cls, following: Following, since: int) -> "WireFollowing":
        progress, timeline = following.progress, following.timeline
        images = dict.fromkeys(progress.written[since:])
        return cls.model_construct(
            running=progress.running,
            done=progress.done,
            total=progress.total,
            seconds_per_frame=progress.seconds_per_frame,
            error=progress.error,
            written=len(progress.written),
            undoable=following.undoable,
            frames=[WireFrame.of(glance) for glance in timeline.some(images)],
        )


class WireTimeline(Wire):
    total: int
    frames: list[WireFrame]
    followed_by: str = Field(description="what objects are followed by, for people")


class GivenFollow(Wire):
    start: Id | None = Field(
        None, description="the image to follow from; null: the nearest that a person touched"
    )
    end: Id | None = Field(None, description="the last image; null: the sequence's last")


def add_sequence(app: FastAPI, following: Following) -> None:
    """Add the routes to the application."""
    timeline = following.timeline

    @app.get("/api/sequence")
    def get_sequence(
        offset: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> WireTimeline:
        """The frames in order, each at a glance."""
        glances = timeline.glances()
        return WireTimeline(
            total=len(glances),
            frames=[WireFrame.of(glance) for glance in glances[offset : offset + limit]],
            followed_by=following.means().name,
        )

    @app.get("/api/sequence/following")
    def get_following(since: Annotated[int, Query(ge=0, lt=1 << 31)] = 0) -> WireFollowing:
        """How far following is, and the frames answered since then."""
        return WireFollowing.of(following, since)

    @app.get("/api/sequence/frames/{image}")
    def get_frame(image: ImageId) -> WireFrame:
        """One frame at a glance."""
        return WireFrame.of(timeline.glance(image))

    @app.post("/api/sequence/follow", status_code=202)
    def post_follow(given: GivenFollow, person: Person) -> WireFollowing:
        """Follow objects in the background; every frame is stored as soon as it is there."""
        following.start(given.start, given.end, person)
        return WireFollowing.of(following, 0)

    @app.post("/api/sequence/stop")
    def post_stop() -> WireFollowing:
        """Stop after the frame that is being followed."""
        following.stop()
        return WireFollowing.of(following, 1 << 31)

    @app.post("/api/sequence/undo")
    def post_undo(person: Person) -> list[WireFrame]:
        """Take back the last following as a whole; frames that were edited since stay."""
        return [WireFrame.of(glance) for glance in timeline.some(following.undo(person))]
