"""What a person can get wrong in a viewer: each is refused in words, and nothing else changes."""

from typing import Any

import numpy as np
import pytest

from tests.napari_plugin.pictures import picture


def test_an_empty_viewer(viewer: Any, qtbot: Any) -> None:
    from m2n2v2.napari_plugin.widget import Segmenter

    widget = Segmenter(viewer)
    qtbot.addWidget(widget)
    widget.start.click()
    assert widget.status.text() == "no image layer is in the viewer; open an image, and choose it"
    assert widget.desk is None
    assert not widget.undo.isEnabled()
    viewer.add_labels(np.zeros((9, 9), int))
    viewer.add_image(picture(), name="late")
    assert [widget.layers.itemText(i) for i in range(widget.layers.count())] == ["late"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((2, 3, 20, 20)), {}, "photo has 4 axes (2x3x20x20); add a picture or one stack"),
        ([np.zeros((40, 40)), np.zeros((20, 20))], {"multiscale": True}, "photo is multiscale; "),
    ],
)
def test_a_layer_that_is_not_taken(
    started: Any, data: Any, options: dict[str, Any], message: str
) -> None:
    widget = started(data, **options)
    assert widget.status.text().startswith(message)
    assert widget.desk is None


def test_a_point_outside_the_picture(started: Any, settle: Any) -> None:
    widget = started(picture())
    desk = widget.desk
    desk.clicks.add((24, 22))
    settle(widget)
    before = desk.objects.data.copy()
    desk.clicks.add((24, 90.6))
    settle(widget)
    assert widget.status.text().startswith("click (91, 24) lies outside the 90x60 image; use")
    desk.clicks.add((-3, 20))
    assert widget.status.text().startswith("click y is -3; use a finite number")
    settle(widget)
    assert np.array_equal(desk.clicks.data, [(24, 22)])
    assert np.array_equal(desk.objects.data, before)


def test_a_contradiction_is_taken_out_of_its_layer(started: Any, settle: Any) -> None:
    widget = started(picture())
    desk = widget.desk
    desk.clicks.add((24, 22))
    desk.mark(False)
    desk.clicks.add((24, 22))
    settle(widget)
    assert "both as object and as background" in widget.status.text()
    assert list(desk.clicks.features["label"]) == ["object"]
    assert widget.negative.isChecked()


def test_a_volume_is_not_clicked(started: Any, settle: Any, viewer: Any) -> None:
    widget = started(np.stack([picture()] * 2), rgb=True)
    viewer.dims.ndisplay = 3
    widget.desk.clicks.add((0, 24, 22))
    assert widget.status.text().startswith("the viewer shows a volume; switch it to 2-D")
    settle(widget)
    assert not len(widget.desk.clicks.data)
    viewer.dims.ndisplay = 2
    widget.desk.clicks.add((2, 24, 22))
    settle(widget)
    assert widget.status.text() == "slice 2 of 2 was clicked; use slices 0 to 1"
    assert not len(widget.desk.clicks.data)


@pytest.mark.parametrize("which", ["photo", "photo: clicks", "photo: objects"])
def test_a_layer_removed_in_the_middle(started: Any, settle: Any, viewer: Any, which: str) -> None:
    widget = started(picture())
    desk = widget.desk
    desk.clicks.add((24, 22))  # it is still being prepared for when the layer goes
    viewer.layers.remove(which)
    assert widget.status.text().startswith(f"{which} was removed; press Start")
    assert not widget.undo.isEnabled()
    settle(widget)
    assert not desk.objects.data.any()
    assert widget.layers.count() == (which != "photo")


def test_an_image_that_changed_its_shape(started: Any) -> None:
    widget = started(picture())
    widget.desk.image.data = picture()[:40]
    widget.desk.clicks.add((24, 22))
    assert widget.status.text() == "photo has another shape than before; press Start again"
    widget.start.click()
    assert widget.desk.objects.data.shape == (40, 90)
