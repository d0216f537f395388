"""Which datasets there are, where each was published, and what is on this disk."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from m2n2v2.datasets import binary, coco, label_maps, sbd, trimaps
from m2n2v2.datasets.base import Convention, Item
from m2n2v2.datasets.folder import VOID, folder
from m2n2v2.datasets.pairs import companions, files
from m2n2v2.errors import DatasetError, FormatError, MaskError
from m2n2v2.masks.conventions import Convention as MaskValues
from m2n2v2.masks.readers import MaskFile
from m2n2v2.telling import Tell, silent

Reader = Callable[[Path, Convention, Tell], list[Item]]

_FBRS = "github.com/saic-vul/fbrs_interactive_segmentation/releases/download/v1.0/"


@dataclass(frozen=True)
class Published:
    """A dataset of the paper.

    Attributes:
        layout: of its folder, which has its name, under the data root.
        images: the published number of photographs, None where we have no source for it.
        objects: the published number of objects, likewise.
        source: where it was published.
    """

    name: str
    reader: Reader
    layout: str
    images: int | None
    objects: int | None
    source: str


PUBLISHED = {
    known.name: known
    for known in (
        Published(
            "GrabCut",
            trimaps.grabcut,
            "data_GT/ boundary_GT/",
            50,
            50,
            f"Rother et al. 2004; {_FBRS}GrabCut.zip",
        ),
        Published(
            "Berkeley",
            trimaps.berkeley,
            "images/ masks/",
            96,
            100,
            f"McGuinness and O'Connor 2010, on BSDS; {_FBRS}Berkeley.zip",
        ),
        Published(
            "DAVIS",
            binary.davis,
            "img/ gt/",
            345,
            345,
            f"Perazzi et al. 2016, the field's 345 frames; {_FBRS}DAVIS.zip",
        ),
        Published(
            "COCO_MVal",
            binary.davis,
            "img/ gt/",
            800,
            800,
            f"Lin et al. 2014, the field's selection; {_FBRS}COCO_MVal.zip",
        ),
        Published(
            "HQSeg44K",
            binary.hqseg44k,
            "; ".join(f"{f}/{{{i},{m}}}" for f, i, m in binary.HQSEG44K.values()),
            1537,
            1537,
            "Ke et al. 2023; huggingface.co/sam-hq-team/sam-hq-training",
        ),
        Published(
            "SBD",
            sbd.sbd,
            "img/ inst/*.mat val.txt (and cls/*.mat for the m2n2 protocol)",
            2857,
            6671,
            "Hariharan et al. 2011, validation",
        ),
        Published(
            "Plittersdorf",
            coco.coco_folder,
            "a COCO json, images beside it or in images/",
            None,
            None,
            "Haucke et al. 2022 (SOCRATES)",
        ),
        Published(
            "TrashCan",
            coco.coco_folder,
            "a COCO json, images beside it or in images/",
            None,
            None,
            "universe.roboflow.com/applied-machine-learning/trashcan-dataset",
        ),
        Published(
            "DRAM",
            label_maps.dram,
            "images/ labels/, with the same folders below",
            None,
            None,
            "Cohen et al. 2022, Semantic Segmentation in Art Paintings",
        ),
        Published(
            "OAIZIB",
            label_maps.oai_zib,
            "test/image/ test/annotations/",
            None,
            None,
            "Ambellan et al. 2018, as slices in SimpleClick's drive",
        ),
        Published(
            "BraTS",
            binary.brats,
            "image/ annotation/",
            None,
            None,
            "Baid et al. 2021, as slices in SimpleClick's drive",
        ),
    )
}
"""The paper's datasets, and COCO_MVal, which the field uses beside them."""


