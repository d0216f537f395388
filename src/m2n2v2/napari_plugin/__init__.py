"""A plugin for napari: clicks, boxes and scribbles fill a labels layer (docs/napari.md)."""

from typing import TYPE_CHECKING, Any

from m2n2v2.errors import BackendError

if TYPE_CHECKING:
    from m2n2v2.napari_plugin.widget import Segmenter


def segmenter(viewer: Any) -> "Segmenter":
    """The dock widget, for scripts: `viewer.window.add_dock_widget(segmenter(viewer))`.

    Args:
        viewer: a `napari.Viewer`.

    Raises:
        BackendError: napari, or a Qt for it, is not installed.
    """
    try:
        from m2n2v2.napari_plugin.widget import Segmenter
    except ImportError as error:
        raise BackendError(
            f"{error.name or 'a Qt backend'} is not installed",
            cure="pip install 'm2n2v2[napari]' 'napari[pyqt]'",
        ) from error
    return Segmenter(viewer)
