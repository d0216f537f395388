"""Photographs and masks that belong together by name."""

from collections.abc import Iterable
from pathlib import Path

from m2n2v2.errors import DatasetError

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def subfolder(root: Path, *names: str) -> Path:
    """The first of `names` that is a folder under `root`.

    Raises:
        DatasetError: none is.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise DatasetError(
        f"{root} has no folder {' or '.join(names)}", cure="see `m2n2v2 datasets` for the layout"
    )


def files(folder: Path, *, deep: bool = False) -> list[Path]:
    """The images in `folder`, sorted; `deep` looks into its folders, too."""
    found: Iterable[Path] = folder.rglob("*") if deep else folder.iterdir()
    return sorted(
        path for path in found if path.suffix.lower() in IMAGES and not path.name.startswith(".")
    )


def stem(path: Path) -> str:
    """The name up to its first dot, as the field pairs files."""
    return path.name.split(".")[0]


def by_stem(images: Path, masks: Path, *, deep: bool = False) -> list[tuple[Path, Path]]:
    """Every image with its mask, sorted by the image's name.

    Raises:
        DatasetError: an image has no mask, or there is no image at all.
    """
    known = {_key(mask, masks): mask for mask in files(masks, deep=deep)}
    pairs = []
    for image in files(images, deep=deep):
        mask = known.get(_key(image, images))
        if mask is None:
            raise DatasetError(
                f"{image} has no mask in {masks}", cure="add the mask or take the image away"
            )
        pairs.append((image, mask))
    if not pairs:
        raise DatasetError(f"{images} holds no image", cure="check that the set was unpacked whole")
    return pairs


def _key(path: Path, folder: Path) -> str:
    return (path.relative_to(folder).parent / stem(path)).as_posix()