def find(
    name: str,
    data_root: Path,
    convention: Convention = "field",
    *,
    void: int | None = VOID,
    depth_unit: str = "mm",
    mask_values: MaskValues = "auto",
    tell: Tell = silent,
) -> list[Item]:
    """The objects of a dataset, in a fixed order; no pixel is kept.

    Args:
        name: a name of `PUBLISHED`, or a folder (`images/ masks/`) or COCO json under
            `data_root`.
        void: of a folder's masks, see `folder.folder`.
        depth_unit: of `depth/`, which any set may have beside its images, by stem.
        mask_values: what the values of mask files mean, in place of what the set declares.
        tell: called with a line about what was left out.

    Raises:
        DatasetError: it is not there, not whole, or has no object.
    """
    root = data_root / name
    if name in PUBLISHED:
        known = PUBLISHED[name]
        reader, layout = known.reader, f"{known.layout}; published: {known.source}"
    else:
        layout = f"images/ masks/, or a COCO json; or choose from {', '.join(PUBLISHED)}"
        own = partial(folder, void=void, depth_unit=depth_unit)
        reader = coco.coco_json if root.suffix == ".json" else own
    if not root.exists():
        raise DatasetError(f"{root} does not exist", cure=f"put it there ({layout})")
    try:
        items = reader(root, convention, tell)
    except (FormatError, MaskError) as error:
        raise DatasetError(f"{root}: {error.what}", cure=error.cure) from error
    if not items:
        raise DatasetError(f"{root} has 0 objects", cure=f"check that it is whole ({layout})")
    names = Counter(item.name for item in items)
    (twice, count), *_ = names.most_common(1)
    if count > 1:
        raise DatasetError(
            f"{root} has {count} objects of the name {twice!r}",
            cure="name each once, in pairs.tsv or by its mask's file",
        )
    if mask_values != "auto":
        items = [_declared(item, mask_values, root) for item in items]
    return _with_depth(items, root / "depth", depth_unit, tell)


def _declared(item: Item, values: MaskValues, root: Path) -> Item:
    if not isinstance(item.truth, MaskFile):
        raise DatasetError(
            f"mask values {values!r} came for {root}, which is {item.truth.rule}",
            cure="leave --mask-values out",
        )
    return replace(item, truth=replace(item.truth, convention=values))


@dataclass(frozen=True)
class Entry:
    """One line of an inventory.

    Attributes:
        objects: objects there, None if there are none or the set is broken.
        expected: objects published, None if unknown, or for a set of one's own.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    objects: int | None
    with_depth: int
    expected: int | None
    problem: str
    layout: str = ""
    source: str = ""

    @property
    def state(self) -> str:
        if self.objects is None:
            return self.problem
        counted = f"{self.objects} objects"
        if self.expected is not None:
            counted += f" of {self.expected}"
        return counted + (f", {self.with_depth} with depth" if self.with_depth else "")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def inventory(data_root: Path) -> list[Entry]:
    """The published datasets, there or not, and then every other folder that can be read.

    Raises:
        DatasetError: the data root does not exist.
    """
    if not data_root.is_dir():
        raise DatasetError(f"{data_root} is no folder", cure="give --data-root")
    entries = [
        _entry(known.name, data_root, known.objects, known.layout, known.source)
        for known in PUBLISHED.values()
    ]
    own = sorted(path.name for path in data_root.iterdir() if (path / "images").is_dir())
    return entries + [_entry(name, data_root, None) for name in own if name not in PUBLISHED]


def _entry(
    name: str, data_root: Path, expected: int | None, layout: str = "", source: str = ""
) -> Entry:
    if not (data_root / name).exists():
        return Entry(name, None, 0, expected, "missing", layout, source)
    try:
        items = find(name, data_root)
    except DatasetError as error:
        return Entry(name, None, 0, expected, f"broken: {error.what}", layout, source)
    depth = sum(item.depth is not None for item in items)
    return Entry(name, len(items), depth, expected, "", layout, source)


def _with_depth(items: list[Item], depth: Path, unit: str, tell: Tell) -> list[Item]:
    if not depth.is_dir():
        return items
    images = {item.image for item in items}
    folders = {image.parent for image in images}
    known: dict[Path, Path] = {}
    depths = files(depth, tell, masks=True)
    for folder_ in sorted(folders):
        inside = sorted(image for image in images if image.parent == folder_)
        known |= companions(inside, folder_, depths, depth)
    return [
        item
        if item.depth is not None or item.image not in known
        else replace(item, depth=known[item.image], depth_unit=unit)
        for item in items
    ]
