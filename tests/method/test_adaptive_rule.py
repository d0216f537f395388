"""The adaptive rule on a real photograph (paper, supplement 12), with the offline attention
and without the terms of ours that do part of its work.

A click two pixels from the boundary is meant as a small correction. With the prior alone it
collapses the segment or floods the image; with the adaptive rule it does not, where the rule bounds
the segment. Where it bounds the change (the default), the new segment may be as large as the old.
"""

import dataclasses

import numpy as np
import pytest
import skimage

from m2n2v2 import Click, Predictor
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.session import MapCache, replay

CUP_AND_SAUCER = (Click(300, 180), Click(420, 200))


@pytest.fixture(scope="module")
def maps() -> MapCache:
    predictor = Predictor.from_preset("offline/without-photograph-terms", device="cpu")
    predictor.set_image(skimage.data.coffee())
    state = predictor.get_image_embedding()
    settings = state.settings.replace(size_rule="adaptive", bound="segment")
    return MapCache(dataclasses.replace(state, settings=settings))


def _both(maps: MapCache, click: Click) -> tuple[Segmentation, Segmentation, Segmentation]:
    """Before the click; after it with the prior alone; after it with the adaptive rule."""
    state = maps.state
    prior: ImageState = dataclasses.replace(
        state, settings=state.settings.replace(size_rule="prior")
    )
    before = replay(state, CUP_AND_SAUCER, maps=maps)
    np.testing.assert_array_equal(
        before.mask, replay(prior, CUP_AND_SAUCER, maps=maps).mask, "the same segment to start"
    )
    clicks = (*CUP_AND_SAUCER, click)
    return before, replay(prior, clicks, maps=maps), replay(state, clicks, maps=maps)


def _change(before: Segmentation, after: Segmentation) -> int:
    return int(after.mask.sum()) - int(before.mask.sum())


def test_a_background_click_at_the_edge_does_not_collapse_the_segment(maps: MapCache) -> None:
    before, prior, adaptive = _both(maps, Click(315, 387, False))
    assert _change(before, prior) < -0.5 * before.mask.sum()
    assert abs(_change(before, adaptive)) <= adaptive.prompts[-1].limit < 4000


def test_an_object_click_at_the_edge_does_not_flood_the_image(maps: MapCache) -> None:
    before, prior, adaptive = _both(maps, Click(481, 234))
    assert _change(before, prior) > 0.25 * before.mask.size
    assert 0 < _change(before, adaptive) <= adaptive.prompts[-1].limit < 4000
