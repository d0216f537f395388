"""`m2n2v2 annotate`: label a folder of images in the browser."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m2n2v2.cli import options

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
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
) -> None:
    """Label a folder of images in the browser, click by click."""
    from m2n2v2.errors import BackendError, FolderError

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
    found = options.chosen_preset(preset, device, weights, depth_weights)
    loading = options.loading(weights, offline, allow_pickle, device, dtype)
    bound = serve.listening(host, port)
    with bound:
        root = serve.sample_folder(folder) if sample or folder is None else folder
        project = open_project(root)
        engine = Engine(lambda: _predictor(found, loading, depth_weights, device), project)
        token = serve.token_for(host)
        shown = app.Options(found.name, found.summary, uploads, host, token)
        url = serve.address(bound, host, token)
        _tell(project.folder.root, project.counts().images, project.store.read_only, url)
        serve.run(
            app.make_app(project, engine, shown),
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
