"""What the photograph and the click's place say about a scale: by hand and by brute force."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import binary_dilation

from m2n2v2.attention.featured import Looks
from m2n2v2.method import scoring
from m2n2v2.photograph import _scale_evidence as kernel
from m2n2v2.photograph import scale_evidence as evidence
from m2n2v2.photograph.base import Photograph

MEMBERS = arrays.arrays(
    np.int32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 4)
)


@given(MEMBERS, st.integers(0, 2**31))
def test_outlines_by_loop(member: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    if seed % 2:  # wider than a block
        member = np.repeat(member, 9, 1)
    strength, free = rng.random(member.shape, np.float32), rng.random(member.shape) < 0.5
    sums = np.empty((5, 4))
    kernel.outlines(member, strength, free, np.empty(member.shape[1], np.int32), sums)
    frame = np.ones(member.shape, bool)
    frame[1:-1, 1:-1] = False
    for k in range(4):
        inside = member <= k
        outside = binary_dilation(inside) & ~inside
        border = outside.sum(), strength[outside].sum()
        expected = *border, (frame & inside).sum(), (free & inside).sum()
        np.testing.assert_allclose(sums[k], expected, rtol=1e-5, atol=1e-5)


@given(
    arrays.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6, unique=True),
)
def test_first_set_is_a_search(values: np.ndarray, thresholds: list[float]) -> None:
    ascending = np.sort(np.array(thresholds, np.float32))
    member = np.empty(values.shape, np.int32)
    kernel.first_set(0, len(values), values, ascending, member)
    np.testing.assert_array_equal(member, np.searchsorted(ascending, values))


def square(left: int, top: int, side: int, shape: tuple[int, int] = (41, 41)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_the_middle_of_a_change_is_1_and_its_corner_is_not() -> None:
    nothing, changed = np.zeros((41, 41), bool), square(10, 10, 21)
    assert evidence.middle(nothing, changed, (20, 20)) == 1
    assert evidence.middle(nothing, changed, (10, 10)) == pytest.approx((2 + 0.5) / (11 + 0.5))
    assert evidence.middle(nothing, changed, (0, 0)) == pytest.approx(0.5 / (11 + 0.5))
    assert evidence.middle(changed, changed, (3, 3)) == 1


def test_the_frame_counts_as_outside() -> None:
    everything = np.ones((41, 41), bool)
    nothing = ~everything
    assert evidence.middle(nothing, everything, (20, 20)) == 1
    assert evidence.middle(nothing, everything, (1, 20)) < 0.25


def seen_coarsely(inside: np.ndarray, point: tuple[int, int]) -> float:
    """How deep in a set a click lies, as its candidates are asked."""
    member = (~inside).astype(np.int32)
    return float(evidence._middles(member, 1, np.ones_like(inside), point)[0])


def test_candidates_are_seen_coarsely_and_points_at_the_edge_still_fall_inside() -> None:
    assert seen_coarsely(np.ones((500, 700), bool), (699, 499)) < 0.1


def test_a_change_is_seen_whole() -> None:
    """To the pixel, however large the photograph."""
    nothing, changed = np.zeros((500, 700), bool), square(301, 201, 5, (500, 700))
    assert evidence.middle(nothing, changed, (303, 203)) == 1
    assert evidence.middle(nothing, changed, (301, 201)) == pytest.approx(2.5 / 3.5)


@given(st.integers(0, 2**31), st.integers(0, 3), st.integers(0, 3))
def test_the_pixels_seen_are_the_middles_of_blocks(seed: int, right: int, below: int) -> None:
    """At 300 x 500, of blocks of 4 x 4 the pixel at (2, 2); what the others say does not matter."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((75, 125)) < 0.9
    seen = rng.random((300 + below, 500 + right)) < 0.5
    seen[2:300:4, 2:500:4] = blocks
    if below == 3:
        blocks = np.vstack([blocks, seen[302:, 2:500:4]])
    if right == 3:
        column = seen[2::4, 502:]
        blocks = np.hstack([blocks, column])
    x, y = int(rng.integers(seen.shape[1])), int(rng.integers(seen.shape[0]))
    there = min(x // 4, blocks.shape[1] - 1), min(y // 4, blocks.shape[0] - 1)
    assert seen_coarsely(seen, (x, y)) == seen_coarsely(blocks, there)


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (2, 60_000)])
def test_a_strip_is_seen_coarsely_too(shape: tuple[int, int]) -> None:
    place = (shape[1] // 2, shape[0] // 2)
    assert seen_coarsely(np.ones(shape, bool), place) == 1
    inside = np.ones(shape, bool)
    inside[max(place[1] - 20, 0) : place[1] + 20, max(place[0] - 20, 0) : place[0] + 20] = False
    assert seen_coarsely(inside, place) == pytest.approx(0.5 / 1.5)


def two_steps() -> torch.Tensor:
    """A map of two nested squares around (20, 20): an inner one of side 9, an outer of 21."""
    values = np.ones((41, 41), np.float32)
    values[square(10, 10, 21)] = 0.5
    values[square(16, 16, 9)] = 0.25
    values[20, 20] = 0
    return torch.from_numpy(values)


def photograph(edge_of: np.ndarray) -> Photograph:
    image = np.where(edge_of[:, :, None], 220, 40).astype(np.uint8).repeat(3, 2)
    return Photograph.of(image)


def one(x: int, y: int) -> np.ndarray:
    """The pixels of a click."""
    return np.array([(x, y)])


@pytest.mark.parametrize(("left", "side", "threshold"), [(16, 9, 0.25), (10, 21, 0.5)])
def test_the_scale_is_where_the_photograph_has_its_boundary(
    left: int, side: int, threshold: float
) -> None:
    values = two_steps()
    found = scoring.candidates(values)
    nothing = np.zeros((41, 41), bool)
    seen = photograph(square(left, left, side))
    weighed = evidence.weighed(values, found, one(20, 20), True, nothing, seen)
    assert weighed.thresholds[weighed.edge.argmax()] == threshold
    assert weighed.edge.max() == 1


@pytest.mark.parametrize(
    ("most", "thresholds"),
    [(np.inf, [0.25, 0.5]), (189, [0.25, 0.5]), (188, [0.25]), (81, [0.25]), (80, [0.25])],
)
def test_a_scale_that_changes_too_much_is_no_choice(most: float, thresholds: list[float]) -> None:
    """The outer square's middle 189 of 441 pixels are free, with all 81 of the inner one."""
    values = two_steps()
    known = scoring.candidates(values)
    flat = photograph(np.zeros((41, 41), bool))
    before = square(10, 10, 21)
    before[16:25] = False
    few = evidence.weighed(values, known, one(20, 20), True, before, flat, most)
    assert few.thresholds.tolist() == thresholds
    assert few.edge.max() == 1


def test_the_scale_puts_the_click_in_the_middle_of_the_change() -> None:
    """Half of the outer square is object already: a click beside it means the inner one."""
    values = two_steps()
    found = scoring.candidates(values)
    flat = photograph(np.zeros((41, 41), bool))
    fresh = evidence.weighed(values, found, one(20, 20), True, np.zeros((41, 41), bool), flat)
    assert fresh.thresholds[fresh.edge.argmax()] == 0.5
    before = np.zeros((41, 41), bool)
    before[:, :16] = True  # leaves of the outer square what is right of column 15
    later = evidence.weighed(values, found, one(18, 20), True, before, flat)
    ratio = [each.edge[1] / each.edge[0] for each in (fresh, later)]
    assert ratio[1] < ratio[0]


def ratio(
    inner: np.ndarray,
    outer: np.ndarray,
    *,
    strength: np.ndarray | None = None,
    point: tuple[int, int] = (20, 20),
    stroke: list[tuple[int, int]] | None = None,
    edges: tuple[float, float] = (0.5, 0.5),
    before: tuple[slice, slice] | None = None,
) -> float:
    """How much better the outer of two nested sets scores than the inner."""
    values = np.where(inner, 0.25, np.where(outer, 0.5, 1)).astype(np.float32)
    area = np.array([inner.sum(), outer.sum(), values.size], np.int32)
    thresholds = np.array([0.25, 0.5, 1], np.float32)
    found = scoring.Candidates(thresholds, area, np.array([*edges, 0], np.float32))
    seen = photograph(np.zeros(values.shape, bool))
    if strength is not None:
        seen = dataclasses.replace(seen, strength=strength.astype(np.float32))
    earlier = np.zeros(values.shape, bool)
    if before is not None:
        earlier[before] = True
    marked = one(*point) if stroke is None else np.array(stroke)
    weighed = evidence.weighed(torch.from_numpy(values), found, marked, True, earlier, seen)
    assert weighed.thresholds.tolist() == [0.25, 0.5]
    np.testing.assert_array_equal(weighed.area, area[:2])
    return float(weighed.edge[1] / weighed.edge[0])


INNER, OUTER = square(16, 16, 9), square(10, 10, 21)


def test_a_larger_segment_scores_more() -> None:
    """By the power 0.45 of its area, all else being equal."""
    assert ratio(INNER, OUTER) == pytest.approx((441 / 81) ** 0.45, rel=1e-4)


def test_the_maps_own_edge_counts_as_it_is() -> None:
    flat = ratio(INNER, OUTER)
    with_edges = ratio(INNER, OUTER, edges=(0.2, 0.8))
    assert with_edges / flat == pytest.approx((0.8 + 1e-3) / (0.2 + 1e-3), rel=1e-4)


def test_a_stronger_boundary_scores_more() -> None:
    """By the square of its mean strength along the outline, to which a hundredth is added."""
    strength = np.where(binary_dilation(INNER) & ~INNER, 0.05, 0.2)
    expected = ((0.2 + 0.01) / (0.05 + 0.01)) ** 2
    found = ratio(INNER, OUTER, strength=strength) / ratio(INNER, OUTER)
    assert found == pytest.approx(expected, rel=1e-4)


def test_an_outline_of_one_pixel_has_its_strength() -> None:
    """In a strip, whose pixels all lie on the frame and are as deep as each other."""
    inner, outer, strength = (np.zeros((1, 41), kind) for kind in (bool, bool, float))
    inner[0, 13:27] = outer[0, :35] = True
    strength[0, 35], strength[0, [12, 27]] = 0.3, 0.1
    boundary = ((0.3 + 0.01) / (0.1 + 0.01)) ** 2
    frame = math.exp(-5 * (35 / 36 - 14 / 16))
    expected = (35 / 14) ** 0.45 * boundary * frame
    assert ratio(inner, outer, strength=strength, point=(20, 0)) == pytest.approx(expected, 1e-4)


def test_a_segment_along_the_frame_scores_less() -> None:
    """By a fifth of its share of the outline, in powers of e."""
    outer = np.zeros((41, 41), bool)
    outer[0:31, 10:31] = True  # its upper side lies on the frame
    frame, outline = 21, 31 + 31 + 21
    area, middles = outer.sum() / 81, evidence.middle(np.zeros_like(outer), outer, (20, 20))
    expected = area**0.45 * math.exp(-5 * frame / (frame + outline)) * middles**4
    assert ratio(INNER, outer) == pytest.approx(expected, rel=1e-4)


def test_a_click_off_the_middle_scores_less() -> None:
    """By the fourth power of its depth, as a share of the deepest."""
    nothing, point = np.zeros((41, 41), bool), (17, 20)
    shares = [evidence.middle(nothing, mask, point) for mask in (INNER, OUTER)]
    expected = (441 / 81) ** 0.45 * (shares[1] / shares[0]) ** 4
    assert shares[0] < shares[1] < 1
    assert ratio(INNER, OUTER, point=point) == pytest.approx(expected, rel=1e-4)


def test_a_correction_off_the_middle_scores_less_still() -> None:
    """By the tenth power, where there was a mask before; here it lies beside both."""
    nothing, point = np.zeros((41, 41), bool), (17, 20)
    shares = [evidence.middle(nothing, mask, point) for mask in (INNER, OUTER)]
    expected = (441 / 81) ** 0.45 * (shares[1] / shares[0]) ** 10
    found = ratio(INNER, OUTER, point=point, before=np.s_[36:40, 36:40])
    assert found == pytest.approx(expected, rel=1e-4)


def depths_by_paths(inside: np.ndarray) -> np.ndarray:
    """Shortest ways out of a set by steps of 1 and sqrt 2, to what is not in it or to the frame."""
    framed = np.pad(inside, 1)
    depth = np.where(framed, np.inf, 0.0)
    for _ in range(inside.size):
        near = [
            np.roll(depth, (dy, dx), (0, 1)) + math.hypot(dy, dx)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        depth = np.where(framed, np.minimum.reduce(near), 0.0)
    return depth[1:-1, 1:-1]


@given(
    arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8)),
    st.data(),
)
def test_the_middle_is_by_shortest_ways_out(inside: np.ndarray, data: st.DataObject) -> None:
    y, x = (data.draw(st.integers(0, side - 1)) for side in inside.shape)
    depth = depths_by_paths(inside)
    own = depth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max()
    expected = (own + 0.5) / (depth.max() + 0.5)
    assert evidence.middle(np.zeros_like(inside), inside, (x, y)) == pytest.approx(expected)


