"""A folder that is a sequence: its timeline, following in the background, whose word masks are."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PILImage

from m2n2v2.annotator.app import Options, make_app
from m2n2v2.annotator.document import Document, Object
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.following import Following, Means, planned
from m2n2v2.annotator.project import Project, open_project
from m2n2v2.annotator.timeline import Timeline, call_sequence, is_sequence
from m2n2v2.annotator.tracks import Followed, merged
from m2n2v2.arrays import Image
from m2n2v2.errors import ConflictError, EditError, FrameError, MissingError
from m2n2v2.grid import Size
from m2n2v2.masks.runs import Runs
from m2n2v2.tracking.cells import Features, OwnCells
from m2n2v2.tracking.settings import FLOW
from tests.annotator.conftest import Gate, stand_in
from tests.patience import PATIENCE
from tests.tracking.clips import Clip, iou, two


class Stepped(OwnCells):
    """Features that wait until they are let through, from the third time on they are asked for:
    the first two times are of the frame that is followed from."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.open.set()
        self.asked = 0

    def __call__(self, image: Image) -> Features:
        self.asked += 1
        if self.asked > 2:
            self.entered.set()
            assert self.open.wait(PATIENCE), "nobody let the frame through"
        return super().__call__(image)


@pytest.fixture
def clip() -> Clip:
    return two(5)


@pytest.fixture
def project(clip: Clip, tmp_path: Path) -> Iterator[Project]:
    """Two discs in five frames, whose ids are 1 to 5."""
    found = open_project(clip.written(tmp_path / "frames"))
    yield found
    found.store.close()


@pytest.fixture
def cells() -> Iterator[Stepped]:
    found = Stepped()
    yield found
    found.open.set()


@pytest.fixture
def following(project: Project, cells: Stepped) -> Following:
    return Following(Timeline(project), lambda: Means("a stand-in", lambda: (cells, FLOW)))


def mark(project: Project, image: int, *masks: np.ndarray, person: str | None = None) -> Document:
    """A person's objects, on top of what is there."""

    def added(document: Document) -> list[Object]:
        return [*document.objects, *(Object(0, Runs.of(mask), finished=True) for mask in masks)]

    project.revise(image, added, person)
    return project.document(image)


def masks(project: Project, image: int) -> dict[int, np.ndarray]:
    return {obj.identity: obj.mask.mask for obj in project.document(image).objects}


def test_a_folder_is_called_a_sequence_and_no_more(tmp_path: Path) -> None:
    assert not is_sequence(tmp_path)
    call_sequence(tmp_path, True)
    call_sequence(tmp_path, True)
    assert is_sequence(tmp_path)
    call_sequence(tmp_path, False)
    call_sequence(tmp_path, False)
    assert not is_sequence(tmp_path)


def test_objects_are_followed_to_the_end_and_keep_their_identity(
    project: Project, following: Following, clip: Clip
) -> None:
    first = mark(project, 1, clip.truth[0] == 1, clip.truth[0] == 2)
    one, other = (obj.id for obj in first.objects)
    following.start(1, None, "Anna")
    done = following.wait(PATIENCE)
    assert (done.running, done.done, done.total, done.error) == (False, 4, 4, None)
    assert done.written == (2, 3, 4, 5)
    for image in (2, 3, 4, 5):
        found = masks(project, image)
        assert list(found) == [one, other]
        assert iou(found[one], clip.truth[image - 1] == 1) > 0.85
        assert iou(found[other], clip.truth[image - 1] == 2) > 0.85
        document = project.document(image, "Anna")
        assert {obj.id for obj in document.objects}.isdisjoint({one, other})
        assert all(obj.source == "tracked" and obj.finished for obj in document.objects)
        assert all("followed by" in str(obj.made_by) for obj in document.objects)
        assert document.can_undo
    assert project.document(1) == first


