"""An image layer that is segmented, and the three layers beside it: clicks, strokes and objects."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points, Shapes
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QTimer

from m2n2v2.arrays import Image as Pixels
from m2n2v2.errors import ImageError, M2N2Error, TrackError
from m2n2v2.method.values import ImageState
from m2n2v2.napari_plugin.drawn import (
    BACKGROUND,
    LABEL,
    OBJECT,
    Placed,
    clicks_in,
    points_of,
    shapes_of,
    strokes_in,
)
from m2n2v2.napari_plugin.line import Job, Line, Steps
from m2n2v2.napari_plugin.shown import Shown, current, shown
from m2n2v2.napari_plugin.work import Answer, Change, Place, Work
from m2n2v2.overlays import BACKGROUND as RED
from m2n2v2.overlays import OBJECT as GREEN
from m2n2v2.presets import Preset
from m2n2v2.prompts import Click, Given
from m2n2v2.states.cache import StateCache
from m2n2v2.states.preparing import Preparer, Recipe
from m2n2v2.tracking.features_file import FeatureCache
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.sources import source_of
from m2n2v2.tracking.tracks import Labels as Sheet

COLOURS = {label: "#" + bytes(rgb).hex() for label, rgb in ((OBJECT, GREEN), (BACKGROUND, RED))}


class Desk:
    """What is clicked and drawn in the layers becomes objects in the labels layer.

    Everything that computes waits in a line beside the viewer, which is never held up: what is
    clicked meanwhile is kept.

    Args:
        viewer: napari's.
        image: the layer to segment, one of the viewer's.
        preset: what prepares slices, and follows objects.
        changed: called whenever `message`, `doing` or the choices here are others.

    Raises:
        ImageError: the layer is of a kind that is not taken.
    """

    def __init__(
        self, viewer: Any, image: Any, preset: Preset, changed: Callable[[], None]
    ) -> None:
        self.viewer, self.image, self.preset = viewer, image, preset
        self.message, self.doing = "", ""
        self.is_open, self.positive = True, True
        self._changed, self._shown = changed, self._now()
        self._known: dict[Place, tuple[Given, ...]] = {}
        self._asked: list[tuple[Place, Given, bool]] = []
        self._owed: list[Any] = []
        self._stale: int | None = None  # so many strokes lie before the one being drawn
        self._drawing, self._most = False, 1
        self._add_layers()
        self._preparer: Preparer | None = None
        self.work = Work(lambda index: self._shown.read(index), self._prepare, self.objects.data)
        self.line = Line(self._does)

    @property
    def settled(self) -> bool:
        """Is all done that was asked?"""
        return not (self.line.busy or self._owed)

    @property
    def number(self) -> int:
        """The object that is drawn on: the labels layer's own choice."""
        return int(self.objects.selected_label) or 1

    def new_object(self) -> None:
        """Draw on a new object."""
        self.objects.selected_label = self._most + 1

    def mark(self, positive: bool) -> None:
        """What is drawn from now on marks the object, or the background."""
        self.positive = positive
        label = OBJECT if positive else BACKGROUND
        for layer in (self.clicks, self.strokes):
            layer.selected_data = set()  # what is selected would change with it
            layer.feature_defaults = {LABEL: label}
        self.clicks.current_face_color = COLOURS[label]
        self.strokes.current_edge_color = COLOURS[label]
        self._changed()

    def undo(self) -> None:
        """Take the last change back, once all before it are done."""

        def done(undone: tuple[Change, Answer | None]) -> None:
            change, answer = undone
            self.work.restore(change)
            if answer is not None:
                self._known[answer.place] = answer.prompts
                self.objects.selected_label = answer.place[1]
                self._show(answer.place[0])
            self._draw(self.clicks)
            self._draw(self.strokes)
            self.objects.refresh()
            self._tell("")

        self.line.add(Job("undoing", self.work.undo, done, self._failed))

    def follow(self, *, backward: bool) -> None:
        """Follow the objects of the slice that is shown through those behind it, or before it."""
        try:
            if not self._shown.stacked:
                raise TrackError(
                    f"{self.image.name} is one picture", cure="follow objects in a stack of slices"
                )
            start = current(self.image, self.viewer)
            self._refresh_shown()
        except M2N2Error as error:
            self._failed(error)
            return
        before: dict[int, Sheet] = {}
        frames = self._shown

        def run() -> Any:
            source, settings = source_of(self.preset)
            follower = Follower(frames, source, settings, FeatureCache() if source.costly else None)
            return self.work.follow(follower, start, backward=backward)

        def done(step: tuple[int, Sheet]) -> None:
            index, labels = step
            before[index] = self.work.labels(index)
            self.work.put(index, labels)
            self.objects.refresh()
            self._does(f"following, slice {index} is done")

        def after() -> None:
            if before:
                self.work.followed(before)

        self.line.add(Job("following", Steps(run), done, self._failed, after))

    def stop(self) -> None:
        """Stop following after the slice that is being followed; what was followed stays."""
        self.line.stop()

    def close(self, why: str = "") -> None:
        """Take nothing more from the layers, which stay; what is being computed is dropped."""
        if not self.is_open:
            return
        self.is_open, self.doing = False, ""
        self.line.close()
        self.viewer.layers.events.removed.disconnect(self._removed)
        self.strokes.events.set_data.disconnect(self._finished)
        for layer in (self.clicks, self.strokes):
            layer.events.data.disconnect(self._drawn)
            layer.editable = False
        self.objects.events.selected_label.disconnect(self._chosen)
        self._tell(why)

    def leave(self) -> None:
        """Close, and tell nobody: who was told is gone."""
        self._changed = lambda: None
        self.close()

    def _now(self) -> Shown:
        return shown(
            self.image, [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        )

    def _prepare(self, pixels: Pixels) -> ImageState:
        if self._preparer is None:
            self._preparer = Preparer(Recipe(preset=self.preset), StateCache())
        return self._preparer(pixels)

    def _add_layers(self) -> None:
        image, ndim = self.image, self.image.ndim
        place = {
            "scale": image.scale,
            "translate": image.translate,
            "rotate": image.rotate,
            "shear": image.shear,
            "affine": image.affine,
        }
        unit = max(1.0, min(self._shown.size.shape) / 240)  # as in `overlays`
        features = {LABEL: np.array([], dtype=object)}
        self.objects = Labels(
            np.zeros(self._shown.shape, np.uint16), name=f"{image.name}: objects", **place
        )
        self.strokes = Shapes(
            None,
            ndim=ndim,
            name=f"{image.name}: boxes and scribbles",
            features=features,
            face_color="transparent",
            edge_width=2 * unit,
            **place,
        )
        self.clicks = Points(
            None,
            ndim=ndim,
            name=f"{image.name}: clicks",
            features=features,
            border_color="white",
            size=8 * unit,
            **place,
        )
        layers = (self.objects, self.strokes, self.clicks)
        for layer in layers:
            self.viewer.add_layer(layer)
            layer.bind_key("g", lambda layer: self.mark(not self.positive))
            layer.bind_key("n", lambda layer: self.new_object())
            layer.bind_key("u", lambda layer: self.undo())
        self.mark(True)
        self.clicks.events.data.connect(self._drawn)
        self.strokes.events.data.connect(self._drawn)
        self.strokes.events.set_data.connect(self._finished)
        self.objects.events.selected_label.connect(self._chosen)
        self.viewer.layers.events.removed.connect(self._removed)
        self.viewer.layers.selection.active = self.clicks
        self.clicks.mode = "add"

    def _drawn(self, event: Any) -> None:
        """Ask for what a layer shows beyond what was asked, and take out what it lacks."""
        if self._drawing or str(event.action) not in ("added", "removed", "changed"):
            return
        layer = self.clicks if event.source == self.clicks else self.strokes
        try:
            drawn = (clicks_in if layer is self.clicks else strokes_in)(layer, self.image)
            known = Counter(self._expected(layer))
            if layer is self.strokes and self._stale is not None:
                drawn = [*known.elements(), *drawn[self._stale :]]
            added = list((Counter(drawn) - known).elements())
            if added:
                current(self.image, self.viewer)
                self._refresh_shown()
        except M2N2Error as error:
            self._owed.append(layer)  # napari has not finished with it yet
            QTimer.singleShot(0, self._draw_owed)
            self._failed(error)
            return
        for index, prompt in (known - Counter(drawn)).elements():
            self._ask((index, self.number), prompt, adds=False)
        for index, prompt in added:
            self._ask((index, self.number), prompt, adds=True)

    def _ask(self, place: Place, prompt: Given, *, adds: bool) -> None:
        """Put a prompt, or its removal, into the line."""
        asked = (place, prompt, adds)
        self._asked.append(asked)
        self._most = max(self._most, place[1])

        def run() -> Answer:
            return self.work.add(place, prompt) if adds else self.work.remove(place, prompt)

        def done(answer: Answer) -> None:
            self._asked.remove(asked)
            self._known[place] = answer.prompts
            self.work.paint(answer)
            self.objects.refresh()
            self._tell("")

        def failed(error: Exception) -> None:
            self._asked.remove(asked)
            self._draw(self.clicks if isinstance(prompt, Click) else self.strokes)
            self._failed(error)

        fresh = place[0] not in self.work.clicked
        what = f"preparing slice {place[0]}" if fresh and self._shown.stacked else "segmenting"
        self.line.add(Job(what, run, done, failed))

    def _expected(self, layer: Any) -> list[Placed]:
        """The prompts on the present object that a layer is to show, those in the line included."""
        placed = [
            (index, prompt)
            for (index, number), prompts in sorted(self._known.items())
            for prompt in prompts
            if number == self.number
        ]
        for (index, number), prompt, adds in self._asked:
            if number == self.number and adds:
                placed.append((index, prompt))
            elif number == self.number and (index, prompt) in placed:
                placed.remove((index, prompt))
        clicks = layer is self.clicks
        return [(index, prompt) for index, prompt in placed if isinstance(prompt, Click) == clicks]

    def _draw(self, layer: Any) -> None:
        """Show in a layer what is expected of it, once no shape is being drawn there."""
        if _is_drawn_on(layer):
            self._owed.append(layer)
            self._stale = len(layer.data) - 1
            return
        if layer is self.strokes:
            self._stale = None
        drawing = points_of if layer is self.clicks else shapes_of
        data, labels = drawing(self._expected(layer), layer, self.image)
        self._drawing = True
        try:
            layer.selected_data = set()
            layer.data = data
            layer.features = {LABEL: np.array(labels, dtype=object)}
            if labels:
                colours = [COLOURS[label] for label in labels]
                setattr(layer, "face_color" if layer is self.clicks else "edge_color", colours)
        finally:
            self._drawing = False
        self.mark(self.positive)

    def _finished(self, event: Any) -> None:
        """Something was drawn to its end, perhaps."""
        if self._owed and not self._drawing and not _is_drawn_on(self.strokes):
            QTimer.singleShot(0, self._draw_owed)

    def _draw_owed(self) -> None:
        owed, self._owed = self._owed, []
        for layer in owed:
            if self.is_open:
                self._draw(layer)

    def _refresh_shown(self) -> None:
        now = self._now()
        if now.shape != self.objects.data.shape:
            raise ImageError(
                f"{self.image.name} has another shape than before", cure="press Start again"
            )
        self._shown = now

    def _chosen(self, event: Any = None) -> None:
        """Another object was chosen in the labels layer."""
        self._most = max(self._most, self.number)
        self._draw(self.clicks)
        self._draw(self.strokes)

    def _show(self, index: int) -> None:
        """Go to a slice."""
        if self._shown.stacked:
            at = self.image.data_to_world((index, 0, 0))[0]
            self.viewer.dims.set_point(self.viewer.dims.ndim - 3, at)

    def _removed(self, event: Any) -> None:
        if event.value in (self.image, self.clicks, self.strokes, self.objects):
            self.close(f"{event.value.name} was removed; press Start to go on with another layer")

    def _does(self, what: str) -> None:
        self.doing = what
        self._changed()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, M2N2Error):
            notification_manager.receive_error(type(error), error, error.__traceback__)
        self._tell(str(error))

    def _tell(self, message: str) -> None:
        self.message = message
        self._changed()


def _is_drawn_on(layer: Any) -> bool:
    """Is a shape being drawn that would be lost with the layer's data? Points are there at once."""
    return bool(getattr(layer, "_is_creating", False))
