"""The one walk over folders, and text as editors write it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.files import Listing, counting, decoded_text, proper_name, walk_files

KINDS = {".png", ".jpg"}


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_what_is_taken_and_what_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "b10.JPG", "b9.jpg", "frames.png/1.png", "deep/er/a.png", "notes.txt")
    touch(tmp_path, ".a.png", ".git/x.png", ".m2n2v2/y.png", ".DS_Store", "c.heic", "deep/raw.cr2")
    found = walk_files(tmp_path, KINDS, missing={".heic": "install it"})
    assert found.names == ("b9.jpg", "b10.JPG", "deep/er/a.png", "frames.png/1.png")
    assert dict(found.left_out) == {
        "hidden": (".a.png", ".git"),
        "install it": ("c.heic",),
        "not by their suffix": ("deep/raw.cr2", "notes.txt"),
    }
    assert found.said == (
        "5 files left out: .a.png, .git (hidden); c.heic (install it); "
        "deep/raw.cr2, notes.txt (not by their suffix)"
    )
    flat = walk_files(tmp_path, KINDS, deep=False)
    assert flat.names == ("b9.jpg", "b10.JPG")


def test_nothing_to_tell(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    assert walk_files(tmp_path, KINDS).said == ""


def test_many_are_counted() -> None:
    listing = Listing((), (("hidden", tuple(f"{n}.png" for n in range(7))),))
    assert listing.said == "7 files left out: 0.png, 1.png, 2.png and 4 more (hidden)"
    assert Listing((), (("hidden", ("a",)),)).said == "1 file left out: a (hidden)"


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made there")
def test_names_that_cannot_be_taken_are_made_visible(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", b"line\nbreak.png", b"back\\slash.png", b"dir\xff/a.png"):
        path = os.fsencode(tmp_path) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass
    found = walk_files(tmp_path, KINDS)
    assert found.names == ()
    assert found.said.startswith("4 files left out: back\\slash.png, caf\\xe9.png, dir\\xff and 1")
    found.said.encode()  # can be printed


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links(tmp_path: Path) -> None:
    touch(tmp_path, "out/a.png", "in/b.png")
    (tmp_path / "in/link.png").symlink_to(tmp_path / "out/a.png")
    (tmp_path / "in/round").symlink_to(".")
    (tmp_path / "in/broken.png").symlink_to("nothing.png")
    assert walk_files(tmp_path / "in", KINDS).names == ("b.png", "link.png")
    inside = walk_files(tmp_path / "in", KINDS, links_out=False)
    assert inside.names == ("b.png",)
    assert dict(inside.left_out) == {
        "broken links": ("broken.png",),
        "links that lead outside": ("link.png",),
        "links to folders": ("round",),
    }


@pytest.mark.parametrize(
    "name", ["a\u202fPM.png", "a\u00a0b", "\u56fe\u3000\u4e00", "\u0646\u200c\u0634", "a\u200f.png"]
)
def test_names_that_people_have(name: str, tmp_path: Path) -> None:
    assert proper_name(name)
    touch(tmp_path, f"{name}/{name}.png")
    assert walk_files(tmp_path, KINDS).names == (f"{name}/{name}.png",)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5))
def test_names_are_sorted_whatever_they_hold(names: list[str]) -> None:
    assert len(sorted(names, key=counting)) == len(names)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text(encoding: str) -> None:
    data = ("\ufeff" if encoding.endswith("e") else "") + "é\tx"
    assert decoded_text(data.encode(encoding)) == "é\tx"
