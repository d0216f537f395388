"""The outline drawn to the photograph: pictures drawn by hand, and the laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt, gaussian_filter

from m2n2v2.photograph import _refinement as kernel
from m2n2v2.photograph import refinement
from m2n2v2.photograph.base import Photograph, colours_of_tiles
from m2n2v2.photograph.refinement import refined
from tests.scenes import disc, iou


def margin_of(mask: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.where(mask, np.float32(1), np.float32(-1)))


def shifted(mask: np.ndarray, by: int) -> np.ndarray:
    return np.roll(mask, by, 1)


def test_an_outline_a_little_off_falls_on_the_edge() -> None:
    image, truth = disc()
    photograph = Photograph.of(image)
    rough = shifted(truth, 2)
    found = refined(margin_of(rough), photograph, [(30, 28)], [True], 0.1).numpy() > 0
    assert iou(rough, truth) < 0.85
    assert iou(found, truth) > 0.98


def test_beyond_the_band_of_a_pass_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = disc()
    rough = shifted(truth, 12)
    margin = margin_of(rough) * 0.5
    monkeypatch.setattr(refinement, "PASSES", 1)
    found = refined(margin, Photograph.of(image), [(42, 28)], [True], 0.05)
    away = distance_transform_cdt(rough, "taxicab") + distance_transform_cdt(~rough, "taxicab")
    fixed = np.zeros(rough.shape, bool)
    fixed[27:30, 41:44] = True
    untouched = (away > 4) & ~fixed
    assert torch.equal(found[untouched], margin[untouched])


@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(2, 40), st.booleans())
def test_what_the_band_does_not_reach_changes_nothing(
    seed: int, height: int, width: int, clicked: bool
) -> None:
    generator = np.random.default_rng(seed)
    photograph = Photograph.of(generator.integers(0, 255, (height, width, 3)).astype(np.uint8))
    mask = np.zeros((height, width), bool)
    top, left = generator.integers(height), generator.integers(width)
    mask[top : top + generator.integers(1, 9), left : left + generator.integers(1, 9)] = True
    margin, points = margin_of(mask), [(width - 1, height - 1)] * clicked
    some = refined(margin, photograph, points, [True] * clicked, 0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refinement, "_around_outline", lambda mask, band: (0, height, 0, width))
        every = refined(margin, photograph, points, [True] * clicked, 0.05)
    assert torch.equal(some, every)


def test_passes_reach_an_edge_that_one_band_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = disc()
    photograph, rough = Photograph.of(image), margin_of(shifted(truth, 5))
    drawn = refined(rough, photograph, [(30, 28)], [True], 0.05).numpy() > 0
    monkeypatch.setattr(refinement, "PASSES", 1)
    once = refined(rough, photograph, [(30, 28)], [True], 0.05)
    assert iou(drawn, truth) > iou(once.numpy() > 0, truth) + 0.05


def test_passes_are_one_after_another_until_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = disc()
    photograph, margin = Photograph.of(image), margin_of(shifted(truth, 3))
    found = refined(margin, photograph, [(30, 28)], [True], 0.05)
    monkeypatch.setattr(refinement, "PASSES", 1)
    for _ in range(3):
        margin = refined(margin, photograph, [(30, 28)], [True], 0.05)
    assert torch.equal(found > 0, margin > 0)


@given(st.integers(0, 2**31))
def test_passes_count_colours_as_calls_one_after_another_do(seed: int) -> None:
    """A click far from the outline changes its pixel's side, too."""
    generator = np.random.default_rng(seed)
    photograph = Photograph.of(generator.integers(0, 255, (50, 40, 3)).astype(np.uint8))
    mask = gaussian_filter(generator.random((50, 40)), 3) > 0.5
    points, labels = [(3, 46), (36, 2)], [not mask[46, 3], bool(mask[2, 36])]
    margin = margin_of(mask)
    together = refined(margin, photograph, points, labels, 0.1, passes=3)
    for _ in range(3):
        margin = refined(margin, photograph, points, labels, 0.1, passes=1)
    assert torch.equal(together, margin)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_without_an_outline_the_margin_stays(value: float) -> None:
    image, truth = disc()
    margin = torch.full(truth.shape, value)
    assert refined(margin, Photograph.of(image), [(3, 3)], [value > 0], 0.05) is margin


