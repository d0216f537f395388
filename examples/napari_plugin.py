"""The napari plugin on a photograph: an object by a click, one by a box and a click.

The picture of the documentation: `python examples/napari_plugin.py docs/images/napari.png`. It
needs napari with a Qt and a screen; without one, `xvfb-run -s '-screen 0 1280x800x24' python ...`.
"""

import sys
from pathlib import Path

import napari
import numpy as np
import skimage
from qtpy.QtWidgets import QApplication

from m2n2v2.images import read_image
from m2n2v2.napari_plugin import segmenter

PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"


def main(path: Path) -> None:
    """Click, and write what the window shows."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1180, 700)
    viewer.add_image(read_image(PHOTOGRAPH), name="coffee")
    widget = segmenter(viewer)
    viewer.window.add_dock_widget(widget, name="Segment by clicks")
    widget.presets.setCurrentText("offline")
    widget.begin()
    desk = widget.desk
    if desk is None:
        raise SystemExit(widget.status.text())

    def settle() -> None:
        while not desk.settled:
            QApplication.processEvents()

    desk.clicks.add((180, 300))
    settle()
    desk.new_object()
    desk.strokes.add(np.array([(238, 318), (238, 420), (335, 420), (335, 318)]))
    desk.clicks.add((285, 375))
    settle()
    for number in np.unique(desk.objects.data).tolist():
        print(f"{number}: {(desk.objects.data == number).sum()} pixels")
    QApplication.processEvents()
    viewer.screenshot(str(path), canvas_only=False)
    print(path)
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("napari.png"))
