"""The dock widget: which layer, what is marked, and what can be done."""

from typing import Any

from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from m2n2v2.errors import ImageError, M2N2Error
from m2n2v2.napari_plugin.desk import Desk
from m2n2v2.presets import PRESETS, preset


class Segmenter(QWidget):
    """Choose an image layer, press Start, and click.

    Args:
        napari_viewer: the viewer; napari gives it.

    Attributes:
        desk: what is being segmented; None before Start.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.desk: Desk | None = None
        self.layers, self.presets = QComboBox(), QComboBox()
        self.presets.addItems(["auto", *PRESETS])
        self.presets.setToolTip("auto: the best whose weights are here")
        self.start = self._button("Start", self.begin, "Add the layers to click and draw in")
        self.positive, self.negative = QRadioButton("object"), QRadioButton("background")
        self.positive.setChecked(True)
        self._marks = QButtonGroup(self)
        for button in (self.positive, self.negative):
            self._marks.addButton(button)
            button.setToolTip("What clicks, boxes and scribbles mark; key G switches")
        self.positive.toggled.connect(self._mark)
        self.new = self._button("New object", self._new, "Key N")
        self.undo = self._button("Undo", self._undo, "Key U")
        self.backward = self._button("< Follow", self._backward, "Through the slices before")
        self.forward = self._button("Follow >", self._forward, "Through the slices behind")
        self.stop = self._button("Stop", self._stop, "After the slice that is being followed")
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        for signal in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            signal.connect(self._list)
        self.destroyed.connect(lambda: self._gone())  # a method of a destroyed object is not called
        self._list()
        self._refresh()

    def begin(self) -> None:
        """Segment the chosen layer; what was segmented before stays as it is."""
        try:
            layer = self._chosen()
            self._close()
            name = self.presets.currentText()
            self.desk = Desk(self._viewer, layer, preset(name), self._refresh)
        except M2N2Error as error:
            self.status.setText(str(error))
        else:
            self._refresh()

    def _chosen(self) -> Image:
        images = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        for layer in images:
            if layer.name == self.layers.currentText():
                return layer
        raise ImageError("no image layer is in the viewer", cure="open an image, and choose it")

    def _list(self, event: Any = None) -> None:
        """The image layers there are; the choice stays while it can."""
        before = self.layers.currentText()
        names = [layer.name for layer in self._viewer.layers if isinstance(layer, Image)]
        self.layers.clear()
        self.layers.addItems(names)
        if before in names:
            self.layers.setCurrentText(before)

    def _refresh(self) -> None:
        desk = self.desk
        there = desk is not None and desk.is_open
        for button in (self.new, self.undo, self.backward, self.forward, self.stop):
            button.setEnabled(there)
        for button in (self.positive, self.negative):
            button.setEnabled(there)
        if desk is None:
            self.status.setText("Choose an image layer and press Start.")
            return
        (self.positive if desk.positive else self.negative).setChecked(True)
        doing = f"{desk.doing} ..." if desk.doing else f"Object {desk.number}."
        self.status.setText(desk.message or doing)

    def _mark(self, positive: bool) -> None:
        if self.desk is not None and self.desk.is_open and positive != self.desk.positive:
            self.desk.mark(positive)

    def _new(self) -> None:
        if self.desk is not None:
            self.desk.new_object()

    def _undo(self) -> None:
        if self.desk is not None:
            self.desk.undo()

    def _backward(self) -> None:
        if self.desk is not None:
            self.desk.follow(backward=True)

    def _forward(self) -> None:
        if self.desk is not None:
            self.desk.follow(backward=False)

    def _stop(self) -> None:
        if self.desk is not None:
            self.desk.stop()

    def _close(self) -> None:
        """Let the layers go."""
        if self.desk is not None:
            self.desk.close()

    def _gone(self) -> None:
        """The dock was closed: nothing of Qt's is here any more."""
        for signal in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            signal.disconnect(self._list)
        if self.desk is not None:
            self.desk.leave()

    def _button(self, text: str, do: Any, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False: do())
        return button

    def _lay_out(self) -> None:
        whole, form = QVBoxLayout(self), QFormLayout()
        form.addRow("image", self.layers)
        form.addRow("preset", self.presets)
        whole.addLayout(form)
        whole.addWidget(self.start)
        for row in (
            (self.positive, self.negative),
            (self.new, self.undo),
            (self.backward, self.forward, self.stop),
        ):
            line = QHBoxLayout()
            for button in row:
                line.addWidget(button)
            whole.addLayout(line)
        whole.addWidget(self.status)
        whole.addStretch()
