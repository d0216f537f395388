"""The routes: each says what comes in, what goes out, and whom it asks. Nothing is decided here."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from m2n2v2 import errors
from m2n2v2.annotator import (
    attributes,
    calling,
    choosing,
    edits,
    gallery,
    numbers,
    transfer,
    views,
    wire,
)
from m2n2v2.annotator.asking import Person
from m2n2v2.annotator.choosing import Choice
from m2n2v2.annotator.document import ObjectClass
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.folder import MAX_UPLOAD
from m2n2v2.annotator.formats.outlines import Outlines
from m2n2v2.annotator.guard import Guard, TooLargeError
from m2n2v2.annotator.models import Model, named
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.store import check_revision
from m2n2v2.annotator.waiting import LOOK, ready
from m2n2v2.masks.cleaning import LARGEST_SMOOTH, Cleaning
from m2n2v2.masks.conventions import Convention as MaskValues
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.version import __version__

if TYPE_CHECKING:
    from m2n2v2.annotator.following import Following

PAGE = Path(__file__).parent / "page"

PATIENCE = 120.0
"""Seconds that an edit waits for its image to be prepared."""

THUMB = 160
"""Pixels of a thumbnail's longer side."""

CACHED = {"cache-control": "private, no-cache"}
"""Of pictures: kept by the browser, which asks whether they are still the same."""

HEARTBEAT = 15.0
"""Seconds after which a silent stream of events says that it is alive."""

STATUS: dict[type[errors.M2N2Error], int] = {
    errors.AccessError: 403,
    TooLargeError: 413,
    errors.BusyError: 503,
    errors.ConflictError: 409,
    errors.ClassError: 409,
    errors.StoreError: 507,
    errors.FolderError: 404,
    errors.MissingError: 404,
    errors.ImageError: 422,
}
"""Of each kind of error; 400 for the others."""

ImageId = Annotated[int, InPath(ge=1, lt=1 << 53)]
Written = Literal["coco", "yolo", "labelme", "voc", "png", "cutouts", "mot"]
Read = Literal["coco", "labelme", "png", "voc"]
Pixels = Annotated[int, Query(ge=0, lt=1 << 31)]
Index = Annotated[int, Query(ge=-1000, lt=1000)]
ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": wire.WireError} for status in (400, 403, 404, 409, 413, 422, 503, 507)
}


@dataclass(frozen=True)
class Options:
    """How the server is used.

    Attributes:
        models: those that the engine may be told to use; none offers no choice.
        uploads: images may be sent.
        sample: the folder holds the sample photographs.
        host, token: see `guard.Guard`.
    """

    models: tuple[Model, ...] = ()
    uploads: bool = False
    host: str = "127.0.0.1"
    token: str | None = None
    sample: bool = False


