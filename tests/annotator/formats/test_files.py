"""Names for all systems, exports whole or not at all, and the labels themselves."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.annotator.formats import FORMATS, export, files, read
from m2n2v2.annotator.formats.base import LabelClass, Labelled, Labels, overlapping
from m2n2v2.annotator.formats.files import Photos, fresh_folder, write_text
from m2n2v2.annotator.formats.names import numbered, safe, stems
from m2n2v2.errors import FormatError, OutputError
from m2n2v2.grid import Size
from tests.annotator.formats.samples import BAR, CORNER, PARTS, PLAIN, RING, SIZE, labels, thing

everybody = pytest.mark.skipif(
    os.geteuid() == 0, reason="root may write into folders that are read-only"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cup", "cup"),
        ("a b/c:d*", "a_b_c_d_"),
        ("CON", "_CON"),
        ("com1.x", "_com1.x"),
        (".hidden", "_hidden"),
        ("..", "_"),
        ("", "_"),
        ("-rf", "_-rf"),
        ("dot.", "dot"),
        ("e\u0301", "é"),
        ("tab\there", "tab_here"),
        ("x" * 300, "x" * 80),
        ("日本", "日本"),
    ],
)
def test_safe_names(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(st.text())
def test_any_name_becomes_one_safe_part(text: str) -> None:
    found = safe(text)
    assert found
    assert found == safe(found)
    assert not set(found) & set('<>:"/\\|?*\0 \n')
    assert found not in (".", "..")
    assert not found.endswith(".")
    assert len(found.encode()) <= 4 * 81


@given(st.lists(st.text("aA/.\u0130_", min_size=1, max_size=5), unique=True), st.booleans())
def test_names_stay_apart_where_case_is_ignored(names: list[str], flat: bool) -> None:
    found = stems(names, flat=flat)
    assert len({stem.casefold() for stem in found.values()}) == len(names)
    if flat:
        assert not any("/" in stem for stem in found.values())


def test_images_of_one_stem_by_hand() -> None:
    names = ["a.jpg", "a.png", "b/a.jpg", "B/A.jpg", "b_a.jpg"]
    assert stems(names, flat=True) == {
        "a.jpg": "a",
        "a.png": "a-2",
        "B/A.jpg": "B_A",
        "b/a.jpg": "b_a-2",
        "b_a.jpg": "b_a-3",
    }
    assert stems(names, flat=False)["b/a.jpg"] == "b/a-2"


def test_numbered() -> None:
    assert [numbered(0, "a/b"), numbered(41, None)] == ["001_a_b", "042"]


def test_renamed_images_are_listed(tmp_path: Path) -> None:
    losses = export(labels(), "yolo", tmp_path / "out")
    assert losses["renamed"] == 1
    rows = (tmp_path / "out/names.tsv").read_text().splitlines()
    assert rows == ["here\tin the folder", "deep_a\tdeep/a.png"]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"cutouts", "mot"}))
def test_losses_are_said_beside_every_export(tmp_path: Path, name: str) -> None:
    losses = export(labels(), name, tmp_path / "out")
    lines = (tmp_path / "out/losses.txt").read_text().splitlines()
    assert lines[0] == f"exported by m2n2v2 as {name}: 3 images, 5 objects"
    assert tuple(lines[1:]) == losses.lines
    assert "6 clicks (and strokes) behind the masks are not in this format" in lines


def test_nothing_lost_is_said_too(tmp_path: Path) -> None:
    assert not export(Labels(), "coco", tmp_path / "out")
    assert (tmp_path / "out/losses.txt").read_text().splitlines()[1] == "nothing was lost"


def test_an_earlier_export_is_replaced_whole(tmp_path: Path) -> None:
    export(labels(), "png", tmp_path / "out")
    export(Labels(), "png", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == [
        *("losses.txt", "manifest.json")
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(OutputError, match="holds other files"):
        export(labels(), "png", tmp_path)
    with pytest.raises(OutputError, match="is a file"):
        export(labels(), "png", tmp_path / "diary.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_an_export_that_fails_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(labels(), "png", tmp_path / "out")
    before = sorted(tmp_path.rglob("*"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.PILImage.Image, "save", full)
    with pytest.raises(OutputError, match="No space left on device"):
        export(labels(), "png", tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_swap_that_fails_puts_the_earlier_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(labels(), "coco", tmp_path / "out")
    replace = os.replace

    def fails_on_the_new(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise OSError(5, "Input/output error")
        replace(source, target)

    with (
        monkeypatch.context() as patched,
        pytest.raises(OutputError),
        fresh_folder(tmp_path / "out"),
    ):
        patched.setattr(os, "replace", fails_on_the_new)
    assert (tmp_path / "out/annotations.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@everybody
def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        export(labels(), "coco", tmp_path / "out")


def test_a_place_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        export(labels(), "coco", tmp_path / "file/out")


def test_texts_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError):
        write_text(tmp_path / "a", "text")  # a folder
    write_text(tmp_path / "b", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_photographs_outside_the_folder_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "photos/link.png").symlink_to(tmp_path / "secret.png")
    for name in ("../secret.png", "link.png", str(tmp_path / "secret.png")):
        with pytest.raises(FormatError, match="lies outside the folder"):
            Photos(tmp_path / "photos").path(name)


@pytest.mark.parametrize("name", ["nifti", "COCO", ""])
def test_unknown_formats(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="use one of coco, yolo, labelme, voc, png, cutouts"):
        export(labels(), name, tmp_path / "out")


def test_formats_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="use one of coco, labelme, voc, png"):
        read("yolo", tmp_path, {})


def test_polygons_are_cocos(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no choice of polygons"):
        export(labels(), "voc", tmp_path / "out", polygons=True)


def test_labels_check_themselves() -> None:
    image = Labelled("a.png", SIZE)
    with pytest.raises(FormatError, match=r"image 'a\.png' comes twice"):
        Labels((image, image))
    with pytest.raises(FormatError, match="class 'x' comes twice"):
        Labels((), (LabelClass("x"), LabelClass("x")))
    with pytest.raises(FormatError, match="class 'y', which is not listed"):
        Labels((Labelled("a.png", SIZE, (thing(PLAIN, "y"),)),))
    with pytest.raises(FormatError, match=r"a\.png is 2x2 and a mask of it 8x6"):
        Labelled("a.png", Size(2, 2), (thing(PLAIN),))
    for name in ("", " ", "a\nb", "a\0"):
        with pytest.raises(FormatError, match="a class is called"):
            LabelClass(name)


def test_overlaps() -> None:
    assert overlapping([thing(PLAIN), thing(RING)])
    assert not overlapping([thing(PLAIN), thing(CORNER), thing(PLAIN & False)])
    assert not overlapping([thing(BAR), thing(CORNER)])
    assert overlapping([thing(BAR), thing(PARTS)])
    assert not overlapping([])
    full = np.ones(SIZE.shape, bool)
    assert overlapping([thing(full), thing(CORNER)])
