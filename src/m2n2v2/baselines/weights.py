"""Weights of the trained baselines, located as those of the backbones are."""

from typing import Any

from m2n2v2.errors import BackendError
from m2n2v2.weights.loading import component, library, loading_errors, placed
from m2n2v2.weights.locating import Loading, locate


def pretrained(kind: str, name: str, loading: Loading) -> tuple[Any, str]:
    """A model of transformers with its weights, ready to run, and what to record as its origin.

    Args:
        kind: the library's class.
        name: a key of `weights.MODELS`.

    Raises:
        BackendError: transformers is not installed, or too old.
        WeightsError: the weights cannot be had, or are of another architecture.
    """
    cls = getattr(library("transformers"), kind, None)
    if cls is None:
        raise BackendError(
            f"this transformers has no {kind}", cure="pip install 'transformers>=5.20'"
        )
    located = locate(name, loading)
    if kind == "Sam2Model":  # published with the video model's parts, which are left out
        with loading_errors(located.path, located):
            model = cls.from_pretrained(str(located.path), local_files_only=True)
    else:
        model = component(cls, located, loading)
    return placed(model, loading), located.name
