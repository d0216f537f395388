"""`m2n2v2`: the one place where errors become exit codes.

0: done. 2: the input or the machine is not as needed, said in one line. 130: interrupted.
Nothing heavy is imported until a verb runs, so that `--help` answers at once.
"""

import io
import sys
from typing import Annotated

import typer

from m2n2v2.cli.annotate import annotate
from m2n2v2.cli.boxes import boxes
from m2n2v2.cli.datasets import datasets
from m2n2v2.cli.evaluate import evaluate
from m2n2v2.cli.exchange import export, import_
from m2n2v2.cli.info import info
from m2n2v2.cli.label_studio import label_studio
from m2n2v2.cli.prepare import prepare
from m2n2v2.cli.report import report
from m2n2v2.cli.segment import Ordered, segment
from m2n2v2.cli.track import track
from m2n2v2.cli.weights import app as weights
from m2n2v2.errors import M2N2Error
from m2n2v2.version import __version__

app = typer.Typer(
    name="m2n2v2",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Click-based image segmentation with no labels and no training.",
)
app.command(cls=Ordered)(segment)
app.command()(annotate)
app.command("label-studio")(label_studio)
app.command()(export)
app.command("import")(import_)
app.command()(prepare)
app.command()(track)
app.command()(boxes)
app.command()(evaluate)
app.command()(report)
app.command()(datasets)
app.command()(info)
app.add_typer(weights, name="weights")


def _version(asked: bool) -> None:
    if asked:
        print(f"m2n2v2 {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):  # a name that cannot be shown stops nothing
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except M2N2Error as error:
        print(f"m2n2v2: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("m2n2v2: interrupted", file=sys.stderr)
        sys.exit(130)
