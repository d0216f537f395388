"""The least cut against an exhaustive one, and the energies built on it, by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.baselines import graph_cut
from m2n2v2.baselines.colour_mixture import density, mixture
from m2n2v2.baselines.graph_cut import EuclideanStar, GeodesicStar, GraphCut
from m2n2v2.baselines.max_flow import OFFSETS, least_cut
from m2n2v2.prompts import Click


def price(side: np.ndarray, terminal: np.ndarray, arcs: np.ndarray) -> float:
    """Of a cut: what is given up at the terminals, and the arcs from the source's side."""
    height, width = side.shape
    total = float(terminal[(terminal > 0) & ~side].sum() - terminal[(terminal < 0) & side].sum())
    for direction, (down, right) in enumerate(OFFSETS):
        for y, x in zip(*np.nonzero(side), strict=True):
            there = y + down, x + right
            if 0 <= there[0] < height and 0 <= there[1] < width and not side[there]:
                total += float(arcs[direction, y, x])
    return total


def least_price(terminal: np.ndarray, arcs: np.ndarray) -> float:
    sides = product((False, True), repeat=terminal.size)
    return min(price(np.array(s).reshape(terminal.shape), terminal, arcs) for s in sides)


@given(
    shape=st.sampled_from([(1, 1), (1, 5), (4, 1), (2, 2), (2, 4), (3, 3)]),
    seed=st.integers(0, 2**32 - 1),
    dense=st.sampled_from([0.2, 0.6, 1.0]),
)
def test_the_cut_is_the_cheapest_of_all(shape: tuple[int, int], seed: int, dense: float) -> None:
    rng = np.random.default_rng(seed)
    terminal = rng.integers(-9, 10, shape).astype(float)
    arcs = rng.integers(0, 7, (8, *shape)) * (rng.random((8, *shape)) < dense).astype(float)
    side = least_cut(terminal, arcs)
    assert price(side, terminal, arcs) == least_price(terminal, arcs)


def test_a_cut_by_hand() -> None:
    """Where the row's links are weakest."""
    terminal = np.array([[5.0, 0, 0, 0, -5]])
    arcs = np.zeros((8, 1, 5))
    arcs[0, 0, :4] = arcs[1, 0, 1:] = 4, 3, 1, 4
    assert least_cut(terminal, arcs).tolist() == [[True, True, True, False, False]]


def test_an_arc_over_the_edge_is_none() -> None:
    terminal = np.array([[3.0, -2.0], [0.0, 0.0]])
    arcs = np.full((8, 2, 2), 1.0)
    inside = arcs.copy()
    for direction, (down, right) in enumerate(OFFSETS):
        for y, x in product(range(2), repeat=2):
            if not (0 <= y + down < 2 and 0 <= x + right < 2):
                inside[direction, y, x] = 0
    assert (least_cut(terminal, arcs) == least_cut(terminal, inside)).all()


def test_star_by_hand() -> None:
    """A bright stripe beyond a dark one: its colour is the object's, the way there is not."""
    row = np.repeat([0, 200, 0, 200, 0], 3).astype(np.uint8)  # a click's seed is 3 pixels wide
    image = np.repeat(np.tile(row, (5, 1))[:, :, None], 3, axis=2)
    clicks = Click(4, 2), Click(7, 2, False)

    def last(made: GraphCut) -> list[bool]:
        clicking = made.start(image)
        masks = [clicking.click(click) for click in clicks]
        return masks[-1][2].tolist()

    bright = (row > 0).tolist()
    near = [*[False] * 3, *[True] * 3, *[False] * 9]
    assert last(GraphCut(smoothness=1)) == bright
    assert last(GeodesicStar(smoothness=1)) == near
    assert last(EuclideanStar(smoothness=1)) == near


def test_parents_walk_to_the_nearest_centre() -> None:
    apart = graph_cut.squared_differences(np.zeros((1, 5, 3)))
    centres = np.array([[True, False, False, False, True]])
    found = graph_cut.parents(graph_cut.lengths(apart, 0.0), centres)
    assert found[0, [0, 1, 3, 4]].tolist() == [-1, 1, 0, -1]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_parents_on_narrow_photographs(width: int) -> None:
    apart = graph_cut.squared_differences(np.zeros((4, width, 3)))
    centres = np.zeros((4, width), bool)
    centres[0, 0] = True
    found = graph_cut.parents(graph_cut.lengths(apart, 0.0), centres)
    y, x = 3, width - 1
    for _ in range(3):
        down, right = OFFSETS[found[y, x]]
        y, x = y + down, x + right
    assert (y, x) == (0, 0)


def test_colour_bends_the_path() -> None:
    """Around a wall, where colour counts; through it, where it does not."""
    colours = np.zeros((3, 3, 3))
    colours[:2, 1] = 1
    apart = graph_cut.squared_differences(colours)
    apart = apart / apart[np.isfinite(apart)].mean()
    centres = np.zeros((3, 3), bool)
    centres[0, 0] = True
    straight = graph_cut.parents(graph_cut.lengths(apart, 0.0), centres)
    around = graph_cut.parents(graph_cut.lengths(apart, 0.99), centres)
    assert OFFSETS[straight[0, 2]] == (0, -1)
    assert OFFSETS[around[0, 2]] == (1, 0)


def test_a_photograph_of_one_colour() -> None:
    clicking = GeodesicStar().start(np.full((6, 7, 3), 90, np.uint8))
    mask = clicking.click(Click(3, 3))
    assert mask[3, 3]


class TestMixture:
    def test_two_colours_two_gaussians(self) -> None:
        colours = np.repeat([[0.1, 0.1, 0.1], [0.9, 0.2, 0.2]], [3, 1], axis=0)
        found = sorted(mixture(colours, 5), key=lambda each: -each.share)
        assert [each.share for each in found] == [0.75, 0.25]
        assert np.allclose(found[1].mean, [0.9, 0.2, 0.2])

    def test_density_integrates_to_one(self) -> None:
        colours = np.random.default_rng(0).uniform(0.4, 0.6, (50, 1))
        grid = np.linspace(-1, 2, 6001)[:, None]
        found = density(mixture(colours, 3), grid, 0.0)
        assert np.isclose(found.sum() * 3 / 6000, 1, atol=1e-3)

    def test_the_uniform_share_is_the_least(self) -> None:
        found = density(mixture(np.zeros((2, 3)), 5), np.ones((1, 3)), 0.05)
        assert np.isclose(found[0], 0.05)
