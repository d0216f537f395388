"""`Predictor`: SAM's call shapes over the walk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from m2n2v2 import Click, ImageState, Predictor, Settings
from m2n2v2.arrays import Mask
from m2n2v2.attention import Precomputed
from m2n2v2.depth import Precomputed as PrecomputedDepth
from m2n2v2.errors import (
    BackendError,
    ClickError,
    DepthError,
    DeviceError,
    ImageError,
    NoImageError,
    PromptError,
    StateError,
)
from m2n2v2.grid import Size
from m2n2v2.predictor import _as_mask
from m2n2v2.session import replay
from m2n2v2.states.file import write_state
from tests.scenes import ColourAttention, colour_attention, disc, iou

IMAGE, TRUTH = disc()


@pytest.fixture
def predictor() -> Predictor:
    predictor = Predictor(Precomputed(colour_attention(IMAGE)))
    predictor.set_image(IMAGE)
    return predictor


def test_one_click_finds_the_disc(predictor: Predictor) -> None:
    masks, scores, logits = predictor.predict(
        point_coords=np.array([[30, 28]]), point_labels=np.array([1])
    )
    assert masks.shape == (1, *TRUTH.shape)
    assert masks.dtype == np.bool_
    assert scores.shape == (1,)
    assert 0 < scores[0] <= 1
    assert logits.shape == (1, 256, 256)
    assert iou(masks[0], TRUTH) > 0.95


def test_code_written_for_sam_runs(predictor: Predictor) -> None:
    """The iterative loop of SAM's own example: logits of the best mask go back in."""
    coords, labels = np.array([[30, 28]]), np.array([1])
    masks, scores, logits = predictor.predict(
        point_coords=coords, point_labels=labels, multimask_output=True
    )
    assert masks.shape == (3, *TRUTH.shape)
    coords, labels = np.array([[30, 28], [70, 50]]), np.array([1, 0])
    masks, _, _ = predictor.predict(
        point_coords=coords,
        point_labels=labels,
        mask_input=logits[np.argmax(scores)][None, :, :],
        multimask_output=False,
    )
    assert iou(masks[0], TRUTH) > 0.95


def test_three_scales_come_best_first_and_differ(predictor: Predictor) -> None:
    masks, scores, _ = predictor.predict([[30, 28]], [1], multimask_output=True)
    single, score, _ = predictor.predict([[30, 28]], [1])
    np.testing.assert_array_equal(masks[0], single[0])
    assert scores[0] == score[0]
    assert scores[0] >= scores[1] >= scores[2] > 0
    areas = sorted(masks.sum((1, 2)))
    assert areas[0] <= 0.8 * areas[1]
    assert areas[1] <= 0.8 * areas[2]


def test_logits_are_over_zero_exactly_on_the_mask(predictor: Predictor) -> None:
    points, labels = [[30, 28], [60, 10]], [1, 0]
    masks, _, _ = predictor.predict(points, labels)
    soft, _, _ = predictor.predict(points, labels, return_logits=True)
    assert soft.dtype == np.float32
    assert np.abs(soft).max() <= 1
    np.testing.assert_array_equal(soft > 0, masks)


def test_the_order_of_points_is_the_order_of_clicking(predictor: Predictor) -> None:
    points, labels = [[30, 28], [36, 28], [44, 30], [62, 28]], [1, 1, 1, 0]
    state = predictor.get_image_embedding()
    assert isinstance(state, ImageState)
    masks, _, _ = predictor.predict(points, labels)
    clicks = [Click(*p, label) for p, label in zip(points, labels, strict=True)]
    np.testing.assert_array_equal(masks[0], replay(state, clicks).mask)
    session = predictor.session()
    for click in clicks:
        session.click(click.x, click.y, click.positive)
    np.testing.assert_array_equal(masks[0], session.mask)


@pytest.mark.parametrize("kind", [list, tuple, np.asarray, torch.tensor])
def test_points_of_any_container(predictor: Predictor, kind: type) -> None:
    expected, _, _ = predictor.predict([[30, 28], [60, 10]], [1, 0])
    masks, _, _ = predictor.predict(kind([[30, 28], [60, 10]]), kind([1, 0]))
    np.testing.assert_array_equal(masks, expected)