def make_app(
    project: Project, engine: Engine, options: Options, following: "Following | None" = None
) -> FastAPI:
    """The annotator as an ASGI application.

    Args:
        following: follows objects through the images, where these are a sequence.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        engine.close()
        if following is not None:
            following.stop()
            following.wait(PATIENCE)
        project.store.close()

    app = FastAPI(
        title="m2n2v2 annotator",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        responses=ANSWERS,
    )
    app.state.closing = engine.close
    app.add_middleware(
        Guard,
        host=options.host,
        token=options.token,
        limits={"/api/images": MAX_UPLOAD, "/api/import": transfer.MAX_IMPORT},
        public=frozenset({"/health"}),
    )

    @app.get("/health")
    def get_health() -> wire.WireHealth:
        """The server answers; without the token, too, and no more than that."""
        return wire.WireHealth()

    _add_errors(app, project)
    _add_project(app, project, engine, options, following is not None)
    _add_models(app, engine, options)
    _add_people(app, project, engine)
    _add_images(app, project, engine)
    _add_uploads(app, project, options)
    _add_transfer(app, project)
    _add_edits(app, project, engine)
    _add_views(app, project, engine)
    if following is not None:
        from m2n2v2.annotator.sequence_routes import add_sequence

        add_sequence(app, following)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    return app


def _add_project(
    app: FastAPI, project: Project, engine: Engine, options: Options, sequence: bool
) -> None:
    @app.get("/api/project")
    def get_project() -> wire.WireProject:
        return wire.WireProject(
            folder=project.folder.root.name,
            version=__version__,
            preset=engine.model.name,
            note=engine.model.note,
            classes=[wire.WireClass.of(label) for label in project.store.classes()],
            counts=wire.WireCounts.of(project.counts()),
            left_out=project.left_out,
            cleaning=wire.WireCleaning.of(project.store.cleaning()),
            uploads=options.uploads,
            read_only=project.store.read_only,
            sample=options.sample,
            sequence=sequence,
        )

    @app.put("/api/classes")
    def put_classes(given: wire.GivenClasses) -> list[wire.WireClass]:
        before = {label.id: label.attributes for label in project.store.classes()}
        classes = [
            ObjectClass(
                c.id or 0,
                c.name,
                c.color,
                c.key,
                before.get(c.id or 0, ())
                if c.attributes is None
                else attributes.checked(attribute.attribute for attribute in c.attributes),
            )
            for c in given.classes
        ]
        stored = project.store.set_classes(classes, given.reassign_to)
        return [wire.WireClass.of(label) for label in stored]

    @app.put("/api/cleaning")
    def put_cleaning(given: wire.GivenCleaning) -> wire.WireCleaning:
        """How the masks of new objects are cleaned from now on; those that are there stay."""
        project.store.set_cleaning(Cleaning(given.holes, given.specks, given.smooth))
        return wire.WireCleaning.of(project.store.cleaning())

    @app.get("/api/images")
    def get_images(
        filter: choosing.State = "all",
        query: Annotated[str, Query(max_length=200)] = "",
        class_id: Annotated[int | None, Query(ge=0, lt=1 << 53)] = None,
        person: Annotated[str | None, Query(max_length=60)] = None,
        offset: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        open: ImageId | None = None,
    ) -> wire.WireList:
        """The images of the folder that fit; `open` asks for the place of one in the whole list."""
        entries = project.entries()
        choice = Choice(filter, query, class_id, person)
        chosen = [e for e in entries if choice.takes(e)]
        place = next((i for i, e in enumerate(chosen) if e.listed.id == open), None)
        return wire.WireList(
            total=len(chosen),
            position=place,
            counts=wire.WireCounts.of(project.counts(entries)),
            images=[
                wire.WireListed.of(e.listed, e.problem) for e in chosen[offset : offset + limit]
            ],
        )


def _add_models(app: FastAPI, engine: Engine, options: Options) -> None:
    def told() -> list[wire.WireModel]:
        offered = options.models or (engine.model,)
        return [wire.WireModel.of(model, engine.model) for model in offered]

    @app.get("/api/models")
    def get_models() -> list[wire.WireModel]:
        """What can prepare images here."""
        return told()

    @app.put("/api/model")
    def put_model(given: wire.GivenModel) -> list[wire.WireModel]:
        """Choose what prepares images, for everybody; what others have prepared is kept."""
        engine.choose(named(options.models or (engine.model,), given.name))
        return told()


def _add_people(app: FastAPI, project: Project, engine: Engine) -> None:
    @app.put("/api/here")
    def put_here(given: wire.GivenPlace, person: Person) -> wire.WireHere:
        """Say every few seconds where you are; learn of the others and of their edits."""
        if person is not None:
            project.people.here(person, given.image)
        revision = None if given.image is None else project.store.revision(given.image)
        others = [
            wire.WirePerson(name=p.name, image=p.image) for p in project.people.others(person)
        ]
        return wire.WireHere(revision=revision, others=others, model=engine.model.name)


def _add_images(app: FastAPI, project: Project, engine: Engine) -> None:
    @app.get("/api/images/{image}")
    def get_image(image: ImageId, person: Person) -> wire.WireImage:
        document, problem = project.shown(image, person)
        return wire.WireImage.of(document, engine.status(image), problem)

    @app.get("/api/images/{image}/photo", response_class=Response)
    def get_photo(
        request: Request,
        image: ImageId,
        max_side: Annotated[int | None, Query(ge=16, le=16384)] = None,
    ) -> Response:
        """The photograph, upright, in a format that browsers show."""
        return _picture(request, project, image, max_side)

    @app.get("/api/images/{image}/thumb", response_class=Response)
    def get_thumb(request: Request, image: ImageId) -> Response:
        known = request.headers.get("if-none-match", "").strip('"')
        thumb = project.thumb(image, known, THUMB)
        headers = {"etag": f'"{thumb.sha256 if thumb else known}"', **CACHED}
        if thumb is None:
            return Response(status_code=304, headers=headers)
        return Response(thumb.data, media_type=thumb.media_type, headers=headers)

    @app.put("/api/images/{image}/done")
    def put_done(image: ImageId, given: wire.GivenDone, person: Person) -> wire.WireDone:
        return status_set(image, wire.GivenStatus(status="done" if given.done else "todo"), person)

    @app.put("/api/images/{image}/status")
    def put_status(image: ImageId, given: wire.GivenStatus, person: Person) -> wire.WireDone:
        """How far the image is: `checked` and `rejected` are said by who reviews it."""
        return status_set(image, given, person)

    def status_set(image: int, given: wire.GivenStatus, person: str | None) -> wire.WireDone:
        project.store.document(image)
        project.store.set_status(image, given.status, given.note, person)
        now = project.store.document(image)
        return wire.WireDone(
            done=now.done,
            status=now.status,
            note=now.note,
            status_by=now.status_by,
            counts=wire.WireCounts.of(project.counts()),
        )

    @app.post("/api/images/{image}/prepare", status_code=202)
    def post_prepare(image: ImageId) -> wire.WireState:
        return engine.want(image, project.document(image).sha256)

    @app.get("/api/images/{image}/events", response_class=StreamingResponse)
    async def get_events(request: Request, image: ImageId) -> StreamingResponse:
        """Server-sent events: `state`, whenever the image's preparation gets on."""
        await run_in_threadpool(project.store.document, image)
        return StreamingResponse(_events(request, engine, image), media_type="text/event-stream")


