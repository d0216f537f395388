"""What a reader gives: items, which say where the pixels are; `load` opens and checks one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.depth.measured import Measured
from m2n2v2.errors import DatasetError, FormatError, MaskError
from m2n2v2.grid import Size
from m2n2v2.images import read_image
from m2n2v2.masks.mask_files import read_mask

Convention = Literal["field", "m2n2"]
"""How masks become objects: as the field does it, or as M2N2's official code does."""


@runtime_checkable
class Truth(Protocol):
    """The true mask of one object, on disk."""

    @property
    def rule(self) -> str:
        """How the file is read, in words."""
        ...

    def read(self) -> tuple[Mask, Mask]:
        """The object, and the void pixels, which are not scored; both `H x W`."""
        ...


@dataclass(frozen=True)
class Item:
    """One object: its name, unique in its dataset, and where its pixels are.

    Attributes:
        name: also names its record and its files.
        depth: measured depth, if there is any; `depth_unit` as in `depth.Measured`.
        start: a mask to start from, for protocols that do.
    """

    name: str
    image: Path
    truth: Truth
    depth: Path | None = None
    depth_unit: str = "mm"
    start: Path | None = None


@dataclass(frozen=True)
class Sample:
    """One object, in memory: truth and void exclude each other.

    Attributes:
        depth: normalised inverse depth, None if none was asked for.
        start: the mask to start from, None for the empty one.
    """

    name: str
    image: Image
    truth: Mask
    void: Mask
    depth: DepthMap | None
    start: Mask | None


def load(item: Item, *, depth: bool = False, start: bool = False) -> Sample:
    """Open and check one item.

    Args:
        depth: read the measured depth, too.
        start: read the mask to start from, too.

    Raises:
        ImageError: the photograph cannot be read.
        DepthError: the depth map cannot be read, or is not there.
        DatasetError: the mask cannot be read, has another size or values that its dataset does
            not have, or marks no pixel as object; or what was asked for is not there.
    """
    image = read_image(item.image)
    size = Size(*image.shape[:2])
    try:
        truth, void = item.truth.read()
        initial = read_mask(item.start).object if start and item.start else None
    except (MaskError, FormatError) as error:
        raise DatasetError(f"{item.name}: {error.what}", cure=error.cure) from error
    _same_size(item, "mask", truth, size)
    if not truth.any():
        raise DatasetError(f"{item.name} has no object pixel in its mask", cure="leave it out")
    measured = None
    if depth:
        if item.depth is None:
            raise DatasetError(
                f"{item.name} has no measured depth", cure="leave out --depth measured"
            )
        measured = Measured(item.depth, unit=item.depth_unit).estimate(image)
        _same_size(item, "depth map", measured, size)
    if start:
        if initial is None:
            raise DatasetError(f"{item.name} has no start mask", cure="start from the empty mask")
        _same_size(item, "start mask", initial, size)
    return Sample(item.name, image, truth, void, measured, initial)


def _same_size(item: Item, what: str, array: Mask | DepthMap, size: Size) -> None:
    if tuple(array.shape) != size.shape:
        raise DatasetError(
            f"the {what} of {item.name} is {array.shape[1]}x{array.shape[0]}, "
            f"its image {item.image} is {size}",
            cure="give both the same size",
        )
