"""Clicking in a notebook: a session whose picture takes clicks and boxes."""

from typing import TYPE_CHECKING

from m2n2v2.errors import needing
from m2n2v2.predictor import Predictor
from m2n2v2.session import Session

if TYPE_CHECKING:
    from m2n2v2.notebook.widget import Clickable


def clickable(shown: Session | Predictor) -> "Clickable":
    """A picture to click on, for a notebook's last line; its `session` has the mask.

    A click marks the object, one with the right button or with Alt the background; a drag is a
    box. Everything runs in the notebook's own kernel.

    Args:
        shown: a session, or a predictor with an image, of which a session is begun.

    Raises:
        BackendError: the extra is not installed.
        NoImageError: the predictor has no image.
    """
    with needing("notebook"):
        from m2n2v2.notebook.widget import Clickable
    return Clickable(shown.session() if isinstance(shown, Predictor) else shown)
