"""What is shown beside the masks: pictures, previews, maps, curves, cut-outs."""

import io
from pathlib import Path

import numpy as np
import torch
from fastapi.testclient import TestClient
from PIL import Image as PILImage

from m2n2v2.annotator import views
from m2n2v2.annotator.project import Project
from m2n2v2.grid import Size
from m2n2v2.images import read_image
from m2n2v2.preparation import prepare
from tests.annotator.conftest import BOXES, Start
from tests.annotator.test_app import box, edit, image, mask, preview
from tests.scenes import ColourAttention, GivenDepth, iou, photograph


def picture(content: bytes, mode: str) -> np.ndarray:
    with PILImage.open(io.BytesIO(content)) as file:
        assert file.mode == mode
        return np.asarray(file)


def test_the_photograph_is_asked_for_once(client: TestClient, photographs: Path) -> None:
    first = client.get("/api/images/1/photo")
    assert first.content == (photographs / "1.png").read_bytes()
    assert first.headers["content-type"] == "image/png"
    again = client.get("/api/images/1/photo", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    small = client.get("/api/images/1/photo?max_side=45")
    assert picture(small.content, "RGB").shape == (30, 45, 3)
    assert small.headers["etag"] != first.headers["etag"]
    assert client.get("/api/images/1/photo?max_side=1").status_code == 422


def test_a_thumbnail_opens_nothing(project: Project, start: Start, photographs: Path) -> None:
    PILImage.fromarray(photograph(Size(600, 900), BOXES)).save(photographs / "10.jpg")
    client = start(project)
    first = client.get("/api/images/3/thumb")
    assert picture(first.content, "RGB").shape == (107, 160, 3)
    assert project.store.document(3).sha256 is None
    again = client.get("/api/images/3/thumb", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    edit(client, 0, "stroke", id=3, radius=2, points=[[5, 5]])
    assert client.get("/api/images/3/thumb").status_code == 200
    PILImage.fromarray(photograph(Size(60, 90), BOXES)).save(photographs / "10.jpg")
    assert client.get("/api/images/3/thumb").status_code == 409


def test_a_preview_is_what_the_click_gives_and_changes_nothing(client: TestClient) -> None:
    busy = client.post("/api/images/1/preview", json={"x": 20, "y": 20})
    assert busy.status_code == 503
    assert busy.headers["retry-after"] == "1"
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    edit(client, 1, "stroke", object=object, radius=2, points=[[80, 5]])
    before = image(client)
    asked = {"object": object, "x": 60, "y": 30, "positive": True}
    shown = preview(client, **asked)
    assert image(client) == before
    clicked = edit(client, 2, "click", **asked)["objects"][0]
    assert shown["mask"] == clicked["mask"]
    new = preview(client, x=60, y=30)
    assert iou(mask(new), box(*BOXES[1])) > 0.9
    for x, y in ((90, 5), (-1, 5)):
        assert preview(client, x=x, y=y)["error"]["kind"] == "ClickError"


def test_map_and_curve_of_a_click(client: TestClient) -> None:
    object = edit(client, 0, "click", x=20, y=20)["objects"][0]["id"]
    edit(client, 1, "click", object=object, x=60, y=30, positive=False)
    shown = picture(client.get(f"/api/images/1/objects/{object}/map?click=0").content, "L")
    assert shown.shape == (60, 90)
    assert shown[20, 20] == 0, "dark is near"
    assert shown[20, 20] < shown[50, 85]
    last = picture(client.get(f"/api/images/1/objects/{object}/map").content, "L")
    assert last[30, 60] == 0
    tinted = picture(client.get(f"/api/images/1/objects/{object}/map?tinted=true").content, "RGB")
    assert tuple(tinted[30, 60]) == views.STOPS[0]
    assert np.array_equal(tinted, views.TINTS[last]), "the same map in colours"
    curve = client.get(f"/api/images/1/objects/{object}/curve?click=0").json()
    assert len(curve["thresholds"]) == len(curve["area"]) == len(curve["score"]) <= 513
    assert curve["area"] == sorted(curve["area"])
    assert curve["score"][curve["thresholds"].index(curve["chosen"])] == max(curve["score"])
    for path in ("map?click=2", "curve?click=-3"):
        assert client.get(f"/api/images/1/objects/{object}/{path}").status_code == 404
    assert client.get("/api/images/1/objects/99/map").status_code == 404


def test_a_cut_out_is_the_object_alone(client: TestClient, photographs: Path) -> None:
    made = edit(client, 0, "click", x=20, y=20)["objects"][0]
    cut = picture(client.get(f"/api/images/1/objects/{made['id']}/cutout").content, "RGBA")
    x, y, width, height = made["bbox"]
    inside = mask(made)[y : y + height, x : x + width]
    np.testing.assert_array_equal(cut[:, :, 3] > 0, inside)
    whole = read_image(photographs / "1.png")[y : y + height, x : x + width]
    np.testing.assert_array_equal(cut[inside][:, :3], whole[inside])
    edit(client, 1, "clear", object=made["id"])
    assert client.get(f"/api/images/1/objects/{made['id']}/cutout").status_code == 404


def test_no_depth_is_said(client: TestClient) -> None:
    edit(client, 0, "click", x=20, y=20)
    refused = client.get("/api/images/1/depth")
    assert refused.status_code == 404
    assert "no depth" in refused.json()["error"]["message"]


def test_depth_is_bright_near() -> None:
    near = torch.linspace(0, 1, 90).expand(60, 90).contiguous()
    state = prepare(photograph(Size(60, 90), BOXES), ColourAttention(Size(8, 8)), GivenDepth(near))
    shown = picture(views.depth_png(state), "L")
    assert (shown[0, 0], shown[0, -1]) == (0, 255)
