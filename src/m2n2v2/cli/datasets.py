"""`m2n2v2 datasets`: what is there, what is missing, and where it was published."""

import json
from pathlib import Path
from typing import Annotated

import typer


def datasets(
    data_root: Annotated[Path, typer.Option(help="The folder that holds the datasets.")] = Path(
        "data"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The datasets: what is there, what is missing, where each was published."""
    from m2n2v2.datasets.manifest import inventory

    entries = inventory(data_root)
    if as_json:
        print(json.dumps([entry.to_dict() for entry in entries], indent=2))
        return
    print(f"in {data_root}; nothing is ever downloaded")
    for entry in entries:
        print(f"{entry.name:18} {entry.state}")
        if entry.objects is None and entry.layout:
            print(f"{'':18} layout:    {entry.layout}")
            print(f"{'':18} published: {entry.source}")
