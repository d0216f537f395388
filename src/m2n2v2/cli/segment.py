"""`m2n2v2 segment`: one photograph, some clicks, a mask."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from m2n2v2.presets import Preset
    from m2n2v2.prompts import Click


class Ordered(TyperCommand):
    """Keeps the order in which `--fg` and `--bg` were typed: it is the order of clicking."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta["m2n2v2.labels"] = [p.name == "fg" for p in order if p.name in ("fg", "bg")]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


def segment(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photograph.")],
    fg: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on the object, in pixels.")
    ] = None,
    bg: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on the background.")
    ] = None,
    clicks_file: Annotated[
        Path | None,
        typer.Option(
            "--clicks",
            help="Clicks from a file, before those of the command line: JSON [[x, y, 1], ...] or "
            "lines of `x,y,label`.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The mask, a PNG.")] = Path(
        "mask.png"
    ),
    overlay: Annotated[
        Path | None, typer.Option(help="The mask drawn on the photograph, a PNG.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(help="A folder for a picture of each click's walk to its mask.")
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="NAME, ATTENTION+DEPTH, or auto: the best whose weights are here; each with "
            "/ABLATION; see `info`."
        ),
    ] = "auto",
    weights: Annotated[
        str | None,
        typer.Option(help="The attention's weights: a folder, a .safetensors file or a hub id."),
    ] = None,
    depth_weights: Annotated[
        str | None, typer.Option(help="The depth model's weights, likewise.")
    ] = None,
    offline: Annotated[bool, typer.Option(help="Never use the network.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option(help="Load .ckpt and .bin weights, too: they can run code.")
    ] = False,
    dtype: Annotated[
        str, typer.Option(help="auto, float32, bfloat16 or float16 (CUDA only).")
    ] = "auto",
    attention: Annotated[
        Path | None, typer.Option(help="An attention from a .npy or .npz file, not the preset's.")
    ] = None,
    depth: Annotated[
        Path | None, typer.Option(help="Measured depth: 16-bit PNG, TIFF or .npy.")
    ] = None,
    depth_unit: Annotated[
        str, typer.Option(help="mm, m, inverse (larger nearer) or relative (larger farther).")
    ] = "mm",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Segment a photograph by clicks; they count in the order given."""
    from m2n2v2.attention import Precomputed
    from m2n2v2.cli.progress import StageBar
    from m2n2v2.depth import Measured
    from m2n2v2.devices import choose_device
    from m2n2v2.grid import Size
    from m2n2v2.images import read_image, write_png
    from m2n2v2.predictor import Predictor
    from m2n2v2.prompts import check_sequence
    from m2n2v2.weights import Loading

    clicks = _clicks(ctx.meta["m2n2v2.labels"], fg or [], bg or [], clicks_file)
    for path in (output, overlay):
        _check_writable(path)
    pixels = read_image(image)
    check_sequence(clicks, Size(*pixels.shape[:2]))
    measured = Measured(depth, unit=depth_unit) if depth else None
    found = chosen_preset(preset, device, weights, depth_weights, attention)
    loading = Loading(
        weights=weights,
        offline=offline,
        allow_pickle=allow_pickle,
        device=str(choose_device(device)),
        dtype=dtype,
        tell=lambda line: print(line, file=sys.stderr),
    )
    source = Precomputed(attention) if attention else found.attention_source(loading)
    folder = _folder(maps) if maps else None

    started = time.perf_counter()
    with StageBar(image.name) as bar:
        predictor = Predictor(
            source,
            measured or found.depth_source(replace(loading, weights=depth_weights)),
            found.settings,
            device=device,
            progress=bar,
        )
        predictor.set_image(pixels)
    prepared = time.perf_counter()
    session = predictor.session()
    for click in clicks:
        session.click(click.x, click.y, click.positive)
    clicked = time.perf_counter()

    result = session.segmentation
    mask = result.mask
    written = {"mask": write_png(output, mask)}
    if overlay:
        from m2n2v2.pictures import overlay as draw

        written["overlay"] = write_png(overlay, draw(pixels, mask, result.clicks))
    if folder:
        from m2n2v2.pictures import write_walk

        written |= {path.stem: path for path in write_walk(folder, pixels, session.state, result)}
    facts = {
        "image": str(image),
        "size": [mask.shape[1], mask.shape[0]],
        "clicks": [[c.x, c.y, int(c.positive)] for c in result.clicks],
        "area": int(mask.sum()),
        "scales": [scale.threshold for scale in result.scales],
        "scores": [scale.score for scale in result.scales],
        "preset": found.name,
        "attention": session.state.provenance.attention,
        "depth": session.state.provenance.depth,
        "version": session.state.provenance.version,
        "settings": session.state.settings.to_dict(),
        "seconds_to_prepare": prepared - started,
        "seconds_per_click": (clicked - prepared) / len(clicks),
        "written": {name: str(path) for name, path in written.items()},
    }
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _tell(facts)


def chosen_preset(
    name: str,
    device: str,
    weights: str | None,
    depth_weights: str | None,
    attention: Path | None,
) -> "Preset":
    """The preset of that name, or, for `auto`, the best one, which it tells."""
    from m2n2v2.errors import BackendError
    from m2n2v2.presets import Preset, preset
    from m2n2v2.settings import Settings

    if name.partition("/")[0] != "auto":
        return preset(name)
    if attention:  # there is no backbone to choose
        return Preset("auto", "none", None, Settings.paper(), "the attention given")
    if weights or depth_weights:
        raise BackendError(
            "weights came without a preset to say which model they are",
            cure="name one, for example --preset sd2-64",
        )
    found = preset(name, device=device)
    print(f"preset: {found.name}: {found.summary}", file=sys.stderr)
    return found


def _tell(facts: dict[str, Any]) -> None:
    print(f"attention: {facts['attention']}; depth: {facts['depth']}")
    print(
        f"prepared in {facts['seconds_to_prepare']:.2f} s, "
        f"{1000 * facts['seconds_per_click']:.0f} ms per click, {facts['area']} pixels"
    )
    for name, path in facts["written"].items():
        print(f"{name}: {path}")


def _clicks(
    labels: list[bool], fg: list[str], bg: list[str], file: Path | None
) -> tuple["Click", ...]:
    from m2n2v2.errors import ClickError
    from m2n2v2.prompts import Click

    positive, negative = iter(fg), iter(bg)
    typed = [Click(*_pair(next(positive if label else negative)), label) for label in labels]
    clicks = (*(_from_file(file) if file else ()), *typed)
    if not clicks:
        raise ClickError("no clicks came", cure="give at least one, for example --fg 300,175")
    return clicks


def _pair(text: str) -> tuple[float, float]:
    from m2n2v2.errors import ClickError

    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ClickError(f"click {text!r} is not X,Y", cure="write it like 300,175") from error
    return x, y


def _from_file(path: Path) -> tuple["Click", ...]:
    from m2n2v2.errors import ClickError
    from m2n2v2.prompts import Click

    form = "use JSON [[x, y, label], ...] or lines of x,y,label with label 1 or 0"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClickError(f"cannot read clicks from {path} ({error})", cure=form) from error
    try:
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            lines = [line for line in text.splitlines() if line.strip()]
            rows = [[float(part) for part in line.split(",")] for line in lines]
        triples = [(x, y, label) for x, y, label in rows]
    except (ValueError, TypeError) as error:
        raise ClickError(f"{path} holds no clicks ({error})", cure=form) from error
    return tuple(Click(*triple) for triple in triples)


def _check_writable(path: Path | None) -> None:
    """Before any work: a folder that cannot take the result."""
    from m2n2v2.errors import OutputError

    if path is None:
        return
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(
            f"cannot write {path}",
            cure="choose a file name in a folder that exists and that you may write to",
        )


def _folder(path: Path) -> Path:
    from m2n2v2.errors import OutputError

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {path} ({error.strerror})", cure="choose another"
        ) from error
    return path
