"""The folder: what is listed, what a name may be, what hostile files do."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator import folder as foldering
from m2n2v2.annotator.folder import Folder
from m2n2v2.annotator.project import open_project
from m2n2v2.datasets.pairs import files
from m2n2v2.errors import ConflictError, FolderError, ImageError, StoreError
from m2n2v2.images import photographs, read_image

IMAGE = np.random.default_rng(0).integers(0, 255, (12, 20, 3)).astype(np.uint8)


def encoded(kind: str = "PNG", image: np.ndarray = IMAGE, **options: object) -> bytes:
    stream = io.BytesIO()
    PILImage.fromarray(image).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "inside"
    root.mkdir()
    (root / "a.png").write_bytes(encoded())
    (tmp_path / "outside.png").write_bytes(encoded())
    return Folder(root)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is no folder"):
        Folder(tmp_path / "none")


def test_what_is_listed(folder: Folder, tmp_path: Path) -> None:
    for name in ("B2.JPG", "b10.jpg", "notes.txt", ".hidden.png", "no_suffix"):
        (folder.root / name).write_bytes(b"")
    for name in (".hidden", ".m2n2v2", "deep/er"):
        (folder.root / name).mkdir(parents=True)
        (folder.root / name / "c.tiff").write_bytes(b"")
    (folder.root / "folder.png").mkdir()
    assert folder.names() == ["a.png", "B2.JPG", "b10.jpg", "deep/er/c.tiff"]


def test_what_is_left_out_is_said_in_the_list_of_the_project(folder: Folder) -> None:
    for name in ("notes.txt", "b.gif", "c.ppm", "d.jfif"):
        (folder.root / name).write_bytes(b"")
    project = open_project(folder.root)
    assert project.left_out == "1 file left out: notes.txt (not by their suffix)"
    project.store.close()


def test_annotate_prepare_and_evaluate_see_the_same_photographs(folder: Folder) -> None:
    for name in ("b.gif", "c.ppm", "d.jfif", "E.PNM", "frames.png/1.png", "a\u202fPM.png"):
        (folder.root / name).parent.mkdir(exist_ok=True)
        (folder.root / name).write_bytes(encoded())
    names = folder.names()
    assert len(names) == 7
    assert list(photographs(folder.root).names) == names
    assert [path.relative_to(folder.root).as_posix() for path in files(folder.root, deep=True)] == (
        sorted(names)
    )


def test_links_that_lead_outside_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    (folder.root / "out.png").symlink_to(tmp_path / "outside.png")
    (folder.root / "in.png").symlink_to("a.png")
    (folder.root / "broken.png").symlink_to("nothing.png")
    (folder.root / "up").symlink_to("..")
    (folder.root / "round").symlink_to(".")
    assert folder.names() == ["a.png", "in.png"]
    for name in ("out.png", "up/outside.png"):
        with pytest.raises(FolderError):
            folder.data(name)
    assert folder.data("in.png") == folder.data("a.png")


def test_a_file_replaced_by_a_link_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    assert folder.content("a.png").size.area == 240
    (folder.root / "a.png").unlink()
    (folder.root / "a.png").symlink_to(tmp_path / "outside.png")
    for read in (folder.data, folder.sha256, folder.content, folder.picture):
        with pytest.raises(FolderError):
            read("a.png")


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made there")
def test_names_in_no_encoding_are_left_out(folder: Folder) -> None:
    with open(os.fsencode(folder.root) + b"/\xff\xfe.png", "wb"):
        pass
    with open(os.fsencode(folder.root) + b"/line\nbreak.png", "wb"):
        pass
    assert folder.names() == ["a.png"]


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "more/../../outside.png",
        "./a.png",
        "more//a.png",
        "a.png/",
        "/etc/passwd",
        "/etc/motd.png",
        "C:\\photo.png",
        "..\\outside.png",
        "%2e%2e/outside.png",
        "a.png\0.png",
        "\ud800.png",
        "a\u0085b.png",
        ".m2n2v2/a.png",
        ".hidden.png",
        "annotations.sqlite",
        "a.svg",
        "",
        ".",
    ],
)
def test_names_that_lead_elsewhere(folder: Folder, name: str) -> None:
    if name == "%2e%2e/outside.png":  # a folder of that very name: no such image, and not outside
        with pytest.raises(ImageError, match="no longer in the folder"):
            folder.data(name)
        return
    with pytest.raises(FolderError, match="no name of an image"):
        folder.data(name)
    with pytest.raises(FolderError):
        folder.add(name, encoded())


def test_content_is_the_librarys(folder: Folder) -> None:
    np.testing.assert_array_equal(folder.content("a.png").image, IMAGE)
    assert folder.content("a.png").sha256 == folder.sha256("a.png")


def test_a_touched_file_is_hashed_again(folder: Folder) -> None:
    before = folder.sha256("a.png")
    (folder.root / "a.png").write_bytes(encoded(image=IMAGE[::-1].copy()))
    assert folder.sha256("a.png") != before
    (folder.root / "a.png").unlink()
    with pytest.raises(ImageError, match="no longer in the folder"):
        folder.sha256("a.png")


# Pictures for browsers


def shown(folder: Folder, name: str, max_side: int | None = None) -> np.ndarray:
    found = folder.picture(name, max_side)
    kind = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}[found.media_type]
    with PILImage.open(io.BytesIO(found.data), formats=[kind]) as file:
        return np.asarray(file.convert("RGB"))


def test_plain_files_are_sent_as_they_are(folder: Folder) -> None:
    for name, kind in (("p.png", "PNG"), ("p.jpg", "JPEG"), ("p.webp", "WEBP")):
        (folder.root / name).write_bytes(encoded(kind))
        assert folder.picture(name).data == encoded(kind)
        assert folder.picture(name, 20).data == encoded(kind)


def test_a_name_does_not_decide_the_type(folder: Folder) -> None:
    (folder.root / "really-a-jpeg.png").write_bytes(encoded("JPEG"))
    assert folder.picture("really-a-jpeg.png").media_type == "image/jpeg"


def test_turned_photographs_come_upright(folder: Folder) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = 6
    (folder.root / "t.jpg").write_bytes(encoded("JPEG", exif=exif, quality=95))
    found = shown(folder, "t.jpg")
    assert found.shape == (20, 12, 3)
    expected = read_image(folder.root / "t.jpg")
    assert np.abs(found.astype(int) - expected).mean() < 8


def test_what_browsers_do_not_show_is_encoded_again(folder: Folder) -> None:
    deep = (np.arange(240, dtype=np.uint16).reshape(12, 20) * 257).astype(np.uint16)
    (folder.root / "deep.png").write_bytes(encoded(image=deep))
    (folder.root / "t.tiff").write_bytes(encoded("TIFF"))
    (folder.root / "b.bmp").write_bytes(encoded("BMP"))
    clear = np.dstack([IMAGE, np.full((12, 20), 128, np.uint8)])
    (folder.root / "clear.png").write_bytes(encoded(image=clear))
    for name in ("deep.png", "t.tiff", "b.bmp", "clear.png"):
        np.testing.assert_array_equal(shown(folder, name), read_image(folder.root / name))


def test_reduced(folder: Folder) -> None:
    assert shown(folder, "a.png", 16).shape == (10, 16, 3)


# Hostile files


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size; its data are short."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (12_000, 12_000), (1 << 30, 9)])
def test_decompression_bombs_are_not_decoded(folder: Folder, width: int, height: int) -> None:
    (folder.root / "bomb.png").write_bytes(png_of(width, height))
    with pytest.raises(ImageError, match="more than"):
        folder.content("bomb.png")
    with pytest.raises(ImageError, match="more than"):
        folder.picture("bomb.png")
    with pytest.raises(ImageError, match="more than"):
        folder.add("sent.png", png_of(width, height))
    assert not (folder.root / "sent.png").exists()


def test_files_too_large_are_not_read(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foldering, "MAX_BYTES", 100)
    with pytest.raises(ImageError, match="MiB"):
        folder.data("a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM"])
def test_damaged_files_are_image_errors(folder: Folder, kind: str) -> None:
    """Cut off or with random bytes changed: an image or an `ImageError`, nothing else."""
    whole = encoded(kind)
    generator = np.random.default_rng(0)
    damaged = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 20))]
    for _ in range(60):
        broken = bytearray(whole)
        for at in generator.integers(0, len(whole), 4):
            broken[at] = generator.integers(256)
        damaged.append(bytes(broken))
    refused = []
    for data in damaged:
        (folder.root / "d.png").write_bytes(data)
        try:
            folder.content("d.png")
            folder.picture("d.png")
        except ImageError as error:
            refused.append(str(error))
    assert len(refused) > 5
    assert not any(str(folder.root) in text for text in refused)


def test_only_formats_we_list_get_a_decoder(folder: Folder) -> None:
    """PostScript, for one, would start another program."""
    (folder.root / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ImageError, match="not an image"):
        folder.content("script.png")


# What is sent


def test_an_image_is_added_whole(folder: Folder) -> None:
    folder.add("new/sent.jpg", encoded("JPEG"))
    assert folder.data("new/sent.jpg") == encoded("JPEG")
    assert [path.name for path in (folder.root / "new").iterdir()] == ["sent.jpg"]
    with pytest.raises(ConflictError, match="already"):
        folder.add("a.png", encoded("JPEG"))
    assert folder.data("a.png") == encoded()
    with pytest.raises(ImageError):
        folder.add("half.png", encoded()[:100])
    assert folder.names() == ["a.png", "new/sent.jpg"]


def test_an_image_is_not_added_through_a_link(folder: Folder, tmp_path: Path) -> None:
    (folder.root / "up").symlink_to("..")
    with pytest.raises(FolderError):
        folder.add("up/sent.png", encoded())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "outside.png"]


def test_our_own_folder_is_no_link(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder.root / ".m2n2v2").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="link"):
        open_project(folder.root)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "9.22\u202fPM.png",
        "v\xa013.png",
        "图\u3000一.png",
        "نمی\u200cشود.png",
        "\u200fא.png",
        "👩\u200d🔬.png",
    ],
)
def test_names_of_people_are_listed(folder: Folder, name: str) -> None:
    PILImage.new("RGB", (3, 2)).save(folder.root / name)
    assert name in folder.names()
    assert folder.has(name)


def test_a_folder_named_like_an_image_is_looked_into(folder: Folder) -> None:
    (folder.root / "frames.png").mkdir()
    PILImage.new("RGB", (3, 2)).save(folder.root / "frames.png" / "a.png")
    assert "frames.png/a.png" in folder.names()
    assert "frames.png" not in folder.names()
