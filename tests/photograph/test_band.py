"""Where the band around an outline is, what stays as it was clicked, and how often it is drawn."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from m2n2v2.photograph import refinement
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined

SIDES = st.integers(1, 24)


@given(st.integers(0, 2**31), SIDES, SIDES, st.integers(0, 5), st.sampled_from([None, 0, 1]))
def test_the_band_reaches_so_far_around_pixels_beside_the_other_class(
    seed: int, height: int, width: int, band: int, whole: int | None
) -> None:
    """Around boxes, and stripes over the whole height or width."""
    generator = np.random.default_rng(seed)
    mask = np.zeros((height, width), bool)
    (top, bottom), (left, right) = (
        (0, side) if axis == whole else sorted(generator.integers(0, side + 1, 2).tolist())
        for axis, side in enumerate(mask.shape)
    )
    mask[top:bottom, left:right] = True
    assume(mask.any() and not mask.all())
    beside = np.zeros_like(mask)
    for (y, x), label in np.ndenumerate(mask):
        near = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [(v, u) for v, u in near if 0 <= v < height and 0 <= u < width]
        beside[y, x] = any(mask[place] != label for place in inside)
    y, x = beside.nonzero()
    expected = (
        *(max(y.min() - band - 2, 0), min(y.max() + band + 3, height)),
        *(max(x.min() - band - 2, 0), min(x.max() + band + 3, width)),
    )
    assert refinement._around_outline(mask, band) == expected


@pytest.mark.parametrize(
    ("shape", "radius"), [((30, 40), 1), ((420, 700), 3), ((700, 420), 3), ((250, 260), 2)]
)
def test_squares_keep_their_label_and_every_pixel_its_own(
    shape: tuple[int, int], radius: int
) -> None:
    """Of squares the later ones are on top, but not on another's pixel; strokes have them too."""
    stroke = np.array([[9, 9], [10, 9], [20, 12]])
    marked = [
        (5, 4),
        (6, 4),
        stroke,
        stroke[:2] + 6,
        (0, 0),
        np.array([[shape[1] - 1, shape[0] - 1]]),
    ]
    labels = [True, False, True, False, False, True]
    expected = np.zeros(shape, np.int8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for grown in (radius, 0):
        for pixels, positive in zip(marked, labels, strict=True):
            for u, v in np.reshape(pixels, (-1, 2)):
                near = np.maximum(abs(y - v), abs(x - u)) <= grown
                expected[near] = 1 if positive else -1
    np.testing.assert_array_equal(refinement._fixed(shape, marked, labels), expected)


def test_colours_are_counted_in_every_row_that_changed() -> None:
    """Whole rows at the image's edges, then others."""
    colours = np.random.default_rng(0).integers(0, 255, (20, 15, 3)).astype(np.uint8)
    photograph = Photograph.of(colours, boundaries=False)
    band = refinement._Band(photograph, np.zeros((20, 15), np.int8), 3)
    for first, last in ((0, 4), (3, 20), (6, 7)):
        mask = np.zeros((20, 15), bool)
        mask[first:last] = True
        band.draw(mask, np.where(mask, np.float32(1), np.float32(-1)))
        np.testing.assert_array_equal(band._counted, mask)
        assert band._local[..., 1, :].sum() == mask.sum()


class Scripted:
    """In place of the band: notes what it is given, and draws what it was told to."""

    reach: int
    drawn: list[np.ndarray]
    given: list[tuple[np.ndarray, np.ndarray]]

    def __init__(self, photograph: Photograph, fixed: np.ndarray, reach: int) -> None:
        type(self).reach = reach

    def draw(self, mask: np.ndarray, belief: np.ndarray) -> None:
        self.given.append((mask.copy(), belief.copy()))
        belief[:] = self.drawn[len(self.given) - 1]


@pytest.fixture
def band(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    Scripted.given = []
    monkeypatch.setattr(refinement, "_Band", Scripted)
    return Scripted


def plain(*shape: int) -> Photograph:
    return Photograph.of(np.zeros((*shape, 3), np.uint8), boundaries=False)


def rows(*values: float) -> np.ndarray:
    """A picture of five columns, the values one below the other."""
    return np.repeat(np.array(values, np.float32)[:, None], 5, 1)


def test_it_is_drawn_until_nothing_moves(band: type[Scripted]) -> None:
    """What is 0 is not the object; a clicked square is what was clicked from the beginning."""
    margin = torch.from_numpy(rows(0.5, 0.5, 0, -0.5, -0.5, -0.5, -0.5))
    band.drawn = [rows(1, 1, 1, 0, -1, -1, -1), rows(0.5, 0.2, 0.1, 0, 0, -1, -1), rows(*[9] * 7)]
    out = refined(margin, plain(7, 5), [(0, 6)], [True], 0.1)
    np.testing.assert_array_equal(out, band.drawn[1])
    assert len(band.given) == 2
    (first, belief), (second, _) = band.given
    np.testing.assert_array_equal(first, margin > 0)
    expected = margin.numpy().copy()
    expected[5:, :2] = 1
    np.testing.assert_array_equal(belief, expected)
    np.testing.assert_array_equal(second, band.drawn[0] > 0)


@pytest.mark.parametrize(("passes", "times"), [(None, refinement.PASSES), (1, 1), (5, 5)])
def test_it_is_drawn_so_many_times_at_most(
    passes: int | None, times: int, band: type[Scripted]
) -> None:
    band.drawn = [rows(1, -1), rows(-1, 1)] * 3
    out = refined(torch.from_numpy(rows(-1, 1)), plain(2, 5), [], [], 0.1, passes=passes)
    assert len(band.given) == times
    np.testing.assert_array_equal(out, band.drawn[times - 1])


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_what_has_no_outline_any_more_is_not_drawn_again(
    value: float, band: type[Scripted]
) -> None:
    band.drawn = [rows(value, value)]
    out = refined(torch.from_numpy(rows(-1, 1)), plain(2, 5), [], [], 0.1)
    np.testing.assert_array_equal(out, rows(value, value))


@pytest.mark.parametrize(
    ("shape", "reach", "pixels"), [((50, 80), 0.1, 5), ((80, 50), 0.1, 5), ((80, 50), 0.01, 3)]
)
def test_reach_is_a_share_of_the_shorter_side_and_three_pixels_at_least(
    shape: tuple[int, int], reach: float, pixels: int, band: type[Scripted]
) -> None:
    margin = torch.full(shape, -1.0)
    margin[0] = 1
    band.drawn = [margin.numpy()]
    refined(margin, plain(*shape), [], [], reach)
    assert band.reach == pixels
