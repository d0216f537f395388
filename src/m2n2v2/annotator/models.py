"""What makes images ready for clicks: the models that a server offers, one of which is used."""

import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from m2n2v2.annotator.folder import Content
from m2n2v2.errors import MissingError
from m2n2v2.method.values import ImageState
from m2n2v2.predictor import Predictor

Lookup = Callable[[Content], ImageState | None]
"""A state prepared elsewhere, by the image's content; None if there is none."""

Keep = Callable[[ImageState], None]
"""Told of every state that was prepared here."""

REMEMBERED = 9
"""Preparations of a model whose time is remembered."""


@dataclass(frozen=True)
class Model:
    """A way to prepare images.

    Attributes:
        name, note: for people; a name is of one model.
        load: makes the predictor, in the thread that needs it first.
        lookup: a state prepared elsewhere.
        keep: takes what was prepared here, for the next time.
        took: seconds of its last preparations here, without loading.
    """

    name: str
    note: str
    load: Callable[[], Predictor]
    lookup: Lookup | None = None
    keep: Keep | None = None
    took: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED), compare=False)

    @property
    def seconds(self) -> float | None:
        """Of one preparation, as a rule; None while none was made."""
        return statistics.median(self.took) if self.took else None


def named(models: tuple[Model, ...], name: str) -> Model:
    """The model of that name.

    Raises:
        MissingError: none is offered under it.
    """
    for model in models:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in models)
    raise MissingError(f"there is no model {name!r} here", cure=f"choose from {known}")