def test_what_a_person_says_is_never_overwritten(
    project: Project, following: Following, clip: Clip
) -> None:
    """In the third frame the first object is corrected, in the fourth the second one is locked."""
    mark(project, 1, clip.truth[0] == 1, clip.truth[0] == 2)
    following.start(1, None)
    following.wait(PATIENCE)
    strange = np.zeros(clip.size.shape, bool)
    strange[3:9, 4:20] = True

    def corrected(document: Document) -> list[Object]:
        first, second = document.objects
        said = Object(**{**vars(first), "mask": Runs.of(strange), "source": "clicks"})
        return [said, second]

    def locked(document: Document) -> list[Object]:
        first, second = document.objects
        return [first, Object(**{**vars(second), "locked": True, "mask": Runs.of(strange)})]

    project.revise(3, corrected)
    project.revise(4, locked)
    before = {image: project.document(image) for image in (1, 3, 4)}
    following.start(1, None)
    done = following.wait(PATIENCE)
    assert done.written == (2, 5)  # the others are a person's, and lead on
    assert {image: project.document(image) for image in before} == before
    assert (masks(project, 3)[1] == strange).all()


def test_a_done_frame_stays_and_is_gone_on_from(
    project: Project, following: Following, clip: Clip
) -> None:
    mark(project, 1, clip.truth[0] == 1)
    following.start(1, None)
    following.wait(PATIENCE)
    project.store.set_status(3, "done")
    before = project.document(3)
    following.start(1, None)
    assert following.wait(PATIENCE).written == (2, 4, 5)
    assert project.document(3) == before


def test_an_object_that_a_touched_frame_lacks_gets_there(
    project: Project, following: Following, clip: Clip
) -> None:
    """Another object was marked in the third frame first; the new one is followed through it."""
    mark(project, 3, clip.truth[2] == 2)
    mark(project, 1, clip.truth[0] == 1)
    following.start(1, None)
    following.wait(PATIENCE)
    found = project.document(3).objects
    assert [obj.source for obj in found] == ["clicks", "tracked"]
    assert (found[0].mask.mask == (clip.truth[2] == 2)).all()
    assert iou(found[1].mask.mask, clip.truth[2] == 1) > 0.85


def test_to_a_frame_from_the_nearest_touched_one_and_backward(
    project: Project, following: Following, clip: Clip
) -> None:
    mark(project, 3, clip.truth[2] == 1)
    following.start(None, 4)
    assert following.wait(PATIENCE).written == (4,)
    following.start(None, 1)  # none before it: from the one behind
    assert following.wait(PATIENCE).written == (2, 1)
    following.start(None, 2)
    assert following.wait(PATIENCE).written == (2,)
    assert not project.document(5).objects
    assert iou(masks(project, 1)[1], clip.truth[0] == 1) > 0.85


def test_following_is_stopped_and_what_it_has_stays(
    project: Project, following: Following, cells: Stepped, clip: Clip
) -> None:
    mark(project, 1, clip.truth[0] == 1)
    cells.open.clear()
    following.start(1, None)
    assert cells.entered.wait(PATIENCE)
    assert following.progress.running
    with pytest.raises(ConflictError, match="followed already"):
        following.start(1, None)
    following.stop()
    cells.open.set()
    done = following.wait(PATIENCE)
    assert not done.running
    assert 1 <= len(done.written) < 4
    following.start(1, None)
    assert following.wait(PATIENCE).done == 4


def test_a_broken_frame_is_passed(project: Project, following: Following, clip: Clip) -> None:
    mark(project, 1, clip.truth[0] == 1)
    (project.folder.root / "00002.png").write_bytes(b"no picture")
    following.start(1, None)
    done = following.wait(PATIENCE)
    assert (done.done, done.error) == (4, None)
    assert iou(masks(project, 5)[1], clip.truth[4] == 1) > 0.8
    assert not project.store.document(3).objects


def test_one_undo_takes_the_whole_following_back(
    project: Project, following: Following, clip: Clip
) -> None:
    """But for the frame that was corrected since."""
    mark(project, 1, clip.truth[0] == 1)
    with pytest.raises(EditError, match="nothing that can be undone"):
        following.undo("Anna")
    following.start(1, None, "Anna")
    following.wait(PATIENCE)
    assert following.undoable == 4
    with pytest.raises(EditError, match="nothing that can be undone"):
        following.undo("Ben")
    corrected = mark(project, 4, clip.truth[3] == 2, person="Anna")
    assert following.undo("Anna") == [2, 3, 5]
    assert [len(project.document(image).objects) for image in (1, 2, 3, 5)] == [1, 0, 0, 0]
    assert project.document(4) == corrected
    assert following.undoable == 0