def _add_uploads(app: FastAPI, project: Project, options: Options) -> None:
    @app.post(
        "/api/images",
        status_code=201,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def post_image(
        request: Request, name: Annotated[str, Query(min_length=1, max_length=255)]
    ) -> wire.WireListed:
        """Send an image into the folder; only where the server was started with `--uploads`."""
        if not options.uploads:
            raise errors.AccessError("this server takes no images", cure="start it with --uploads")
        added = await run_in_threadpool(project.add_image, name, await request.body())
        return wire.WireListed.of(added, None)


def _add_transfer(app: FastAPI, project: Project) -> None:
    binary = {"schema": {"type": "string", "format": "binary"}}

    @app.get(
        "/api/export",
        response_class=FileResponse,
        responses={200: {"content": {"application/json": {}, "application/zip": binary}}},
    )
    def get_export(
        format: Written,
        only_done: bool = False,
        photos: bool | None = None,
        zipped: bool = False,
        simplify: Annotated[float | None, Query(ge=0, le=1000, allow_inf_nan=False)] = None,
        single_ring: bool = False,
        holes: Pixels = 0,
        specks: Pixels = 0,
        smooth: Annotated[int, Query(ge=0, le=LARGEST_SMOOTH)] = 0,
    ) -> FileResponse:
        """The labels as a file: COCO's json, a zip otherwise or if it is to be `zipped`. What is
        lost is in `X-Losses`, percent-encoded, and in the zip's `losses.txt`. `photos` defaults
        to what the format needs. `simplify` draws polygons (coco, yolo, labelme) that lie no
        farther than so many pixels from the outlines; `single_ring` joins holes to them by
        bridges. `holes`, `specks` and `smooth` clean every mask first.
        """
        drawn = simplify is not None or single_ring
        made = transfer.download(
            project,
            format,
            only_done=only_done,
            photos=photos,
            zipped=zipped,
            outlines=Outlines(simplify or 0.0, single_ring) if drawn else None,
            cleaning=Cleaning(holes, specks, smooth),
        )
        return FileResponse(
            made.path,
            media_type=made.media_type,
            filename=made.path.name,
            headers={"x-losses": quote("; ".join(made.losses)[:4000])},
            background=BackgroundTask(made.remove),
        )

    @app.post(
        "/api/import",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": dict.fromkeys(("application/json", "application/zip"), binary),
            }
        },
    )
    async def post_import(
        request: Request,
        person: Person,
        format: Read,
        skip: bool = False,
        mask_values: MaskValues = "auto",
    ) -> wire.WireImported:
        """Add labels made elsewhere: all that came or nothing (`skip`: all that matches).
        `mask_values` says what the values of mask files mean."""
        body = await request.body()
        came = await run_in_threadpool(
            transfer.take_in,
            project,
            format,
            body,
            skip=skip,
            mask_values=mask_values,
            person=person,
        )
        return wire.WireImported(
            images=came.added.images,
            objects=came.added.objects,
            classes=came.added.classes,
            skipped=list(came.skipped),
        )