def test_previous_mask_bounds_the_change() -> None:
    """A click one pixel outside a given mask means a small change (Eq. 9-10)."""
    predictor = Predictor(
        Precomputed(colour_attention(IMAGE)), settings=Settings.ours().replace(alpha=1.0)
    )
    predictor.set_image(IMAGE)
    free, _, _ = predictor.predict([[30, 28]], [1])
    near = np.zeros(TRUTH.shape, bool)
    near[28, 31] = True
    bounded, _, _ = predictor.predict([[30, 28]], [1], mask_input=near)
    assert free.sum() > 500
    assert bounded.sum() < np.pi
    logits = np.where(near, 3.0, -3.0)[None]
    same, _, _ = predictor.predict([[30, 28]], [1], mask_input=logits)
    np.testing.assert_array_equal(same, bounded)


@pytest.mark.parametrize(
    "like",
    [
        lambda mask: mask.astype(np.uint8),
        lambda mask: mask.astype(np.uint8) * 255,
        lambda mask: mask.astype(np.float32) * 255,
        lambda mask: mask.astype(np.float64),
        lambda mask: mask.astype(np.int64) * 7,
        lambda mask: np.where(mask, 0.2, -0.2),
        lambda mask: mask[None],
    ],
)
def test_a_mask_of_any_type_is_the_same_mask(like: Callable[[Mask], np.ndarray]) -> None:
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:6] = True
    size = Size(6, 8)
    np.testing.assert_array_equal(_as_mask(like(mask), size), mask)


def test_logits_of_predict_are_logits_though_none_is_negative() -> None:
    logits = np.linspace(0, 1, 256 * 256, dtype=np.float32).reshape(1, 256, 256)
    assert _as_mask(logits, Size(256, 256)).sum() == 256 * 256 - 1


@pytest.mark.parametrize(
    "values", [[0, 0.2, 0.9], [0, 128, 255], [0, 16, 255], [0, 1, 2], [0.2, 0.9, 0.4]]
)
def test_a_soft_mask_is_refused(values: list[float]) -> None:
    with pytest.raises(PromptError, match=r"mask_input has 3 values .*mask > 127"):
        _as_mask(np.array([values]), Size(1, 3))


def test_bgr_is_turned(predictor: Predictor) -> None:
    expected, _, _ = predictor.predict([[30, 28]], [1])
    predictor.set_image(np.ascontiguousarray(IMAGE[:, :, ::-1]), image_format="BGR")
    masks, _, _ = predictor.predict([[30, 28]], [1])
    np.testing.assert_array_equal(masks, expected)


def test_pil_path_and_tensor_give_the_same(predictor: Predictor, tmp_path) -> None:  # type: ignore[no-untyped-def]
    expected, _, _ = predictor.predict([[30, 28]], [1])
    PILImage.fromarray(IMAGE).save(tmp_path / "disc.png")
    for given in (PILImage.fromarray(IMAGE), tmp_path / "disc.png", torch.from_numpy(IMAGE)):
        predictor.set_image(given)
        masks, _, _ = predictor.predict([[30, 28]], [1])
        np.testing.assert_array_equal(masks, expected)


def test_depth_finds_what_colour_does_not() -> None:
    """An object of the ground's own colour: only the depth map of this image shows it."""
    noise = np.random.default_rng(1).integers(100, 104, IMAGE.shape).astype(np.uint8)
    predictor = Predictor(Precomputed(colour_attention(noise)))
    predictor.set_image(noise)
    blind = iou(predictor.predict([[30, 28]], [1])[0][0], TRUTH)
    predictor.set_image(noise, depth=PrecomputedDepth(TRUTH.astype(float), name="truth"))
    assert predictor.get_image_embedding().provenance.depth == "truth"
    assert blind < 0.7
    assert iou(predictor.predict([[30, 28]], [1])[0][0], TRUTH) > 0.95


