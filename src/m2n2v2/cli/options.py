"""Options that several verbs share: which sources prepare an image, and where."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m2n2v2.evaluation.executors import Executor
    from m2n2v2.presets import Preset as PresetObject
    from m2n2v2.states.preparing import Recipe
    from m2n2v2.weights.locating import Loading

Preset = Annotated[
    str,
    typer.Option(
        help="NAME, ATTENTION+DEPTH, or auto: the best whose weights are here; each with "
        "/ABLATION; see `info`."
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(help="The attention's weights: a folder, a .safetensors file or a hub id."),
]
DepthWeights = Annotated[str | None, typer.Option(help="The depth model's weights, likewise.")]
Offline = Annotated[bool, typer.Option(help="Never use the network.")]
AllowPickle = Annotated[
    bool, typer.Option(help="Load .ckpt and .bin weights, too: they can run code.")
]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16 (CUDA only).")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto.")]
Flip = Annotated[
    bool | None,
    typer.Option(
        "--flip/--no-flip",
        help="Let each backbone see the mirrored photograph, too; the preset's if left out.",
    ),
]
Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Keep what was prepared for the next time.")
]
Shard = Annotated[str, typer.Option(metavar="I/N", help="Every N-th photograph.")]
Clean = Annotated[
    str | None,
    typer.Option(
        metavar="holes=N,specks=N,smooth=R",
        help="Fill holes and remove specks up to so many pixels, smooth by a radius.",
    ),
]
MaskValues = Annotated[
    str,
    typer.Option(
        help="What the values of mask files mean: any, half, trimap, voc, index or alpha; auto "
        "refuses what could be read in two ways. See docs/formats.md."
    ),
]
ExecutorName = Annotated[str, typer.Option("--executor", help="local or ray.")]
Workers = Annotated[int, typer.Option(help="Processes, or Ray actors.")]
Address = Annotated[
    str | None, typer.Option(help="Of a running Ray cluster; none starts one here.")
]


def chosen_preset(
    name: str,
    device: str,
    weights: str | None,
    depth_weights: str | None,
    flip: bool | None,
    attention: Path | None = None,
) -> "PresetObject":
    """The preset asked for; for `auto`, a line says which and why."""
    chosen = _chosen(name, device, weights, depth_weights, attention)
    return chosen if flip is None else replace(chosen, flip=flip)


def _chosen(
    name: str,
    device: str,
    weights: str | None,
    depth_weights: str | None,
    attention: Path | None,
) -> "PresetObject":
    from m2n2v2.errors import BackendError
    from m2n2v2.method.settings import Settings
    from m2n2v2.presets import Preset, preset

    if name.partition("/")[0] != "auto":
        return preset(name)
    if attention:  # there is no backbone to choose
        return Preset("auto", "none", None, Settings.ours(), "the attention given")
    if weights or depth_weights:
        raise BackendError(
            "weights came without a preset to say which model they are",
            cure="name one, for example --preset sd2-64",
        )
    chosen = preset(name, device=device)
    tell(f"preset: {chosen.name}: {chosen.summary}")
    return chosen


def recipe(
    preset: str,
    weights: str | None,
    depth_weights: str | None,
    offline: bool,
    allow_pickle: bool,
    dtype: str,
    flip: bool | None,
    device: str,
    attention: Path | None = None,
) -> "Recipe":
    """What these options prepare images with; for `auto`, a line says which preset and why."""
    from m2n2v2.states.preparing import Recipe

    return Recipe(
        preset=chosen_preset(preset, device, weights, depth_weights, flip, attention),
        loading=loading(weights, offline, allow_pickle, device, dtype),
        depth_weights=depth_weights,
        attention=attention,
    )


def loading(
    weights: str | None, offline: bool, allow_pickle: bool, device: str, dtype: str
) -> "Loading":
    """How weights are located and where they run."""
    from m2n2v2.weights.devices import choose_device
    from m2n2v2.weights.locating import Loading

    return Loading(
        weights=weights,
        offline=offline,
        allow_pickle=allow_pickle,
        device=str(choose_device(device)),
        dtype=dtype,
        tell=tell,
    )


def tell(line: str) -> None:
    """One line for people, beside the results."""
    print(line, file=sys.stderr)


def chosen_executor(name: str, workers: int, address: str | None) -> "Executor":
    """Where the work runs."""
    from m2n2v2.errors import SettingsError
    from m2n2v2.evaluation import executors

    if workers < 1:
        raise SettingsError(f"workers is {workers}", cure="use 1 or more")
    if name == "ray":
        return executors.ray_actors(workers, address)
    if name == "local":
        return executors.serial if workers == 1 else executors.processes(workers)
    raise SettingsError(f"executor is {name!r}", cure="use local or ray")


def part(text: str) -> tuple[int, int]:
    """`I/N` as two numbers."""
    from m2n2v2.errors import SettingsError

    try:
        index, count = (int(number) for number in text.split("/"))
    except ValueError as error:
        raise SettingsError(f"shard is {text!r}", cure="write it like 1/4") from error
    return index, count
