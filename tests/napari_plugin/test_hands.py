"""What hands do: keys, shapes drawn by the mouse, a dock closed in the middle."""

import threading
from typing import Any

import numpy as np
import pytest

from m2n2v2.napari_plugin import segmenter
from tests.napari_plugin.pictures import WAIT, picture


def press(layer: Any, key: str) -> None:
    (bound,) = [do for binding, do in layer.keymap.items() if str(binding) == key]
    bound(layer)


def mouse(layer: Any, kind: str, place: tuple[float, float]) -> None:
    """Press, move or release a mouse, as the canvas tells a layer of it."""
    from napari.utils import interactions
    from napari.utils._test_utils import read_only_mouse_event

    event = read_only_mouse_event(
        type=f"mouse_{kind}",
        is_dragging=kind == "move",
        position=place,
        pos=np.array(place),
        button=1,
    )
    getattr(interactions, f"mouse_{kind}_callbacks")(layer, event)


def drag(layer: Any, points: list[tuple[float, float]]) -> None:
    """Draw with the mouse."""
    mouse(layer, "press", points[0])
    for point in points:
        mouse(layer, "move", point)
    mouse(layer, "release", points[-1])


def contradicted(started: Any, settle: Any) -> Any:
    """A widget with a click on the object and a background stroke through it, soon refused."""
    widget = started(picture())
    widget.desk.clicks.add((24, 22))
    settle(widget)
    widget.desk.mark(False)
    widget.desk.strokes.add(np.array([(24, 20), (24, 30)]), shape_type="path")
    return widget


@pytest.mark.parametrize("which", ["clicks", "strokes", "objects"])
def test_keys_of_every_layer(started: Any, settle: Any, which: str) -> None:
    widget = started(picture())
    desk = widget.desk
    layer = getattr(desk, which)
    press(layer, "G")
    assert widget.negative.isChecked()
    assert desk.clicks.feature_defaults["label"][0] == "background"
    press(layer, "G")
    assert widget.positive.isChecked()
    press(layer, "N")
    assert widget.status.text() == "Object 2."
    press(layer, "U")
    settle(widget)
    assert widget.status.text() == "Object 2."


def test_shapes_drawn_by_the_mouse(started: Any, settle: Any) -> None:
    widget = started(picture())
    strokes = widget.desk.strokes
    strokes.mode = "add_ellipse"
    drag(strokes, [(6, 7), (20, 20), (40, 40)])
    settle(widget)
    assert widget.status.text().startswith("a shape is of kind ellipse")
    assert strokes.shape_type == []
    strokes.mode = "add_polygon_lasso"
    drag(strokes, [(6, 7), (6, 40), (40, 40), (40, 7), (20, 9)])
    settle(widget)
    assert widget.status.text().startswith("a shape is of kind polygon")
    assert strokes.shape_type == []
    strokes.mode = "add_rectangle"
    drag(strokes, [(6, 7), (20, 20), (41, 41)])
    settle(widget)
    assert strokes.shape_type == ["rectangle"]
    assert widget.desk.objects.data.any()


def test_a_shape_is_drawn_to_its_end_where_an_earlier_one_is_refused(
    started: Any, settle: Any, qtbot: Any
) -> None:
    end = (50.0, 80.0)
    widget = contradicted(started, settle)
    desk = widget.desk
    desk.strokes.mode = "add_rectangle"
    mouse(desk.strokes, "press", (40, 60))
    mouse(desk.strokes, "move", end)
    qtbot.waitUntil(lambda: "both as object and as" in widget.status.text(), timeout=WAIT)
    assert desk.strokes.shape_type == ["path", "rectangle"]
    mouse(desk.strokes, "release", end)
    settle(widget)
    assert desk.strokes.shape_type == ["rectangle"]
    assert list(desk.strokes.features["label"]) == ["background"]
    assert np.allclose(desk.strokes.data[0].max(axis=0), end)
    assert widget.status.text().startswith("Object 1")


def test_an_unfinished_shape_that_comes_to_nothing_leaves_the_layer_as_it_should_be(
    started: Any, settle: Any, qtbot: Any
) -> None:
    widget = contradicted(started, settle)
    desk = widget.desk
    desk.strokes.mode = "add_path"
    for kind in ("press", "release"):
        mouse(desk.strokes, kind, (40, 60))
    qtbot.waitUntil(lambda: "both as object and as" in widget.status.text(), timeout=WAIT)
    for kind in ("press", "release"):  # the end of a path of one point, which napari drops
        mouse(desk.strokes, kind, (40, 60))
    settle(widget)
    assert desk.strokes.shape_type == []


def test_a_dock_closed_while_a_slice_is_prepared(
    viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from m2n2v2.napari_plugin.shown import Shown

    go, threads = threading.Event(), []
    read = Shown.read

    def waiting(self: Any, index: int) -> np.ndarray:
        threads.append(threading.get_ident())
        go.wait()
        return read(self, index)

    monkeypatch.setattr(Shown, "read", waiting)
    viewer.add_image(picture(), name="photo")
    widget = segmenter(viewer)
    widget.presets.setCurrentText("offline")
    widget.begin()
    desk = widget.desk
    assert desk is not None
    desk.clicks.add((24, 22))
    with qtbot.waitSignal(widget.destroyed, timeout=WAIT):
        widget.deleteLater()
    go.set()
    qtbot.waitUntil(lambda: desk.settled, timeout=WAIT)
    assert threads
    assert threading.get_ident() not in threads
    assert not desk.is_open
    assert not desk.objects.data.any()
    viewer.add_image(picture(), name="another")
    desk.clicks.add((30, 30))
    assert desk.settled
