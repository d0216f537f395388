"""The real sets beside the checkout, as their README counts them."""

from pathlib import Path

import pytest

from m2n2v2.datasets import find, load

COUNTS = {
    "GrabCut": (50, 50),
    "DAVIS": (69, 69),
    "bsds_objects": (91, 105),
    "alphamatting": (14, 14),
    "underwater": (14, 22),
    "washington_rgbd": (4, 4),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(shared: Path, name: str) -> None:
    items = find(name, shared / "data")
    assert (len({item.image for item in items}), len(items)) == COUNTS[name]
    assert len({item.name for item in items}) == len(items)


def test_grabcut_has_void_bands_in_42_masks(shared: Path) -> None:
    items = find("GrabCut", shared / "data")
    assert sum(item.truth.read()[1].any() for item in items) == 42
    items = find("GrabCut", shared / "data", "m2n2")
    assert not any(item.truth.read()[1].any() for item in items)


def test_sensor_depth(shared: Path) -> None:
    for item in find("washington_rgbd", shared / "data"):
        sample = load(item, depth=True)
        assert sample.depth is not None
        assert float(sample.depth[sample.truth].mean()) > float(sample.depth[~sample.truth].mean())
