"""True masks in the forms in which datasets publish them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from m2n2v2.arrays import Mask
from m2n2v2.errors import DatasetError, MaskError
from m2n2v2.grid import Size
from m2n2v2.masks.coco_files import CocoAnnotation
from m2n2v2.masks.conventions import RULES, Convention
from m2n2v2.masks.mask_files import read_mask

Labels = Integer[np.ndarray, "H W"]


@dataclass(frozen=True)
class MaskFile:
    """A mask file of one object.

    Attributes:
        convention: what its values mean.
        void: a value of its own meaning, whatever the convention; None for none.
        void_is_object: it is object; else it is not scored.
    """

    path: Path
    convention: Convention = "any"
    void: int | None = None
    void_is_object: bool = False

    @property
    def rule(self) -> str:
        """How its values are read."""
        rule = RULES[self.convention]
        what = "object, too" if self.void_is_object else "not scored"
        return rule if self.void is None else f"{rule}; {self.void} is {what}"

    def read(self) -> tuple[Mask, Mask]:
        mask = read_mask(self.path, self.convention, void=self.void)
        if len(mask.present) > 1:
            shown = ", ".join(map(str, mask.present[:5]))
            raise MaskError(
                f"mask {self.path} has values {shown}, the numbers of {len(mask.present)} objects",
                cure="save one mask for each object, or take all as one (--mask-values any)",
            )
        if self.void_is_object:
            return mask.object | mask.void, np.zeros_like(mask.void)
        return mask.object, mask.void


@dataclass(frozen=True)
class LabelFile:
    """One label of a map of labels; `label` None takes every label but 0 together."""

    path: Path
    label: int | None
    void: int | None = None

    @property
    def rule(self) -> str:
        """How its values are read."""
        what = "every value is an object" if self.label is not None else "all over 0 is one object"
        return what if self.void is None else f"{what}; {self.void} is not scored"

    def read(self) -> tuple[Mask, Mask]:
        labels = label_values(self.path)
        void = np.zeros_like(labels > 0) if self.void is None else labels == self.void
        truth = (labels > 0) & ~void if self.label is None else labels == self.label
        return truth, void


@dataclass(frozen=True)
class MatInstance:
    """One label of a segmentation in SBD's `.mat` files: `field` is `GTinst` or `GTcls`."""

    path: Path
    field: str
    label: int

    @property
    def rule(self) -> str:
        """How the file is read."""
        return "every value is an object"

    def read(self) -> tuple[Mask, Mask]:
        labels = mat_labels(self.path, self.field)
        return labels == self.label, np.zeros_like(labels > 0)


@dataclass(frozen=True)
class CocoMask:
    """One COCO annotation: polygons, or run lengths, compressed or not."""

    annotation: CocoAnnotation
    size: Size

    @property
    def rule(self) -> str:
        """How the annotation is read."""
        return "COCO polygons and run lengths"

    def read(self) -> tuple[Mask, Mask]:
        truth = self.annotation.runs(self.size).mask
        return truth, np.zeros_like(truth)


def label_values(path: Path) -> Labels:
    """A map of labels as numbers; a palette's index is the label.

    Raises:
        DatasetError: it cannot be read, or is in colours.
    """
    try:
        return read_mask(path, "index").numbers
    except MaskError as error:
        raise DatasetError(error.what, cure=error.cure) from error


def mat_labels(path: Path, field: str) -> Labels:
    """The segmentation in one of SBD's `.mat` files."""
    from scipy import io

    try:
        labels: Labels = io.loadmat(path)[field]["Segmentation"][0, 0].astype(np.int32)
        return labels
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DatasetError(
            f"{path} holds no {field} ({error})", cure="get the file again from its publisher"
        ) from error