def test_a_hole_is_an_outside_from_every_side() -> None:
    nothing = np.zeros((9, 9), bool)
    for y, x in itertools.product(range(1, 8), repeat=2):
        inside = np.ones((9, 9), bool)
        inside[y, x] = False
        depth = depths_by_paths(inside)
        for there in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1), (4, 4)):
            rows, columns = (slice(max(at - 1, 0), at + 2) for at in there[::-1])
            expected = (depth[rows, columns].max() + 0.5) / (depth.max() + 0.5)
            assert evidence.middle(nothing, inside, there) == pytest.approx(expected)


def test_the_strongest_edge_of_each_range_of_areas_is_weighed() -> None:
    """Areas from 12 pixels to nine tenths of the largest, in 48 parts alike in their logarithm."""
    area = np.arange(1, 10_001, dtype=np.int32)
    edge = np.random.default_rng(0).random(10_000, np.float32)
    chosen = evidence._strongest(scoring.Candidates(area / 10_000, area, edge))
    limits = np.searchsorted(area, np.geomspace(12, 9000, 49))
    parts = [(a, b) for a, b in itertools.pairwise(limits) if a < b]
    assert len(chosen) == len(parts)
    assert all(a <= at < b for at, (a, b) in zip(chosen, parts, strict=True))
    assert all(edge[at] == edge[a:b].max() for at, (a, b) in zip(chosen, parts, strict=True))


