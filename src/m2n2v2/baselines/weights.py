"""Weights of the trained baselines: a hub id that is in the cache, or a folder."""

from typing import Any

from m2n2v2.errors import BackendError


def pretrained(kind: str, weights: str) -> Any:
    """A model of transformers with its weights, from the hub's cache, else from the hub.

    Raises:
        BackendError: transformers is not installed or too old, or the weights cannot be had.
    """
    try:
        import transformers

        model = getattr(transformers, kind)
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"{weights} needs {kind} of transformers", cure="pip install 'transformers>=4.57'"
        ) from error
    for cached in (True, False):
        try:
            return model.from_pretrained(weights, local_files_only=cached)
        except (OSError, ValueError) as error:
            reason = error
    raise BackendError(
        f"the weights {weights} cannot be loaded ({str(reason).splitlines()[0]})",
        cure="download them to the hub's cache, or set HF_HOME to where they are",
    ) from reason
