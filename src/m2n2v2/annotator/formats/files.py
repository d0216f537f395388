"""Files in and out: written whole or not at all, read with a message where they cannot be."""

import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.errors import FormatError, ImageError, OutputError
from m2n2v2.files import whole_file
from m2n2v2.grid import Size
from m2n2v2.images import ORIENTATION, read_image

LOSSES = "losses.txt"
"""Beside every export: what it does not hold. Its first line marks a folder as ours."""
MARK = "exported by m2n2v2"
COMMON = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP"}
"""Suffixes that every training reads; other photographs are copied as PNG."""
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Photos:
    """The photographs of a folder, by name; none outside it is ever read."""

    folder: Path

    def path(self, name: str) -> Path:
        root = self.folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise FormatError(f"image {name!r} lies outside the folder", cure="remove the link")
        return path

    def pixels(self, name: str, size: Size) -> Image:
        """The photograph, upright.

        Raises:
            ImageError: it is no longer there, or no longer the one that was labelled.
        """
        image = read_image(self.path(name))
        if image.shape[:2] != size.shape:
            raise ImageError(
                f"{name} is now {image.shape[1]}x{image.shape[0]}, and was labelled at {size}",
                cure="put the photograph back, or remove its objects",
            )
        return image

    def copy(self, name: str, size: Size, stem: Path, *, jpeg: bool = False) -> tuple[Path, bool]:
        """Copy a photograph to `stem` with a suffix; returns the path, and if it was rewritten.

        Files in a common format that are stored upright are copied byte by byte.

        Args:
            jpeg: write anything but JPEG anew as JPEG (quality 95).
        """
        source = self.path(name)
        suffix = source.suffix.lower()
        form = COMMON.get(suffix)
        stem.parent.mkdir(parents=True, exist_ok=True)
        if form and (form == "JPEG" or not jpeg) and _stored_as(source) == (form, size):
            target = stem.with_name(stem.name + (".jpg" if form == "JPEG" else suffix))
            shutil.copyfile(source, target)
            return target, False
        target = stem.with_name(stem.name + (".jpg" if jpeg else ".png"))
        image = PILImage.fromarray(self.pixels(name, size))
        if jpeg:
            image.save(target, quality=JPEG_QUALITY, subsampling=0)
        else:
            image.save(target)
        return target, True


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """A new folder that takes the place of `target` when the block ends well, and vanishes else.

    Raises:
        OutputError: there is something at `target` that is no export of ours, or no place for it.
    """
    target = Path(os.path.abspath(target))
    check_free(target)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        made = temporary / "new"
        made.mkdir()
        yield made
        _swap(made, target, aside=temporary / "old")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _unwritable(target, error) from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _swap(made: Path, target: Path, *, aside: Path) -> None:
    if target.exists():
        os.replace(target, aside)
    try:
        os.replace(made, target)
    except OSError:
        if aside.exists():
            os.replace(aside, target)
        raise


def check_free(target: Path) -> None:
    """A place that an export may take: nothing, an empty folder, or an earlier export."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file", cure="name a folder")
    if not any(target.iterdir()):
        return
    try:
        with (target / LOSSES).open(encoding="utf-8") as file:
            ours = file.readline().startswith(MARK)
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise OutputError(
            f"{target} holds other files", cure="name a new folder, or one with an export in it"
        )


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises:
        OutputError: it cannot be written; what was there stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    with whole_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, document: Any) -> None:
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def save_png(path: Path, pixels: Shaped[np.ndarray, "..."], palette: bytes | None = None) -> None:
    """A PNG inside a fresh folder; with a palette, `pixels` are indices into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PILImage.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette)
    image.save(path, format="PNG")


@contextmanager
def opened(file: Path | io.BytesIO, *forms: str) -> Iterator[PILImage.Image]:
    """An image file of these formats (any, if none is named), its pixels not yet read.

    Raises:
        OSError, SyntaxError, ValueError: it is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PILImage.DecompressionBombWarning)
        try:
            with PILImage.open(file, formats=forms or None) as image:
                yield image
        except PILImage.DecompressionBombError as error:
            raise ValueError("it has too many pixels") from error


def _stored_as(path: Path) -> tuple[str | None, Size | None]:
    """The format of an image file and its size; none if it is stored turned or animated."""
    try:
        with opened(path) as file:
            if file.getexif().get(ORIENTATION, 1) != 1 or getattr(file, "n_frames", 1) != 1:
                return None, None
            return file.format, Size(file.height, file.width)
    except (OSError, SyntaxError, ValueError):
        return None, None


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {path} ({error.strerror or error})",
        cure="choose a place that you may write to, with room on the disk",
    )