@pytest.mark.parametrize("pixels", [12, 13, 14])
def test_of_few_pixels_the_twelfth_is_the_scale(pixels: int) -> None:
    area = np.arange(1, pixels + 1, dtype=np.int32)
    found = scoring.Candidates(area / pixels, area, np.ones(pixels, np.float32))
    assert evidence._strongest(found).tolist() == [11]


def test_of_few_small_candidates_one_is_weighed() -> None:
    area = np.array([1, 3], np.int32)
    found = scoring.Candidates(np.array([0.0, 1.0]), area, np.array([0.5, 0], np.float32))
    assert evidence._strongest(found).tolist() == [1]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31), st.booleans())
def test_any_map_keeps_a_candidate_and_scores_in_0_1(
    height: int, width: int, seed: int, positive: bool
) -> None:
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.random((height, width), np.float32))
    values[0, 0] = 0
    found = scoring.candidates(values)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    before = rng.random((height, width)) < 0.5
    weighed = evidence.weighed(values, found, one(0, 0), positive, before, Photograph.of(image))
    assert 1 <= len(weighed.thresholds) <= evidence.CHOICES
    assert set(weighed.thresholds) <= set(found.thresholds)
    assert (np.diff(weighed.area) > 0).all()
    assert weighed.edge.min() >= 0
    assert weighed.edge.max() == 1


