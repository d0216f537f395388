"""`m2n2` beside the first version written out the long way, on photographs without golden arrays;
and what it does with equal values, which is its own.

The textbook's stages were written from the method's description; they share no code with ours.
"""

import numpy as np
import pytest
import torch
from benchmarks import textbook
from PIL import Image

from m2n2v2.attention.precomputed import Precomputed
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.method.flood_fill import filled_level_sets
from m2n2v2.method.level_sets import LevelSets
from m2n2v2.method.scoring import LEAST, best_scale, candidates, prior_bound
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click

SIDE = 20
CLICKS = ((40, 60), (100, 50), (8, 8), (64, 48), (120, 90), (20, 80))
LABELS = (True, True, False, True, False, False)


def attention_of(image: np.ndarray) -> torch.Tensor:
    """Softmax of alikeness in colour and place, not symmetric."""
    cells = resized(image, Size(SIDE, SIDE)).reshape(-1, 3) / 255
    place = np.stack(np.divmod(np.arange(SIDE**2), SIDE), 1) / SIDE
    keys = torch.from_numpy(np.concatenate([cells * 8, place * 5], 1)).float()
    queries = keys + torch.tensor([0.3, -0.2, 0.1, 0.2, -0.1])
    return torch.softmax(-(torch.cdist(queries, keys) ** 2) / 2, 1).reshape((SIDE,) * 4)


def start_of(x: int, y: int, height: int, width: int) -> torch.Tensor:
    """Bilinear at `(SIDE - 1) x / W`, over the maximum."""
    column, row = (SIDE - 1) * x / width, (SIDE - 1) * y / height
    axis = torch.arange(SIDE)
    start = torch.outer((1 - (axis - row).abs()).clamp(0), (1 - (axis - column).abs()).clamp(0))
    return start / start.max()


def map_of(matrix: torch.Tensor, image: np.ndarray, x: int, y: int) -> torch.Tensor:
    flat = torch.zeros(image.shape[:2])
    times = textbook.saturation_time(matrix, start_of(x, y, *image.shape[:2]))
    values = textbook.joint_bilateral_upsampling(times, image, flat)
    values = textbook.flood_fill(values / values.max(), (x, y), flat)
    return values / values.max()


@pytest.mark.parametrize("name", ["flower", "person1", "stone2", "teddy"])
def test_masks_are_the_textbooks(shared, name):
    (path,) = (p for p in (shared / "data/GrabCut/data_GT").glob(f"{name}.*"))
    image = resized(np.asarray(Image.open(path).convert("RGB")), Size(96, 128))
    attention = attention_of(image)
    state = prepare(image, Precomputed(attention), settings=Settings.m2n2())
    matrix = textbook.doubly_stochastic(attention)
    maps = [map_of(matrix, image, *click) for click in CLICKS]
    bound = 0.4 * (image[:, :, 0].size - 2) + 1
    done = empty(state)
    for count in range(1, len(CLICKS) + 1):
        points, labels = CLICKS[:count], LABELS[:count]
        done = segment(state, done, Click(*points[-1], labels[-1]))
        scales = []
        for values, label in zip(maps, labels, strict=False):
            at = [float(values[y, x]) for x, y in points]
            same = [v for v, other in zip(at, labels, strict=True) if other == label]
            rest = [v for v, other in zip(at, labels, strict=True) if other != label]
            scales.append(textbook.best_scale(values, same, rest, bound, every_pixel=True)[0])
        mask = textbook.truncated_nearest_neighbour(maps[:count], scales, points, labels)
        assert (done.mask == mask).mean() >= 0.999, f"{name}, {count} clicks"


def plateaus() -> torch.Tensor:
    """Runs of equal values: a part of one scores better than the whole of another."""
    values = torch.ones(60, 60)
    values[10:40, 10:46] = 0.1
    values[10:30, 46:60] = values[40:55, 10:46] = 0.5
    values[20, 20] = 0
    return values


@pytest.mark.parametrize(
    ("rule", "threshold", "area", "score"),
    [("pixels", 0.5, 1900, 0.725), ("level-sets", 0.1, 1080, 0.723)],
)
def test_equal_values(rule, threshold, area, score):
    """What the official code chose on this map is the row of `pixels`."""
    levels = filled_level_sets(plateaus(), (20, 20)).over_maximum()
    scored = levels.pixel_by_pixel() if rule == "pixels" else levels
    found = candidates(levels.values, scored)
    best = best_scale(found, [0.0], [], prior_bound(3600, 0.4, rule))
    assert best.threshold == pytest.approx(threshold)
    assert best.area == area
    assert best.score == pytest.approx(score, abs=1e-3)


def test_pixel_by_pixel_by_hand():
    levels = LevelSets.of(torch.tensor([[0.5, 0.0], [1.0, 0.5]])).pixel_by_pixel()
    assert levels.thresholds.tolist() == [0, 0.5, 0.5, 1]
    assert levels.area.tolist() == [1, 2, 3, 4]
    assert levels.level.tolist() == [[1, 0], [3, 2]]
    assert levels.values.tolist() == [[0.5, 0], [1, 0.5]]


def test_where_nothing_scores_all_pixels_of_value_0_are_the_segment():
    values = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 1.0, 1.0]])
    found = candidates(values, LevelSets.of(values).pixel_by_pixel())
    best = best_scale(found, [0.0], [0.0], 9.0, least=LEAST)  # the other class is at 0, too
    assert (best.threshold, best.score, best.area) == (LEAST, 0, 3)
    assert best_scale(found, [0.0], [0.0], 9.0).threshold is None