def test_large_images_are_reduced_and_masks_come_back_full() -> None:
    large = np.repeat(np.repeat(IMAGE, 4, 0), 4, 1)
    predictor = Predictor(
        Precomputed(colour_attention(IMAGE)), settings=Settings.ours().replace(max_short_side=60)
    )
    predictor.set_image(large)
    assert predictor.get_image_embedding().working_size.shape == (60, 80)
    masks, _, _ = predictor.predict([[122, 114]], [1])
    assert masks.shape == (1, 240, 320)
    assert iou(masks[0], np.repeat(np.repeat(TRUTH, 4, 0), 4, 1)) > 0.93


def test_clicked_pixels_keep_their_label_at_full_size() -> None:
    large = np.repeat(np.repeat(IMAGE, 4, 0), 4, 1)
    predictor = Predictor(
        Precomputed(colour_attention(IMAGE)), settings=Settings.ours().replace(max_short_side=60)
    )
    predictor.set_image(large)
    points, labels = [[122, 114], [123, 40], [300, 200], [150, 120]], [1, 1, 1, 0]
    masks, _, _ = predictor.predict(points, labels)
    assert [bool(masks[0][y, x]) for x, y in points] == [True, True, True, False]


def test_reset_image_forgets(predictor: Predictor) -> None:
    assert predictor.is_image_set
    predictor.reset_image()
    assert not predictor.is_image_set
    with pytest.raises(NoImageError, match="set_image"):
        predictor.predict([[1, 1]], [1])
    with pytest.raises(RuntimeError):  # what SAM raises
        predictor.get_image_embedding()


