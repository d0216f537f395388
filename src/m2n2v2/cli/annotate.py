"""`m2n2v2 annotate`: label a folder of images in the browser."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m2n2v2.predictor import Predictor
    from m2n2v2.presets import Preset
    from m2n2v2.weights import Loading


def annotate(
    folder: Annotated[
        Path | None, typer.Argument(help="The folder of images; with --sample, may be left out.")
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Put sample photographs into the folder first.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than this machine need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 8642,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    uploads: Annotated[
        bool, typer.Option("--uploads", help="Images may be sent into the folder.")
    ] = False,
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
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto.")] = "auto",
) -> None:
    """Label a folder of images in the browser, click by click."""
    from m2n2v2.cli.segment import chosen_preset
    from m2n2v2.devices import choose_device
    from m2n2v2.errors import BackendError, FolderError
    from m2n2v2.weights import Loading

    try:
        from m2n2v2.annotator import app, serve
        from m2n2v2.annotator.engine import Engine
        from m2n2v2.annotator.project import open_project
    except ImportError as error:
        raise BackendError(
            f"{error.name} is not installed", cure="pip install 'm2n2v2[annotator]'"
        ) from error

    if folder is None and not sample:
        raise FolderError("no folder came", cure="name one that holds images, or use --sample")
    found = chosen_preset(preset, device, weights, depth_weights, None)
    loading = Loading(
        weights=weights,
        offline=offline,
        allow_pickle=allow_pickle,
        device=str(choose_device(device)),
        dtype=dtype,
        tell=lambda line: print(line, file=sys.stderr),
    )
    bound = serve.listening(host, port)
    with bound:
        root = serve.sample_folder(folder) if sample or folder is None else folder
        project = open_project(root)
        engine = Engine(lambda: _predictor(found, loading, depth_weights, device), project)
        token = serve.token_for(host)
        options = app.Options(found.name, found.summary, uploads, host, token)
        url = serve.address(bound, host, token)
        _tell(project.folder.root, project.counts().images, project.store.read_only, url)
        serve.run(
            app.make_app(project, engine, options),
            bound,
            opened=(lambda: serve.open_browser(url)) if browser else None,
        )


def _predictor(
    found: "Preset", loading: "Loading", depth_weights: str | None, device: str
) -> "Predictor":
    from m2n2v2.predictor import Predictor

    return Predictor(
        found.attention_source(loading),
        found.depth_source(replace(loading, weights=depth_weights)),
        found.settings,
        device=device,
    )


def _tell(root: Path, images: int, read_only: bool, url: str) -> None:
    print(f"{images} images in {root}")
    if not images:
        print("put images into it, then load the page again")
    if read_only:
        print("the folder takes no changes: it is open for looking only")
    print(url, flush=True)
