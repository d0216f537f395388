"""`m2n2v2 report`: tables, pictures and comparisons of runs."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of `evaluate`; shards are merged.")],
    form: Annotated[str, typer.Option("--format", help="text, md, csv, latex or json.")] = "text",
    published: Annotated[
        bool, typer.Option("--published", help="Add the published figures, as quoted.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Of two runs: every object, the first's losses first."),
    ] = False,
    plots: Annotated[
        Path | None,
        typer.Option(help="A folder for curves, histograms and contact sheets."),
    ] = None,
) -> None:
    """One row per run and dataset."""
    from m2n2v2.errors import SettingsError
    from m2n2v2.evaluation import report as reporting

    merged = reporting.merged([reporting.Run.read(path) for path in runs])
    if compare:
        if len(merged) != 2:
            raise SettingsError(f"{len(merged)} runs came", cure="compare two")
        print(reporting.render_comparison(merged[0], merged[1], form))
    else:
        print(reporting.render(merged, form, published=published))
    if plots:
        from m2n2v2.evaluation import plots as drawing

        for path in drawing.write_all(merged, plots):
            print(path)
