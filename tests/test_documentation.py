"""The tutorials run: their Python as it stands, their commands as processes."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
NEEDS_A_PERSON = ("annotate", "export")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the tutorials name: photo.jpg, photos/ and a dataset."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "mine/images", "mine/masks"):
        (tmp_path / folder).mkdir(parents=True)
    photograph = Image.fromarray(data.coffee())
    photograph.save("photo.jpg", quality=95)
    shutil.copy("photo.jpg", "photos/photo.jpg")
    photograph.resize((150, 100)).save("mine/images/cup.jpg")
    y, x = np.mgrid[:100, :150]
    Image.fromarray(np.hypot(y - 45, x - 75) < 25).convert("L").save("mine/masks/cup.png")
    return tmp_path


def blocks(name: str, language: str) -> list[str]:
    text = (TUTORIALS / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("name", ["segment.md", "evaluate.md", "prepare.md"])
def test_a_tutorial_runs(name: str) -> None:
    ran = 0
    for line in "".join(blocks(name, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[1] in NEEDS_A_PERSON:
            continue
        assert words[0] == "m2n2v2"
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        ran += 1
    names: dict[str, object] = {}
    for block in blocks(name, "python"):
        exec(block, names)
        ran += 1
    assert ran > 1


def test_every_page_has_a_place_on_the_site() -> None:
    """`make docs` refuses a page that no menu names; this says so at once."""
    menu = (TUTORIALS.parents[1] / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [p.relative_to(TUTORIALS.parent).as_posix() for p in TUTORIALS.parent.rglob("*.md")]
    assert [p for p in pages if p not in menu and not p.startswith("decisions/")] == []


def test_every_tutorial_is_looked_at() -> None:
    """Of the one for the page, the browser's tests do what it says."""
    assert {path.name for path in TUTORIALS.glob("*.md")} == {
        "evaluate.md",
        "label.md",
        "prepare.md",
        "segment.md",
    }
