"""Downloads and what is sent: whole journeys, hostile zips, limits, and no path in any message."""

import io
import json
import stat
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from m2n2v2.annotator import transfer
from m2n2v2.annotator.document import Object, ObjectClass
from m2n2v2.annotator.formats import FORMATS
from m2n2v2.annotator.project import Project
from m2n2v2.errors import FormatError
from m2n2v2.masks.runs import Runs
from tests.annotator.conftest import Start

BOX = np.zeros((60, 90), bool)
BOX[8:40, 8:40] = True


@pytest.fixture
def labelled(project: Project) -> Project:
    """`1.png` has a cup, `2.png` is done and empty."""
    ids = {each.listed.name: each.listed.id for each in project.entries()}
    (cup,) = project.store.set_classes([ObjectClass(0, "cup", "#ff0080", 1)])
    project.store.commit(project.document(ids["1.png"]), [Object(0, Runs.of(BOX), cup.id)])
    project.store.set_status(ids["2.png"], "done")
    return project


@pytest.fixture
def page(labelled: Project, start: Start) -> TestClient:
    return start(labelled)


def zipped(files: dict[str, bytes | str], **options: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def png(mask: np.ndarray) -> bytes:
    out = io.BytesIO()
    PILImage.fromarray(mask).save(out, "PNG")
    return out.getvalue()


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        return packed.namelist()


def objects(client: TestClient) -> int:
    return int(client.get("/api/project").json()["counts"]["objects"])


def test_coco_is_a_json(page: TestClient) -> None:
    answer = page.get("/api/export", params={"format": "coco"})
    assert answer.headers["content-type"] == "application/json"
    assert 'filename="annotations.json"' in answer.headers["content-disposition"]
    assert [image["file_name"] for image in answer.json()["images"]] == ["1.png", "2.png"]
    assert answer.json()["annotations"][0]["area"] == BOX.sum()
    done = page.get("/api/export", params={"format": "coco", "only_done": True}).json()
    assert [image["file_name"] for image in done["images"]] == ["2.png"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "yolo",
            [
                *("classes.txt", "data.yaml", "images/train/1.png", "images/train/2.png"),
                *("labels/train/1.txt", "labels/train/2.txt", "losses.txt"),
            ],
        ),
        ("labelme", ["1.json", "2.json", "losses.txt"]),
        (
            "voc",
            [
                *("Annotations/1.xml", "Annotations/2.xml", "ImageSets/Main/train.txt"),
                *("ImageSets/Segmentation/train.txt", "JPEGImages/1.jpg", "JPEGImages/2.jpg"),
                *("SegmentationClass/1.png", "SegmentationClass/2.png"),
                *("SegmentationObject/1.png", "SegmentationObject/2.png"),
                *("labelmap.txt", "losses.txt"),
            ],
        ),
        ("png", ["losses.txt", "manifest.json", "masks/1/001_cup.png"]),
        ("cutouts", ["cutouts/1/001_cup.png", "losses.txt", "manifest.json"]),
    ],
)
def test_other_formats_are_zips(page: TestClient, form: str, expected: list[str]) -> None:
    answer = page.get("/api/export", params={"format": form})
    assert answer.headers["content-type"] == "application/zip"
    assert names(answer.content) == expected
    again = page.get("/api/export", params={"format": form})
    assert again.content == answer.content


def test_losses_are_in_the_header_and_in_the_zip(page: TestClient) -> None:
    answer = page.get("/api/export", params={"format": "labelme"})
    told = unquote(answer.headers["x-losses"])
    assert "the 2 photographs are not copied" in told
    assert "the colours of 1 classes are not in this format" in told
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert set(told.split("; ")) <= set(packed.read("losses.txt").decode().splitlines())


def test_an_image_that_is_gone_is_told(page: TestClient, photographs: Path) -> None:
    (photographs / "1.png").unlink()
    answer = page.get("/api/export", params={"format": "png"})
    assert unquote(answer.headers["x-losses"]).startswith("left out: 1.png")
    assert names(answer.content) == ["losses.txt", "manifest.json"]


def test_nothing_stays_behind(
    page: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for form in ("coco", "png", "nothing"):
        data = page.get("/api/export", params={"format": form}).content
        page.post("/api/import", params={"format": form}, content=data)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("form", ["coco", "labelme", "png", "voc"])
def test_what_was_exported_comes_back(
    page: TestClient, labelled: Project, start: Start, form: str
) -> None:
    data = page.get("/api/export", params={"format": form, "photos": False}).content
    answer = page.post("/api/import", params={"format": form}, content=data)
    assert answer.json() == {"images": 1, "objects": 1, "classes": 0, "skipped": []}
    ids = {each["name"]: each["id"] for each in page.get("/api/images").json()["images"]}
    first, second = page.get(f"/api/images/{ids['1.png']}").json()["objects"]
    assert second["mask"] == first["mask"]
    assert (second["class_id"], second["source"]) == (first["class_id"], "import")


def test_a_zip_of_masks_packed_as_a_folder(page: TestClient) -> None:
    data = zipped({"1_a.png": png(BOX), "more/3.png": png(BOX), "readme.md": "x"})
    answer = page.post("/api/import", params={"format": "png"}, content=data)
    assert answer.json() == {"images": 2, "objects": 2, "classes": 0, "skipped": []}
    with zipfile.ZipFile(
        io.BytesIO(page.get("/api/export", params={"format": "png"}).content)
    ) as packed:
        inside = {f"my masks/{name}": packed.read(name) for name in packed.namelist()}
    answer = page.post("/api/import", params={"format": "png"}, content=zipped(inside))
    assert answer.json()["objects"] == 3


def test_masks_stored_with_loss_are_named_and_values_can_be_declared(page: TestClient) -> None:
    soft = np.zeros((60, 90), np.uint8)
    soft[8:40, 8:40] = 255
    soft[7, 8:40] = 100
    sent = zipped({"1.png": png(soft), "2.jpg": b"a photograph", "notes.txt": b""})
    answer = page.post("/api/import", params={"format": "png"}, content=sent)
    assert answer.status_code == 400
    assert "soft edges" in answer.json()["error"]["message"]
    answer = page.post("/api/import", params={"format": "png", "mask_values": "half"}, content=sent)
    assert answer.json()["objects"] == 1
    assert answer.json()["skipped"] == [
        "1 masks were read by a rule: half of the full scale and more is object",
        "1 files of the zip are no masks: 2.jpg",
    ]


def test_what_does_not_match_is_refused_or_skipped(page: TestClient) -> None:
    data = zipped({"1.png": png(BOX), "gone.png": png(BOX), "2.png": png(BOX[:9])})
    answer = page.post("/api/import", params={"format": "png"}, content=data)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "the zip does not match the images, 2 problems: 2.png: the mask is 90x9 and its image "
        "90x60; gone.png: image 'gone' is not in the folder"
    )
    assert objects(page) == 1
    answer = page.post("/api/import", params={"format": "png", "skip": True}, content=data)
    assert answer.json()["objects"] == 1
    assert len(answer.json()["skipped"]) == 2


