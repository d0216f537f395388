"""Pictures of runs: mean IoU per click, NoC histograms, contact sheets. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from m2n2v2.arrays import Image
from m2n2v2.errors import OutputError, needing
from m2n2v2.evaluation.metrics import iou_at, number_of_clicks
from m2n2v2.evaluation.records import Record
from m2n2v2.evaluation.report import Run
from m2n2v2.evaluation.work import mask_path
from m2n2v2.images import read_image, write_png
from m2n2v2.overlays import overlay
from m2n2v2.prompts import Click, prompts_from_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHEET = 6
"""Objects in each row of a contact sheet."""

SIDE = 320
"""Of one picture of a contact sheet, in pixels."""


def write_all(runs: Sequence[Run], folder: Path, threshold: float = 0.9) -> list[Path]:
    """Curves, histograms, and a contact sheet per run and dataset whose masks were kept.

    Raises:
        BackendError: matplotlib is not installed.
        OutputError: the folder cannot be written.
    """
    paths = write_curves(runs, folder, threshold)
    for number, run in enumerate(runs, 1):
        for dataset in run.identity["datasets"]:
            sheet = contact_sheet(run, dataset)
            if sheet is not None:
                paths.append(write_png(folder / f"contact-sheet-{number}-{dataset}.png", sheet))
    return paths


def write_curves(runs: Sequence[Run], folder: Path, threshold: float = 0.9) -> list[Path]:
    """`miou-DATASET.png` and `noc-DATASET.png`, all runs in each."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for dataset in dict.fromkeys(name for run in runs for name in run.identity["datasets"]):
            having = [run for run in runs if run.of(dataset)]
            for name, figure in (
                ("miou", miou_curves(having, dataset)),
                ("noc", noc_histogram(having, dataset, threshold)),
            ):
                path = folder / f"{name}-{dataset.replace('/', '_')}.png"
                figure.savefig(path, dpi=110, bbox_inches="tight")
                paths.append(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder} ({error.strerror})", cure="choose another folder"
        ) from error
    return paths


def miou_curves(runs: Sequence[Run], dataset: str) -> "Figure":
    """Mean IoU after every click; after an early stop the last IoU is carried forward."""
    figure = _figure()
    axis = figure.subplots()
    for run in runs:
        clicks = range(1, run.protocol["n_clicks"] + 1)
        means = [fmean(iou_at(r.ious, k) for r in run.of(dataset) if r.ious) for k in clicks]
        axis.plot(clicks, means, marker=".", label=f"{run.name}, {run.protocol['name']}")
    axis.set(xlabel="clicks", ylabel="mIoU (carried forward)", title=dataset)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return figure


def noc_histogram(runs: Sequence[Run], dataset: str, threshold: float = 0.9) -> "Figure":
    """How many objects needed how many clicks; the last bar holds the failures, too."""
    figure = _figure()
    axis = figure.subplots()
    for place, run in enumerate(runs):
        budget = run.protocol["n_clicks"]
        clicks = [number_of_clicks(r.ious, threshold, budget) for r in run.of(dataset)]
        counts = np.bincount(clicks, minlength=budget + 1)[1:]
        width = 0.8 / len(runs)
        at = np.arange(1, budget + 1) - 0.4 + (place + 0.5) * width
        axis.bar(at, counts, width, label=f"{run.name}, {run.protocol['name']}")
    axis.set(xlabel=f"NoC@{100 * threshold:g}", ylabel="objects", title=dataset)
    axis.legend(loc="upper center")
    return figure


def contact_sheet(run: Run, dataset: str, threshold: float = 0.9) -> Image | None:
    """The best, median and worst objects of a run, a row each, with masks and clicks drawn.

    Returns:
        None if the run kept no masks (`--vis-preds`).
    """
    budget = run.protocol["n_clicks"]
    drawn = [(record, mask) for record in run.of(dataset) if (mask := _mask(run, record))]
    if not drawn:
        return None
    drawn.sort(
        key=lambda pair: (number_of_clicks(pair[0].ious, threshold, budget), -pair[0].ious[-1])
    )
    middle = max(0, (len(drawn) - SHEET) // 2)
    picked = [drawn[:SHEET], drawn[middle : middle + SHEET], drawn[-SHEET:]]
    sheet = PILImage.new("RGB", (SHEET * SIDE, len(picked) * (SIDE + 20)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (title, records) in enumerate(zip(("best", "median", "worst"), picked, strict=True)):
        for column, (record, path) in enumerate(records):
            at = (column * SIDE, row * (SIDE + 20) + 18)
            sheet.paste(_picture(record, path), at)
            clicks = number_of_clicks(record.ious, threshold, budget)
            text = f"{title}: {record.item}, NoC {clicks}, IoU {record.ious[-1]:.3f}"
            pen.text((at[0] + 2, at[1] - 15), text, fill="black")
    return np.asarray(sheet)


def _picture(record: Record, mask: Path) -> PILImage.Image:
    first = prompts_from_json([] if record.first is None else [record.first])
    prompts = (*first, *(Click(x, y, label) for x, y, label in record.clicks))
    drawn = overlay(read_image(record.image), read_image(mask)[:, :, 0] > 0, prompts)
    picture = PILImage.fromarray(drawn)
    picture.thumbnail((SIDE - 4, SIDE))
    return picture


def _mask(run: Run, record: Record) -> Path | None:
    for folder in run.paths:
        path = mask_path(folder / "masks", record.dataset, record.item)
        if path.exists() and record.ious and Path(record.image).exists():
            return path
    return None


def _figure() -> "Figure":
    with needing("plots"):
        from matplotlib.figure import Figure
    return Figure(figsize=(6.4, 4.4))
