"""Every error a user can cause, each naming the value that came and the cure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


class M2N2Error(Exception):
    """Base of this package's errors; the message reads `what came; what to do`.

    Bytes of file names that are no text, and halves of characters, are escaped: it can be printed.
    """

    def __init__(self, what: str, *, cure: str) -> None:
        what, cure = (
            text.encode("utf-8", "backslashreplace").decode("utf-8") for text in (what, cure)
        )
        super().__init__(f"{what}; {cure}")
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return partial(type(self), cure=self.cure), (
            self.what,
        )  # so that worker processes raise it


class ImageError(M2N2Error, ValueError):
    """The image cannot be read, or is not an image of a kind we take."""


class ClickError(M2N2Error, ValueError):
    """A click or a list of clicks is malformed or lies outside the image."""


class PromptError(M2N2Error, ValueError):
    """A prompt that is not a click (box, previous mask) cannot be used."""


class AttentionError(M2N2Error, ValueError):
    """The attention is no stochastic matrix over a grid."""


class MapError(M2N2Error, ValueError):
    """A Markov-map handed to a stage has values without a meaning."""


class DepthError(M2N2Error, ValueError):
    """The depth map cannot be read or does not belong to the image."""


class SettingsError(M2N2Error, ValueError):
    """A setting is out of its range, of another type, or unknown."""


class BackendError(M2N2Error, LookupError):
    """No attention source, depth source or preset of that name, or an extra is missing."""


class WeightsError(M2N2Error, OSError):
    """Weights are not here, cannot be had, are damaged, or belong to another model."""


class NoImageError(M2N2Error, RuntimeError):
    """A prediction was asked for before an image was set."""


class OutputError(M2N2Error, OSError):
    """A result cannot be written."""


class PlaceError(M2N2Error, OSError):
    """An object store cannot be reached, refuses, or has no such bucket."""


class DeviceError(M2N2Error, RuntimeError):
    """The device asked for is not there, or has too little memory."""


class DatasetError(M2N2Error, ValueError):
    """A dataset is missing, incomplete, or holds something that is no image or mask of it."""


class RunError(M2N2Error, ValueError):
    """An evaluation run cannot be started, continued or reported."""


class MaskError(M2N2Error, ValueError):
    """A mask is malformed or of another size than its image."""


class FolderError(M2N2Error, OSError):
    """The folder to annotate is missing, or a file's place in it is not where it may be."""


class StoreError(M2N2Error, OSError):
    """Annotations cannot be read (newer, damaged) or written (read-only, full disk)."""


class EditError(M2N2Error, ValueError):
    """An edit is malformed, or what it wants to change is locked or not there.

    Attributes:
        object: the id of the object that forbids it; 0 for none.
        why: what is said of that object, after its name: "is locked"; empty for none.
    """

    object = 0
    why = ""


class MissingError(M2N2Error, LookupError):
    """There is no image, object or picture of that kind."""


class ClassError(M2N2Error, ValueError):
    """A class of objects is malformed, not there, or still in use."""


class ConflictError(M2N2Error, RuntimeError):
    """Somebody else changed the annotations, or the image is no longer the one annotated."""


class BusyError(M2N2Error, RuntimeError):
    """The answer is not ready yet; ask again."""


class AccessError(M2N2Error, PermissionError):
    """A request without the token, from another site, or for something not offered."""


class ServerError(M2N2Error, OSError):
    """The server cannot start on that address."""


class StateError(M2N2Error, ValueError):
    """A prepared state cannot be read, or is of another image, settings or format."""


class FormatError(M2N2Error, ValueError):
    """A file of labels cannot be read or written, or does not match its images."""


class FrameError(M2N2Error, ValueError):
    """A clip has no frames, one that is broken or of another size, or a number that it lacks."""


class TrackError(M2N2Error, ValueError):
    """Following an object cannot begin, or cannot go on from what is there."""


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Imports of packages that an extra brings.

    Raises:
        BackendError: one is not installed; the message names it and the extra.
    """
    try:
        yield
    except ImportError as error:
        raise BackendError(
            f"{error.name} is not installed", cure=f"pip install 'm2n2v2[{extra}]'"
        ) from error
