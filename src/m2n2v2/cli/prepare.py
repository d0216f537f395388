"""`m2n2v2 prepare`: a folder of photographs into states, to be clicked on anywhere."""

import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m2n2v2.cli import options

if TYPE_CHECKING:
    from m2n2v2.states.places import Place
    from m2n2v2.states.preparing import Result


def prepare(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="The photographs; its folders, too. Or s3://BUCKET/FOLDER."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="FOLDER", help="The states' folder, or s3://...; a second run goes on there."
        ),
    ],
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    flip: options.Flip = None,
    device: options.Device = "auto",
    executor: options.ExecutorName = "local",
    workers: options.Workers = 1,
    address: options.Address = None,
    shard: options.Shard = "1/1",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make anew what was prepared otherwise.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Keep every array as it is, however large.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Prepare photographs once, one file each; clicking on them needs no backbone."""
    from m2n2v2.errors import ImageError
    from m2n2v2.states.places import check_states, photographs_in, place_of
    from m2n2v2.states.preparing import FolderWork, tasks
    from m2n2v2.states.preparing import shard as part

    photographs, states = place_of(folder), place_of(out)
    index, count = options.part(shard)
    run = options.chosen_executor(executor, workers, address)
    recipe = options.recipe(
        preset, weights, depth_weights, offline, allow_pickle, dtype, flip, device
    )
    listing = photographs_in(photographs)
    check_states(states)
    if listing.left_out:
        options.tell(listing.said)
    todo = part(tasks(listing.names, photographs, states), index, count)
    if not todo:
        raise ImageError(f"{photographs} holds no photographs", cure="give one that holds some")
    identity = recipe.identity(fetch=True)  # once, and not by every worker
    assert identity is not None, "weights that were fetched are here"
    work = FolderWork(recipe=recipe, identity=identity, overwrite=overwrite, exact=exact)
    began = time.perf_counter()
    counts = Counts(len(todo))
    with counts:
        try:
            for some in run(work, todo):
                for result in some:
                    counts(result)
        except KeyboardInterrupt:
            options.tell(f"interrupted; the same command goes on with {states}")
            raise
    facts = counts.facts(time.perf_counter() - began)
    print(json.dumps(facts, indent=2) if as_json else _sentence(facts, states))
    if facts["refused"] or facts["broken"]:
        raise ImageError(
            f"{facts['refused'] + facts['broken']} of {len(todo)} photographs have no state",
            cure="see the reasons above; --overwrite makes anew what was prepared otherwise",
        )


class Counts:
    """A progress bar that counts what became of the photographs and names those left out."""

    def __init__(self, total: int) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, unit="photograph", disable=None)
        self._outcomes: Counter[str] = Counter()
        self._bytes = 0
        self._reasons: dict[str, str] = {}

    def __call__(self, result: "Result") -> None:
        self._outcomes[result.outcome] += 1
        self._bytes += result.bytes
        if result.reason is not None:
            self._reasons[str(result.image)] = result.reason
            self._bar.write(f"{result.outcome}: {result.image}: {result.reason}", file=sys.stderr)
        self._bar.set_postfix_str(
            ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.items())
        )
        self._bar.update()

    def facts(self, seconds: float) -> dict[str, Any]:
        """For people and programs."""
        outcomes = ("prepared", "skipped", "refused", "broken")
        return {
            **{outcome: self._outcomes[outcome] for outcome in outcomes},
            "bytes": self._bytes,
            "seconds": round(seconds, 2),
            "reasons": self._reasons,
        }

    def __enter__(self) -> "Counts":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _sentence(facts: dict[str, Any], out: "Place") -> str:
    done = [
        f"{facts[outcome]} {outcome}" for outcome in ("prepared", "skipped", "refused", "broken")
    ]
    return (
        f"{', '.join(done)}; {facts['bytes'] / 1e6:.1f} MB in {out}, {facts['seconds']:.1f} seconds"
    )