def test_a_changed_setting_is_never_ignored() -> None:
    """The official code ignores changed settings once an image is cached."""
    source = Precomputed(colour_attention(IMAGE))
    areas = []
    for threshold in (0.05, 0.9):
        predictor = Predictor(source, settings=Settings.ours().replace(chain_threshold=threshold))
        predictor.set_image(IMAGE)
        areas.append(predictor.get_image_embedding().settings.chain_threshold)
        predictor.predict([[30, 28]], [1])
    assert areas == [0.05, 0.9]
    with pytest.raises(AttributeError):
        predictor.settings.chain_threshold = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ({"point_coords": [[80, 5]], "point_labels": [1]}, ClickError, "outside the 80x60 image"),
        ({"point_coords": [[-1, 5]], "point_labels": [1]}, ClickError, "-1"),
        ({"point_coords": [[float("nan"), 5]], "point_labels": [1]}, ClickError, "nan"),
        ({"point_coords": [], "point_labels": []}, ClickError, "no clicks"),
        ({}, ClickError, "no clicks"),
        ({"point_coords": [[1, 2]], "point_labels": [1, 0]}, ClickError, "1 points.*2 labels"),
        ({"point_coords": [[1, 2, 3]], "point_labels": [1]}, ClickError, "no pair"),
        ({"point_coords": [[1, 2]], "point_labels": [-1]}, ClickError, "-1"),
        ({"point_coords": [[1, 2]], "point_labels": ["fg"]}, ClickError, "'fg'"),
        ({"point_coords": 3, "point_labels": [1]}, ClickError, "point_coords is 3"),
        (
            {"point_coords": [[1, 2], [1, 2]], "point_labels": [1, 0]},
            ClickError,
            "both as object and as background",
        ),
        (
            {
                "point_coords": [[1, 2]],
                "point_labels": [1],
                "mask_input": np.zeros((2, 4, 4)),
            },
            PromptError,
            "mask_input has shape",
        ),
        (
            {
                "point_coords": [[1, 2]],
                "point_labels": [1],
                "mask_input": np.full((4, 4), np.nan),
            },
            PromptError,
            "NaN",
        ),
    ],
)
def test_bad_prompts(
    predictor: Predictor, call: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        predictor.predict(**call)
    assert predictor.predict([[30, 28]], [1])[0].any(), "the image is lost"


def test_bad_images_leave_the_one_before(predictor: Predictor) -> None:
    with pytest.raises(ImageError, match="image_format"):
        predictor.set_image(IMAGE, image_format="HSV")
    with pytest.raises(DepthError, match="the depth map is 3x3, the image 80x60"):
        predictor.set_image(IMAGE, depth=PrecomputedDepth(np.eye(3)))
    assert predictor.predict([[30, 28]], [1])[0].any()


def test_unknown_names() -> None:
    with pytest.raises(BackendError, match=r"no preset 'papre'.*offline"):
        Predictor.from_preset("papre")
    with pytest.raises(BackendError, match="no ablation 'without-clicks'"):
        Predictor.from_preset("offline/without-clicks")
    with pytest.raises(DeviceError, match="'tpu9'"):
        Predictor(Precomputed(torch.ones(1, 1, 1, 1)), device="tpu9")


def test_from_state_clicks_on_its_image_and_refuses_others(tmp_path: Path) -> None:
    predictor = Predictor(Precomputed(colour_attention(IMAGE)))
    predictor.set_image(IMAGE)
    expected, _, _ = predictor.predict([[30, 28]], [1])
    path = write_state(tmp_path / "disc.safetensors", predictor.get_image_embedding(), exact=True)

    again = Predictor.from_state(path)
    assert again.is_image_set
    assert again.settings == predictor.settings
    np.testing.assert_array_equal(again.predict([[30, 28]], [1])[0], expected)
    again.reset_image()
    again.set_image(IMAGE)
    np.testing.assert_array_equal(again.predict([[30, 28]], [1])[0], expected)
    with pytest.raises(StateError, match=r"disc\.safetensors holds another image"):
        again.set_image(IMAGE[::-1].copy())
    with pytest.raises(StateError, match="with its own"):
        again.set_image(IMAGE, depth=PrecomputedDepth(np.zeros(TRUTH.shape)))
    assert again.is_image_set, "the image set before stays"


def test_other_settings_click_on_the_image_that_is_set() -> None:
    predictor = Predictor(Precomputed(colour_attention(IMAGE)), settings=Settings(alpha=1.0))
    predictor.set_image(IMAGE)
    prepared = predictor.get_image_embedding()
    predictor.change_settings(Settings(alpha=4.0))
    assert predictor.get_image_embedding().transition is prepared.transition
    assert predictor.get_image_embedding().settings.alpha == 4
    with pytest.raises(StateError, match="temperature"):
        predictor.change_settings(Settings(temperature=2.0))
    assert predictor.settings.alpha == predictor.get_image_embedding().settings.alpha == 4


# Boxes, as SAM takes them

BOX = (14, 12, 46, 44)


def test_a_box_gives_its_object(predictor: Predictor) -> None:
    masks, scores, low = predictor.predict(box=np.array(BOX))
    assert masks.shape == (1, *TRUTH.shape)
    assert scores.shape == (1,)
    assert low.shape == (1, 256, 256)
    assert (masks[0] & TRUTH).sum() / (masks[0] | TRUTH).sum() > 0.9
    assert 0 <= scores[0] <= 1
    one, _, _ = predictor.predict(box=[BOX])
    np.testing.assert_array_equal(one, masks)
    session = predictor.session()
    np.testing.assert_array_equal(session.box(*BOX).mask, masks[0])


def test_a_box_comes_before_the_clicks(predictor: Predictor) -> None:
    masks, _, _ = predictor.predict([[30, 28], [20, 20]], [1, 0], box=BOX)
    session = predictor.session()
    session.box(*BOX)
    session.click(30, 28)
    session.click(20, 20, positive=False)
    np.testing.assert_array_equal(masks[0], session.mask)


def test_a_box_has_three_scales(predictor: Predictor) -> None:
    masks, scores, _ = predictor.predict(box=BOX, multimask_output=True)
    assert masks.shape == (3, *TRUTH.shape)
    assert (np.diff(scores) <= 0).all()
    alone, _, _ = predictor.predict(box=BOX)
    np.testing.assert_array_equal(masks[0], alone[0])
    inside = np.zeros(TRUTH.shape, bool)
    inside[12:44, 14:46] = True
    assert not (masks & ~inside).any()


def test_a_batch_of_boxes_is_a_batch_of_masks(predictor: Predictor) -> None:
    boxes = [BOX, (50, 5, 70, 25), (10, 8, 50, 48)]
    masks, scores, low = predictor.predict(box=boxes, multimask_output=True)
    assert masks.shape == (3, 3, *TRUTH.shape)
    assert scores.shape == (3, 3)
    assert low.shape == (3, 3, 256, 256)
    for box, three in zip(boxes, masks, strict=True):
        np.testing.assert_array_equal(predictor.predict(box=box, multimask_output=True)[0], three)
    points, labels = [[[30, 28]], [[60, 15]], [[20, 20]]], [[1], [1], [0]]
    masks, _, _ = predictor.predict(points, labels, boxes[:3])
    for box, point, label, (mask,) in zip(boxes, points, labels, masks, strict=True):
        np.testing.assert_array_equal(predictor.predict(point, label, box)[0][0], mask)


def test_a_thousand_boxes() -> None:
    small = Predictor(ColourAttention(Size(5, 6)))
    small.set_image(disc(20, 24, (10, 9), 6)[0])
    rng = np.random.default_rng(0)
    low = rng.uniform(0, [22, 18], (1000, 2))
    boxes = np.hstack([low, low + rng.uniform(1, 20, (1000, 2))])
    masks, scores, _ = small.predict(box=boxes)
    assert masks.shape == (1000, 1, 20, 24)
    assert masks.any((1, 2, 3)).all()
    assert np.isfinite(scores).all()


def test_of_a_thousand_boxes_a_bad_one_is_named_before_any_work(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("m2n2v2.predictor.replay", None)
    with pytest.raises(PromptError, match=r"90.*outside the 80x60 image"):
        predictor.predict(box=[BOX] * 999 + [[90, 5, 99, 9]])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"box": [1, 2, 3]}, "box is"),
        ({"box": [float("nan"), 2, 3, 4]}, "no finite number"),
        ({"box": [5, 5, 5, 9]}, "empty"),
        ({"box": [90, 5, 99, 9]}, "outside the 80x60 image"),
        ({"box": [BOX, [90, 5, 99, 9]]}, "outside the 80x60 image"),
        ({"box": [BOX, BOX], "point_coords": [[3, 3]], "point_labels": [1]}, "B x N"),
        ({"box": [BOX, BOX], "mask_input": np.zeros((60, 80))}, "one object at a time"),
        ({"box": BOX, "point_coords": [[3, 3]]}, "labels"),
    ],
)
def test_bad_boxes_are_named(predictor: Predictor, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises((PromptError, ClickError), match=says):
        predictor.predict(**arguments)


def test_boxes_and_scribbles_work_on_a_state_from_a_file(
    predictor: Predictor, tmp_path: Path
) -> None:
    write_state(tmp_path / "a.safetensors", predictor.get_image_embedding(), exact=True)
    read = Predictor.from_state(tmp_path / "a.safetensors")
    read.set_image(IMAGE)
    np.testing.assert_array_equal(read.predict(box=BOX)[0], predictor.predict(box=BOX)[0])
    one, other = read.session(), predictor.session()
    for session in (one, other):
        session.scribble([(25, 20), (35, 36)])
    np.testing.assert_array_equal(one.mask, other.mask)


def test_a_mask_of_any_size_is_corrected() -> None:
    """By what the method asks of it, how large a change is meant; `session(previous)` keeps it."""
    predictor = Predictor(
        Precomputed(colour_attention(IMAGE)), settings=Settings.ours().replace(alpha=1.0)
    )
    predictor.set_image(IMAGE)
    small = np.zeros((30, 40), bool)
    small[13:15, 10:14] = True
    full = np.kron(small, np.ones((2, 2), bool))
    free, _, _ = predictor.predict([[30, 28]], [1])
    masks, _, _ = predictor.predict([[30, 28]], [1], mask_input=small)
    assert 0 < masks.sum() < free.sum()
    np.testing.assert_array_equal(predictor.predict([[30, 28]], [1], mask_input=full)[0], masks)
