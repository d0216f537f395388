"""Where a server's states come from: the annotator's and Label Studio's backend's."""

from pathlib import Path
from typing import TYPE_CHECKING

from m2n2v2.cli import options

if TYPE_CHECKING:
    from m2n2v2.annotator.folder import Content
    from m2n2v2.annotator.models import Model
    from m2n2v2.method.values import ImageState
    from m2n2v2.predictor import Predictor
    from m2n2v2.states.preparing import Recipe


class Preparing:
    """Where the states come from: a folder of them, the cache, a backbone.

    Args:
        states: the folder; None for none.
        recipe: for images that it has no state of; None refuses them.
        cache: keep what is prepared here.
    """

    def __init__(
        self, states: Path | None, recipe: "Recipe | None", device: str, cache: bool
    ) -> None:
        from m2n2v2.states.cache import StateCache
        from m2n2v2.states.folder import StateFolder
        from m2n2v2.states.preparing import Preparer
        from m2n2v2.weights.devices import choose_device

        self._device = choose_device(device)
        self._folder = (
            None if states is None else StateFolder(states, device=self._device, tell=options.tell)
        )
        self._preparer = (
            None if recipe is None else Preparer(recipe, StateCache() if cache else None)
        )

    @property
    def model(self) -> "Model":
        """As the engine takes it."""
        from m2n2v2.annotator.models import Model

        return Model(self.name, self.note, self.load, self.lookup, self.keep)

    @property
    def name(self) -> str:
        preset = self._preparer and self._preparer.recipe.preset.name
        return (preset or "") if self._folder is None else f"prepared, else {preset or 'refused'}"

    @property
    def note(self) -> str:
        """What made the attention."""
        if self._folder is None:
            return self._preparer.recipe.preset.summary if self._preparer else ""
        return f"attention: {', '.join(self._folder.attentions()) or 'none, no state is there'}"

    def lookup(self, content: "Content") -> "ImageState | None":
        """A state that is ready."""
        state = None if self._folder is None else self._folder.find(content.image)
        if state is None and self._preparer is not None:
            state = self._preparer.known(content.image)
        return state

    def load(self) -> "Predictor":
        """The backbone.

        Raises:
            StateError: there is none, only the folder.
        """
        from m2n2v2.errors import StateError
        from m2n2v2.predictor import Predictor

        if self._preparer is None:
            raise StateError(
                "no state of this image is in the folder given",
                cure="prepare it there, or name a --preset to prepare it here",
            )
        attention, depth = self._preparer.sources
        settings = self._preparer.recipe.settings
        return Predictor(attention, depth, settings, device=self._device)

    def keep(self, state: "ImageState") -> None:
        """What was prepared here, for the next time."""
        if self._preparer is not None:
            self._preparer.keep(state)
