"""Photographs and masks that belong together by name."""

from collections.abc import Callable, Iterable
from pathlib import Path

from m2n2v2.errors import DatasetError
from m2n2v2.files import walk_files
from m2n2v2.images import SUFFIXES, photographs
from m2n2v2.masks.mask_files import SUFFIXES as MASKS
from m2n2v2.telling import Tell, silent


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


def files(
    folder: Path, tell: Tell = silent, *, masks: bool = False, deep: bool = False
) -> list[Path]:
    """The images in `folder`, sorted; what else it holds is told.

    Args:
        masks: they are masks, which have more formats.
        deep: look into its folders, too.
    """
    listing = (
        walk_files(folder, SUFFIXES | MASKS, deep=deep) if masks else photographs(folder, deep=deep)
    )
    if listing.left_out:
        tell(f"{folder}: {listing.said}")
    return sorted(folder / name for name in listing.names)


def by_stem(
    images: Path, masks: Path, tell: Tell = silent, *, deep: bool = False
) -> list[tuple[Path, Path]]:
    """Every image with its mask, sorted by the image's name.

    Raises:
        DatasetError: an image has no mask, or could have several; or there is no image at all.
    """
    pictures = files(images, tell, deep=deep)
    marks = files(masks, tell, masks=True, deep=deep)
    known = companions(pictures, images, marks, masks)
    for image in pictures:
        if image not in known:
            raise DatasetError(
                f"{image} has no mask in {masks}", cure="add the mask or take the image away"
            )
    if not pictures:
        raise DatasetError(f"{images} holds no image", cure="check that the set was unpacked whole")
    if unpaired := len(marks) - len(set(known.values())):
        tell(f"{masks}: {unpaired} masks belong to no image")
    return [(image, known[image]) for image in pictures]


def companions(
    images: Iterable[Path], folder: Path, others: Iterable[Path], beside: Path
) -> dict[Path, Path]:
    """The file in `beside` that belongs to each image in `folder`, where there is one.

    That is the one of the same name but for its suffix; where there is none, the one of the same
    name up to the first dot, as the field pairs files, if no other image and no other file has
    that name.

    Raises:
        DatasetError: two images have one name, or an image could have either of two files.
    """
    images = list(images)
    pictures = {key: _grouped(images, folder, key) for key in (_full, _short)}
    files_by = {key: _grouped(others, beside, key) for key in (_full, _short)}
    pairs = {}
    for image in images:
        _only(pictures[_full][_full(image, folder)], f"{folder} has two images of one name")
        for key in (_full, _short):
            given = files_by[key].get(key(image, folder), [])
            if given:
                _only(given, f"{image} could belong to either file in {beside}")
                _only(pictures[key][key(image, folder)], f"{given[0]} could belong to either image")
                pairs[image] = given[0]
                break
    return pairs


def _only(given: list[Path], what: str) -> None:
    if len(given) > 1:
        raise DatasetError(
            f"{what}: {given[0].name!r} and {given[1].name!r}",
            cure="give each image and its mask the same name but for the suffix, and no two one "
            "name; or name the pairs in pairs.tsv",
        )


def _grouped(
    paths: Iterable[Path], folder: Path, key: Callable[[Path, Path], str]
) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path, folder), []).append(path)
    return groups


def _full(path: Path, folder: Path) -> str:
    return (path.relative_to(folder).parent / path.stem).as_posix()


def _short(path: Path, folder: Path) -> str:
    return (path.relative_to(folder).parent / path.name.split(".")[0]).as_posix()