@given(st.integers(0, 2**31), st.integers(1, 9))
def test_distances_by_scipy(seed: int, reach: int) -> None:
    mask = gaussian_filter(np.random.default_rng(seed).random((17, 23)), 2) > 0.5
    distance = np.empty(mask.shape, np.int16)
    line = np.empty((2, 23 + 2 * 15), np.int16)
    kernel.distances(mask, (0, *mask.shape[:1], 0, *mask.shape[1:]), reach, distance, *line)
    if mask.any() and not mask.all():
        inside = distance_transform_cdt(mask, "taxicab")
        outside = distance_transform_cdt(~mask, "taxicab")
        np.testing.assert_array_equal(distance, np.minimum(inside + outside, reach + 1))


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9))
def test_the_window_of_an_outline_by_its_pixels(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < rng.choice([0.1, 0.5])
    beside = np.zeros(mask.shape, bool)
    beside[1:] |= mask[1:] != mask[:-1]
    beside[:-1] |= mask[1:] != mask[:-1]
    beside[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    beside[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    y, x = beside.nonzero()
    window = kernel.outline(mask, np.ones((2, width), bool))
    if len(y):
        assert window == (y.min(), y.max() + 1, x.min(), x.max() + 1)
    else:
        assert window == (height, 0, width, 0)


def test_distances_stay_inside_the_window() -> None:
    mask = np.zeros((9, 12), bool)
    mask[3:6, 4:8] = True
    distance = np.full(mask.shape, 99, np.int16)
    kernel.distances(mask, (2, 7, 3, 9), 2, distance, *np.empty((2, 6 + 2 * 3), np.int16))
    expected = distance_transform_cdt(mask, "taxicab") + distance_transform_cdt(~mask, "taxicab")
    inside = np.s_[2:7, 3:9]
    np.testing.assert_array_equal(distance[inside], np.minimum(expected, 3)[inside])
    distance[inside] = 99
    assert (distance == 99).all()


def colour_ratio(
    mask: np.ndarray,
    distance: np.ndarray,
    reach: int,
    colours: np.ndarray,
    kinds: int,
    tile: int,
    prior: float,
    ratio: np.ndarray,
) -> None:
    """The kernel on the whole image, of which nothing is counted yet."""
    height, width = mask.shape
    kernel.colour_ratio(
        mask,
        np.zeros(mask.shape, bool),
        colours_of_tiles(colours, kinds, tile),
        colours,
        tile,
        np.float32(prior),
        (0, height, 0, width),
        distance,
        reach,
        np.empty((2, 2, kinds), np.float32),
        np.empty(kinds, np.float32),
        ratio,
    )


def test_a_colour_says_which_side_by_its_logarithm() -> None:
    """Object pixels of colour 0, background of colour 1 but for one pixel in four of colour 0."""
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    colours = np.where(mask, 0, 1).astype(np.int32)
    colours[::2, 16::2] = 0
    distance = np.zeros(mask.shape, np.int16)
    ratio = np.zeros(mask.shape, np.float32)
    colour_ratio(mask, distance, 1, colours, 2, 32, 0, ratio)
    inside = np.array([512, 0]) + 0.02
    outside = np.array([128, 384]) + 0.02
    expected = np.log(inside / inside.sum() / (outside / outside.sum()))
    np.testing.assert_allclose(ratio, expected[colours], rtol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_colours_are_counted_in_the_tiles_around(share: float) -> None:
    """By loops over pixels; beyond the band, and where a class is empty, too."""
    rng = np.random.default_rng(6)
    height, width, kinds, tile, prior = 13, 21, 4, 5, 7.0
    mask = rng.random((height, width)) < share
    colours = rng.integers(0, kinds, mask.shape).astype(np.int32)
    distance = rng.choice([1, 2, 3], mask.shape, p=[0.02, 0.02, 0.96]).astype(np.int16)
    ratio = np.full(mask.shape, np.float32(9))
    colour_ratio(mask, distance, 2, colours, kinds, tile, prior, ratio)

    expected = np.full(mask.shape, 9.0)
    for y, x in zip(*np.nonzero(distance <= 2), strict=True):
        top, left = (max(at // tile - 1, 0) * tile for at in (y, x))
        near = np.s_[top : (y // tile + 2) * tile, left : (x // tile + 2) * tile]
        sides = []
        for label in (mask, ~mask):
            whole = np.bincount(colours[label], minlength=kinds) / max(label.sum(), 1)
            own = np.bincount(colours[near][label[near]], minlength=kinds)
            share_of = own + prior * whole + 0.02
            sides.append(share_of[colours[y, x]] / share_of.sum())
        expected[y, x] = np.log(sides[0] / sides[1])
    assert 5 < (expected != 9).sum() < 30
    np.testing.assert_allclose(ratio, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.25, 0.75, 1.0])
def test_relaxation_beside_a_field_updated_pixel_by_pixel(share: float) -> None:
    """Borders, clicks and pixels outside the band included; few and many wait for one another."""
    rng = np.random.default_rng(4)
    height, width, rounds = 9, 11, 3
    lab = rng.normal(0, 10, (height, width, 3)).astype(np.float32)
    mask = gaussian_filter(rng.random((height, width)), 1) > 0.5
    distance = np.where(rng.random(mask.shape) < share, rng.integers(1, 4, mask.shape), 4)
    distance = distance.astype(np.int16)
    ratio = rng.normal(0, 4, (height, width)).astype(np.float32)
    fixed = np.zeros((height, width), np.int8)
    fixed[2, 3], fixed[-1, 10] = 1, -1
    colour, place, smoothness, contrast, reach = (np.float32(x) for x in (0.5, 0.7, 0.9, 150, 3))
    belief = np.where(fixed != 0, fixed, np.where(mask, 1, -1)).astype(np.float32)
    alike = np.empty((height, width, 4), np.float32)
    kernel.likeness(0, height, lab, contrast, alike)
    window, bordered = (0, height, 0, width), (height + 2) * (width + 2)
    listed = np.empty(height * width, np.uint32)
    count = kernel.free(distance, 3, fixed, window, listed)
    kernel.relax(
        alike,
        mask,
        distance,
        reach,
        ratio,
        fixed,
        window,
        listed[:count],
        colour,
        place,
        smoothness,
        rounds,
        np.empty(bordered, np.float32),
        np.empty(bordered, np.int32),
        *np.empty((2, width + 2 * height), np.int32),
        np.empty(count, np.uint32),
        np.empty(count, np.int32),
        *np.empty((2, count), np.float32),
        np.empty((count, 8), np.float32),
        belief,
    )

    expected = np.where(fixed != 0, fixed, np.where(mask, 1, -1)).astype(float)
    free = [(y, x) for y, x in np.ndindex(height, width) if not fixed[y, x] and distance[y, x] <= 3]
    assert 20 < len(free) == count < height * width
    for turn in range(rounds):
        for y, x in free if turn % 2 == 0 else free[::-1]:
            total = colour * np.clip(ratio[y, x], -3, 3)
            total += place * ((distance[y, x] - 0.5) / reach) ** 2 * (1 if mask[y, x] else -1)
            for v, u in np.ndindex(height, width):
                apart = (v - y) ** 2 + (u - x) ** 2
                if 0 < apart <= 2:
                    likeness = np.exp(-((lab[y, x] - lab[v, u]) ** 2).sum() / contrast)
                    total += smoothness * likeness / np.sqrt(apart) * expected[v, u]
            expected[y, x] = np.tanh(total)
    np.testing.assert_allclose(belief, expected, atol=1e-5)


@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.integers(0, 2**31),
    st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999), st.booleans()), max_size=6),
)
def test_clicks_keep_their_label_whatever_the_picture(
    height: int, width: int, seed: int, clicks: list[tuple[float, float, bool]]
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    mask = gaussian_filter(rng.random((height, width)), 1) > 0.5
    placed = {(int(x * width), int(y * height)): label for x, y, label in clicks}
    for (x, y), label in placed.items():
        mask[y, x] = label
    margin = margin_of(mask)
    before = margin.clone()
    found = refined(margin, Photograph.of(image), list(placed), list(placed.values()), 0.1)
    assert torch.equal(margin, before)
    assert bool((found.abs() <= 1).all())
    for (x, y), label in placed.items():
        assert bool(found[y, x] > 0) == label


def test_colours_are_numbered_without_gaps() -> None:
    image, _ = disc()
    photograph = Photograph.of(image)
    assert set(np.unique(photograph.colours)) == set(range(photograph.kinds))
    grey = Photograph.of(np.full((5, 6, 3), 99, np.uint8))
    assert grey.kinds == 1
    assert grey.contrast > 0


def test_the_strength_of_boundaries_is_not_asked_for() -> None:
    """What refines alone need not measure it."""
    image, truth = disc()
    whole, half = Photograph.of(image), Photograph.of(image, boundaries=False)
    margin = margin_of(shifted(truth, 3))
    first, second = (refined(margin, each, [], [], 0.05) for each in (whole, half))
    assert torch.equal(first, second)
    assert not half.strength.any()
