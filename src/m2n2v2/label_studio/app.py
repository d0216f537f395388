"""The routes of Label Studio's protocol for backends: `/health`, `/setup`, `/predict`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from m2n2v2.annotator.engine import Engine, Prepared
from m2n2v2.annotator.guard import Guard
from m2n2v2.errors import AccessError, BusyError, FormatError, ImageError, M2N2Error
from m2n2v2.label_studio.answers import regions
from m2n2v2.label_studio.configuration import ANSWERS, Configuration, Control
from m2n2v2.label_studio.regions import Asked, asked
from m2n2v2.label_studio.sources import Sources
from m2n2v2.label_studio.tasks import Pictures, prepared
from m2n2v2.version import __version__

LARGEST = 64 << 20
"""Bytes of a question: images may be in its tasks, and strokes are long."""


class GivenTask(BaseModel):
    """A task; what else it has is not looked at."""

    model_config = ConfigDict(extra="ignore")
    data: dict[str, Any]


class GivenContext(BaseModel):
    """What a person has drawn since the last answer that was accepted."""

    model_config = ConfigDict(extra="ignore")
    result: list[dict[str, Any]] = []


class GivenParams(BaseModel):
    """Beside the tasks."""

    model_config = ConfigDict(extra="ignore")
    context: GivenContext | None = None


class Question(BaseModel):
    """What `/predict` is asked."""

    model_config = ConfigDict(extra="ignore")
    tasks: list[GivenTask]
    label_config: str
    params: GivenParams | None = None


@dataclass(frozen=True)
class Options:
    """How the backend is used.

    Attributes:
        version: what predictions say that they are made by.
        answer: the kind of regions that masks are given as (`configuration.ANSWERS`).
        host, token: see `guard.Guard`; the token is the password of Label Studio's basic auth.
        tell: called with one line for whoever watches, of every question that is refused.
    """

    version: str
    answer: str = ANSWERS[0]
    host: str = "127.0.0.1"
    token: str | None = None
    tell: Callable[[str], None] = lambda line: None


def make_app(sources: Sources, engine: Engine, pictures: Pictures, options: Options) -> FastAPI:
    """The backend as an ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        engine.close()

    app = FastAPI(
        title="m2n2v2 for Label Studio",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.state.closing = engine.close
    app.add_middleware(Guard, host=options.host, token=options.token, limits={"/predict": LARGEST})

    @app.get("/")
    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "UP", "model_class": "m2n2v2"}

    @app.post("/setup")
    def setup(request: dict[str, Any]) -> dict[str, str]:
        """A project is connected: what its configuration lacks is said here, too."""
        schema = request.get("schema")
        if isinstance(schema, str) and schema:
            Configuration.read(schema).answering(options.answer)
        return {"model_version": options.version}

    @app.get("/versions")
    def versions() -> dict[str, list[str]]:
        return {"versions": [options.version]}

    @app.post("/webhook")
    @app.post("/train")
    def train() -> dict[str, str]:
        """Nothing is learned, so nothing is done."""
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(question: Question) -> dict[str, Any]:
        context = question.params.context if question.params else None
        drawn = context.result if context else []
        configuration = Configuration.read(question.label_config)
        control = configuration.answering(options.answer)
        if drawn and len(question.tasks) != 1:
            raise FormatError(
                f"regions came with {len(question.tasks)} tasks", cure="send one task with them"
            )
        results = []
        for task in question.tasks:
            segments: list[dict[str, Any]] = []
            if drawn:
                segments = await _answered(task, drawn, configuration, control)
            score = min((region["score"] for region in segments), default=0.0)
            results.append({"result": segments, "score": score, "model_version": options.version})
        return {"results": results, "model_version": options.version}

    async def _answered(
        task: GivenTask,
        drawn: list[dict[str, Any]],
        configuration: Configuration,
        control: Control,
    ) -> list[dict[str, Any]]:
        address = task.data.get(configuration.images[control.image])
        known = pictures.take(await run_in_threadpool(sources.data, address))
        image = await prepared(engine, known)
        objects = asked(drawn, configuration, control, image.state.size)
        segments = await run_in_threadpool(_segmented, image, objects, control)
        engine.settle(known.id)
        return segments

    @app.exception_handler(M2N2Error)
    def on_ours(request: Request, error: M2N2Error) -> JSONResponse:
        options.tell(f"{type(error).__name__}: {error}")
        status = {AccessError: 403, BusyError: 503, ImageError: 422}.get(type(error), 400)
        return JSONResponse({"error": str(error), "kind": type(error).__name__}, status)

    return app


def _segmented(image: Prepared, objects: tuple[Asked, ...], control: Control) -> list[Any]:
    segments = []
    for asking in objects:
        made = image.segmentation(None, asking.prompts)
        segments += regions(made.mask, asking.label, control, float(made.scales[-1].score))
    return segments
