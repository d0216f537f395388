"""How well objects are followed through DAVIS: with a network, without any, and two controls.

    python experiments/tracking.py --davis ../shared/data/DAVIS16 --year 2016 --out runs/tracking
    python experiments/tracking.py ... --rows network --clicks 10
    python experiments/tracking.py ... --rows network --first-clicks 3

One line a sequence and row, each kept in the output folder as JSON, so that a run that was stopped
goes on; the tables of all of them at the end. Rows: `first-mask` copies the first mask, `warp`
is the optical flow alone, `flow` colours, gradients and flow, `network` the keys of DINOv2 Small.
`--clicks N` adds the interactive protocol: J&F after 0, 1, 3, 5 and 10 corrective clicks, each in
the worst frame. `--first-clicks N` gives each object of the first frame by N clicks of `ritm`.

Hardware: a CPU. Time: on one core about 0.5 s a frame for `flow`, 3 s for `network`; a corrective
click follows all again that it may change. Expected: docs/tracking.md.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from m2n2v2.arrays import Image
from m2n2v2.datasets.davis import Sequence, davis_sequences
from m2n2v2.evaluation.tracking import Scores, click_first_frame, corrected, mean, scores
from m2n2v2.files import whole_file
from m2n2v2.method.values import ImageState
from m2n2v2.presets import preset
from m2n2v2.states.cache import StateCache
from m2n2v2.states.preparing import Preparer, Recipe
from m2n2v2.tracking.cells import CellFeatures, NetworkCells, OwnCells
from m2n2v2.tracking.features_file import FeatureCache
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.frames import FolderFrames
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.settings import FLOW, NETWORK, WARP, TrackingSettings
from m2n2v2.tracking.tracks import Tracked

ROWS = ("first-mask", "warp", "flow", "network")
SHOWN = (0, 1, 3, 5, 10)
"""After how many clicks the table says something."""

TIMES = ("seconds_per_frame", "core_seconds_per_frame")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--davis", type=Path, required=True, help="the benchmark's folder")
    parser.add_argument("--year", type=int, default=2017, help="2016 or 2017")
    parser.add_argument("--out", type=Path, required=True, help="resumable")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--sequences", help="A,B; all of the validation set if left out")
    parser.add_argument("--clicks", type=int, default=0, help="corrective clicks a sequence")
    parser.add_argument("--after-only", action="store_true", help="what comes before a click stays")
    parser.add_argument("--first-clicks", type=int, default=0, help="in place of the first mask")
    parser.add_argument("--set", default="{}", help="settings that differ, as JSON")
    parser.add_argument("--no-cache", action="store_true", help="make features anew, for timings")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = tuple(given.sequences.split(",")) if given.sequences else None
    sequences = davis_sequences(given.davis, year=given.year, names=names)
    table: dict[str, list[dict[str, Any]]] = {}
    for row in given.rows.split(","):
        label = "_".join(
            [row]
            + ([f"first-{given.first_clicks}"] if given.first_clicks else [])
            + ([f"clicks-{given.clicks}"] if given.clicks else [])
            + (["after-only"] if given.after_only else [])
            + ([given.set.replace('"', "").replace(" ", "")] if given.set != "{}" else [])
        )
        for sequence in sequences:
            path = given.out / f"{label}_{sequence.name}.json"
            if not path.is_file():
                result = measured(sequence, row, given)
                with whole_file(path) as temporary:
                    temporary.write_text(json.dumps(result))
            result = json.loads(path.read_text())
            table.setdefault(label, []).append(result)
            last = result["clicks"][0]
            print(
                f"{label} {sequence.name}: J {np.mean(last['j']):.3f} F {np.mean(last['f']):.3f}, "
                f"{result['seconds_per_frame']:.2f} s a frame",
                flush=True,
            )
    for label, results in table.items():
        print(f"\n{label}, {len(results)} sequences, {results[0]['features']}\n")
        print(report(results, given.clicks))


def report(results: list[dict[str, Any]], clicks: int) -> str:
    """A table: a line a sequence and one of the mean over objects; J, F, J&F after some clicks,
    seconds a frame."""
    shown = [count for count in SHOWN if count <= clicks]
    heads = ["sequence", "objects", "J", "F"]
    heads += [f"J&F after {count}" if clicks else "J&F" for count in shown]
    heads += ["s a frame", "s of a core"]
    lines = [heads, ["---"] * len(heads)]
    for chosen, name in [*(([r], r["sequence"]) for r in results), (results, "mean")]:
        after = [mean([as_scores(result, count) for result in chosen]) for count in shown]
        lines.append(
            [name, str(sum(len(result["clicks"][0]["j"]) for result in chosen))]
            + [f"{value:.3f}" for value in after[0]]
            + [f"{(j + f) / 2:.3f}" for j, f in after]
            + [f"{np.mean([r[kind] for r in chosen]):.2f}" for kind in TIMES]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(sequence: Sequence, row: str, given: argparse.Namespace) -> dict[str, Any]:
    """One sequence's numbers."""
    source: CellFeatures | None = None
    settings: TrackingSettings
    if row == "network":
        source, settings, clicking = network(), NETWORK, "dinov2-graph"
    else:
        settings = {"flow": FLOW}.get(row, WARP)
        source, clicking = (OwnCells() if row == "flow" else None), "offline"
    settings = settings.replace(**json.loads(given.set))
    frames = FolderFrames.of(sequence.frames[0].parent)
    cached = source is not None and source.costly and not given.no_cache
    follower = Follower(frames, source, settings, FeatureCache() if cached else None)
    session = TrackingSession(follower, Lazy(clicking))
    if given.first_clicks:
        click_first_frame(sequence, session, given.first_clicks)
    else:
        session.set_labels(0, sequence.labels(0)[0])
    began, worked = time.perf_counter(), time.process_time()
    if row == "first-mask":
        first = Tracked.of(session.labels(0), {})
        measures = [(0, scores(sequence, dict.fromkeys(range(len(frames.names)), first)))]
        seconds = work = 0.0
    else:
        for _ in session.follow(backward=False):
            pass
        followed = max(1, len(frames.names) - 1)
        seconds = (time.perf_counter() - began) / followed
        work = (time.process_time() - worked) / followed
        measures = list(corrected(sequence, session, given.clicks, before=not given.after_only))
    return {
        "sequence": sequence.name,
        "features": source.name if source else "none",
        "seconds_per_frame": seconds,
        "core_seconds_per_frame": work,
        "features_kept": bool(cached),
        "confidence": [t.confidence for _, t in sorted(session.tracks.items())],
        "clicks": [
            {"j": measure.region.tolist(), "f": measure.contour.tolist()} for _, measure in measures
        ],
    }


def as_scores(result: dict[str, Any], clicks: int) -> Scores:
    """The numbers after some clicks; after the last one where there were fewer."""
    after = result["clicks"][min(clicks, len(result["clicks"]) - 1)]
    return Scores(result["sequence"], np.array(after["j"]), np.array(after["f"]))


class Lazy:
    """Prepares frames for clicks by a preset, loaded when a first click comes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._preparer: Callable[[Image], ImageState] | None = None

    def __call__(self, image: Image) -> ImageState:
        if self._preparer is None:
            self._preparer = Preparer(Recipe(preset=preset(self._name)), StateCache())
        return self._preparer(image)


_network: list[NetworkCells] = []


def network() -> NetworkCells:
    """DINOv2 Small, loaded once."""
    if not _network:
        _network.append(NetworkCells.load())
    return _network[0]


if __name__ == "__main__":
    main()
