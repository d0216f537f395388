"""Every kind of attention that a transition can hold, by the name a file knows it by."""

from collections.abc import Mapping

from torch import Tensor

from m2n2v2.attention.base import Attention, DenseAttention
from m2n2v2.attention.factored import FactoredAttention
from m2n2v2.attention.featured import FeaturedAttention
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.attention.uniform import UniformAttention
from m2n2v2.errors import AttentionError

KINDS: dict[str, type[Attention]] = {
    "dense": DenseAttention,
    "factored": FactoredAttention,
    "featured": FeaturedAttention,
    "reduced": ReducedAttention,
    "uniform": UniformAttention,
}


def attention_arrays(attention: Attention) -> dict[str, Tensor]:
    """An attention's arrays, each named `KIND.NAME`."""
    for kind, known in KINDS.items():
        if type(attention) is known:
            return {f"{kind}.{name}": value for name, value in attention.arrays().items()}
    raise AttentionError(
        f"an attention of type {type(attention).__name__} has no name in a file",
        cure=f"use one of {', '.join(KINDS)}",
    )


def attention_from_arrays(arrays: Mapping[str, Tensor]) -> Attention:
    """The attention that `attention_arrays` named; other names are left alone.

    Raises:
        AttentionError: no kind is there, more than one, or its arrays do not fit each other.
    """
    given = [kind for kind in KINDS if any(name.startswith(f"{kind}.") for name in arrays)]
    if len(given) != 1:
        raise AttentionError(
            f"arrays of {' and '.join(given) or 'no'} attention came",
            cure="give the arrays that arrays() gave",
        )
    (kind,) = given
    return KINDS[kind].from_arrays(
        {
            name.removeprefix(f"{kind}."): value
            for name, value in arrays.items()
            if name.startswith(f"{kind}.")
        }
    )
