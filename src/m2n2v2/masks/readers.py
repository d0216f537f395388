"""True masks in the forms in which datasets publish them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image as PILImage

from m2n2v2.arrays import Mask
from m2n2v2.errors import BackendError, DatasetError

Labels = Integer[np.ndarray, "H W"]


@dataclass(frozen=True)
class MaskFile:
    """A grey mask: values of `object_from` and more are object, `void` is not scored.

    Attributes:
        allowed: the values that may occur; None for any.
    """

    path: Path
    object_from: int = 1
    void: int | None = None
    allowed: frozenset[int] | None = None

    def read(self) -> tuple[Mask, Mask]:
        values = grey_values(self.path)
        if self.allowed is not None:
            strange = sorted(set(np.unique(values).tolist()) - self.allowed)
            if strange:
                shown = ", ".join(map(str, strange[:5])) + (" ..." if len(strange) > 5 else "")
                raise DatasetError(
                    f"mask {self.path} has values {shown}",
                    cure=f"use {', '.join(map(str, sorted(self.allowed)))} (saved without loss, "
                    "as PNG); another void value is an option (--void)",
                )
        void = np.zeros_like(values > 0) if self.void is None else values == self.void
        return (values >= self.object_from) & ~void, void


@dataclass(frozen=True)
class LabelFile:
    """One label of a map of labels; `label` None takes every label but 0 together."""

    path: Path
    label: int | None
    void: int | None = None

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

    def read(self) -> tuple[Mask, Mask]:
        labels = mat_labels(self.path, self.field)
        return labels == self.label, np.zeros_like(labels > 0)


@dataclass(frozen=True)
class CocoMask:
    """One COCO annotation: polygons, or run lengths, compressed or not (needs pycocotools)."""

    segmentation: Any
    height: int
    width: int

    def read(self) -> tuple[Mask, Mask]:
        try:
            from pycocotools import mask as coco
        except ImportError as error:
            raise BackendError(
                "COCO json needs pycocotools", cure="pip install 'm2n2v2[evaluation]'"
            ) from error
        runs = self.segmentation
        try:
            if isinstance(runs, list):
                runs = coco.merge(coco.frPyObjects(runs, self.height, self.width))
            elif isinstance(runs["counts"], list):
                runs = coco.frPyObjects(runs, self.height, self.width)
            with warnings.catch_warnings():  # its arrays do not know numpy 2's copy keyword
                warnings.simplefilter("ignore", DeprecationWarning)
                truth = coco.decode(runs).astype(bool)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DatasetError(
                f"a COCO annotation holds no segmentation ({error})",
                cure="give polygons or run lengths",
            ) from error
        return truth, np.zeros_like(truth)


def grey_values(path: Path) -> Labels:
    """A mask file as numbers.

    One channel is taken as it is, and so is grey in several. Of colours the brightest channel
    counts. A palette's index counts, if what it calls background is what its colours show as
    black. Of a cut-out, one colour throughout, the transparency counts.

    Raises:
        DatasetError: it cannot be read, or could be read in two ways that differ.
    """
    with _opened(path) as file:
        if file.mode == "P" and "transparency" not in file.info:
            return _of_palette(file, path)
        if file.mode in ("1", "L", "I", "I;16"):
            return np.asarray(file.convert("L") if file.mode == "1" else file).astype(np.int32)
        if not file.has_transparency_data:
            return np.asarray(file.convert("RGB")).max(axis=2).astype(np.int32)
        colours = np.asarray(file.convert("RGBA")).astype(np.int32)
    grey, alpha = colours[:, :, :3].max(axis=2), colours[:, :, 3]
    if (alpha == 255).all():
        return grey
    shown = colours[alpha > 0]
    if len(shown) and (shown[:, :3] == shown[0, :3]).all() and shown[0, :3].any():
        return alpha
    if ((grey > 0) == (alpha > 0)).all():
        return np.where(alpha > 0, grey, 0)
    raise DatasetError(
        f"mask {path} has both colours and transparency, which mark different pixels",
        cure="save it with one channel: 0 background, 255 object",
    )


def _of_palette(file: PILImage.Image, path: Path) -> Labels:
    index = np.asarray(file).astype(np.int32)
    colours = np.asarray(file.convert("RGB")).astype(np.int32)
    brightest = colours.max(axis=2)
    if ((index > 0) != (brightest > 0)).any():
        raise DatasetError(
            f"mask {path} has a palette in which index 0 is not black, or another index is",
            cure="save it with one channel: 0 background, 255 object",
        )
    grey = (colours == colours[:, :, :1]).all()
    return brightest if grey else index


def label_values(path: Path) -> Labels:
    """A map of labels as numbers; a palette's index is the label."""
    with _opened(path) as file:
        if file.mode not in ("1", "L", "P", "I", "I;16"):
            raise DatasetError(
                f"{path} is a map of colours ({file.mode}), not of labels",
                cure="give one channel, or a palette",
            )
        return np.asarray(file).astype(np.int32)


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


@contextmanager
def _opened(path: Path) -> Iterator[PILImage.Image]:
    try:
        with PILImage.open(path) as file:
            file.load()
            yield file
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"mask {path} does not exist", cure="check the folder") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(
            f"mask {path} cannot be read ({error})",
            cure="get the file again, or leave it out with --skip-broken",
        ) from error
