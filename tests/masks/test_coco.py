"""COCO's codings beside pycocotools: the same string, the same pixels."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from m2n2v2.arrays import Mask
from m2n2v2.errors import FormatError
from m2n2v2.grid import Size
from m2n2v2.masks.coco import (
    column_major,
    compressed,
    expanded,
    from_column_major,
    rasterised,
)
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import MASKS, drawn
from tests.masks.rasterisers import coco_mask, coco_string


def test_drawn_by_hand() -> None:
    runs = Runs.of(drawn("#..", "##."))
    assert column_major(runs).tolist() == [0, 2, 1, 1, 2]
    assert compressed(runs) == coco_string(runs.mask)


@settings(max_examples=1000)
@given(MASKS)
def test_the_string_is_pycocotools(mask: Mask) -> None:
    runs = Runs.of(mask)
    assert compressed(runs) == coco_string(mask)
    assert from_column_major(expanded(compressed(runs)), runs.size) == runs


def test_long_runs() -> None:
    mask = np.zeros((3000, 2000), bool)
    mask[5:2900, 3:1990] = True
    mask[100, 100] = False
    runs = Runs.of(mask)
    assert compressed(runs) == coco_string(mask)
    assert from_column_major(expanded(compressed(runs)), runs.size) == runs


@st.composite
def _polygons(draw: st.DrawFn) -> tuple[list[list[float]], int, int]:
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    step = draw(st.sampled_from([1.0, 0.5, 0.1, 0.0137]))
    xs = st.integers(round(-width / 2 / step), round(1.5 * width / step)).map(step.__mul__)
    ys = st.integers(round(-height / 2 / step), round(1.5 * height / step)).map(step.__mul__)
    corners = st.lists(st.tuples(xs, ys), min_size=3, max_size=7)
    flat = corners.map(lambda pairs: [value for pair in pairs for value in pair])
    return draw(st.lists(flat, min_size=1, max_size=3)), height, width


@settings(max_examples=2000)
@given(_polygons())
@example(([[0.0, 0.0, 0.0, 0.0, 3.0, 3.0]], 4, 4))
def test_polygons_are_drawn_as_pycocotools_does(case: tuple[list[list[float]], int, int]) -> None:
    polygons, height, width = case
    found = rasterised(polygons, Size(height, width)).mask
    np.testing.assert_array_equal(found, coco_mask(polygons, height, width))


@pytest.mark.parametrize(
    "text", ["é", "~~~", "0123 ", "p", "oooooooooooo0", "PPPPPPPPPPPPPPPPPPPPPPP0"]
)
def test_no_string_of_coco(text: str) -> None:
    with pytest.raises(FormatError):
        from_column_major(expanded(text), Size(2, 2))


@given(st.text(max_size=20))
def test_any_text_is_a_mask_or_refused(text: str) -> None:
    try:
        runs = from_column_major(expanded(text), Size(3, 4))
    except FormatError:
        return
    assert runs.counts.sum() == 12


@pytest.mark.parametrize("counts", [[], [5], [-1, 5], [2, 1, 2], [[4]], [2.0, 2.0]])
def test_counts_that_do_not_fill_the_image(counts: list[int]) -> None:
    with pytest.raises(FormatError, match="do not fill a 2x2 image"):
        from_column_major(counts, Size(2, 2))


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([1.0, 1.0, 2.0, 2.0], "has 2 corners"),
        ([1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 1.0], "no list of x and y"),
        ([1.0, 1.0, 2.0, 2.0, True, 3.0], "no list of x and y"),
        ([1.0, 1.0, 2.0, 2.0, float("nan"), 3.0], "far outside"),
        ([1.0, 1.0, 2.0, 2.0, 1e9, 3.0], "far outside"),
        ([1, 1, 2, 2, 10**400, 3], "far outside"),
    ],
)
def test_no_polygon(polygon: list[float], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        rasterised([polygon], Size(8, 8))


@settings(max_examples=1000)
@given(MASKS, st.data())
def test_their_strings_are_read(mask: Mask, data: st.DataObject) -> None:
    """What pycocotools writes, compressed or not, is the mask; a changed string is what it reads
    there, or refused."""
    size = Size(*mask.shape)
    text = coco_string(mask)
    assert from_column_major(expanded(text), size) == Runs.of(mask)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + chr(data.draw(st.integers(48, 111))) + text[place + 1 :]
    try:
        runs = from_column_major(expanded(changed), size)
    except FormatError:
        return
    theirs = coco_mask({"size": list(mask.shape), "counts": changed}, *mask.shape)
    np.testing.assert_array_equal(runs.mask, theirs)