def _add_edits(app: FastAPI, project: Project, engine: Engine) -> None:
    @app.post("/api/images/{image}/edits")
    async def post_edit(image: ImageId, given: wire.GivenEdit, person: Person) -> wire.WireChange:
        started = time.perf_counter()
        document = await run_in_threadpool(project.document, image)
        check_revision(document.revision, given.revision)
        if edits.needs_clicks(document, given.edit):
            await ready(engine, document.id, str(document.sha256), PATIENCE)
        change = await run_in_threadpool(
            project.edit, engine, image, given.revision, given.edit, person
        )
        return wire.WireChange.of(change, time.perf_counter() - started)

    @app.post("/api/images/{image}/undo")
    def post_undo(image: ImageId, given: wire.GivenRevision, person: Person) -> wire.WireChange:
        """Take back the newest edit of the person who asks; what others made stays."""
        started = time.perf_counter()
        change = project.step(image, given.revision, person, back=True)
        return wire.WireChange.of(change, time.perf_counter() - started)

    @app.post("/api/images/{image}/redo")
    def post_redo(image: ImageId, given: wire.GivenRevision, person: Person) -> wire.WireChange:
        started = time.perf_counter()
        change = project.step(image, given.revision, person, back=False)
        return wire.WireChange.of(change, time.perf_counter() - started)


def _add_views(app: FastAPI, project: Project, engine: Engine) -> None:
    @app.post("/api/images/{image}/preview")
    def post_preview(image: ImageId, given: wire.GivenPreview) -> wire.WirePreview:
        """What a click would do; the newest question is answered."""
        return wire.WirePreview(mask=wire.WireMask.of(project.preview(engine, image, given)))

    @app.get("/api/images/{image}/depth", response_class=Response)
    def get_depth(image: ImageId) -> Response:
        document = project.document(image)
        state = engine.prepared(image, str(document.sha256)).state
        return Response(views.depth_png(state), media_type="image/png")

    @app.get("/api/images/{image}/objects/{object}/map", response_class=Response)
    async def get_map(
        image: ImageId, object: ImageId, click: Index = -1, tinted: bool = False
    ) -> Response:
        _, prompt, index = await _prompt(project, engine, image, object, click)
        content = await run_in_threadpool(views.map_png, prompt, index, tinted=tinted)
        return Response(content, media_type="image/png")

    @app.get("/api/images/{image}/objects/{object}/curve")
    async def get_curve(image: ImageId, object: ImageId, click: Index = -1) -> wire.WireCurve:
        prompt = await _prompt(project, engine, image, object, click)
        scales = await run_in_threadpool(views.curve, *prompt)
        return wire.WireCurve(**vars(scales))

    @app.get("/api/objects")
    def get_objects(
        class_id: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
        offset: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 60,
    ) -> list[wire.WirePlaced]:
        """The objects of a class in all images; 0 for those without one."""
        placed = gallery.objects_of(project, class_id or None, offset, limit)
        return [
            wire.WirePlaced(
                image=p.image,
                name=p.name,
                object=p.object.id,
                area=p.object.mask.area,
                finished=p.object.finished,
            )
            for p in placed
        ]

    @app.get("/api/images/{image}/objects/{object}/picture", response_class=Response)
    def get_picture(image: ImageId, object: ImageId) -> Response:
        """The object in its surroundings, small."""
        runs = project.document(image).object(object).mask
        content = gallery.picture_of(project.content(image).image, runs)
        return Response(content, media_type="image/png", headers=CACHED)

    @app.get("/api/numbers", response_class=Response)
    def get_numbers() -> Response:
        """Edits and seconds per image, person and day; clicks and seconds per object; as CSV."""
        return Response(
            numbers.table(project),
            media_type="text/csv",
            headers={"content-disposition": 'attachment; filename="numbers.csv"'},
        )

    @app.get("/api/numbers/days")
    def get_days() -> list[wire.WireDay]:
        """Images, edits and seconds per day and person."""
        return [wire.WireDay(**vars(day)) for day in numbers.days(project)]

    @app.get("/api/images/{image}/objects/{object}/cutout", response_class=Response)
    def get_cutout(image: ImageId, object: ImageId) -> Response:
        runs = project.document(image).object(object).mask
        return Response(
            views.cutout_png(project.content(image).image, runs), media_type="image/png"
        )