def bar(left: int, right: int, top: int, bottom: int) -> np.ndarray:
    drawn = np.zeros((41, 41), bool)
    drawn[top:bottom, left:right] = True
    return drawn


def test_a_stroke_means_what_it_runs_along_from_end_to_end() -> None:
    """Of two bars, one three times as long, the stroke's length says which is meant."""
    short, long = bar(14, 27, 17, 24), bar(1, 40, 17, 24)
    along_short = [(x, 20) for x in range(16, 25)]
    along_long = [(x, 20) for x in range(4, 37)]
    said = {name: ratio(short, long, stroke=s) for name, s in
            (("short", along_short), ("long", along_long))}  # fmt: skip
    assert said["short"] < 0.5 * said["long"]


def test_a_stroke_along_the_middle_and_one_along_the_edge() -> None:
    """Off the middle of the inner bar, but in that of the outer one, the outer is meant."""
    inner, outer = bar(5, 36, 18, 23), bar(5, 36, 18, 31)
    middle = ratio(inner, outer, stroke=[(x, 20) for x in range(8, 33)])
    edge = ratio(inner, outer, stroke=[(x, 22) for x in range(8, 33)])
    assert edge > 2 * middle


def test_the_place_of_a_stroke_by_hand() -> None:
    """Seen at every pixel: a stroke of three pixels in a row of five, the frame counting as inside.

    Depths are 1, 2, 3, 2, 1 over the columns 1 to 5, and distances from the stroke 1, 0, 0, 0, 1.
    """
    member = np.full((1, 7), 1, np.int32)
    member[0, 1:6] = 0
    free = np.ones((1, 7), bool)
    (score,) = evidence._strokes(member, 1, free, np.array([(2, 0), (3, 0), (4, 0)]))
    middle = (2 + 3 + 2) / 3 / 3
    assert score == pytest.approx(evidence.STROKE_MIDDLE_POWER * np.log(middle))
    (end,) = evidence._strokes(member, 1, free, np.array([(1, 0), (2, 0)]))
    reach = ((0 + 0 + 1 + 2 + 3) / 5 + 1) / (9 / 5 + 1)
    assert reach < 1
    assert end == pytest.approx(evidence.STROKE_MIDDLE_POWER * np.log(1.5 / 3))


