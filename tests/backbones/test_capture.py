"""The one capture mechanism: what it computes, what it leaves alone, what it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from m2n2v2.arrays import Image
from m2n2v2.attention.capture import (
    Aggregate,
    Layer,
    attention_layers,
    capture,
    find_layers,
    peak_bytes,
)
from m2n2v2.attention.stable_diffusion import LAYERS, StableDiffusion, config_folder
from m2n2v2.errors import AttentionError, BackendError
from m2n2v2.grid import Size
from m2n2v2.weights.loading import quiet
from tests.backbones import tiny
from tests.backbones.accounting import PeakBytes

CELLS = Size(8, 8)


class Attend(nn.Module):
    """A layer whose module names are one library's."""

    def __init__(self, channels: int, heads: int, q: str, k: str, head_count: str) -> None:
        super().__init__()
        self.names = (q, k)
        self.add_module(q, nn.Linear(channels, channels))
        self.add_module(k, nn.Linear(channels, channels))
        setattr(self, head_count, heads)

    def forward(self, x: Tensor) -> Tensor:
        q, k = (getattr(self, name)(x) for name in self.names)
        return x + functional.scaled_dot_product_attention(q, k, x)


class Stack(nn.Module):
    """Three layers, and a count of how many have run."""

    def __init__(self, q: str = "to_q", k: str = "to_k", head_count: str = "heads") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(Attend(12, 3, q, k, head_count) for _ in range(3))
        self.ran = 0

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
            self.ran += 1
        return x


def softmax_of(block: Any, x: Tensor, heads: int = 3) -> Tensor:
    """softmax(Q K^T / sqrt d), mean over heads: the textbook, all at once."""
    q, k = (getattr(block, n)(x)[0].reshape(x.shape[1], heads, -1) for n in block.names)
    scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[2] ** 0.5
    return scores.softmax(2).mean(0)


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(1, CELLS.area, 12, generator=torch.Generator().manual_seed(1)) * 2


@pytest.mark.parametrize(
    "names",
    [
        ("to_q", "to_k", "heads"),
        ("q_proj", "k_proj", "num_attention_heads"),
        ("query", "key", "num_attention_heads"),
    ],
    ids="-".join,
)
@torch.no_grad()
def test_captured_equals_the_plain_softmax(names: tuple[str, str, str], tokens: Tensor) -> None:
    model, aggregate = Stack(*names), Aggregate(CELLS)
    with capture(model, (Layer("blocks.0"),), aggregate):
        model(tokens)
    torch.testing.assert_close(aggregate.attention().matrix, softmax_of(model.blocks[0], tokens))


class KeyFirst(Attend):
    """Its key projection runs before the other."""

    def forward(self, x: Tensor) -> Tensor:
        k, q = (getattr(self, name)(x) for name in reversed(self.names))
        return x + functional.scaled_dot_product_attention(q, k, x)


@torch.no_grad()
def test_either_projection_may_run_first(tokens: Tensor) -> None:
    model = nn.ModuleDict({"only": KeyFirst(12, 3, "to_q", "to_k", "heads")})
    aggregate = Aggregate(CELLS)
    with capture(model, (Layer("only"),), aggregate):
        model["only"](tokens)
    torch.testing.assert_close(aggregate.attention().matrix, softmax_of(model["only"], tokens))


@pytest.mark.parametrize("lacking", ["to_q", "to_k", "heads"])
def test_a_module_that_lacks_a_part_is_no_layer(lacking: str) -> None:
    module = Attend(12, 3, "to_q", "to_k", "heads")
    assert attention_layers(module) == {"": module}
    delattr(module, lacking)
    assert attention_layers(module) == {}


@torch.no_grad()
def test_layers_are_weighted(tokens: Tensor) -> None:
    model, aggregate = Stack(), Aggregate(CELLS)
    with capture(model, (Layer("blocks.0"), Layer("blocks.1", 3.0)), aggregate):
        model(tokens)
    first = softmax_of(model.blocks[0], tokens)
    second = softmax_of(model.blocks[1], model.blocks[0](tokens))
    torch.testing.assert_close(aggregate.attention().matrix, 0.25 * first + 0.75 * second)


@torch.no_grad()
def test_what_is_added_without_a_weight_counts_once(tokens: Tensor) -> None:
    one, other, both = Aggregate(CELLS), Aggregate(CELLS), Aggregate(CELLS)
    q, k = tokens[0], tokens[0].roll(1, 0)
    one.add(q, k, 3)
    other.add(k, q, 3)
    both.add(q, k, 3)
    both.add(k, q, 3, 3.0)
    expected = 0.25 * one.attention().matrix + 0.75 * other.attention().matrix
    torch.testing.assert_close(both.attention().matrix, expected)


