"""`m2n2v2 track`: objects of one frame, followed through a clip."""

import hashlib
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m2n2v2.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from m2n2v2.evaluation.executors import Executor
    from m2n2v2.presets import Preset
    from m2n2v2.prompts import Click
    from m2n2v2.tracking.cells import CellFeatures
    from m2n2v2.tracking.following import Follower
    from m2n2v2.tracking.frames import Frames
    from m2n2v2.tracking.session import TrackingSession
    from m2n2v2.tracking.settings import TrackingSettings
    from m2n2v2.tracking.tracks import Labels, Tracks
    from m2n2v2.weights.locating import Loading


def track(
    clip: Annotated[
        Path, typer.Argument(metavar="FRAMES", help="A folder of frames, or a video file.")
    ],
    out: Annotated[Path, typer.Option(help="The results' folder; a second run goes on there.")],
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help="An index PNG, or 0 and 255, of the frame that has its name, else of the first; "
            "may be given several times.",
        ),
    ] = None,
    mask_values: options.MaskValues = "auto",
    clicks_file: Annotated[
        Path | None,
        typer.Option(
            "--clicks",
            help="Clicks: lines or JSON rows of `x,y,label` for object 1 of the first frame, or "
            "`frame,object,x,y,label` with the frame's name or its number from 0.",
        ),
    ] = None,
    clean: options.Clean = None,
    preset: options.Preset = "auto",
    backward: Annotated[
        bool, typer.Option("--backward", help="Frames before the first mask, too.")
    ] = False,
    stride: Annotated[int, typer.Option(help="Only every so manieth frame.")] = 1,
    workers: Annotated[
        int, typer.Option(help="Processes that describe frames ahead, with a network.")
    ] = 1,
    overlay: Annotated[
        str, typer.Option(help="mp4, gif, none, or auto: mp4 where PyAV is here, else gif.")
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew where OUT holds another run.")
    ] = False,
    weights: options.Weights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    cache: options.Cache = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Follow objects through a clip, from their masks or clicks in some of its frames."""
    from m2n2v2.cli.outlines import read_cleaning
    from m2n2v2.tracking.cleaned import write_cleaned
    from m2n2v2.tracking.exports import write_boxes, write_coco
    from m2n2v2.tracking.features_file import FeatureCache
    from m2n2v2.tracking.following import Follower
    from m2n2v2.tracking.frames import open_frames
    from m2n2v2.tracking.plan import runs
    from m2n2v2.tracking.session import TrackingSession
    from m2n2v2.tracking.sources import source_of
    from m2n2v2.tracking.track_folder import TrackFolder

    film = _film(overlay)
    cleaning = read_cleaning(clean)
    run = options.chosen_executor("local", workers, None)
    frames = open_frames(clip, stride)
    for note in frames.notes:
        options.tell(f"note: {note}")
    given = _Given.read(frames, mask or [], mask_values, clicks_file)
    chosen = _preset(preset, device, weights)
    loading = options.loading(weights, offline, allow_pickle, device, dtype)
    source, settings = source_of(chosen, loading)
    keeps = cache and source.costly
    follower = Follower(
        frames, source, settings, FeatureCache(tell=options.tell) if keeps else None
    )
    facts = {
        "clip": frames.identity(),
        "frames": len(frames.names),
        "given": given.digest,
        "backward": backward,
        "features": source.name,
        "settings": _as_facts(settings),
    }
    folder = TrackFolder.opened(out, frames.names, facts, overwrite=overwrite)
    known = folder.known()
    session = TrackingSession(follower, _preparer(chosen, loading, cache))
    given.say(session, known)
    for index in session.touched:
        if index not in known or not known[index].by_person:
            folder.put(index, session.tracks[index])
    todo = runs(len(frames.names), session.touched, backward=backward)
    tracks = known | dict(session.tracks)
    missing = [i for run in todo for i in run.frames if i not in known]
    if keeps and missing:
        _describe(run, workers, clip, stride, settings, chosen, loading, follower, source, missing)
    began = time.perf_counter()
    from tqdm.auto import tqdm

    with tqdm(total=len(missing), unit="frame", desc="following", disable=None) as bar:
        for index, tracked in follower.follow(tracks, todo, known=frozenset(known)):
            folder.put(index, tracked)
            tracks[index] = tracked
            bar.set_postfix_str(f"confidence {min(tracked.confidence.values()):.2f}")
            bar.update()
    seconds = time.perf_counter() - began
    left = write_cleaned(out / "cleaned", frames.names, tracks, cleaning)
    written = {"masks": out / "masks", **({"cleaned": out / "cleaned"} if cleaning else {})}
    written["boxes"] = write_boxes(out / "boxes.csv", left.tracks)
    written["coco"] = write_coco(out / "annotations.json", frames, left.tracks, clip.stem)
    if film:
        from m2n2v2.tracking import exports

        write = exports.write_film if film == "mp4" else exports.write_gif
        written["overlay"] = write(out / f"overlay.{film}", frames, left.tracks)
    told = _summary(frames, tracks, known, seconds, len(missing), chosen, source, written)
    if clean:
        told["cleaned"] = {"added": left.added, "removed": left.removed}
    _tell(told, as_json)


@dataclass(frozen=True)
class _Given:
    """What a person says: masks and clicks, checked before any work.

    Attributes:
        masks: labels by the frame's index.
        clicks: frame, object and click, in their order.
    """

    masks: "dict[int, Labels]"
    clicks: "tuple[tuple[int, int, Click], ...]"

    @classmethod
    def read(
        cls, frames: "Frames", masks: list[Path], values: str, clicks: Path | None
    ) -> "_Given":
        from m2n2v2.errors import TrackError

        labels: dict[int, Labels] = {}
        for path in masks:
            index = _frame_of(frames, path.stem)
            if index is None and len(masks) > 1:
                raise TrackError(
                    f"mask {path.name} has the name of no frame",
                    cure=f"call it as its frame, such as {frames.names[0]}.png",
                )
            if (index or 0) in labels:
                raise TrackError(
                    f"frame {frames.names[index or 0]} has two masks", cure="give one of them"
                )
            labels[index or 0] = _labels(path, frames, values)
        rows = _clicks(frames, clicks) if clicks else ()
        if not labels and not rows:
            raise TrackError(
                "no mask and no clicks came", cure="give --mask FIRST.png or --clicks FILE"
            )
        return cls(labels, rows)

    @property
    def digest(self) -> str:
        """Of all of it."""
        digest = hashlib.sha256(repr(self.clicks).encode())
        for index, labels in sorted(self.masks.items()):
            digest.update(f"{index} ".encode())
            digest.update(labels.tobytes())
        return digest.hexdigest()

    def say(self, session: "TrackingSession", known: "Tracks") -> None:
        """Say it in a session; a frame whose clicks were worked out before is taken from there."""
        for index, labels in self.masks.items():
            session.set_labels(index, labels)
        done = {index for index, _, _ in self.clicks if index in known and known[index].by_person}
        for index in done:
            session.restore(index, known[index])
        for index, number, click in self.clicks:
            if index not in done:
                session.click(index, click.x, click.y, click.positive, number)


def _labels(path: Path, frames: "Frames", values: str) -> "Labels":
    """The objects of a mask file; void is background."""
    from m2n2v2.errors import MaskError
    from m2n2v2.masks.conventions import checked_convention
    from m2n2v2.masks.mask_files import read_mask

    marked = read_mask(path, checked_convention(values))
    if marked.numbers.shape != frames.size.shape:
        height, width = marked.numbers.shape
        raise MaskError(
            f"mask {path.name} is {width}x{height} and its frame {frames.size}",
            cure="give a mask of the frame's size",
        )
    if not marked.present:
        raise MaskError(f"mask {path.name} marks no object", cure="mark one, with 1 to 255")
    if marked.rule:
        options.tell(f"mask {path.name}: {marked.rule}; {int(marked.void.sum())} pixels are void")
    return marked.numbers


def _clicks(frames: "Frames", path: Path) -> "tuple[tuple[int, int, Click], ...]":
    from m2n2v2.errors import ClickError
    from m2n2v2.prompts import Click

    form = "use rows of x,y,label or frame,object,x,y,label, with label 1 or 0"
    try:
        text = path.read_text("utf-8")
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            rows = [line.split(",") for line in text.splitlines() if line.strip()]
        rows = [[0, 1, *row] if len(row) == 3 else list(row) for row in rows]
        parsed = [(str(f).strip(), int(n), float(x), float(y), int(b)) for f, n, x, y, b in rows]
    except (OSError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise ClickError(f"{path} holds no clicks ({error})", cure=form) from error
    out = []
    for frame, number, x, y, label in parsed:
        index = _frame_of(frames, frame)
        if index is None:
            raise ClickError(
                f"a click is in frame {frame!r}, which is not there",
                cure=f"use a frame's name, or a number from 0 to {len(frames.names) - 1}",
            )
        out.append((index, number, Click(x, y, label).inside(frames.size)))
    return tuple(out)


def _frame_of(frames: "Frames", called: str) -> int | None:
    """A frame by its name, or by its number from 0 where none is called so."""
    if called in frames.names:
        return frames.names.index(called)
    number = int(called) if called.isascii() and called.isdecimal() else -1
    return number if 0 <= number < len(frames.names) else None


def _preset(name: str, device: str, weights: str | None) -> "Preset":
    """The preset asked for; `auto` is one that objects can be followed by."""
    from m2n2v2.presets import PRESETS
    from m2n2v2.tracking.sources import follows

    chosen = options.chosen_preset(name, device, weights, None, None)
    if name == "auto" and not follows(chosen):
        options.tell(f"preset: offline: objects cannot be followed by {chosen.name}")
        return PRESETS["offline"]
    return chosen


def _preparer(chosen: "Preset", loading: "Loading", cache: bool) -> Any:
    """Makes frames ready for clicks; nothing is loaded before the first."""
    from m2n2v2.states.cache import StateCache
    from m2n2v2.states.preparing import Preparer, Recipe

    return Preparer(Recipe(preset=chosen, loading=loading), StateCache() if cache else None)


def _describe(
    run: "Executor",
    workers: int,
    clip: Path,
    stride: int,
    settings: "TrackingSettings",
    chosen: "Preset",
    loading: "Loading",
    follower: "Follower",
    source: "CellFeatures",
    missing: "Iterable[int]",
) -> None:
    """Say what features take, and make them ahead where there are several workers."""
    from m2n2v2.tracking.features_file import FeatureCache, FeatureWork, KeptFeatures

    cache = FeatureCache()
    jobs = list(missing)
    size = KeptFeatures(source, cache).bytes(follower.size)
    options.tell(
        f"features: {size / 1e6:.1f} MB a frame, {size * len(jobs) / 1e6:.0f} MB, kept in "
        f"{cache.folder} ({cache.limit / 2**30:g} GiB at most)"
    )
    if workers == 1:
        return
    from tqdm.auto import tqdm

    work = FeatureWork(
        clip.absolute(), stride, settings.short_side, chosen, replace(loading, tell=_quiet), cache
    )
    with tqdm(total=len(jobs), unit="frame", desc="describing", disable=None) as bar:
        for some in run(work, jobs):
            bar.update(len(some))


def _quiet(line: str) -> None:
    pass


def _film(overlay: str) -> str | None:
    """`mp4`, `gif` or None."""
    import importlib.util

    from m2n2v2.errors import SettingsError
    from m2n2v2.tracking.video import pyav

    if overlay not in ("auto", "mp4", "gif", "none"):
        raise SettingsError(f"overlay is {overlay!r}", cure="use auto, mp4, gif or none")
    if overlay == "auto":
        return "mp4" if importlib.util.find_spec("av") else "gif"
    if overlay == "mp4":
        pyav()
    return None if overlay == "none" else overlay


def _as_facts(settings: "TrackingSettings") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(settings)


def _summary(
    frames: "Frames",
    tracks: "Tracks",
    known: "Tracks",
    seconds: float,
    followed: int,
    chosen: "Preset",
    source: "CellFeatures",
    written: dict[str, Path],
) -> dict[str, Any]:
    sure = {i: min(t.confidence.values(), default=1.0) for i, t in tracks.items()}
    least = min(sure, key=lambda index: (sure[index], index))
    return {
        "frames": len(frames.names),
        "followed": followed,
        "known_before": len(known),
        "seconds_per_frame": round(seconds / followed, 3) if followed else 0.0,
        "least_confident": frames.names[least],
        "least_confidence": round(sure[least], 3),
        "preset": chosen.name,
        "features": source.name,
        "written": {name: str(path) for name, path in written.items()},
    }


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"features: {facts['features']}", file=sys.stderr)
    print(
        f"{facts['followed']} frames followed, {facts['known_before']} known before, "
        f"{facts['seconds_per_frame']:.2f} s a frame; least confident: "
        f"{facts['least_confident']} ({facts['least_confidence']:.2f})"
    )
    if "cleaned" in facts:
        print("cleaned: {added} pixels added, {removed} removed".format(**facts["cleaned"]))
    for name, path in facts["written"].items():
        print(f"{name}: {path}")
