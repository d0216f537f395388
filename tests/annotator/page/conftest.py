"""The page in a real browser, on a real server in this process with a stand-in model.

Skipped, with the reason, where playwright or a Chromium is missing (`tests/browser.py`).
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from m2n2v2.annotator.app import Options, make_app
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.following import Following, Means
from m2n2v2.annotator.project import open_project
from m2n2v2.annotator.timeline import Timeline
from m2n2v2.tracking.cells import OwnCells
from m2n2v2.tracking.settings import FLOW
from tests.annotator.conftest import Gate, stand_in

PATIENCE = 60_000
"""Milliseconds until something that should happen is missed: the machine may be busy."""

CLASSES = [
    {"id": None, "name": "cup", "color": "#ffb020", "key": 1},
    {"id": None, "name": "saucer", "color": "#2fbf71", "key": 2},
]


@dataclass
class Served:
    """A server on a folder, and the ways to look at what it stores."""

    url: str
    folder: Path
    stop: Callable[[], None]


@pytest.fixture
def serve(gate: Gate) -> Iterator[Callable[..., Served]]:
    """Starts servers; they end with the test."""
    running: list[Served] = []

    def started(
        folder: Path, *, port: int = 0, cells: OwnCells | None = None, **options: Any
    ) -> Served:
        """`cells`: what objects are followed by; the folder is a sequence then."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        bound.listen()  # who comes before the server has started waits
        project = open_project(folder)
        models = (stand_in(gate), stand_in(gate, "another stand-in"))
        engine = Engine(models[0], project, ahead=False)
        chosen = Options(models, **options)
        following = cells and Following(
            Timeline(project), lambda: Means("a stand-in", lambda: (cells, FLOW))
        )
        config = uvicorn.Config(
            make_app(project, engine, chosen, following),
            log_level="error",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(20)
            bound.close()

        running.append(Served(f"http://127.0.0.1:{bound.getsockname()[1]}/", folder, stop))
        return running[-1]

    yield started
    for each in running:
        each.stop()


@pytest.fixture
def served(serve: Callable[..., Served], photographs: Path) -> Served:
    return serve(photographs)


class Desk:
    """A page that is open, and what a person does on it, by name.

    Fails the test at its end if the page logged an error or asked another host.
    """

    def __init__(self, context: Any, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.url = url
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def open(self) -> "Desk":
        self.page.goto(self.url)
        return self.ready()

    def ready(self) -> "Desk":
        """The image is shown and prepared."""
        self.until("state.image?.pictured && state.image.state === 'ready'")
        return self

    def until(self, expression: str) -> None:
        """Wait for something of the page (Playwright's own way needs an eval, forbidden here)."""
        last = time.monotonic() + PATIENCE / 1000
        while not self.state(f"Boolean({expression})"):
            assert time.monotonic() < last, f"{expression} did not come about"
            self.page.wait_for_timeout(20)

    def named(self, name: str) -> None:
        """Wait until the image of that name is open."""
        self.until(f"document.querySelector('h1')?.textContent === {name!r}")

    def state(self, expression: str) -> Any:
        """Of the page's own state, as JSON."""
        return self.page.evaluate(
            f"async () => {{ const {{ state }} = await import('/state.js'); return {expression}; }}"
        )

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the photograph is on the screen."""
        found = self.page.evaluate(
            "async ([x, y]) => { const view = await import('/view.js');"
            " const [sx, sy] = view.toScreen(x + 0.5, y + 0.5);"
            " const { left, top } = document.getElementById('canvas').getBoundingClientRect();"
            " return [left + sx, top + sy]; }",
            [x, y],
        )
        return found[0], found[1]

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.screen(x, y), **options)

    def settled(self) -> None:
        """Every edit is stored."""
        self.until("state.pending === 0 && !state.connection.lost")

    def name(self) -> str:
        return str(self.page.locator("h1").inner_text())

    def colour(self, x: float, y: float) -> tuple[int, int, int]:
        """Of the screen where a pixel of the photograph is: what is really painted."""
        found = self.page.evaluate(
            "async ([x, y]) => { const view = await import('/view.js');"
            " await new Promise((resolve) => view.whenPainted(resolve));"
            " const [sx, sy] = view.toScreen(x + 0.5, y + 0.5);"
            " const canvas = document.getElementById('photo');"
            " const context = canvas.getContext('2d');"
            " const at = (value) => Math.round(value * devicePixelRatio);"
            " return [...context.getImageData(at(sx), at(sy), 1, 1).data]; }",
            [x, y],
        )
        return found[0], found[1], found[2]

    def stored(self, image: int = 1) -> dict[str, Any]:
        """An image as the server tells it."""
        found: dict[str, Any] = self.page.request.get(f"{self.url}api/images/{image}").json()
        return found


@pytest.fixture
def desk(browser: Any, served: Served) -> Iterator[Callable[..., Desk]]:
    """Opens the page in a new window of a new profile: `desk(viewport=..., has_touch=True)`."""
    contexts: list[Any] = []
    desks: list[Desk] = []

    def opened(*, beside: Desk | None = None, **options: Any) -> Desk:
        if beside is None:
            sized = {"viewport": {"width": 1280, "height": 800}} | options
            contexts.append(browser.new_context(accept_downloads=True, **sized))
        desks.append(Desk(contexts[-1], served.url))
        return desks[-1]

    yield opened
    for each in desks:
        each.page.unroute_all(behavior="ignoreErrors")
    for context in contexts:
        context.close()
    for each in desks:
        assert each.errors == []
        assert each.hosts <= {served.url.split("/")[2]}


@pytest.fixture
def classes(served: Served) -> None:
    """Two classes: 1 cup, amber; 2 saucer, green."""
    httpx = pytest.importorskip("httpx")
    answer = httpx.put(f"{served.url}api/classes", json={"classes": CLASSES})
    assert answer.status_code == 200
