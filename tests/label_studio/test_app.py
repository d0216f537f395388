"""The protocol, asked as Label Studio asks it, with a stand-in for the backbone."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PILImage

from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.models import Model
from m2n2v2.attention.base import DenseAttention
from m2n2v2.grid import Size
from m2n2v2.label_studio.app import Options, make_app
from m2n2v2.label_studio.regions import strokes
from m2n2v2.label_studio.rle import decoded, encoded
from m2n2v2.label_studio.sources import Sources
from m2n2v2.label_studio.tasks import Pictures
from m2n2v2.predictor import Predictor
from m2n2v2.prompts import Box, Scribble
from tests.label_studio.samples import CONFIGURATION, region
from tests.scenes import ColourAttention, iou, photograph

SIZE = Size(60, 90)
BOXES = [(8, 8, 40, 40), (50, 12, 76, 52)]


class Counted:
    """A stand-in that counts how often it is asked."""

    name = "stand-in: colour and position"

    def __init__(self) -> None:
        self.asked = 0

    def extract(self, image: np.ndarray) -> DenseAttention:
        self.asked += 1
        return ColourAttention(Size(16, 16)).extract(image)


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def client(counted: Counted, told: list[str]) -> Iterator[TestClient]:
    yield from started(counted, Options("stand-in", tell=told.append))


def started(counted: Counted, options: Options) -> Iterator[TestClient]:
    pictures = Pictures()
    engine = Engine(Model("stand-in", "", lambda: Predictor(counted)), pictures, ahead=False)
    app = make_app(Sources(), engine, pictures, options)
    with TestClient(app, base_url="http://localhost:9090") as client:
        yield client


def inline(seed: int = 0) -> str:
    data = io.BytesIO()
    PILImage.fromarray(photograph(SIZE, BOXES, seed=seed)).save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def question(*drawn: dict[str, Any], image: object = None, **changes: Any) -> dict[str, Any]:
    return {
        "tasks": [{"id": 1, "data": {"image": inline() if image is None else image}}],
        "project": "1.1700000000",
        "label_config": CONFIGURATION,
        "params": {"login": None, "password": None, "context": {"result": list(drawn)}},
        **changes,
    }


def in_box(index: int) -> np.ndarray:
    left, top, right, bottom = BOXES[index]
    mask = np.zeros(SIZE.shape, bool)
    mask[top:bottom, left:right] = True
    return mask


CLICK = region("keypointlabels", x=25.0, y=40.0, label="Cup")


def test_it_says_that_it_is_up_and_what_it_is(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "UP"
    told = client.post("/setup", json={"project": "1.2", "schema": CONFIGURATION})
    assert told.json() == {"model_version": "stand-in"}
    assert client.get("/versions").json() == {"versions": ["stand-in"]}
    assert client.post("/webhook", json={"action": "START_TRAINING"}).status_code == 200


def test_a_click_gives_the_mask_that_a_session_gives(client: TestClient) -> None:
    answer = client.post("/predict", json=question(CLICK)).json()
    (only,) = answer["results"]
    (found,) = only["result"]
    mask = decoded(found["value"]["rle"], SIZE)
    predictor = Predictor(ColourAttention(Size(16, 16)))
    predictor.set_image(photograph(SIZE, BOXES))
    assert np.array_equal(mask, predictor.session().click(22.5, 24.0).mask)
    assert iou(mask, in_box(0)) > 0.9
    assert found["value"]["brushlabels"] == ["Cup"]
    assert 0 < only["score"] <= 1


BRUSH = np.zeros(SIZE.shape, bool)
BRUSH[20:40, 60:64] = True


@pytest.mark.parametrize(
    ("drawn", "prompts"),
    [
        (
            region("rectanglelabels", x=50, y=10, width=40, height=80, label="Dog"),
            [Box(45, 6, 81, 54)],
        ),
        (
            region("brushlabels", label="Dog", rle=encoded(BRUSH)),
            [Scribble(way) for way in strokes(BRUSH)],
        ),
    ],
)
def test_a_box_and_a_brush(
    client: TestClient, drawn: dict[str, Any], prompts: list[Box | Scribble]
) -> None:
    (found,) = client.post("/predict", json=question(drawn)).json()["results"][0]["result"]
    predictor = Predictor(ColourAttention(Size(16, 16)))
    predictor.set_image(photograph(SIZE, BOXES))
    session = predictor.session()
    for prompt in prompts:
        session.add(prompt)
    assert np.array_equal(decoded(found["value"]["rle"], SIZE), session.mask)
    assert session.mask.any()
    assert found["value"]["brushlabels"] == ["Dog"]


def test_objects_are_told_apart_by_their_labels(client: TestClient) -> None:
    other = region("keypointlabels", x=70.0, y=50.0, label="Dog")
    found = client.post("/predict", json=question(CLICK, other)).json()["results"][0]["result"]
    assert [each["value"]["brushlabels"] for each in found] == [["Cup"], ["Dog"]]


def test_an_image_is_prepared_once(client: TestClient, counted: Counted) -> None:
    for _ in range(3):
        assert client.post("/predict", json=question(CLICK)).status_code == 200
    assert counted.asked == 1
    client.post("/predict", json=question(CLICK, image=inline(seed=1)))
    assert counted.asked == 2


def test_polygons_where_they_are_asked_for(counted: Counted) -> None:
    for client in started(counted, Options("stand-in", "polygonlabels")):
        (found,) = client.post("/predict", json=question(CLICK)).json()["results"][0]["result"]
        assert found["from_name"] == "polygon"
        points = np.array(found["value"]["points"])
        assert (points >= 0).all()
        assert (points <= 100).all()


def test_tasks_without_anything_drawn_get_nothing(client: TestClient, counted: Counted) -> None:
    asked = question()
    asked["tasks"] *= 2
    asked["params"] = {"context": None}
    answer = client.post("/predict", json=asked).json()
    assert [each["result"] for each in answer["results"]] == [[], []]
    assert counted.asked == 0


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        (question(CLICK, tasks=[{"data": {}}]), 422, "the task's image is None"),
        (question(CLICK, image="http://example.org/a.png"), 403, "--allow-host example.org"),
        (question(CLICK, image="data:,text"), 422, "not an image that Pillow can read"),
        (question(CLICK, tasks=[{"data": {}}] * 2), 400, "regions came with 2 tasks"),
        (question(CLICK, label_config="<View/>"), 400, "no <BrushLabels>"),
        (question({**CLICK, "image_rotation": 90}), 400, "rotated by 90 degrees"),
        (question({**CLICK, "original_width": 45}), 422, "neither cropped nor resized"),
        (question(region("keypointlabels", x=1, y=1, label="Cat")), 400, "'Cat'"),
        (question(CLICK, {**CLICK, "is_positive": False}), 400, "both as object and as background"),
        ({"tasks": []}, 422, "label_config"),
    ],
)
def test_what_cannot_be_answered_is_said(
    client: TestClient, told: list[str], asked: dict[str, Any], status: int, reason: str
) -> None:
    answer = client.post("/predict", json=asked)
    assert answer.status_code == status, answer.text
    assert reason in answer.text
    if "error" in answer.json():
        assert told == [f"{answer.json()['kind']}: {answer.json()['error']}"]


def test_from_elsewhere_a_password_is_needed(counted: Counted) -> None:
    for client in started(counted, Options("stand-in", host="0.0.0.0", token="secret")):
        assert client.get("/health").status_code == 403
        assert client.get("/health", auth=("anybody", "wrong")).status_code == 403
        assert client.get("/health", headers={"authorization": "Basic %%"}).status_code == 403
        assert client.get("/health", auth=("anybody", "secret")).status_code == 200
