"""The benchmark of several people at one image, in short: a bounded count of edits, then a kill."""

from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")
from benchmarks.annotator import Acknowledged, Client, Server, edited_together, photographs

from m2n2v2.grid import Size

EDITS = 12


def test_what_two_people_were_told_survives_a_kill(tmp_path: Path) -> None:
    photographs(tmp_path, 1, Size(120, 160))
    server = Server(tmp_path)
    try:
        known, wrong = edited_together(server.url, people=2, seed=1, steps=EDITS)
    finally:
        server.kill()
    assert wrong == []
    assert len(known.answers) == 2 * EDITS
    with Server(tmp_path) as again:
        client = Client(again.url)
        shown = client("GET", "/api/images/1")
        client.close()
    assert known.missing_from(shown, people=0) is None


def test_what_is_missing_is_told() -> None:
    mask = {"size": [2, 2], "counts": [0, 4]}
    one, other = ({"id": id, "mask": mask, "class_id": None} for id in (1, 2))
    known = Acknowledged({"revision": 0, "objects": []})
    known.take({"revision": 1, "objects": [one], "removed": [], "order": [1]})
    known.take({"revision": 3, "objects": [other], "removed": [], "order": [1, 2]})
    there = {"revision": 3, "objects": [one, other]}  # nobody was told of the second edit
    assert known.missing_from(there, people=1) is None
    assert "3 after 3, 2 acknowledged" in str(known.missing_from(there, people=0))
    lost = known.missing_from({"revision": 2, "objects": [one]}, people=2)
    assert "revision 2 after 3" in str(lost)
    both = {"revision": 3, "objects": [one | {"class_id": 4}, other | {"class_id": 4}]}
    assert "objects [1, 2]" in str(known.missing_from(both, people=1))
