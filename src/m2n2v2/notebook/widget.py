"""The widget: pictures go out, what was done on them comes in as fractions of the picture."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from m2n2v2.errors import M2N2Error, PromptError
from m2n2v2.overlays import png
from m2n2v2.session import Session


class Clickable(anywidget.AnyWidget):
    """A session's picture that takes clicks; made by `notebook.clickable`.

    Attributes:
        session: what was clicked, with undo and the mask; after a change from outside call `show`.
        picture: the bytes of a PNG.
        message: why the last prompt was refused, for people; empty if it was not.
    """

    _esm = Path(__file__).parent / "widget.js"
    picture = traitlets.Bytes(b"").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    can_undo = traitlets.Bool(False).tag(sync=True)
    can_redo = traitlets.Bool(False).tag(sync=True)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.on_msg(self._asked)
        self.show()

    def show(self) -> None:
        """Show the session as it is."""
        self.can_undo, self.can_redo = self.session.can_undo, self.session.can_redo
        self.picture = png(self.session.picture)

    def _asked(self, widget: object, content: Any, buffers: object) -> None:
        try:
            self._do(content)
        except M2N2Error as error:
            self.message = str(error)
        else:
            self.message = ""
            self.show()

    def _do(self, content: Any) -> None:
        size = self.session.state.size
        match content:
            case {"do": "click", "at": [x, y], "positive": bool(positive)}:
                self.session.click(x * size.width, y * size.height, positive)
            case {"do": "box", "from": [x0, y0], "to": [x1, y1], "positive": bool(positive)}:
                self.session.box(
                    *(x0 * size.width, y0 * size.height),
                    *(x1 * size.width, y1 * size.height),
                    positive,
                )
            case {"do": "undo"}:
                self.session.undo()
            case {"do": "redo"}:
                self.session.redo()
            case {"do": "reset"}:
                self.session.reset()
            case _:
                raise PromptError(f"{content!r} was asked", cure="click, or draw a box")
