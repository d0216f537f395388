"""`m2n2v2 info`: versions, devices, the cache, presets."""

import json
import platform
from importlib import metadata
from typing import Annotated

import typer


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Versions, devices, the cache of states, and presets."""
    from m2n2v2.baselines import BASELINES
    from m2n2v2.presets import ABLATIONS, FLIPS, PRESETS
    from m2n2v2.states.cache import StateCache
    from m2n2v2.version import __version__
    from m2n2v2.weights.devices import available_devices

    versions = {"m2n2v2": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "numba", "scikit-image", "diffusers", "transformers"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    devices = available_devices()
    presets = {name: preset.summary for name, preset in PRESETS.items()}
    cache = StateCache()
    if as_json:
        facts = {
            "cache": {
                "folder": str(cache.folder),
                "states": len(cache),
                "bytes": cache.bytes(),
                "limit": cache.limit,
            },
            "versions": versions,
            "devices": devices,
            "presets": presets,
            "ablations": ABLATIONS | {name: {"flip": flip} for name, flip in FLIPS.items()},
            "baselines": list(BASELINES),
        }
        print(json.dumps(facts, indent=2))
        return
    for name, version in versions.items():
        print(f"{name:14} {version}")
    print(f"{'devices':14} {', '.join(devices)}")
    print(
        f"{'cache':14} {cache.folder}: {len(cache)} states, "
        f"{cache.bytes() / 2**20:.0f} of {cache.limit / 2**20:.0f} MiB"
    )
    print("presets")
    for name, summary in presets.items():
        print(f"  {name:14} {summary}")
    print("ablations, as PRESET/ABLATION")
    for name in (*ABLATIONS, *FLIPS):
        print(f"  {name}")
    print("baselines, for `evaluate`")
    for name in BASELINES:
        print(f"  {name}")
