"""How far two copies of a network's weights are, array by array."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from m2n2v2.errors import WeightsError
from m2n2v2.weights.checks import check_safetensors


@dataclass(frozen=True)
class Difference:
    """One array of two copies.

    Attributes:
        name: of the array; in a folder of several networks, with its subfolder.
        state: `equal`, `differs`, `shapes differ`, `only in the first` or `only in the second`.
        largest: the largest absolute difference; 0 where they are equal, NaN where none is known.
        relative: the root mean square of the differences, of the first's deviation from its mean.
    """

    name: str
    state: str
    largest: float = float("nan")
    relative: float = float("nan")


def compare(first: Path, second: Path) -> Iterator[Difference]:
    """Every array of either, by name, one at a time.

    Args:
        first, second: a folder as the libraries save it, or one `.safetensors` file.

    Raises:
        WeightsError: there is no `.safetensors` file, or one is damaged.
    """
    here, there = _arrays(first), _arrays(second)
    for name in sorted(here.keys() | there.keys()):
        if name not in there:
            yield Difference(name, "only in the first")
        elif name not in here:
            yield Difference(name, "only in the second")
        else:
            yield _difference(name, _read(here[name], name), _read(there[name], name))


def _difference(name: str, a: torch.Tensor, b: torch.Tensor) -> Difference:
    if a.shape != b.shape:
        return Difference(name, "shapes differ")
    if torch.equal(a, b):
        return Difference(name, "equal", 0.0, 0.0)
    apart = a.double() - b.double()
    spread = float(a.double().std(correction=0))
    size = float(apart.square().mean().sqrt())
    relative = size / spread if spread else float("inf")
    return Difference(name, "differs", float(apart.abs().max()), relative)


def _arrays(path: Path) -> dict[str, tuple[Path, str]]:
    """File and prefix of each array."""
    files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    if not files:
        raise WeightsError(
            f"{path} has no .safetensors file", cure="compare folders or files that have one"
        )
    arrays: dict[str, tuple[Path, str]] = {}
    for file in files:
        check_safetensors(file)
        folder = "" if file.parent == path or file == path else f"{file.parent.name}/"
        with safe_open(file, framework="pt") as opened:
            arrays |= {f"{folder}{name}": (file, folder) for name in opened.keys()}  # noqa: SIM118
    return arrays


def _read(where: tuple[Path, str], name: str) -> torch.Tensor:
    file, folder = where
    with safe_open(file, framework="pt") as opened:
        tensor: torch.Tensor = opened.get_tensor(name.removeprefix(folder))
    return tensor