async def _prompt(
    project: Project, engine: Engine, image: int, object: int, click: int
) -> tuple[ImageState, Segmentation, int]:
    document = await run_in_threadpool(project.document, image)
    document.object(object)
    await ready(engine, document.id, str(document.sha256), PATIENCE)
    return await run_in_threadpool(project.prompt, engine, image, object, click)


async def _events(request: Request, engine: Engine, image: int) -> AsyncIterator[str]:
    told: wire.WireState | None = None
    silent = time.monotonic()
    with engine.watching(image):
        while not engine.closed and not await request.is_disconnected():
            status = engine.status(image)
            if status != told:
                yield f"event: state\ndata: {status.model_dump_json()}\n\n"
                told, silent = status, time.monotonic()
            elif time.monotonic() - silent > HEARTBEAT:
                yield ": alive\n\n"
                silent = time.monotonic()
            await asyncio.sleep(LOOK)


def _picture(request: Request, project: Project, image: int, max_side: int | None) -> Response:
    sha256 = str(project.document(image).sha256)
    etag = f'"{sha256[:32]}-{max_side or 0}"'
    headers = {"etag": etag, **CACHED}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    picture = project.picture(image, max_side)
    return Response(picture.data, media_type=picture.media_type, headers=headers)


def _add_errors(app: FastAPI, project: Project) -> None:
    """Errors become the same JSON everywhere; nothing of our insides goes out."""

    @app.exception_handler(errors.M2N2Error)
    def on_ours(request: Request, error: errors.M2N2Error) -> JSONResponse:
        status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
        body: dict[str, Any] = {
            "kind": type(error).__name__,
            "message": _what(request, project, error),
            "cure": error.cure,
        }
        if isinstance(error, errors.ConflictError):
            body["revision"] = _revision(request, project)
        headers = {"retry-after": "1"} if status == 503 else None
        return JSONResponse({"error": body}, status, headers)

    @app.exception_handler(RequestValidationError)
    def on_malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _problem(
            422, "RequestError", f"{where}: {first['msg']}", "send what docs/api.md says"
        )

    @app.exception_handler(HTTPException)
    def on_http(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, "RequestError", str(error.detail), "see docs/api.md")

    @app.exception_handler(Exception)
    def on_bug(request: Request, error: Exception) -> JSONResponse:
        return _problem(
            500, "InternalError", "something went wrong inside", "see the server's terminal"
        )


def _what(request: Request, project: Project, error: errors.M2N2Error) -> str:
    """What happened, with objects called as on the page."""
    if isinstance(error, errors.EditError) and error.object:
        return calling.told(project, int(request.path_params["image"]), error)
    return error.what


def _problem(status: int, kind: str, message: str, cure: str) -> JSONResponse:
    return JSONResponse({"error": {"kind": kind, "message": message, "cure": cure}}, status)


def _revision(request: Request, project: Project) -> int | None:
    image = request.path_params.get("image")
    return project.store.revision(int(image)) if image else None
