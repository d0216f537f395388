"""`m2n2v2 boxes`: a detector's boxes become masks, a folder at a time."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from m2n2v2.cli import options


def boxes(
    folder: Annotated[Path, typer.Argument(help="The photographs that the boxes are of.")],
    source: Annotated[
        Path,
        typer.Option("--from", help="A COCO json whose annotations have a bbox."),
    ],
    out: Annotated[
        Path, typer.Option(help="The COCO json of masks; a second run goes on beside it.")
    ],
    clean: options.Clean = None,
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    flip: options.Flip = None,
    device: options.Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Make a mask of every box of a detector; photographs that are finished are left alone."""
    from tqdm.auto import tqdm

    from m2n2v2.cli.outlines import read_cleaning
    from m2n2v2.detections import Detections, Job
    from m2n2v2.errors import ImageError
    from m2n2v2.states.preparing import Preparer

    if not folder.is_dir():
        raise ImageError(f"{folder} is no folder", cure="give the one of the photographs")
    cleaning = read_cleaning(clean)
    wanted = Detections.read(source, folder)
    recipe = options.recipe(
        preset, weights, depth_weights, offline, allow_pickle, dtype, flip, device
    )
    job = Job(wanted, out, f"{recipe.preset.name} {recipe.identity(fetch=True)}", cleaning)
    with tqdm(total=wanted.count, unit="box", disable=None) as bar:
        bar.update(job.finished)
        try:
            for photograph in job.run(Preparer(recipe)):
                bar.update(photograph.boxes)
                for line in photograph.problems:
                    bar.write(line, file=sys.stderr)
        except KeyboardInterrupt:
            options.tell(f"interrupted; the same command goes on with {out}")
            raise
    facts = job.write()
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print(f"{out}: {facts['masks']} masks, {facts['left_out']} boxes left out")
