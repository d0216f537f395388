"""A mask drawn anew to the photograph: near its own outline, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from scipy import ndimage

from m2n2v2 import Predictor
from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError, NoImageError, PromptError
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState
from m2n2v2.preparation import prepare
from m2n2v2.snapping import REACH, snapped
from tests.cli.test_segment import Verb, folder, m2n2v2
from tests.scenes import ColourAttention, disc, iou

__all__ = ["folder", "m2n2v2"]

IMAGE, TRUTH = disc(160, 200, (90, 80), 45)
REACHED = REACH * 160


@pytest.fixture(scope="module")
def state() -> ImageState:
    return prepare(IMAGE, ColourAttention(Size(20, 25)), None, Settings.offline())


def grown(mask: Mask, by: int) -> Mask:
    away = ndimage.distance_transform_edt(~mask if by > 0 else mask)
    return np.asarray(away <= by) if by > 0 else np.asarray(away > -by)


@pytest.mark.parametrize("by", [-4, -2, 2, 4])
def test_a_mask_too_large_or_too_small_comes_nearer(state: ImageState, by: int) -> None:
    given = grown(TRUTH, by)
    found = snapped(state, given)
    assert iou(found, TRUTH) > iou(given, TRUTH)
    assert iou(found, TRUTH) > 0.97


def test_a_polygon_of_six_corners_becomes_round(state: ImageState) -> None:
    y, x = np.mgrid[:160, :200] + 0.5
    angle = np.arctan2(y - 80, x - 90)
    turned = (angle + np.pi / 6) % (np.pi / 3) - np.pi / 6
    hexagon = np.hypot(x - 90, y - 80) * np.cos(turned) <= 43
    assert iou(hexagon, TRUTH) < 0.96
    assert iou(snapped(state, hexagon), TRUTH) > 0.97


def test_nothing_changes_far_from_the_outline(state: ImageState) -> None:
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.standard_normal(TRUTH.shape), 8)
    given = np.asarray(field > 0.3 * field.std())
    changed = snapped(state, given) != given
    inside, outside = (ndimage.distance_transform_edt(side) for side in (given, ~given))
    assert changed.any()
    assert not changed[np.maximum(inside, outside) > REACHED + 1].any()


def test_left_and_right_are_alike() -> None:
    settings = Settings.offline()
    one = prepare(IMAGE, ColourAttention(Size(20, 25)), None, settings)
    other = prepare(
        np.ascontiguousarray(IMAGE[:, ::-1]), ColourAttention(Size(20, 25)), None, settings
    )
    given = grown(TRUTH, 3)
    mirrored = snapped(other, np.ascontiguousarray(given[:, ::-1]))[:, ::-1]
    assert (snapped(one, given) != mirrored).mean() < 1e-3


@pytest.mark.parametrize("value", [False, True])
def test_nothing_and_everything_stay(state: ImageState, value: bool) -> None:
    given = np.full(TRUTH.shape, value)
    assert np.array_equal(snapped(state, given), given)


def test_masks_of_a_pixel_a_line_and_nearly_everything(state: ImageState) -> None:
    for rows, columns in ((slice(80, 81), slice(90, 91)), (slice(80, 81), slice(0, 200))):
        thin = np.zeros(TRUTH.shape, bool)
        thin[rows, columns] = True
        assert snapped(state, thin).shape == thin.shape
        assert snapped(state, ~thin).sum() > 0.9 * thin.size


def test_a_mask_of_another_size_is_refused(state: ImageState) -> None:
    with pytest.raises(MaskError, match="the mask is 5x4 and the photograph 200x160"):
        snapped(state, np.ones((4, 5), bool))


def test_the_papers_walk_draws_masks_anew_too() -> None:
    predictor = Predictor(ColourAttention(Size(20, 25)), settings=Settings.paper())
    predictor.set_image(IMAGE)
    given = grown(TRUTH, 4)
    assert iou(predictor.snap(given), TRUTH) > iou(given, TRUTH)


def test_the_predictor_takes_masks_as_predict_does() -> None:
    predictor = Predictor(ColourAttention(Size(20, 25)), settings=Settings.offline())
    given = grown(TRUTH, 3)
    with pytest.raises(NoImageError):
        predictor.snap(given)
    predictor.set_image(IMAGE)
    found = predictor.snap(given)
    assert np.array_equal(predictor.snap(given.astype(np.uint8) * 255), found)
    with pytest.raises(PromptError, match="NaN"):
        predictor.snap(np.full((4, 4), np.nan))


def test_the_command_draws_a_mask_anew_and_corrects_it(folder: Path, m2n2v2: Verb) -> None:
    _, truth = disc()
    given = grown(truth, 2)
    PILImage.fromarray(given).save(folder / "given.png")
    common = ("segment", "photo.png", "--mask", "given.png", "--preset", "offline")
    assert m2n2v2(*common, "--snap", "-o", "snapped.png") == 0
    found = np.asarray(PILImage.open(folder / "snapped.png")) > 0
    assert iou(found, truth) >= iou(given, truth)
    assert m2n2v2(*common, "--snap", "--bg", "30,28", "-o", "clicked.png") == 0
    assert not (np.asarray(PILImage.open(folder / "clicked.png")) > 0)[28, 30]
    (folder / "steps.json").write_text('[{"snap": true}, [30, 28, 0]]')
    assert m2n2v2(*common, "--clicks", "steps.json", "-o", "same.png") == 0
    assert (folder / "same.png").read_bytes() == (folder / "clicked.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--snap",), "no mask to draw anew"),
        (("--mask", "given.png"), "no clicks came"),
        (("--mask", "wrong.png", "--snap"), "the mask is 5x4"),
        (("--mask", "wrong.png", "--fg", "30,28"), "5x4"),
        (("--mask", "two.png", "--snap"), "marks 2 objects"),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    folder: Path,
    m2n2v2: Verb,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    PILImage.fromarray(disc()[1]).save(folder / "given.png")
    PILImage.fromarray(np.ones((4, 5), bool)).save(folder / "wrong.png")
    two = np.zeros((60, 80), np.uint8)
    two[:5], two[9:20] = 1, 2
    PILImage.fromarray(two).save(folder / "two.png")
    assert m2n2v2("segment", "photo.png", *arguments, "--preset", "offline") == 2
    assert says in capsys.readouterr().err
    assert not (folder / "mask.png").exists()
