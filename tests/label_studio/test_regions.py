"""Regions as prompts, masks as regions, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage.draw import polygon2mask

from m2n2v2.annotator.document import PlacedBox, PlacedClick, PlacedScribble
from m2n2v2.errors import ClassError, ClickError, FormatError, ImageError, M2N2Error, PromptError
from m2n2v2.grid import Size
from m2n2v2.label_studio.answers import regions
from m2n2v2.label_studio.configuration import Configuration
from m2n2v2.label_studio.regions import asked, strokes
from m2n2v2.label_studio.rle import decoded, encoded
from m2n2v2.prompts import Scribble
from tests.label_studio.samples import CONFIGURATION, region

SIZE = Size(60, 90)
SETTING = Configuration.read(CONFIGURATION)
BRUSH = SETTING.answering("brushlabels")


def test_clicks_and_boxes_in_pixels_by_label_in_order() -> None:
    given = [
        region("keypointlabels", x=50.0, y=25.0, label="Cup"),
        region("rectanglelabels", x=10.0, y=50.0, width=20.0, height=50.0, label="Dog"),
        region("keypointlabels", x=100.0, y=0.0, label="Cup", is_positive=False),
    ]
    cup, dog = asked(given, SETTING, BRUSH, SIZE)
    last = float(np.nextafter(90.0, 0))
    assert cup.label == "Cup"
    assert cup.prompts == (PlacedClick(45.0, 15.0, True), PlacedClick(last, 0.0, False))
    assert dog.prompts == (PlacedBox((9.0, 30.0, 27.0, 60.0), True),)


def test_a_brush_is_a_scribble_along_its_middle() -> None:
    mask = np.zeros(SIZE.shape, bool)
    mask[20:25, 10:41] = True
    drawn = region("brushlabels", rle=encoded(mask), format="rle", label="Dog")
    ((only,),) = (each.prompts for each in asked([drawn], SETTING, BRUSH, SIZE))
    assert isinstance(only, PlacedScribble)
    assert {y for _, y in only.points} <= {21.5, 22.5, 23.5}
    assert {x for x, _ in only.points} >= {x + 0.5 for x in range(13, 38)}


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_strokes_cross_the_middle_and_nothing_else(mask: np.ndarray) -> None:
    size = Size(*mask.shape)
    if not mask.any():
        with pytest.raises(PromptError, match="marks no pixel"):
            list(strokes(mask))
        return
    crossed = np.zeros_like(mask)
    ways = list(strokes(mask))
    for way in ways:
        x, y = Scribble(way).pixels(size, size).T
        crossed[y, x] = True
    assert not (crossed & ~mask).any()
    assert len(ways) == ndimage.label(mask, np.ones((3, 3)))[1]
    assert len(ways) == ndimage.label(crossed, np.ones((3, 3)))[1]


def rotated(**changes: Any) -> dict[str, Any]:
    return region("rectanglelabels", x=1, y=1, width=5, height=5, label="Cup", **changes)


@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        (region("ellipselabels", x=1, y=1, label="Cup"), PromptError, "'ellipselabels'; draw one"),
        (region("keypointlabels", x=1, y=1, label="Cat"), ClassError, "'Cat' .* Cup, Dog"),
        ({**rotated(), "value": {"x": 1}}, ClassError, "has the labels None"),
        (rotated(rotation=30), PromptError, "rotated by 30 degrees"),
        ({**rotated(), "image_rotation": 90}, PromptError, "image was rotated by 90"),
        ({**rotated(), "original_width": 45}, ImageError, "45x60 pixels, this one is 90x60"),
        ({**rotated(), "original_width": None}, ImageError, "neither cropped nor resized"),
        ({**rotated(), "to_name": "other"}, PromptError, "drawn on 'other'"),
        ({**rotated(), "value": None}, PromptError, "value is None"),
        (region("keypointlabels", x="1", y=1, label="Cup"), PromptError, "x is '1'"),
        (region("keypointlabels", x=float("nan"), y=1, label="Cup"), PromptError, "x is nan"),
        (region("keypointlabels", x=101, y=1, label="Cup"), ClickError, "outside"),
        (region("brushlabels", label="Cup"), PromptError, "no rle"),
        (
            region("rectanglelabels", x=-20, y=1, width=10, height=10, label="Cup"),
            PromptError,
            "outside",
        ),
        (
            region("rectanglelabels", x=1, y=1, width=0, height=10, label="Cup"),
            PromptError,
            "empty",
        ),
    ],
)
def test_what_is_no_prompt_is_refused(
    given: dict[str, Any], error: type[M2N2Error], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        asked([given], SETTING, BRUSH, SIZE)


def test_a_mask_as_a_brush_pixel_for_pixel() -> None:
    mask = np.random.default_rng(0).random(SIZE.shape) < 0.3
    (only,) = regions(mask, "Dog", BRUSH, 0.5)
    assert np.array_equal(decoded(only["value"]["rle"], SIZE), mask)
    assert only["value"]["brushlabels"] == ["Dog"]
    assert (only["from_name"], only["to_name"], only["type"]) == ("brush", "image", "brushlabels")
    assert (only["original_width"], only["original_height"]) == (90, 60)


def test_a_mask_as_polygons_one_for_each_part() -> None:
    mask = np.zeros(SIZE.shape, bool)
    mask[10:30, 10:30] = mask[40:50, 50:80] = True
    mask[15:20, 15:20] = False
    control = SETTING.answering("polygonlabels")
    found = regions(mask, "Cup", control, 0.5)
    drawn = np.zeros_like(mask)
    for each in found:
        assert each["type"] == "polygonlabels"
        points = np.array(each["value"]["points"]) * (0.9, 0.6)
        drawn ^= polygon2mask(mask.shape, points[:, ::-1] - 0.5 + 1e-9)
    assert len(found) == 2
    assert np.array_equal(drawn, mask)


def test_no_region_of_an_empty_mask() -> None:
    assert regions(np.zeros((3, 3), bool), "Cup", BRUSH, 0.0) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<View", "cannot be read"),
        ("<!DOCTYPE x><View/>", "declares a type of document"),
        ("<View/>", "no <BrushLabels>; add one .* --answer polygonlabels"),
        ('<View><BrushLabels name="b" toName="text"/></View>', "'text', which is no image"),
    ],
)
def test_a_configuration_without_what_is_needed(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        Configuration.read(text).answering("brushlabels")
