"""`m2n2v2 label-studio`: segment by clicks in Label Studio."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from m2n2v2.cli import options
from m2n2v2.cli.preparing import Preparing

TOKEN = "LABEL_STUDIO_TOKEN"
"""Environment variable: Label Studio's token, which a command line would show to others."""

PASSWORD = "M2N2V2_PASSWORD"
"""Environment variable: what Label Studio must send where others could connect."""


def label_studio(
    address: Annotated[
        str | None,
        typer.Option(
            "--label-studio",
            help=f"Label Studio's address, to fetch images from; its token is read from {TOKEN}.",
        ),
    ] = "http://localhost:8080",
    folder: Annotated[
        Path | None,
        typer.Option(help="What Label Studio's local files are; they are then read here."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another host that images may be fetched from; may be repeated."),
    ] = None,
    answer: Annotated[
        str, typer.Option(help="What masks are given as: brushlabels, exact, or polygonlabels.")
    ] = "brushlabels",
    host: Annotated[
        str,
        typer.Option(help="The address to listen on; others than this machine need a password."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 9090,
    preset: options.Preset = "auto",
    weights: options.Weights = None,
    depth_weights: options.DepthWeights = None,
    offline: options.Offline = False,
    allow_pickle: options.AllowPickle = False,
    dtype: options.Dtype = "auto",
    flip: options.Flip = None,
    device: options.Device = "auto",
    states: Annotated[
        Path | None, typer.Option(help="A folder of `prepare`; its images need no backbone.")
    ] = None,
    cache: options.Cache = True,
) -> None:
    """Segment by clicks in Label Studio: a backend for its interactive mode."""
    from m2n2v2.errors import SettingsError, needing

    with needing("label-studio"):
        from m2n2v2.annotator import serve
        from m2n2v2.annotator.engine import Engine
        from m2n2v2.annotator.folder import Folder
        from m2n2v2.label_studio import app
        from m2n2v2.label_studio.configuration import ANSWERS
        from m2n2v2.label_studio.sources import Sources
        from m2n2v2.label_studio.tasks import Pictures

    if answer not in ANSWERS:
        raise SettingsError(f"answer is {answer!r}", cure=f"use {' or '.join(ANSWERS)}")
    sources = Sources(
        address or None,
        os.environ.get(TOKEN) or None,
        tuple(allow_host or ()),
        None if folder is None else Folder(folder),
    )
    recipe = None
    if states is None or preset != "auto":
        recipe = options.recipe(
            preset, weights, depth_weights, offline, allow_pickle, dtype, flip, device
        )
    preparing = Preparing(states, recipe, device, cache)
    with serve.listening(host, port) as bound:
        pictures = Pictures()
        engine = Engine(preparing.model, pictures, ahead=False)
        token = serve.token_for(host)
        token = token and (os.environ.get(PASSWORD) or token)
        shown = app.Options(f"m2n2v2 {preparing.name}", answer, host, token, options.tell)
        print(serve.address(bound, host, None))
        if token and not os.environ.get(PASSWORD):
            print(f"basic authentication, any user, password {token}")
        if sources.host and not sources.token:
            print(f"no token in {TOKEN}: images of Label Studio will be refused", file=sys.stderr)
        sys.stdout.flush()
        serve.run(app.make_app(sources, engine, pictures, shown), bound)
