"""The masks of GrabCut's photographs through every rasteriser: run with -s for the numbers."""

from pathlib import Path

import numpy as np
import pytest

from m2n2v2.datasets import find, load
from m2n2v2.masks.bridges import joined
from m2n2v2.masks.coco import compressed, rasterised
from m2n2v2.masks.outlines import inset_polygons, polygons, trace
from m2n2v2.masks.runs import Runs
from tests.masks.rasterisers import coco_mask, coco_string, labelme_mask, yolo_mask


@pytest.mark.slow
def test_real_masks_come_back_to_the_pixel(shared: Path) -> None:
    bridges = area = holes = parts = corners = 0
    items = find("GrabCut", shared / "data")
    for item in items:
        truth = load(item).truth
        height, width = truth.shape
        runs = Runs.of(truth)
        assert compressed(runs) == coco_string(truth)
        traced = trace(truth, diagonal=True)
        holes += any(traced.is_hole)
        parts += traced.is_hole.count(False) > 1
        area += runs.area

        one = joined(truth)
        drawn = yolo_mask(np.round(one.points / (width, height), 7), height, width)
        assert not (truth & ~drawn).any()
        assert (drawn & ~truth).sum() == one.covered
        bridges += one.covered
        corners += len(one.points)

        simple, inset = polygons(truth), inset_polygons(truth)
        if simple is not None and inset is not None:
            flat = [part.reshape(-1).tolist() for part in simple]
            assert rasterised(flat, runs.size) == runs
            as_floats = [[float(value) for value in part] for part in flat]
            np.testing.assert_array_equal(coco_mask(as_floats, height, width), truth)
            each = [labelme_mask(part.tolist(), height, width) for part in inset]
            np.testing.assert_array_equal(np.logical_or.reduce(each), truth)
    print(
        f"{len(items)} masks, {holes} with holes, {parts} of several parts, {area} pixels, "
        f"{bridges} under bridges, {corners / len(items):.0f} corners each"
    )
