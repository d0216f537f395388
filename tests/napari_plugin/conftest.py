"""What tests in a viewer share; they skip where napari or its test fixtures are absent."""

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from tests.napari_plugin.pictures import WAIT

MISSING = [name for name in ("napari", "pytestqt") if importlib.util.find_spec(name) is None]

if MISSING:

    @pytest.fixture
    def qtbot() -> None:
        pytest.skip(f"{' and '.join(MISSING)} not installed (docs/napari.md)")


@pytest.fixture
def viewer(qtbot: Any) -> Any:
    """A viewer without a window: all of napari but what is drawn on the screen."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def started(viewer: Any, qtbot: Any) -> Callable[..., Any]:
    """A function that adds a layer to a viewer, and makes the dock widget, and presses Start."""

    def begin(data: Any, **options: Any) -> Any:
        from m2n2v2.napari_plugin.widget import Segmenter

        viewer.add_image(data, name="photo", **options)
        widget = Segmenter(viewer)
        qtbot.addWidget(widget)
        widget.presets.setCurrentText("offline")
        widget.begin()
        return widget

    return begin


@pytest.fixture
def settle(qtbot: Any) -> Callable[[Any], None]:
    """Wait until a widget has done all that was asked."""

    def wait(widget: Any) -> None:
        qtbot.waitUntil(lambda: widget.desk.settled, timeout=WAIT)

    return wait
