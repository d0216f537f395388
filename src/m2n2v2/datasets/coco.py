"""COCO json: one object per annotation, crowds left out. Plittersdorf and TrashCan come so."""

import json
from pathlib import Path
from typing import Any

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.errors import DatasetError
from m2n2v2.masks.readers import CocoMask

USUAL = ("test/_annotations.coco.json", "_annotations.coco.json", "annotations.json")
"""Where exports put the file; tried in this order."""


def coco_folder(root: Path, convention: Convention) -> list[Item]:
    """The set in a folder: one of the `USUAL` files, or the only json there is."""
    for name in USUAL:
        if (root / name).is_file():
            return coco_json(root / name, convention)
    files = sorted(root.rglob("*.json"))
    if len(files) != 1:
        names = ", ".join(str(path.relative_to(root)) for path in files[:5]) or "none"
        raise DatasetError(
            f"{root} should hold one COCO json; there: {names}",
            cure=f"name the file itself in --datasets, or call it {USUAL[-1]}",
        )
    return coco_json(files[0], convention)


def coco_json(path: Path, convention: Convention) -> list[Item]:
    """Images lie beside the json, or in `images/` beside it."""
    try:
        known = json.loads(path.read_text("utf-8"))
        images = {image["id"]: image for image in known["images"]}
        annotations = [a for a in known["annotations"] if not a.get("iscrowd")]
        return [_item(path.parent, images[a["image_id"]], a) for a in annotations]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(
            f"{path} is no COCO json ({type(error).__name__}: {error})",
            cure="give `images` and `annotations`, every annotation with a known image_id",
        ) from error


def _item(folder: Path, image: dict[str, Any], annotation: dict[str, Any]) -> Item:
    name = image["file_name"]
    path = folder / name
    if not path.is_file() and (folder / "images" / name).is_file():
        path = folder / "images" / name
    truth = CocoMask(annotation["segmentation"], image["height"], image["width"])
    return Item(f"{name}:{annotation['id']}", path, truth)
