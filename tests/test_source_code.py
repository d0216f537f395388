"""The digest of our source: of what is reached and does something, and nothing else."""

import shutil
from pathlib import Path

import pytest

from m2n2v2.source_code import HERE, source_digest

USERS = {
    "states": "m2n2v2.states.preparing",
    "attention": "m2n2v2.attention",
    "runs": "m2n2v2.evaluation.runner",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of our source, to change."""
    return Path(shutil.copytree(HERE, tmp_path / "m2n2v2"))


def digests(package: Path) -> dict[str, str]:
    source_digest.cache_clear()
    return {user: source_digest(root, package=package) for user, root in USERS.items()}


def changed(package: Path, file: str, old: str, new: str) -> set[str]:
    """Whose digests change with a file."""
    before, path = digests(package), package / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return {user for user, digest in digests(package).items() if digest != before[user]}


@pytest.mark.parametrize(
    ("file", "old", "new", "users"),
    [
        ("boundaries.py", "BINS = (8, 6, 6)", "BINS = (8, 6, 7)", set(USERS)),
        ("attention/affinity/parameters.py", "grid: int = 64", "grid: int = 32", set(USERS)),
        ("attention/_dense.py", "+=", "-=", set(USERS)),
        ("grid.py", "- 0.5", "- 0.25", set(USERS)),
        ("depth/flat.py", "class Flat", "class Level", {"states", "runs"}),
        ("photograph/_scale_evidence.py", "+=", "-=", {"states", "runs"}),
        ("baselines/geodesic.py", "import ", "import os, ", {"runs"}),
        ("datasets/manifest.py", "import ", "import os, ", {"runs"}),
        ("evaluation/clicker.py", "import ", "import os, ", {"runs"}),
        ("evaluation/report.py", "import ", "import os, ", set()),
        ("annotator/engine.py", "WAITING = 8", "WAITING = 9", set()),
        ("cli/evaluate.py", "import ", "import os, ", set()),
    ],
)
def test_a_change_counts_where_it_can_change_a_result(
    package: Path, file: str, old: str, new: str, users: set[str]
) -> None:
    assert changed(package, file, old, new) == users


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BINS = (8, 6, 6)", "BINS = (8, 6, 6)  # a comment"),
        ("BINS = (8, 6, 6)", "\n\nBINS = ( 8, 6, 6 )"),
        ('"""How strong a boundary is', '"""How very strong a boundary is'),
        ('"""Bins of the soft', '"""Cells of the soft'),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(package: Path, old: str, new: str) -> None:
    assert changed(package, "boundaries.py", old, new) == set()


def test_a_module_added_to_a_package_counts_there(package: Path) -> None:
    before = digests(package)
    (package / "attention" / "new.py").write_text("ONE = 1\n")
    assert digests(package)["attention"] != before["attention"]


def test_a_root_that_is_no_module_is_refused(package: Path) -> None:
    """A list of folders once went on naming one that had been renamed."""
    with pytest.raises(FileNotFoundError, match=r"m2n2v2\.server"):
        source_digest("m2n2v2.server", package=package)