@pytest.mark.parametrize("entries", [1, 64, 100, 640, 10**6])
@torch.no_grad()
def test_chunked_equals_unchunked(entries: int, tokens: Tensor) -> None:
    model, whole, chunked = Stack(), Aggregate(CELLS), Aggregate(CELLS, chunk_entries=entries)
    for aggregate in (whole, chunked):
        with capture(model, (Layer("blocks.*"),), aggregate):
            model(tokens)
    torch.testing.assert_close(chunked.attention().matrix, whole.attention().matrix)


@torch.no_grad()
def test_extra_tokens_take_part_and_are_dropped() -> None:
    model, aggregate = Stack(), Aggregate(CELLS)
    x = torch.randn(1, 5 + CELLS.area, 12, generator=torch.Generator().manual_seed(2))
    with capture(model, (Layer("blocks.0"),), aggregate):
        model(x)
    kept = softmax_of(model.blocks[0], x)[5:, 5:]
    torch.testing.assert_close(aggregate.attention().matrix, kept / kept.sum(1, keepdim=True))


@torch.no_grad()
def test_the_model_stops_after_the_last_layer_asked_for(tokens: Tensor) -> None:
    model = Stack()
    with capture(model, (Layer("blocks.1"),), Aggregate(CELLS)):
        model(tokens)
    assert model.ran == 1


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


@torch.no_grad()
def test_the_model_is_restored(tokens: Tensor) -> None:
    model = Stack()
    before = model(tokens)
    with capture(model, (Layer("blocks.0"),), Aggregate(CELLS)):
        assert hooks(model) == 2
        model(tokens)
    assert hooks(model) == 0
    assert torch.equal(model(tokens), before)


@torch.no_grad()
def test_the_model_is_restored_after_an_error(tokens: Tensor) -> None:
    model = Stack()
    with (
        pytest.raises(RuntimeError, match="of its own"),
        capture(model, (Layer("blocks.2"),), Aggregate(CELLS)),
    ):
        raise RuntimeError("an error of its own")
    assert hooks(model) == 0


@torch.no_grad()
def test_mirrored_back_twice_is_the_identity(tokens: Tensor) -> None:
    aggregate, mirrored_twice = Aggregate(CELLS), Aggregate(CELLS)
    q, k = tokens[0], tokens[0].flip(1)
    aggregate.add(q, k, 3)
    order = torch.arange(CELLS.area).reshape(CELLS.shape).flip(1).flatten()
    mirrored_twice.add(q[order], k[order], 3, mirrored=True)
    assert torch.equal(aggregate.attention().matrix, mirrored_twice.attention().matrix)


@pytest.mark.parametrize("extra", [0, 2])
@torch.no_grad()
def test_mirroring_back_flips_both_index_pairs(extra: int, tokens: Tensor) -> None:
    """Tokens before the cells' stay where they are."""
    plain, mirrored = Aggregate(CELLS), Aggregate(CELLS)
    query = torch.cat([tokens[0, 5 : 5 + extra] * 2, tokens[0]])
    key = torch.cat([tokens[0, 9 : 9 + extra], tokens[0].roll(1, 0)])
    plain.add(query, key, 3)
    mirrored.add(query, key, 3, mirrored=True)
    shape = (*CELLS.shape, *CELLS.shape)
    flipped = plain.attention().matrix.reshape(shape).flip(1, 3)
    torch.testing.assert_close(mirrored.attention().matrix.reshape(shape), flipped)


def test_a_pattern_without_a_match_lists_what_is_there() -> None:
    with pytest.raises(BackendError, match=r"'layers\.\*'.*blocks\.0, blocks\.1, blocks\.2"):
        find_layers(Stack(), (Layer("layers.*"),))


def test_a_model_without_attention_says_so() -> None:
    with pytest.raises(BackendError, match="it has no attention layers"):
        find_layers(nn.Linear(2, 2), (Layer("*"),))


def test_a_layer_that_does_not_run_is_an_error() -> None:
    with (
        pytest.raises(BackendError, match=r"blocks\.2 did not run"),
        capture(Stack(), (Layer("blocks.2"),), Aggregate(CELLS)),
    ):
        pass


def test_another_resolution_is_refused(tokens: Tensor) -> None:
    with pytest.raises(AttentionError, match="64 to 64 tokens, not among 100 cells"):
        Aggregate(Size(10, 10)).add(tokens[0], tokens[0], 3)


def test_cross_attention_is_refused(tokens: Tensor) -> None:
    with pytest.raises(AttentionError, match="64 to 7 tokens"):
        Aggregate(CELLS).add(tokens[0], tokens[0, :7], 3)


