"""`m2n2v2 evaluate`: simulated clicks on datasets; flags are RITM's where it has them."""

import shlex
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m2n2v2.cli import options

if TYPE_CHECKING:
    from m2n2v2.evaluation.records import Record


def evaluate(
    datasets: Annotated[
        str, typer.Option(help="A,B: names (see `datasets`), or folders or COCO json in the root.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "--logs-path", help="The run's folder; the run goes on there."),
    ],
    data_root: Annotated[Path, typer.Option(help="The folder that holds the datasets.")] = Path(
        "data"
    ),
    preset: Annotated[
        str, typer.Option(help="A segmenter, see `info`; ours also as NAME/ABLATION.")
    ] = "offline",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    protocol: Annotated[str, typer.Option(help="ritm, m2n2 or random.")] = "ritm",
    n_clicks: Annotated[int, typer.Option(help="The budget of clicks.")] = 20,
    min_n_clicks: Annotated[int, typer.Option(help="At least this many clicks.")] = 1,
    target_iou: Annotated[
        float, typer.Option(help="Clicking stops there (not under m2n2).")
    ] = 0.95,
    thresholds: Annotated[str, typer.Option(help="Of NoC, comma-separated.")] = "0.85,0.9,0.95",
    start: Annotated[str, typer.Option(help="The first mask: empty or given.")] = "empty",
    first: Annotated[
        str, typer.Option(help="The first prompt: click, box (round the truth) or scribble.")
    ] = "click",
    loosen: Annotated[
        float, typer.Option(help="The share of a first box's sides by which it is loosened.")
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Of the random protocol, loosened boxes and scribbles.")
    ] = 0,
    depth: Annotated[
        str, typer.Option(help="preset: the preset's own; measured: the dataset's maps.")
    ] = "preset",
    depth_unit: Annotated[
        str, typer.Option(help="Of measured depth: mm, m, inverse or relative.")
    ] = "mm",
    void: Annotated[
        int, typer.Option(help="The mask value of folders that is not scored; -1 for none.")
    ] = 128,
    mask_values: options.MaskValues = "auto",
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many objects of each dataset.")
    ] = None,
    shard: options.Shard = "1/1",
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Count what cannot be read, and go on.")
    ] = False,
    executor: options.ExecutorName = "local",
    workers: options.Workers = 1,
    address: options.Address = None,
    device: options.Device = "auto",
    attention_cache: Annotated[
        Path | None,
        typer.Option(help="Keep attention in this folder, for further runs on the same images."),
    ] = None,
    vis_preds: Annotated[
        bool, typer.Option("--vis-preds", help="Keep the last mask of every object.")
    ] = False,
    print_ious: Annotated[
        bool, typer.Option("--print-ious", help="Print the mean IoU after every click.")
    ] = False,
    save_ious: Annotated[
        bool, typer.Option("--save-ious", help="Write every object's IoUs to ious.csv, too.")
    ] = False,
    iou_analysis: Annotated[
        bool, typer.Option("--iou-analysis", help="Draw mean IoU per click and NoC histograms.")
    ] = False,
) -> None:
    """Click on datasets by a protocol and print the table; resumable."""
    from m2n2v2.evaluation import report, runner
    from m2n2v2.evaluation.protocols import Protocol
    from m2n2v2.masks.conventions import checked_convention

    plan = runner.Plan(
        preset=preset,
        datasets=tuple(name for name in datasets.split(",") if name),
        data_root=data_root,
        protocol=Protocol(
            name=protocol,  # type: ignore[arg-type]
            n_clicks=n_clicks,
            min_n_clicks=min_n_clicks,
            target_iou=target_iou,
            thresholds=tuple(_numbers(thresholds)),
            start=start,  # type: ignore[arg-type]
            first=first,  # type: ignore[arg-type]
            loosen=loosen,
            seed=seed,
        ),
        depth=depth,  # type: ignore[arg-type]
        depth_unit=depth_unit,
        void=None if void < 0 else void,
        mask_values=checked_convention(mask_values),
        limit=limit,
        shard=options.part(shard),
        loading=options.loading(weights, offline, allow_pickle, device, dtype),
        depth_weights=depth_weights,
        masks=vis_preds,
        skip_broken=skip_broken,
        attention_cache=attention_cache,
    )
    chosen = options.chosen_executor(executor, workers, address)
    items = plan.items(options.tell)
    total = sum(len(job.items) for job in plan.jobs(items))
    with RunningNoC(total, n_clicks) as bar:
        try:
            runner.evaluate(plan, out, chosen, progress=bar, command=shlex.join(sys.argv))
        except KeyboardInterrupt:
            print(f"interrupted; the same command goes on with {out}", file=sys.stderr)
            raise
    runs = report.merged([report.Run.read(out)])
    for name, listed in items.items():
        for rule in dict.fromkeys(item.truth.rule for item in listed):
            options.tell(f"{name}: masks: {rule}")
    print(report.render(runs, "text"))
    if print_ious:
        print(report.render_ious(runs))
    if save_ious:
        report.write_ious(runs, out / "ious.csv")
    if iou_analysis:
        from m2n2v2.evaluation import plots

        for path in plots.write_curves(runs, out):
            print(path)


class RunningNoC:
    """A progress bar with the mean NoC so far; call it with each record."""

    def __init__(self, total: int, budget: int, threshold: float = 0.9) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, unit="object", disable=None)
        self._budget, self._threshold = budget, threshold
        self._clicks: dict[str, list[int]] = defaultdict(list)

    def __call__(self, record: "Record") -> None:
        from m2n2v2.evaluation.metrics import number_of_clicks

        if record.error is None:
            clicks = number_of_clicks(record.ious, self._threshold, self._budget)
            self._clicks[record.dataset].append(clicks)
            so_far = ", ".join(
                f"{name} {sum(every) / len(every):.2f}" for name, every in self._clicks.items()
            )
            self._bar.set_postfix_str(f"NoC@{100 * self._threshold:g} {so_far}")
        self._bar.update()

    def __enter__(self) -> "RunningNoC":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _numbers(text: str) -> list[float]:
    from m2n2v2.errors import SettingsError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise SettingsError(f"thresholds are {text!r}", cure="write them like 0.85,0.9") from error
