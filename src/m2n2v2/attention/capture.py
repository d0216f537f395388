"""Self-attention out of any transformer while it runs, for the price of the layers asked for.

Hooks on a layer's query and key projections are enough: softmax(Q K^T / sqrt d) is computed from
their outputs, head by head over chunks of rows, and added to one `n x n` sum in float32. The model
itself keeps its fused attention, and stops as soon as the last layer asked for has been seen.
"""

import fnmatch
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from m2n2v2.attention.base import DenseAttention
from m2n2v2.errors import AttentionError, BackendError
from m2n2v2.grid import Size

PROJECTIONS = (("to_q", "to_k"), ("q_proj", "k_proj"), ("query", "key"))
"""How libraries call a layer's two projections: diffusers, transformers 5, transformers 4."""

HEADS = ("heads", "num_attention_heads", "num_heads")
"""How they call its number of heads."""

CHUNK_ENTRIES = 2**22
"""Scores computed at a time: rows of a chunk times keys (16 MiB in float32)."""


def peak_bytes(cells: Size, *, chunk_entries: int = CHUNK_ENTRIES) -> int:
    """Memory that a capture needs above the model's own, in bytes: `4 n^2 + 12 chunk n`.

    The sum over layers and heads, and a chunk of rows thrice: scores, probabilities, their mean.
    """
    n = cells.area
    return 4 * n * n + 12 * n * max(1, chunk_entries // n)


@dataclass(frozen=True)
class Layer:
    """Self-attention layers asked for: a glob over module names, and the weight of each."""

    pattern: str
    weight: float = 1.0


@dataclass(frozen=True)
class ModelLayer:
    """A layer in a model."""

    name: str
    module: nn.Module
    weight: float

    @property
    def heads(self) -> int:
        return next(int(getattr(self.module, name)) for name in HEADS if hasattr(self.module, name))

    @property
    def projections(self) -> tuple[nn.Module, nn.Module]:
        names = _projections(self.module)
        assert names is not None, "a layer is known by them"
        return getattr(self.module, names[0]), getattr(self.module, names[1])


class Aggregate:
    """The mean over heads and the weighted mean over layers (Eq. 1), as it grows.

    Args:
        cells: the grid; a layer's last `n = h * w` tokens are its cells, tokens before them (class,
            registers) take part in the softmax and are dropped.
        chunk_entries: scores computed at a time.
    """

    def __init__(self, cells: Size, *, chunk_entries: int = CHUNK_ENTRIES) -> None:
        self.cells = cells
        self._chunk_entries = chunk_entries
        self._sum: Float[Tensor, "n n"] | None = None
        self._weight = 0.0

    def add(
        self,
        query: Float[Tensor, "t c"],
        key: Float[Tensor, "s c"],
        heads: int,
        weight: float = 1.0,
        *,
        mirrored: bool = False,
    ) -> None:
        """Add one layer.

        Args:
            query, key: the projections' outputs, one row per token.
            heads: the channels are split into so many, in order.
            weight: of this layer.
            mirrored: the model saw the mirror image: mirror both index pairs back.

        Raises:
            AttentionError: the tokens are not the cells and a few more, or are not one sequence.
        """
        n = self.cells.area
        extra = len(query) - n
        if extra < 0 or len(key) != len(query):
            raise AttentionError(
                f"a layer attends from {len(query)} to {len(key)} tokens, not among {n} cells",
                cure="name a self-attention layer of the grid's resolution",
            )
        q = query.to(torch.float32).reshape(len(query), heads, -1).transpose(0, 1)  # heads t d
        k = key.to(torch.float32).reshape(len(key), heads, -1).transpose(0, 1)
        if mirrored:
            order = _mirror(self.cells, extra, query.device)
            q, k = q[:, order], k[:, order]
        q = q[:, extra:] / math.sqrt(q.shape[2])
        total = self._allocated(query.device)
        rows = max(1, self._chunk_entries // len(key))
        for start in range(0, n, rows):
            chunk = slice(start, min(start + rows, n))
            mean = torch.zeros(chunk.stop - start, n, device=q.device)
            for head in range(heads):
                mean += torch.softmax(q[head, chunk] @ k[head].T, dim=1)[:, extra:]
            total[chunk].addcmul_(mean, weight / mean.sum(1, keepdim=True))
        self._weight += weight

    def attention(self) -> DenseAttention:
        """The attention; rows sum to 1. The aggregate is spent.

        Raises:
            AttentionError: nothing was added, or the model overflowed.
        """
        if self._sum is None:
            raise AttentionError("no layer was captured", cure="run the model inside `capture`")
        mean, self._sum = self._sum.div_(self._weight), None
        return DenseAttention(mean.reshape(*self.cells.shape, *self.cells.shape))

    def _allocated(self, device: torch.device) -> Float[Tensor, "n n"]:
        if self._sum is None:
            self._sum = torch.zeros(self.cells.area, self.cells.area, device=device)
        return self._sum


def attention_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every attention layer of a model, by its name."""
    return {name: module for name, module in model.named_modules() if _projections(module)}


def find_layers(model: nn.Module, layers: Sequence[Layer]) -> tuple[ModelLayer, ...]:
    """The layers that the patterns name.

    Raises:
        BackendError: a pattern matches nothing; the message lists what is there.
    """
    there = attention_layers(model)
    chosen: list[ModelLayer] = []
    for layer in layers:
        names = [name for name in there if fnmatch.fnmatchcase(name, layer.pattern)]
        if not names:
            raise BackendError(
                f"no attention layer of {type(model).__name__} matches {layer.pattern!r}",
                cure=f"choose from {', '.join(there) or 'none: it has no attention layers'}",
            )
        chosen += [ModelLayer(name, there[name], layer.weight) for name in names]
    return tuple(chosen)


@contextmanager
def capture(
    model: nn.Module,
    layers: Sequence[Layer],
    aggregate: Aggregate,
    *,
    mirrored: bool = False,
) -> Iterator[None]:
    """Add the layers' attention to `aggregate` while `model` runs, once, on one image.

        with capture(unet, LAYERS, aggregate):
            unet(latent, timestep, prompt)

    The block is left as soon as the last layer asked for has been seen, and the model as it was,
    after an error, too.

    Args:
        mirrored: the model sees the mirror image (`Aggregate.add`).

    Raises:
        BackendError: a pattern matches nothing, or a layer did not run.
    """
    watch = _Watch(find_layers(model, layers), aggregate, mirrored)
    try:
        watch.start()
        yield
    except _Done:
        pass
    finally:
        watch.stop()
    if watch.pending:
        raise BackendError(
            f"layers {', '.join(sorted(watch.pending))} did not run",
            cure="run the model inside `capture`, with its projections not fused",
        )


class _Done(Exception):  # noqa: N818 - a signal, not an error
    """The last layer asked for has been seen."""


@dataclass
class _Watch:
    """The hooks on a model's layers."""

    chosen: tuple[ModelLayer, ...]
    aggregate: Aggregate
    mirrored: bool
    pending: set[str] = field(default_factory=set)
    _halves: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    _handles: list[RemovableHandle] = field(default_factory=list)

    def start(self) -> None:
        self.pending = {layer.name for layer in self.chosen}
        for layer in self.chosen:
            for side, projection in enumerate(layer.projections):
                self._handles.append(projection.register_forward_hook(self._hook(layer, side)))

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._halves.clear()

    def _hook(self, layer: ModelLayer, side: int) -> Any:
        def seen(module: nn.Module, args: Any, output: Tensor) -> None:
            if len(output) != 1:
                raise AttentionError(
                    f"a batch of {len(output)} images ran", cure="run one image at a time"
                )
            self._halves[layer.name, side] = output[0]
            if (layer.name, 1 - side) in self._halves:
                self._add(layer)

        return seen

    def _add(self, layer: ModelLayer) -> None:
        query, key = (self._halves.pop((layer.name, side)) for side in (0, 1))
        self.aggregate.add(query, key, layer.heads, layer.weight, mirrored=self.mirrored)
        self.pending.discard(layer.name)
        if not self.pending:
            raise _Done


def _projections(module: nn.Module) -> tuple[str, str] | None:
    for q, k in PROJECTIONS:
        named = isinstance(getattr(module, q, None), nn.Module) and hasattr(module, k)
        if named and any(hasattr(module, name) for name in HEADS):
            return q, k
    return None


def _mirror(cells: Size, extra: int, device: torch.device) -> Tensor:
    """Token order of the mirror image: extra tokens first, each row of cells reversed."""
    index = torch.arange(cells.area, device=device).reshape(cells.shape).flip(1).flatten()
    return torch.cat([torch.arange(extra, device=device), index + extra])