def test_a_batch_is_refused(tokens: Tensor) -> None:
    model = Stack()
    with (
        pytest.raises(AttentionError, match="batch of 2"),
        capture(model, (Layer("blocks.0"),), Aggregate(CELLS)),
    ):
        model(tokens.expand(2, -1, -1))


def test_nothing_captured_is_an_error() -> None:
    with pytest.raises(AttentionError, match="no layer was captured"):
        Aggregate(CELLS).attention()


def test_overflow_names_the_cure() -> None:
    aggregate = Aggregate(CELLS)
    aggregate.add(torch.full((64, 12), torch.inf), torch.ones(64, 12), 3)
    with pytest.raises(AttentionError, match="float32"):
        aggregate.attention()


def test_the_formula_by_hand() -> None:
    """The sum of six rows of six, and a chunk of whole rows thrice, of one row at least."""
    assert peak_bytes(Size(2, 3), chunk_entries=1) == 4 * 36 + 12 * 6
    assert peak_bytes(Size(2, 3), chunk_entries=13) == 4 * 36 + 12 * 6 * 2


@pytest.mark.parametrize(("side", "entries"), [(32, 2**14), (48, 2**16), (64, 2**16)])
@torch.no_grad()
def test_memory_stays_below_the_formula(side: int, entries: int) -> None:
    cells = Size(side, side)
    q = torch.randn(cells.area, 16)
    with PeakBytes() as peak:
        Aggregate(cells, chunk_entries=entries).add(q, q, 2)
    small = 8 * q.numel() * q.element_size()  # projections in float32, by heads
    assert 4 * cells.area**2 <= peak.bytes
    assert peak.bytes <= peak_bytes(cells, chunk_entries=entries) + small


@contextmanager
def fused_attention_as_a_stand_in() -> Iterator[None]:
    """On the meta device there is no fused kernel; one that holds nothing but its output."""
    before = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda query, *rest, **named: torch.empty_like(query)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = before


class Seen(Aggregate):
    """Records what a capture adds, without computing it."""

    def add(
        self, query: Tensor, key: Tensor, heads: int, weight: float = 1.0, **named: Any
    ) -> None:
        self.layers = [*getattr(self, "layers", []), (tuple(query.shape), heads, weight)]


@pytest.mark.parametrize(
    ("version", "side", "heads", "text"), [("sd2", 128, 5, 1024), ("sd1", 112, 8, 768)]
)
@torch.no_grad()
def test_the_full_size_unet_has_the_layers_and_their_shapes(
    version: str, side: int, heads: int, text: int
) -> None:
    model = full_size_unet(version)
    seen = Seen(Size(side, side))
    latent = torch.empty(1, 4, side, side, device="meta")
    prompt = torch.empty(1, 77, text, device="meta")
    with fused_attention_as_a_stand_in(), capture(model, LAYERS, seen):
        model(latent, 100, encoder_hidden_states=prompt)
    assert seen.layers == [((side**2, 320), heads, 0.5)] * 2
    assert len(attention_layers(model)) == 32


def full_size_unet(version: str) -> Any:
    from diffusers import UNet2DConditionModel

    config = UNet2DConditionModel.load_config(f"{config_folder(version)}/unet")
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(config).eval()


def full_size_encoder(version: str) -> Any:
    from diffusers import AutoencoderKL

    config = AutoencoderKL.load_config(f"{config_folder(version)}/vae")
    with torch.device("meta"):
        return AutoencoderKL.from_config(config).eval()


@torch.no_grad()
def test_full_size_memory_is_the_aggregate_and_less_than_a_gigabyte(photograph: Image) -> None:
    """The whole extraction of SD2 at side 128 in half precision, counted on the meta device."""
    with quiet():
        unet = full_size_unet("sd2").to(torch.float16)
        vae = full_size_encoder("sd2").to(torch.float16)
    prompt = torch.empty(1, 77, 1024, device="meta", dtype=torch.float16)
    source = StableDiffusion(unet, vae, prompt, side=128)
    with fused_attention_as_a_stand_in(), PeakBytes() as peak:
        aggregate = source.aggregate(photograph)
    assert peak_bytes(aggregate.cells) == 4 * 16384**2 + 12 * 16384 * 256
    assert 4 * 16384**2 < peak.bytes < 4 * 16384**2 + 10**9


def test_tiny_unets_have_the_full_layout() -> None:
    for version in ("sd2", "sd1"):
        names = set(attention_layers(full_size_unet(version)))
        assert set(attention_layers(tiny.unet(version))) == names