def _linked() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        entry = zipfile.ZipInfo("1.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(entry, "/etc/passwd")
    return out.getvalue()


def _damaged() -> bytes:
    data = bytearray(zipped({"1.png": b"x" * 1000}))
    data[40:50] = b"\xff" * 10
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped({"../1.png": png(BOX)}), "no plain file name"),
        (zipped({"/1.png": png(BOX)}), "no plain file name"),
        (zipped({"a/../../1.png": png(BOX)}), "no plain file name"),
        (zipped({"c:1.png": png(BOX)}), "no plain file name"),
        (zipped({"a\\1.png": png(BOX)}), "no plain file name"),
        (zipped({f"{'x' * 300}.png": png(BOX)}), "no plain file name"),
        (_linked(), "no plain file name"),
        (zipped({"a.png": "", "a.png/1.png": png(BOX)}), "twice"),
        (_damaged(), "cannot be read"),
        (b"PK\x03\x04", "cannot be read"),
        (zipped({"x.exe": "x"}), "holds no masks"),
        (zipped({"1.png": b"\x89PNG"}), "the mask is not an image"),
        (b"{}", "is no zip"),
        (b"", "is no zip"),
    ],
)
def test_hostile_zips(page: TestClient, photographs: Path, data: bytes, said: str) -> None:
    before = sorted(photographs.parent.rglob("*"))
    answer = page.post("/api/import", params={"format": "png"}, content=data)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert said in error["message"]
    assert "/tmp" not in json.dumps(error)
    assert sorted(photographs.parent.rglob("*")) == before
    assert objects(page) == 1


def test_a_zip_bomb(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_UNPACKED", 1 << 20)
    bomb = zipped({"1.png": b"\0" * (3 << 20)})
    assert len(bomb) < 10_000
    answer = page.post("/api/import", params={"format": "png"}, content=bomb)
    assert answer.status_code == 413
    assert "unpacks to over 1,048,576 bytes" in answer.json()["error"]["message"]
    parts = zipped({f"{n}.png": b"\0" * (1 << 19) for n in range(3)})
    assert page.post("/api/import", params={"format": "png"}, content=parts).status_code == 413


def test_too_many_files_or_bytes(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_MEMBERS", 3)
    answer = page.post(
        "/api/import",
        params={"format": "png"},
        content=zipped({f"{n}.png": "" for n in range(4)}),
    )
    assert answer.status_code == 413
    length = {"content-length": str(transfer.MAX_IMPORT + 1)}
    answer = page.post("/api/import?format=coco", content=b"{}", headers=length)
    assert answer.status_code == 413


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_are_refused_in_words(labelled: Project, data: bytes) -> None:
    for form in ("coco", "labelme", "png", "voc"):
        for sent in (data, transfer.ZIP + data):
            with pytest.raises(FormatError):
                transfer.take_in(labelled, form, sent)


def test_one_import_at_a_time(page: TestClient) -> None:
    with transfer._busy:
        answer = page.post("/api/import", params={"format": "coco"}, content=b"{}")
    assert answer.status_code == 503


@pytest.mark.parametrize("form", ["", "nifti", "../coco"])
def test_unknown_formats(page: TestClient, form: str) -> None:
    assert page.get("/api/export", params={"format": form}).status_code == 422
    assert page.post("/api/import", params={"format": form}, content=b"").status_code == 422
    assert page.post("/api/import", params={"format": "yolo"}, content=b"").status_code == 422


def test_the_routes_name_all_formats(page: TestClient) -> None:
    paths = page.get("/api/openapi.json").json()["paths"]
    for path, method, known in (
        ("/api/export", "get", set(FORMATS)),
        ("/api/import", "post", {name for name, found in FORMATS.items() if found.read}),
    ):
        (schema,) = (
            each["schema"] for each in paths[path][method]["parameters"] if each["name"] == "format"
        )
        assert set(schema["enum"]) == known


def test_no_room_is_said_without_a_path(
    page: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(PILImage.Image, "save", full)
    answer = page.get("/api/export", params={"format": "png"})
    assert answer.status_code == 507
    assert str(tmp_path) not in answer.text
    assert answer.json()["error"]["message"] == "temporary files cannot be written"
