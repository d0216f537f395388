"""`m2n2v2 annotate`: label a folder of images in the browser."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m2n2v2.cli import options
from m2n2v2.cli.preparing import Preparing

if TYPE_CHECKING:
    from m2n2v2.annotator.engine import Engine
    from m2n2v2.annotator.following import Following
    from m2n2v2.annotator.models import Model
    from m2n2v2.annotator.project import Project
    from m2n2v2.states.preparing import Recipe


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
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Classes to add: a file of one name a line, or JSON with colours, keys and "
            "attributes; see docs/annotator.md."
        ),
    ] = None,
    uploads: Annotated[
        bool, typer.Option("--uploads", help="Images may be sent into the folder.")
    ] = False,
    sequence: Annotated[
        bool | None,
        typer.Option(
            "--sequence/--no-sequence",
            help="The images are the frames of a sequence, in which objects are followed; the "
            "folder remembers it.",
        ),
    ] = None,
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    flip: options.Flip = None,
    device: options.Device = "auto",
    states: Annotated[
        Path | None,
        typer.Option(
            help="A folder of `prepare`. Its images need no backbone; others are refused unless "
            "a preset is named."
        ),
    ] = None,
    cache: options.Cache = True,
) -> None:
    """Label a folder of images in the browser, click by click."""
    from m2n2v2.errors import FolderError, needing
    from m2n2v2.presets import best_with_weights

    with needing("annotator"):
        from m2n2v2.annotator import app, class_files, serve
        from m2n2v2.annotator.engine import Engine
        from m2n2v2.annotator.project import open_project

    if folder is None and not sample:
        raise FolderError("no folder came", cure="name one that holds images, or use --sample")
    listed = None if classes is None else class_files.read(classes)
    recipe = None
    if states is None or preset != "auto":
        if sample and preset == "auto" and not (weights or depth_weights):
            best_with_weights(options.loading(weights, offline, allow_pickle, device, dtype))
        recipe = options.recipe(
            preset, weights, depth_weights, offline, allow_pickle, dtype, flip, device
        )
    preparing = Preparing(states, recipe, device, cache)
    bound = serve.listening(host, port)
    with bound:
        root = serve.sample_folder(folder) if sample or folder is None else folder
        project = open_project(root)
        if listed is not None:
            project.store.set_classes(class_files.merged(project.store.classes(), listed))
        models = (preparing.model, *_others(recipe, device, cache, states))
        engine = Engine(models[0], project)
        token = serve.token_for(host)
        shown = app.Options(models, uploads, host, token, sample)
        url = serve.address(bound, host, token)
        following = _following(project, engine, sequence, recipe, cache)
        images = project.counts().images
        _tell(project.folder.root, images, project.left_out, project.store.read_only, url)
        serve.run(
            app.make_app(project, engine, shown, following),
            bound,
            opened=(lambda: serve.open_browser(url)) if browser else None,
        )


def _following(
    project: "Project",
    engine: "Engine",
    sequence: bool | None,
    recipe: "Recipe | None",
    cache: bool,
) -> "Following | None":
    """What follows objects through the folder, where it is a sequence; said for the next time.

    It follows by the model that prepares the photographs at that time, if it can.
    """
    from m2n2v2.annotator.timeline import Timeline, call_sequence, is_sequence

    if sequence is not None and not project.store.read_only:
        call_sequence(project.folder.root, sequence)
    if not (is_sequence(project.folder.root) if sequence is None else sequence):
        return None
    from m2n2v2.annotator.following import Following, Means
    from m2n2v2.presets import PRESETS
    from m2n2v2.tracking.features_file import FeatureCache
    from m2n2v2.tracking.flow import opencv
    from m2n2v2.tracking.sources import follows, source_of

    opencv()
    started = engine.model.name  # the recipe's, whatever it is called beside a folder of states

    def means() -> Means:
        name = engine.model.name
        own = recipe is not None and name == started
        preset = recipe.preset if recipe is not None and own else PRESETS.get(name)
        if preset is None or not follows(preset):
            preset, own = PRESETS["offline"], False
        loading = None if recipe is None else recipe.loading
        if loading is not None and not own:
            loading = replace(loading, weights=None)
        return Means(preset.name, lambda: source_of(preset, loading))

    first = means().name
    if recipe is not None and first != recipe.preset.name:
        options.tell(f"objects are followed by {first}: they cannot be by {recipe.preset.name}")
    return Following(
        Timeline(project),
        means,
        cache=FeatureCache(tell=options.tell) if cache else None,
    )


def _others(
    recipe: "Recipe | None", device: str, cache: bool, states: Path | None
) -> "list[Model]":
    """The other presets whose weights are here, for those who want to compare."""
    from m2n2v2.presets import available
    from m2n2v2.states.preparing import Recipe

    if recipe is None or states is not None:
        return []
    loading = replace(recipe.loading, weights=None)
    return [
        Preparing(None, Recipe(preset=preset, loading=loading), device, cache).model
        for preset in available()
        if preset.name != recipe.preset.name
    ]


def _tell(root: Path, images: int, left_out: str, read_only: bool, url: str) -> None:
    print(f"{images} images in {root}")
    if left_out:
        print(left_out)
    if not images:
        print("put images into it, then load the page again")
    if read_only:
        print("the folder takes no changes: it is open for looking only")
    print(url, flush=True)