def test_what_follows_is_the_model_chosen_now(project: Project, clip: Clip) -> None:
    """Loaded once as long as it stays the same."""
    mark(project, 1, clip.truth[0] == 1)
    loaded: list[str] = []
    chosen = ["one"]

    def means() -> Means:
        name = chosen[0]

        def load() -> Any:
            loaded.append(name)
            return OwnCells(), FLOW

        return Means(name, load)

    following = Following(Timeline(project), means)
    for name in ("one", "one", "other"):
        chosen[0] = name
        following.start(1, 2)
        assert following.wait(PATIENCE).error is None
    assert loaded == ["one", "other"]


def test_a_bug_ends_following_and_is_said(project: Project, clip: Clip) -> None:
    def broken() -> Any:
        raise RuntimeError

    mark(project, 1, clip.truth[0] == 1)
    following = Following(Timeline(project), lambda: Means("broken", broken))
    following.start(1, None)
    done = following.wait(PATIENCE)
    assert not done.running
    assert done.error == "following ended (RuntimeError)"


def test_what_cannot_be_followed_is_refused(project: Project, clip: Clip) -> None:
    timeline = Timeline(project)
    with pytest.raises(EditError, match="no other frame has an object"):
        planned(timeline, None, 3)
    with pytest.raises(EditError, match=r"00001\.png has no object to follow"):
        planned(timeline, 2, None)
    with pytest.raises(MissingError, match="no image 99"):
        planned(timeline, 99, None)
    mark(project, 5, clip.truth[4] == 1)
    with pytest.raises(EditError, match="no frame to follow to"):
        planned(timeline, 5, None)
    PILImage.new("RGB", (30, 20)).save(project.folder.root / "00002.png")
    with pytest.raises(FrameError, match=r"frame 00002\.png is 30x20, 00000\.png is 160x96"):
        planned(timeline, 5, 1)
    assert planned(timeline, 5, 4).count == 1


def test_a_frame_at_a_glance() -> None:
    """Two objects of 2 and 3 pixels of 12, which share one; one was followed."""
    first, second = np.zeros((3, 4), bool), np.zeros((3, 4), bool)
    first[0, :2] = second[0, 1:] = True
    made = Document(
        7,
        "a.png",
        Size(3, 4),
        objects=(
            Object(1, Runs.of(first), source="tracked", confidence=0.4),
            Object(2, Runs.of(second), confidence=None),
        ),
    )
    from m2n2v2.annotator.timeline import Glance

    glance = Glance.of(made, None)
    assert (glance.coverage, glance.confidence, glance.touched) == (round(4 / 12, 4), 0.4, True)
    alone = Glance.of(Document(7, "a.png", Size(3, 4), objects=made.objects[:1]), None)
    assert not alone.touched
    assert Glance.of(Document(7, "a.png"), "missing: x").coverage == 0


def test_merging_keeps_order_numbers_and_classes() -> None:
    mask, other = np.eye(3, dtype=bool), ~np.eye(3, dtype=bool)
    said = Object(5, Runs.of(mask), class_id=2)
    like = Object(9, Runs.of(mask), class_id=4, attributes=(("colour", "red"),))
    known = Object(6, Runs.of(mask), class_id=1, track=3, source="tracked", confidence=0.2)
    document = Document(1, "a", Size(3, 3), objects=(known, said))
    found = [
        Followed(9, like, Runs.of(other), 0.5),
        Followed(3, like, Runs.of(other), 0.75),
        Followed(5, like, Runs.of(other), 0.9),
    ]
    first, second, third = merged(document, found)
    assert (first.id, first.class_id, first.identity, first.confidence) == (6, 1, 3, 0.75)
    assert first.mask == first.base == Runs.of(other)
    assert second == said
    assert (third.id, third.class_id, third.identity, third.source) == (0, 4, 9, "tracked")
    assert third.attributes == like.attributes
    assert merged(Document(1, "a", Size(3, 3), "x", "done", objects=(known,)), found) == (known,)


