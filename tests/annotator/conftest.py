"""A folder of small photographs, a server on it in this process, and a stand-in model."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image as PILImage

from m2n2v2.annotator.app import Options, make_app
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.models import Model
from m2n2v2.annotator.project import Project, open_project
from m2n2v2.attention.base import DenseAttention
from m2n2v2.grid import Size
from m2n2v2.images import Image
from m2n2v2.predictor import Predictor
from tests.patience import PATIENCE
from tests.scenes import ColourAttention, photograph

BOXES = [(8, 8, 40, 40), (50, 12, 76, 52)]


@dataclass
class Gate:
    """An attention that waits until it is let through, from the `first` time it is asked."""

    open: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    first: int = 1
    asked: int = 0
    name: str = "stand-in: colour and position, behind a gate"

    def extract(self, image: Image) -> DenseAttention:
        self.asked += 1
        self.entered.set()
        assert self.asked < self.first or self.open.wait(PATIENCE), "nobody opened the gate"
        return ColourAttention(Size(8, 8)).extract(image)


def stand_in(gate: Gate, name: str = "stand-in") -> Model:
    """A model of that attention."""
    return Model(name, "a stand-in without weights", lambda: Predictor(gate))


@pytest.fixture
def gate() -> Gate:
    """Open, until a test closes it."""
    found = Gate()
    found.open.set()
    return found


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """`1.png`, `2.png`, `10.jpg` and `more/3.png`: two boxes each."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    for seed, name in enumerate(("1.png", "2.png", "10.jpg", "more/3.png")):
        image = photograph(Size(60, 90), BOXES, seed=seed)
        PILImage.fromarray(image).save(folder / name, quality=95)
    return folder


@pytest.fixture
def project(photographs: Path) -> Iterator[Project]:
    found = open_project(photographs)
    yield found
    found.store.close()


Start = Callable[..., TestClient]


@pytest.fixture
def start(gate: Gate) -> Iterator[Start]:
    """Starts a server on a project; more than one may run."""
    running: list[TestClient] = []

    def started(project: Project, *, ahead: bool = False, **options: object) -> TestClient:
        engine = Engine(stand_in(gate), project, ahead=ahead)
        chosen = Options(**options)  # type: ignore[arg-type]
        client = TestClient(make_app(project, engine, chosen), base_url="http://localhost:8642")
        client.__enter__()
        running.append(client)
        return client

    yield started
    gate.open.set()
    for client in running:
        client.__exit__(None, None, None)


@pytest.fixture
def client(project: Project, start: Start) -> TestClient:
    return start(project)
