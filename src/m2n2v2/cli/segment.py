"""`m2n2v2 segment`: one photograph, some clicks, scribbles or boxes, a mask."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from m2n2v2.cli import options

if TYPE_CHECKING:
    from m2n2v2.arrays import Image, Mask
    from m2n2v2.method.values import ImageState
    from m2n2v2.prompts import Step
    from m2n2v2.states.preparing import Recipe

PROMPTS = ("fg", "bg", "box", "bg_box", "scribble", "bg_scribble")
"""Options that are prompts."""


class Ordered(TyperCommand):
    """Keeps the order in which prompts were typed: it is the order of giving them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta["m2n2v2.prompts"] = [p.name for p in order if p.name in PROMPTS]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


def segment(
    ctx: typer.Context,
    image: Annotated[
        Path | None, typer.Argument(help="The photograph; with --state it may be left out.")
    ] = None,
    fg: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on the object, in pixels.")
    ] = None,
    bg: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on the background.")
    ] = None,
    box: Annotated[
        list[str] | None, typer.Option(metavar="X0,Y0,X1,Y1", help="A box round the object.")
    ] = None,
    bg_box: Annotated[
        list[str] | None,
        typer.Option(metavar="X0,Y0,X1,Y1", help="A box in which nothing belongs to the object."),
    ] = None,
    scribble: Annotated[
        list[Path] | None,
        typer.Option(
            help="A stroke on the object: a file of JSON [[x, y], ...] or lines of `x,y`."
        ),
    ] = None,
    bg_scribble: Annotated[
        list[Path] | None, typer.Option(help="A stroke on the background, likewise.")
    ] = None,
    clicks_file: Annotated[
        Path | None,
        typer.Option(
            "--clicks",
            help="Prompts from a file, before those of the command line: lines of `x,y,label`, or "
            'JSON, a list of [x, y, 1], {"box": [x0, y0, x1, y1]}, {"scribble": [[x, y], ...]} and '
            '{"snap": true}, which draws the mask so far anew.',
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="A mask of the photograph's size, which the prompts correct."),
    ] = None,
    snap: Annotated[
        bool, typer.Option("--snap", help="Draw that mask anew, to the photograph's edges, first.")
    ] = False,
    mask_values: options.MaskValues = "auto",
    output: Annotated[Path, typer.Option("--output", "-o", help="The mask, a PNG.")] = Path(
        "mask.png"
    ),
    overlay: Annotated[
        Path | None, typer.Option(help="The mask drawn on the photograph, a PNG.")
    ] = None,
    clean: options.Clean = None,
    polygons: Annotated[
        Path | None, typer.Option(help="The mask as polygons, JSON: outer rings and holes.")
    ] = None,
    simplify: Annotated[
        float,
        typer.Option(help="Pixels that an outline may lie from its polygon; 0 keeps every corner."),
    ] = 2.0,
    single_ring: Annotated[
        bool,
        typer.Option("--single-ring", help="Join holes to their outer rings by bridges, counted."),
    ] = False,
    maps: Annotated[
        Path | None, typer.Option(help="A folder for a picture of each click's walk to its mask.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="How large a change a click may mean, over 0; else the preset's."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="The photograph as `prepare` left it, in place of all that follows."),
    ] = None,
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    flip: options.Flip = None,
    attention: Annotated[
        Path | None, typer.Option(help="An attention from a .npy or .npz file, not the preset's.")
    ] = None,
    depth: Annotated[
        Path | None, typer.Option(help="Measured depth: 16-bit PNG, TIFF or .npy.")
    ] = None,
    depth_unit: Annotated[
        str, typer.Option(help="mm, m, inverse (larger nearer) or relative (larger farther).")
    ] = "mm",
    device: options.Device = "auto",
    cache: options.Cache = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Segment a photograph by clicks, scribbles and boxes, in the order given, or by a mask."""
    from m2n2v2.cli.outlines import read_cleaning, write_polygons
    from m2n2v2.cli.prompts import read_prompts
    from m2n2v2.depth import Measured
    from m2n2v2.images import write_png
    from m2n2v2.prompts import steps_to_json
    from m2n2v2.session import Session
    from m2n2v2.snapping import check_size, snapped

    typed = dict(zip(PROMPTS, (fg, bg, box, bg_box, scribble, bg_scribble), strict=True))
    prompts = read_prompts(ctx.meta["m2n2v2.prompts"], typed, clicks_file, needed=not snap)
    given = _given(mask, snap, mask_values)
    cleaning = read_cleaning(clean)
    for path in (output, overlay, polygons):
        _check_writable(path)
    folder = _folder(maps) if maps else None
    started = time.perf_counter()
    if state:
        if preset != "auto" or any((weights, depth_weights, attention, depth)):
            raise _prepared_already(state)
        name = f"prepared, {state.name}"
        pixels, image_state = _opened(state, image, device)
    else:
        pixels = _photograph(image, prompts)
        if depth:
            Measured(depth, unit=depth_unit)  # its errors come before any line about the preset
        recipe = replace(
            options.recipe(
                preset,
                weights,
                depth_weights,
                offline,
                allow_pickle,
                dtype,
                flip,
                device,
                attention,
            ),
            depth=depth,
            depth_unit=depth_unit,
        )
        name = recipe.preset.name
        image_state = _prepared(recipe, pixels, cache)
    if alpha is not None:
        image_state = image_state.with_settings(image_state.settings.replace(alpha=alpha))
    prepared = time.perf_counter()
    start = given
    if given is not None:
        check_size(given, image_state.size)
        start = snapped(image_state, given) if snap else given
    session = Session(image_state, start)
    for prompt in prompts:
        session.add(prompt)
    clicked = time.perf_counter()

    result = session.segmentation
    cleaned = cleaning.of(result.mask if prompts or start is None else start)
    made = cleaned.mask
    written = {"mask": write_png(output, made)}
    if polygons:
        written["polygons"] = write_polygons(polygons, made, simplify, single_ring=single_ring)
    if overlay:
        from m2n2v2.overlays import overlay as draw

        written["overlay"] = write_png(overlay, draw(pixels, made, result.given))
    if folder:
        from m2n2v2.pictures import write_walk

        written |= {path.stem: path for path in write_walk(folder, pixels, image_state, result)}
    facts = {
        "image": str(image or state),
        "size": [made.shape[1], made.shape[0]],
        "clicks": [[c.x, c.y, int(c.positive)] for c in result.clicks],
        "prompts": steps_to_json(session.steps),
        "area": int(made.sum()),
        **({"cleaned": {"added": cleaned.added, "removed": cleaned.removed}} if clean else {}),
        "scales": [scale.threshold for scale in result.scales],
        "scores": [scale.score for scale in result.scales],
        "preset": name,
        "attention": image_state.provenance.attention,
        "depth": image_state.provenance.depth,
        "version": image_state.provenance.version,
        "settings": image_state.settings.to_dict(),
        "seconds_to_prepare": prepared - started,
        "seconds_per_click": (clicked - prepared) / max(len(prompts), 1),
        "written": {name: str(path) for name, path in written.items()},
    }
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _tell(facts)


def _given(file: Path | None, snap: bool, values: str) -> "Mask | None":
    """The mask to begin with."""
    from m2n2v2.errors import MaskError
    from m2n2v2.masks.conventions import checked_convention
    from m2n2v2.masks.mask_files import read_mask

    if file is None:
        if snap:
            raise MaskError("there is no mask to draw anew", cure="name it with --mask FILE")
        return None
    read = read_mask(file, checked_convention(values))
    if len(read.present) != 1:
        raise MaskError(
            f"mask {file} marks {len(read.present)} objects",
            cure="give a mask of one, or --mask-values any",
        )
    return read.object


def _opened(state: Path, image: Path | None, device: str) -> "tuple[Image, ImageState]":
    """A state, and the photograph to draw on: the one given, else as it was worked on."""
    from m2n2v2.images import pixel_digest, read_image, resized
    from m2n2v2.states.file import read_state
    from m2n2v2.weights.devices import choose_device

    pixels = read_image(image) if image else None
    wanted = None if pixels is None else pixel_digest(pixels)
    image_state = read_state(state, image_sha256=wanted, device=choose_device(device))
    return (
        pixels if pixels is not None else resized(image_state.guide, image_state.size)
    ), image_state


def _photograph(image: Path | None, prompts: tuple["Step", ...]) -> "Image":
    """The photograph, if the prompts lie in it."""
    from m2n2v2.errors import ImageError
    from m2n2v2.grid import Size
    from m2n2v2.images import read_image
    from m2n2v2.prompts import check_steps

    if image is None:
        raise ImageError("no photograph came", cure="name its file, or a state with --state")
    pixels = read_image(image)
    check_steps(prompts, Size(*pixels.shape[:2]))
    return pixels


def _prepared(recipe: "Recipe", pixels: "Image", cache: bool) -> "ImageState":
    """A photograph's state, from the cache or made now."""
    from m2n2v2.cli.progress import StageBar
    from m2n2v2.states.cache import StateCache
    from m2n2v2.states.preparing import Preparer

    with StageBar() as bar:
        return Preparer(recipe, StateCache() if cache else None, bar)(pixels)


def _prepared_already(state: Path) -> Exception:
    from m2n2v2.errors import StateError

    return StateError(
        f"{state} is prepared, and options came that say how to prepare",
        cure="leave out either --state, or the preset, weights, attention and depth",
    )


def _tell(facts: dict[str, Any]) -> None:
    print(f"attention: {facts['attention']}; depth: {facts['depth']}")
    print(
        f"prepared in {facts['seconds_to_prepare']:.2f} s, "
        f"{1000 * facts['seconds_per_click']:.0f} ms per click, {facts['area']} pixels"
    )
    if "cleaned" in facts:
        print("cleaned: {added} pixels added, {removed} removed".format(**facts["cleaned"]))
    for name, path in facts["written"].items():
        print(f"{name}: {path}")


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