def test_a_stroke_means_what_looks_like_it() -> None:
    """Three patches in a row: the first two alike, the third unlike them."""
    looks = Looks.of(torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]))
    assert looks.directions == pytest.approx(np.array([[1, -1], [1, -1], [-1, 1]]) / math.sqrt(2))
    stroke = np.array([(x, 20) for x in range(4, 10)])
    free = np.ones((41, 41), bool)
    member = np.full((41, 41), 3, np.int32)
    for k, right in enumerate((14, 28, 41)):  # a patch, two, and all
        member[:, :right] = np.minimum(member[:, :right], k)
    plain = evidence._strokes(member, 3, free, stroke)
    said = evidence._strokes(member, 3, free, stroke, looks) - plain
    shares = np.array([1, 1, (28 - 13) / 41]) * evidence.LIKENESS_WEIGHT
    assert said == pytest.approx(shares)


def test_of_two_patches_those_that_hold_a_pixel_of_the_stroke_are_asked() -> None:
    looks = Looks.of(torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(1)))
    pixels = np.array([(0, 0), (9, 5), (10, 5), (29, 19), (29, 9)])
    assert looks.under(pixels, 20, 30).tolist() == [0, 1, 2, 5]
    rows = looks.design[:, :4] - looks.design[:, :4].mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = [np.mean([row @ rows[0], row @ rows[5]]) for row in rows]
    assert looks.likeness(np.array([0, 5])).ravel() == pytest.approx(expected)


def test_patches_that_all_look_alike_say_nothing() -> None:
    looks = Looks.of(torch.ones(2, 2, 3))
    assert (looks.likeness(np.array([0])) == 0).all()