Start = Callable[..., TestClient]


@pytest.fixture
def client(project: Project, following: Following, gate: Gate) -> Iterator[TestClient]:
    engine = Engine(stand_in(gate), project, ahead=False)
    app = make_app(project, engine, Options(), following)
    with TestClient(app, base_url="http://localhost:8642") as found:
        yield found


def test_the_timeline_over_http(
    client: TestClient, project: Project, following: Following, clip: Clip
) -> None:
    assert client.get("/api/project").json()["sequence"]
    mark(project, 1, clip.truth[0] == 1)
    share = round(float((clip.truth[0] == 1).mean()), 4)
    told = client.get("/api/sequence").json()
    assert (told["total"], told["followed_by"]) == (5, "a stand-in")
    assert [f["coverage"] for f in told["frames"]] == [share, 0, 0, 0, 0]
    assert [f["touched"] for f in told["frames"]] == [True, False, False, False, False]
    answer = client.post("/api/sequence/follow", json={"start": 1}, headers={"X-Person": "Anna"})
    assert answer.status_code == 202
    assert answer.json()["total"] == 4
    following.wait(PATIENCE)
    now = client.get("/api/sequence/following?since=3").json()
    assert (now["running"], now["done"], now["written"]) == (False, 4, 4)
    (last,) = now["frames"]
    assert last["image"] == 5
    assert 0 < last["confidence"] <= 1
    assert not last["touched"]
    assert client.get("/api/sequence/frames/5").json() == last
    assert client.get("/api/sequence?offset=4&limit=1").json()["frames"] == [last]
    assert client.post("/api/sequence/stop").json()["running"] is False
    refused = client.post("/api/sequence/follow", json={"start": 5})
    assert refused.status_code == 400
    assert client.get("/api/sequence/frames/9").status_code == 404
    undone = client.post(
        "/api/images/5/undo",
        json={"revision": project.document(5).revision},
        headers={"X-Person": "Anna"},
    )
    assert undone.json()["order"] == []


def test_a_click_on_a_followed_mask_makes_it_the_persons(
    client: TestClient, project: Project, following: Following, clip: Clip
) -> None:
    mark(project, 1, clip.truth[0] == 1)
    following.start(1, 2)
    following.wait(PATIENCE)
    (followed,) = client.get("/api/images/2").json()["objects"]
    assert (followed["source"], followed["track"]) == ("tracked", 1)
    edit = {"kind": "stroke", "object": followed["id"], "radius": 3, "points": [[5, 5]]}
    answer = client.post("/api/images/2/edits", json={"revision": 1, "edit": edit}).json()
    (changed,) = answer["objects"]
    assert (changed["source"], changed["track"], changed["confidence"]) == ("clicks", 1, None)
    assert client.get("/api/sequence/frames/2").json()["touched"]
    edit = {"kind": "duplicate", "object": followed["id"]}
    answer = client.post("/api/images/2/edits", json={"revision": 2, "edit": edit}).json()
    (twin,) = answer["objects"]
    assert twin["track"] == twin["id"] != 1
    edit = {"kind": "copy", "image": 2, "objects": [followed["id"]]}
    for revision, track in ((0, 1), (1, None)):
        given = {"revision": revision, "edit": edit}
        client.get("/api/images/4")
        (copy,) = client.post("/api/images/4/edits", json=given).json()["objects"]
        assert copy["track"] == (track or copy["id"])


def test_a_folder_that_is_no_sequence_has_no_timeline(project: Project, gate: Gate) -> None:
    engine = Engine(stand_in(gate), project, ahead=False)
    app = make_app(project, engine, Options())
    with TestClient(app, base_url="http://localhost:8642") as client:
        assert not client.get("/api/project").json()["sequence"]
        assert client.get("/api/sequence").status_code == 404
