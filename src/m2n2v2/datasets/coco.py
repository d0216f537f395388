"""COCO json: one object per annotation, crowds left out. Plittersdorf and TrashCan come so."""

from collections import Counter
from functools import cached_property
from pathlib import Path

from m2n2v2.datasets.base import Convention, Item
from m2n2v2.errors import DatasetError, FormatError
from m2n2v2.files import is_file, walk_files
from m2n2v2.grid import Size
from m2n2v2.images import photographs, size_of
from m2n2v2.masks.coco_files import read_coco
from m2n2v2.masks.readers import CocoMask
from m2n2v2.matching import Names, visible
from m2n2v2.telling import Tell

USUAL = ("test/_annotations.coco.json", "_annotations.coco.json", "annotations.json")
"""Where exports put the file; tried in this order."""


def coco_folder(root: Path, convention: Convention, tell: Tell) -> list[Item]:
    """The set in a folder: one of the `USUAL` files, or the only json there is."""
    for name in USUAL:
        if (root / name).is_file():
            return coco_json(root / name, convention, tell)
    files = walk_files(root, {".json"}).names
    if len(files) != 1:
        raise DatasetError(
            f"{root} should hold one COCO json; there: {', '.join(files[:5]) or 'none'}",
            cure=f"name the file itself in --datasets, or call it {USUAL[-1]}",
        )
    return coco_json(root / files[0], convention, tell)


def coco_json(path: Path, convention: Convention, tell: Tell) -> list[Item]:
    """Images lie beside the json, in `images/` beside it, or anywhere below it.

    Crowds, boxes and broken annotations are left out, and their number is told.
    """
    file = read_coco(path, with_categories=False)
    if file.broken:
        raise DatasetError(f"{path}: {file.broken[0]}", cure="export it again")
    images = {image.key: image for image in file.images}
    places, left_out = Places(path.parent), Counter[str]()
    items = []
    for annotation in file.annotations:
        image = images.get(annotation.image or "")
        if image is None:
            raise DatasetError(
                f"{path}: the image {annotation.image!r} of annotation {annotation.key} is not "
                "listed",
                cure="give `images` and `annotations`, every annotation with a known image_id",
            )
        if annotation.crowd or annotation.segmentation is None:
            left_out["crowds" if annotation.crowd else "without a segmentation"] += 1
            continue
        place = places.of(image.name)
        size = image.size or size_of(place)
        try:
            annotation.check(size)
        except FormatError as error:
            left_out[f"broken, as {annotation.key}: {error.what}"] += 1
        else:
            name = f"{image.name}:{annotation.key}"
            items.append(Item(name, place, CocoMask(annotation, size)))
    if left_out:
        kinds = "; ".join(f"{count} {kind}" for kind, count in left_out.items())
        tell(f"{path}: {left_out.total()} annotations left out: {kinds}")
    return items


class Places:
    """Where the photographs of a json are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _names(self) -> Names:
        return Names(dict.fromkeys(photographs(self._folder).names, Size(0, 0)))

    def of(self, called: str) -> Path:
        """The file that is called so; one that is nowhere where it would be.

        Raises:
            DatasetError: two files may be called so.
        """
        plain = called.replace("\\", "/").lstrip("/")
        for place in (self._folder / plain, self._folder / "images" / plain):
            if is_file(place):
                return place
        candidates = self._names.candidates(called)
        if len(candidates) > 1:
            first, second = map(visible, candidates[:2])
            raise DatasetError(
                f"image {visible(called)} of {self._folder} may be {first} or {second}",
                cure="give its whole path",
            )
        return self._folder / (candidates[0] if candidates else plain)
