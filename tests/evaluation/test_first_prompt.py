"""The simulated first box and scribble: by hand, by a slower way, and what they promise."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import made_up_set
from tests.scenes import disc

from m2n2v2.baselines import segmenter
from m2n2v2.datasets.base import Sample
from m2n2v2.errors import PromptError, SettingsError
from m2n2v2.evaluation.first_prompt import box_round, longest_path, stroke_along
from m2n2v2.evaluation.interaction import interact
from m2n2v2.evaluation.metrics import iou
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.evaluation.records import Record, read_records
from m2n2v2.evaluation.runner import Plan, evaluate
from m2n2v2.grid import Size
from m2n2v2.weights.locating import Loading

IMAGE, TRUTH = disc()


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_tight_box_by_hand() -> None:
    assert box_round(TRUTH, 0, generator()).corners == (15, 13, 46, 44)


@given(st.integers(0, 1000), st.sampled_from([0.1, 0.2, 1.0]))
def test_a_loosened_box_holds_the_object_and_stays_in_the_image(seed: int, loosen: float) -> None:
    left, top, right, bottom = box_round(TRUTH, loosen, generator(seed)).corners
    side = 31 * loosen
    assert max(15 - 1.5 * side, 0) <= left <= max(15 - side / 2, 0)
    assert max(13 - 1.5 * side, 0) <= top <= max(13 - side / 2, 0)
    assert min(46 + side / 2, 80) <= right <= min(46 + 1.5 * side, 80)
    assert min(44 + side / 2, 60) <= bottom <= min(44 + 1.5 * side, 60)
    again = box_round(TRUTH, loosen, generator(seed))
    assert again.corners == (left, top, right, bottom)


def test_the_longest_path_of_a_cross_by_hand() -> None:
    skeleton = np.zeros((5, 9), bool)
    skeleton[2, :] = True
    skeleton[1:4, 4] = True
    path = longest_path(skeleton).tolist()
    assert sorted(path) == [[2, x] for x in range(9)]
    assert longest_path(np.eye(1, dtype=bool)).tolist() == [[0, 0]]


@given(st.integers(0, 500))
def test_the_longest_path_of_a_tree_is_the_longest_of_all_pairs(seed: int) -> None:
    """On random trees of pixels: walks that never touch themselves."""
    rng = np.random.default_rng(seed)
    skeleton = np.zeros((15, 15), bool)
    at = [7, 7]
    skeleton[7, 7] = True
    for _ in range(40):
        step = rng.integers(0, 2, 2) * rng.choice([-1, 1], 2)
        y, x = np.clip(np.array(at) + step, 1, 13)
        if skeleton[y - 1 : y + 2, x - 1 : x + 2].sum() == 1:
            skeleton[y, x] = True
            at = [int(y), int(x)]
    pixels = np.argwhere(skeleton)
    apart = np.linalg.norm(pixels[:, None] - pixels[None], axis=2)
    lengths = np.where(apart < 1.5, apart, np.inf)
    for k in range(len(pixels)):
        lengths = np.minimum(lengths, lengths[:, k : k + 1] + lengths[k])
    path = longest_path(skeleton)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert (steps < 1.5).all()
    assert steps.sum() == pytest.approx(lengths.max())


@given(st.integers(0, 300), st.integers(0, 10))
@settings(deadline=None)
def test_a_stroke_stays_inside_its_object(seed: int, shape: int) -> None:
    rng = np.random.default_rng(shape)
    truth = np.zeros((40, 50), bool)
    for _ in range(3):
        y, x = rng.integers(0, 36, 2)
        truth[y : y + rng.integers(1, 14), x : x + rng.integers(1, 14)] = True
    stroke = stroke_along(truth, generator(seed))
    x, y = stroke.pixels(Size(40, 50), Size(40, 50)).T
    assert truth[y, x].all()
    assert stroke == stroke_along(truth, generator(seed))


def test_a_stroke_along_a_bar_is_unsteady_and_long() -> None:
    truth = np.zeros((30, 90), bool)
    truth[10:20, 5:85] = True
    strokes = [stroke_along(truth, generator(seed)) for seed in range(3)]
    assert len(set(strokes)) == 3
    for stroke in strokes:
        x, y = np.array(stroke.points).T
        assert np.ptp(x) > 45
        assert np.ptp(y) > 0


def sample() -> Sample:
    return Sample("disc", IMAGE, TRUTH, np.zeros_like(TRUTH), None, None)


@pytest.mark.parametrize(("name", "first"), [("grabcut", "box"), ("random-walker", "scribble")])
def test_peers_take_their_first_prompt_and_clicks_after_it(name: str, first: str) -> None:
    if name == "grabcut":
        pytest.importorskip("cv2")
    protocol = Protocol(first=first, target_iou=1.0, n_clicks=3)  # type: ignore[arg-type]
    done = interact(segmenter(name).start(IMAGE), sample(), protocol, generator())
    assert type(done.first).__name__.lower() == first
    assert len(done.ious) == len(done.seconds) == 1 + len(done.clicks) <= 3
    assert done.ious[0] > 0.5
    assert done.ious[-1] == iou(TRUTH, done.mask, np.zeros_like(TRUTH))


def test_grabcuts_rectangle_is_opencvs_own() -> None:
    cv2 = pytest.importorskip("cv2")
    protocol = Protocol(first="box", n_clicks=1)
    done = interact(segmenter("grabcut").start(IMAGE), sample(), protocol, generator())
    labels, models = np.zeros(TRUTH.shape, np.uint8), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(0)
    image = np.ascontiguousarray(IMAGE[:, :, ::-1])
    cv2.grabCut(image, labels, (15, 13, 31, 31), *models, 5, cv2.GC_INIT_WITH_RECT)
    assert np.array_equal(done.mask, np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)))


@pytest.mark.parametrize(
    ("name", "first"), [("click-disc", "box"), ("random-walker", "box"), ("geodesic", "scribble")]
)
def test_a_method_that_takes_no_such_prompt_says_so(name: str, first: str) -> None:
    protocol = Protocol(first=first)  # type: ignore[arg-type]
    with pytest.raises(PromptError, match=f"takes no {first} first"):
        interact(segmenter(name).start(IMAGE), sample(), protocol, generator())


@pytest.mark.parametrize(
    "fields", [{"first": "lasso"}, {"loosen": 0.1}, {"first": "box", "loosen": -0.1}]
)
def test_a_first_prompt_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"first|loosen"):
        Protocol(**fields)  # type: ignore[arg-type]


def test_a_run_records_its_first_prompt(tmp_path: Path) -> None:
    root = made_up_set(tmp_path / "data", count=2)
    plan = Plan(
        preset="offline",
        datasets=("mine",),
        data_root=root,
        protocol=Protocol(first="box", loosen=0.2, n_clicks=2),
        loading=Loading(device="cpu"),
    )
    records = evaluate(plan, tmp_path / "run")
    assert records == read_records(tmp_path / "run")
    for record in records:
        assert record.first is not None
        assert record.first["label"] == 1
        assert len(record.first["box"]) == 4
        assert len(record.ious) == 1 + len(record.clicks)
        assert Record.from_json(record.to_json()) == record
