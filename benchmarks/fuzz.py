"""Hostile and odd files for every reader: `python -m benchmarks.fuzz --count 100000 --seed 1`.

Every input has a number of its own: target, seed and place. The property: the right pixels, or an
error of ours that says what came and what to do; never another exception, and nothing dropped in
silence. A violation prints the command that repeats it.
"""

import argparse
import base64
import copy
import csv
import io
import json
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from PIL import Image as PILImage

from m2n2v2.annotator import formats
from m2n2v2.annotator.formats.base import Reading
from m2n2v2.arrays import Image
from m2n2v2.datasets import find, load
from m2n2v2.errors import DatasetError, M2N2Error
from m2n2v2.files import walk_files
from m2n2v2.grid import Size
from m2n2v2.images import SUFFIXES, read_image
from m2n2v2.masks.coco import compressed
from m2n2v2.masks.conventions import Convention
from m2n2v2.masks.mask_files import read_mask
from m2n2v2.masks.runs import Runs
from m2n2v2.matching import Names
from m2n2v2.predictor import _as_mask

SLOW = 5.0
"""Seconds of one input, over which it counts as slow."""

LOSSLESS = (
    "PNG",
    "TIFF",
    "BMP",
    "PPM",
    "TGA",
    "SGI",
    "PCX",
    "IM",
    "WEBP",
    "JPEG2000",
    "QOI",
    "GIF",
)
LOSSY = ("JPEG", "WEBP", "AVIF", "JPEG2000")
MODES = (
    *("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"),
    *("LA", "PA", "RGBX", "La", "RGBa", "I;16", "I;16L", "I;16B"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, -0.0, 0.5, 1e308, float("nan")),
    *(float("inf"), "", " ", "a", "\ud800", "\x00", "é" * 300, "../../etc/passwd", "1", "-1"),
    *([], [[]], [None], [[0, 0]], ["a"], {}, {"a": 1}, [[[]]], "NaN", 3, 8, 6),
)
"""What a field may hold instead of what belongs there."""


class ViolationError(Exception):
    """The property does not hold."""


def hold(condition: object, what: str) -> None:
    if not condition:
        raise ViolationError(what)


class Draw(random.Random):
    """The random choices of one input."""

    def array(self, shape: tuple[int, ...], high: int, dtype: str) -> Shaped[np.ndarray, "..."]:
        numbers = np.random.default_rng(self.getrandbits(32))
        return numbers.integers(0, high, shape, endpoint=True).astype(dtype)

    def name(self, longest: int = 8) -> str:
        """A file name from the whole of Unicode, but what no file system takes."""
        ranges = ((32, 126), (0xA0, 0x2FF), (0x300, 0x36F), (0x600, 0x6FF), (0x2000, 0x206F),
                  (0x3000, 0x30FF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0xFF00, 0xFFEF),
                  (0x1F300, 0x1FAFF), (1, 31), (0xDC80, 0xDCFF))  # fmt: skip
        weights = (30, 6, 4, 4, 4, 4, 3, 1, 3, 3, 1, 1)
        made = "".join(
            chr(self.randint(*self.choices(ranges, weights)[0]))
            for _ in range(self.randint(1, longest))
        )
        made = made.replace("/", "_").strip() or "x"
        with suppress(UnicodeError):
            while len(made.encode("utf-8", "surrogateescape")) > 200:
                made = made[:-1]
        return "x" if made in (".", "..") else made

    def odd(self) -> Any:
        return copy.deepcopy(self.choice(VALUES))

    def damaged(self, data: bytes) -> bytes:
        """A file with some bytes changed, dropped, repeated or cut off."""
        made = bytearray(data)
        for _ in range(self.randint(1, 6)):
            at = self.randrange(len(made)) if made else 0
            kind = self.randrange(5)
            if kind == 0:
                del made[at:]
            elif kind == 1 and made:
                made[at] = self.randrange(256)
            elif kind == 2:
                del made[at : at + self.randint(1, 9)]
            elif kind == 3:
                made[at:at] = made[: self.randint(1, 30)]
            elif made:
                made[at] ^= 1 << self.randrange(8)
        return bytes(made)

    def changed(self, document: Any) -> Any:
        """A JSON document with some values dropped or replaced."""
        made = copy.deepcopy(document)
        for _ in range(self.choice((0, 1, 1, 1, 2, 3))):
            places = list(_places(made))
            holder, key = self.choice(places)
            if self.random() < (0.4 if isinstance(holder, dict) else 0.2):
                del holder[key]
            else:
                holder[key] = self.odd()
            if not made:
                break
        return made if self.random() < 0.98 else self.odd()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    entries = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in list(entries):
        yield document, key
        yield from _places(value)


# Photographs


def _encoded(image: PILImage.Image, kind: str, **options: Any) -> bytes | None:
    """The bytes of a file; None where the format cannot hold it."""
    out = io.BytesIO()
    try:
        image.save(out, kind, **options)
    except (OSError, ValueError, KeyError, AttributeError, SystemError, TypeError):
        return None
    return out.getvalue()


def _picture(draw: Draw, mode: str) -> PILImage.Image:
    size = (draw.randint(1, 9), draw.randint(1, 7))
    shape = size[::-1]
    if mode == "F":
        scale = draw.choice((1.0, 1.0, 4095.0, 1e-3, 1e30))
        return PILImage.fromarray((draw.array(shape, 1000, "float32") / 1000 * scale).astype("f4"))
    if mode == "I":
        return PILImage.fromarray(draw.array(shape, draw.choice((1, 255, 4095, 2**30)), "int32"))
    if mode.startswith("I;16"):
        values = draw.array(shape, draw.choice((1, 255, 4095, 65535)), "uint16")
        image = PILImage.fromarray(values)
        return (
            image
            if mode == "I;16"
            else PILImage.frombytes(
                mode, size, values.astype("<u2" if mode.endswith("L") else ">u2").tobytes()
            )
        )
    rgba = PILImage.fromarray(draw.array((*shape, 4), 255, "uint8"))
    if mode == "1":
        return PILImage.fromarray(draw.array(shape, 1, "uint8") * np.uint8(255)).convert("1")
    if mode in ("La", "RGBa"):
        return rgba.convert("LA" if mode == "La" else "RGBA").convert(mode)
    if mode == "PA":
        return rgba.convert("RGB").convert("P").convert("PA")
    if mode in ("LAB", "HSV", "YCbCr", "CMYK"):
        bands = len(PILImage.new(mode, (1, 1)).getbands())
        raw = draw.array((*shape, bands), 255, "uint8").tobytes()
        return PILImage.frombytes(mode, size, raw)
    return rgba.convert("RGB").convert(mode) if mode == "P" else rgba.convert(mode)


def _expected(image: PILImage.Image) -> Image | None:
    """What a picture shows, by the documented rule; None where Pillow converts it."""
    values = np.asarray(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        low, high = float(values.min()), float(values.max())
        if image.mode == "F" and low >= 0 and high <= 1:
            grey = np.round(values * 255)
        elif image.mode != "F" and low >= 0 and high <= 255:
            grey = values
        else:
            grey = np.round((values.astype(np.float64) - low) * (255 / ((high - low) or 1)))
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, 2)
    if image.mode in ("1", "L"):
        grey = values.astype(np.uint8) * np.uint8(255 if image.mode == "1" else 1)
        return np.repeat(grey[:, :, None], 3, 2)
    if image.mode == "RGB":
        return values
    if image.mode in ("RGBA", "LA"):
        colours = values[:, :, :-1].astype(np.float32)
        share = values[:, :, -1:].astype(np.float32) / 255
        white = np.round(colours * share + 255 * (1 - share)).astype(np.uint8)
        return np.repeat(white, 3, 2) if white.shape[2] == 1 else white
    return None


def photographs(draw: Draw, folder: Path) -> None:
    """A picture of every mode in every format: the same as the picture in memory."""
    image = _picture(draw, draw.choice(MODES))
    expected = _expected(image)
    held = read_image(image)
    if expected is not None:
        hold(np.array_equal(held, expected), f"a {image.mode} picture in memory is another")
    kind = draw.choice(LOSSLESS)
    options = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
    data = _encoded(image, kind, **options)
    if data is None:
        return
    try:
        with PILImage.open(io.BytesIO(data)) as again:
            again.load()
            kept = again.mode == image.mode and np.array_equal(np.asarray(again), np.asarray(image))
    except OSError:  # older Pillow writes some files that it cannot read
        return
    path = folder / f"photo.{draw.choice(('png', 'jpg', 'bin', 'TIFF'))}"
    path.write_bytes(data)
    source = draw.choice((data, path, str(path), bytearray(data)))
    result = read_image(source)
    hold(result.dtype == np.uint8 and result.shape == (image.height, image.width, 3), "its shape")
    if kept:
        hold(np.array_equal(result, held), f"a {image.mode} {kind} file is another picture")


def damaged_photographs(draw: Draw, folder: Path) -> None:
    """A damaged file of every format: some picture of its size, or a refusal."""
    image = _picture(draw, draw.choice(("L", "RGB", "RGBA", "P", "I;16", "1", "F")))
    data = _encoded(image, draw.choice((*LOSSLESS, *LOSSY, "ICO", "DDS", "MSP", "XBM", "EPS")))
    if data is None:
        return
    path = folder / "photo.png"
    path.write_bytes(draw.damaged(data))
    with named(path):
        result = read_image(path)
        hold(result.dtype == np.uint8 and result.ndim == 3 and result.shape[2] == 3, "its shape")


def arrays(draw: Draw, folder: Path) -> None:
    """An array or tensor of every type and shape, as a photograph."""
    given: object = _array(draw, ((3, 4), (3, 4, 1), (3, 4, 3), (3, 4, 4), (3, 3, 4), (4,), (0, 3)))
    if draw.random() < 0.4:
        kinds = (
            *(torch.bfloat16, torch.float16, torch.float32, torch.bool, torch.uint8, torch.int8),
            *(torch.complex64, torch.float8_e4m3fn, torch.int64),
        )
        with suppress(TypeError, RuntimeError):
            given = torch.as_tensor(given).to(draw.choice(kinds))
    with allowed():
        result = read_image(given)
        hold(result.dtype == np.uint8 and result.shape[2] == 3, "its shape")


def mask_inputs(draw: Draw, folder: Path) -> None:
    """An array of every type and shape as the mask to start from: an object, or a refusal."""
    array = _array(draw, ((3, 4), (3, 4), (1, 3, 4), (3, 4, 3), (4,), (0, 3), (2, 2, 2)))
    with allowed():
        mask = _as_mask(array, Size(3, 4))
        hold(mask.dtype == np.bool_ and mask.shape == (3, 4), "its shape")
        values = np.unique(array)
        hold(len(values) < 3 or values[0] < 0, f"values {values[:4]} are read as two")
        hold(np.array_equal(mask, array.reshape(3, 4) > 0), "another mask")


def _array(draw: Draw, shapes: tuple[tuple[int, ...], ...]) -> Shaped[np.ndarray, "..."]:
    dtype = draw.choice("bBBBhHiIlLqQefdg?????DSUOM")
    values = draw.array(draw.choice(shapes), draw.choice((0, 1, 1, 255, 70000)), "int64")
    values *= draw.choice((1, 1, 255))
    array = values.astype("M8[s]" if dtype == "M" else dtype)
    if array.dtype.kind == "f" and array.size and draw.random() < 0.3:
        array.reshape(-1)[0] = draw.choice((np.nan, np.inf, -5, 0.5))
    return array


# Masks


def _stored_mask(
    draw: Draw, size: Size | None = None
) -> tuple[bytes, Convention, Shaped[np.ndarray, "H W"] | None]:
    """A mask file, how it is declared, and its object (None where the file does not say)."""
    height, width = size.shape if size else (draw.randint(2, 7), draw.randint(2, 9))
    mask = draw.array((height, width), 1, "uint8").astype(bool)
    peak = draw.choice((1, 255, 255, 7, 200))
    grey = mask.astype(np.uint8) * np.uint8(peak)
    form = draw.choice(("grey", "rgb", "rgba", "la", "cut", "palette", "one", "16", "soft", "photo",
                        "trimap", "voc", "32", "float"))  # fmt: skip
    convention: Convention = "auto"
    truth: Any = mask
    if form == "grey":
        image = PILImage.fromarray(grey)
    elif form in ("rgb", "rgba", "la"):
        image = PILImage.fromarray(grey).convert(form.upper())
    elif form == "cut":
        colour = draw.array((1, 1, 3), 255, "uint8") | np.uint8(1)
        opaque = mask.astype(np.uint8) * np.uint8(255)
        image = PILImage.fromarray(
            np.dstack([np.broadcast_to(colour, (*mask.shape, 3)), opaque]).astype(np.uint8)
        )
    elif form == "photo":
        opaque = mask.astype(np.uint8) * np.uint8(255)
        image = PILImage.fromarray(np.dstack([draw.array((*mask.shape, 3), 255, "uint8"), opaque]))
        convention = draw.choice(("alpha", "auto"))
    elif form == "palette":
        image = PILImage.fromarray(grey).convert("P")
        colours = draw.array((256, 3), 255, "uint8")
        colours[0] = 0
        if draw.random() < 0.7:
            colours[1:] |= 1
        image.putpalette(colours.tobytes())
    elif form == "one":
        image = PILImage.fromarray(mask)
    elif form in ("16", "32"):
        high = draw.choice((1, 255, 4095, 65535))
        image = PILImage.fromarray(mask.astype("uint16" if form == "16" else "int32") * high)
    elif form == "float":
        image = PILImage.fromarray(mask.astype(np.float32) * np.float32(draw.choice((1, 255))))
    elif form == "soft":
        soft = draw.array(mask.shape, 255, "uint8")
        image = PILImage.fromarray(soft)
        convention = draw.choice(("half", "auto"))
        truth = soft >= 128 if convention == "half" else None
    elif form == "trimap":
        values = np.where(mask, 255, 128 * draw.array(mask.shape, 1, "uint8")).astype(np.uint8)
        image = PILImage.fromarray(values)
        convention = draw.choice(("trimap", "auto"))
    else:
        values = np.where(mask, 3, 255 * draw.array(mask.shape, 1, "uint8")).astype(np.uint8)
        image = PILImage.fromarray(values)
        convention = "voc"
    kind = draw.choice(LOSSLESS)
    options = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
    if kind == "IM":
        kind = "PNG"
    data = _encoded(image, kind, **options) or _encoded(image, "TIFF")
    assert data is not None
    with PILImage.open(io.BytesIO(data)) as again:
        same = again.mode == image.mode or (again.convert("RGBA") == image.convert("RGBA"))
    return data, convention, truth if same else None


def masks(draw: Draw, folder: Path) -> None:
    """A mask of every convention in every format: its object, or a refusal."""
    data, convention, truth = _stored_mask(draw)
    path = folder / "mask.png"
    path.write_bytes(data)
    with named(path):
        read = read_mask(path, convention)
        hold(not (read.object & read.void).any(), "a pixel is object and void")
        if truth is not None:
            hold(
                np.array_equal(read.object, truth), f"another object than the file's ({convention})"
            )


def damaged_masks(draw: Draw, folder: Path) -> None:
    """A damaged mask file: numbers, or a refusal."""
    data, convention, _ = _stored_mask(draw)
    path = folder / "mask.png"
    path.write_bytes(draw.damaged(data))
    with named(path):
        read = read_mask(path, convention)
        hold(read.numbers.shape == read.void.shape, "its shape")


# Labels

SIZE = Size(6, 8)
SIZES = {"a.jpg": SIZE, "deep/b c.png": SIZE, "caf\u00e9.tif": SIZE}
TRUE = np.zeros(SIZE.shape, bool)
TRUE[1:4, 2:6] = True


def _coco(draw: Draw) -> dict[str, Any]:
    size = list(SIZE.shape)
    masks_: list[Any] = [
        {"size": size, "counts": compressed(Runs.of(TRUE))},
        {"size": size, "counts": np.diff([0, *np.flatnonzero(np.diff(TRUE.T.reshape(-1))) + 1,
                                          SIZE.area]).tolist()},
        [[2, 1, 6, 1, 6, 4, 2, 4]],
    ]  # fmt: skip
    return {
        "images": [
            {"id": n, "file_name": name, "height": SIZE.height, "width": SIZE.width}
            for n, name in enumerate(SIZES, 1)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": draw.randint(1, len(SIZES)),
                "category_id": 1,
                "segmentation": draw.choice(masks_),
                "iscrowd": draw.choice((0, 0, 0, 1)),
                "bbox": [2, 1, 4, 3],
            }
            for n in range(draw.randint(1, 4))
        ],
        "categories": [{"id": 1, "name": "cup", "supercategory": ""}],
    }


def _written(draw: Draw, path: Path, document: Any) -> bool:
    """Write a document, now and then damaged; is it whole?"""
    data = json.dumps(document).encode(draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    whole = draw.random() > 0.1
    path.write_bytes(data if whole else draw.damaged(data))
    return whole


def _same(made: Any, document: Any) -> bool:
    """Is nothing changed? Python takes `True` for 1."""
    return json.dumps(made) == json.dumps(document)


def _nothing_lost(result: Reading, count: int) -> None:
    hold(
        result.labels.objects >= count or result.skipped,
        f"{result.labels.objects} of {count} objects, and not a word",
    )


def coco(draw: Draw, folder: Path) -> None:
    """COCO json with every field missing or of another type, as an import."""
    document = _coco(draw)
    made = draw.changed(document)
    whole = _written(draw, folder / "labels.json", made)
    with allowed():
        result = formats.read("coco", folder / "labels.json", SIZES, skip=draw.random() < 0.5)
        if whole and isinstance(made, dict) and isinstance(made.get("annotations"), list):
            _nothing_lost(result, len(made["annotations"]))
        if whole and _same(made, document):
            objects = [o for image in result.labels.images for o in image.objects]
            hold(len(objects) == len(made["annotations"]), "an annotation is missing")
            hold(all(np.array_equal(o.mask.mask, TRUE) for o in objects), "another mask")


def coco_sets(draw: Draw, folder: Path) -> None:
    """The same, as a dataset."""
    document = _coco(draw)
    made = draw.changed(document)
    for name in SIZES:
        (folder / name).parent.mkdir(exist_ok=True)
        PILImage.new("RGB", (SIZE.width, SIZE.height)).save(folder / name)
    whole = _written(draw, folder / "labels.json", made)
    told: list[str] = []
    with allowed(DatasetError):
        items = find("labels.json", folder, tell=told.append)
        if whole and isinstance(made, dict) and isinstance(made.get("annotations"), list):
            hold(len(items) >= len(made["annotations"]) or told, "objects vanish, not a word")
        for item in items:
            sample = load(item)
            if whole and _same(made, document):
                hold(np.array_equal(sample.truth, TRUE), "another mask")


def labelme(draw: Draw, folder: Path) -> None:
    """LabelMe json, likewise."""
    out = io.BytesIO()
    PILImage.fromarray(TRUE[1:4, 2:6]).save(out, "PNG")
    shapes = [
        {"shape_type": "rectangle", "points": [[2, 1], [5, 3]]},
        {"shape_type": "polygon", "points": [[2, 1], [5, 1], [5, 3], [2, 3]]},
        {"shape_type": "rectangle", "points": [[2, 1], [5, 1], [5, 3], [2, 3]]},
        {
            "shape_type": "mask",
            "points": [[2, 1], [5, 3]],
            "mask": base64.b64encode(out.getvalue()).decode(),
        },
    ]
    document: dict[str, Any] = {
        "version": "5.5.0",
        "flags": {},
        "imagePath": draw.choice(list(SIZES)),
        "imageData": None,
        "imageHeight": SIZE.height,
        "imageWidth": SIZE.width,
        "shapes": [
            {
                "label": "cup",
                "group_id": None,
                "flags": {},
                "description": "",
                **draw.choice(shapes),
            }
            for _ in range(draw.randint(1, 4))
        ],
    }
    made = draw.changed(document)
    whole = _written(draw, folder / "labels.json", made)
    grouped = isinstance(made, dict) and any(
        isinstance(shape, dict) and shape.get("group_id") is not None
        for shape in (made["shapes"] if isinstance(made.get("shapes"), list) else ())
    )
    with allowed():
        result = formats.read("labelme", folder, SIZES, skip=draw.random() < 0.5)
        if (
            whole
            and isinstance(made, dict)
            and isinstance(made.get("shapes"), list)
            and not grouped
        ):
            _nothing_lost(result, len(made["shapes"]))
        if whole and _same(made, document):
            objects = result.labels.images[0].objects
            hold(all(np.array_equal(o.mask.mask, TRUE) for o in objects), "another mask")


def mask_folders(draw: Draw, folder: Path) -> None:
    """Folders of masks, manifests and VOC's folders, with odd files beside them."""
    files: dict[str, bytes] = {}
    for name in draw.sample(
        ["a.png", "a_2.PNG", "deep/b c.bmp", "caf\u00e9.tif", "x.png", "a.jpg"], 3
    ):
        files[name] = _stored_mask(draw, SIZE if draw.random() < 0.9 else None)[0]
    kind = draw.randrange(3)
    if kind == 1:
        manifest = {
            "format": "m2n2v2 masks",
            "version": 1,
            "classes": [{"name": "cup", "color": "#ff0000"}],
            "images": [
                {
                    "name": "a.jpg",
                    "width": 8,
                    "height": 6,
                    "objects": [{"mask": "a.png", "class": "cup"}],
                }
            ],
        }
        files["manifest.json"] = json.dumps(draw.changed(manifest)).encode()
    elif kind == 2:
        files = {f"SegmentationObject/{name}": data for name, data in files.items()}
        files["labelmap.txt"] = draw.choice(
            (b"", b"bg:0,0,0::\ncup:1,1,1::\n", b"\xff\xfe\xff", b":::\n")
        )
        files["names.tsv"] = draw.choice((b"", b"here\tthere\na\ta.jpg\n", b"\xff", b"a\tb\tc\n\n"))
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    values: Convention = draw.choice(
        ("auto", "auto", "any", "half", "voc", "index", "trimap", "alpha")
    )
    with allowed():
        formats.read("png", folder, SIZES, skip=draw.random() < 0.7, mask_values=values)


# Names, tables and folders


def folders(draw: Draw, folder: Path) -> None:
    """Photographs and masks of names from the whole of Unicode: each with its own, or refused."""
    for part in ("images", "masks"):
        (folder / "set" / part).mkdir(parents=True)
    count = draw.randint(1, 4)
    for number in range(count):
        stem = draw.name() + (f".{draw.name(3)}" if draw.random() < 0.3 else "")
        if (folder / "set/images" / f"{stem}.png").exists():
            continue
        mask = np.zeros((2, 6), np.uint8)
        mask[0, number] = 255
        pixels = np.full((2, 6, 3), 40 * number, np.uint8)
        with suppress(OSError, ValueError):
            PILImage.fromarray(pixels).save(folder / "set/images" / f"{stem}.png", "PNG")
            PILImage.fromarray(mask).save(
                folder / "set/masks" / f"{stem}{draw.choice(('', '', '_m'))}.png", "PNG"
            )
    if draw.random() < 0.3:
        _table(draw, folder / "set")
    listing = walk_files(folder / "set/images", SUFFIXES)
    there = sum(1 for _ in (folder / "set/images").iterdir())
    left_out = sum(len(names) for _, names in listing.left_out)
    hold(len(listing.names) + left_out == there, f"{there} files, and not all are told")
    listing.said.encode()
    table = (folder / "set/pairs.tsv").exists()
    with allowed(DatasetError):
        items = find("set", folder)
        hold(len({item.name for item in items}) == len(items), "two items of one name")
        for item in items:
            sample = load(item)
            number = int(sample.image[0, 0, 0]) // 40
            hold(table or sample.truth[0, number], f"{item.name!r} has the mask of another")


def _table(draw: Draw, root: Path) -> None:
    names = [path.name for path in sorted((root / "images").iterdir())]
    out = io.StringIO()
    rows = csv.writer(
        out, delimiter=draw.choice("\t\t\t,;"), lineterminator=draw.choice(("\n", "\r\n"))
    )
    rows.writerow(draw.choice((["image", "mask"], ["image", "mask", "depth"], ["a"], [])))
    for name in names:
        rows.writerow([name, name] if draw.random() < 0.9 else [draw.odd()])
    text = out.getvalue().encode(draw.choice(("utf-8", "utf-8-sig", "utf-16")), "replace")
    (root / "pairs.tsv").write_bytes(draw.damaged(text) if draw.random() < 0.2 else text)


def names(draw: Draw, folder: Path) -> None:
    """Which photograph a name means: itself where it is there, else one that is, or a refusal."""
    there = {
        draw.name() + draw.choice((".jpg", ".PNG", "")): SIZE for _ in range(draw.randint(1, 5))
    }
    known = Names(there)
    for name in there:
        hold(known.find(name, SIZE) == name, "a name does not mean itself")
    with allowed():
        called = draw.choice(
            (draw.name(), draw.choice(list(there)).upper(), f"x/{next(iter(there))}")
        )
        hold(known.find(called, SIZE) in there, "a name that is not there")


# The run

TARGETS: dict[str, Callable[[Draw, Path], None]] = {
    target.__name__: target
    for target in (
        *(photographs, damaged_photographs, arrays, masks, damaged_masks, mask_inputs),
        *(coco, coco_sets, labelme, mask_folders, folders, names),
    )
}


class Refused(Exception):  # noqa: N818 - an outcome, no error
    """The reader refused, as it may."""


@contextmanager
def allowed(kind: type[M2N2Error] = M2N2Error) -> Iterator[None]:
    """Errors of ours, with a cure, in words that can be printed."""
    try:
        yield
    except M2N2Error as error:
        hold(error.what and error.cure, "an error without a cure")
        hold(str(error).isascii() or str(error).encode(), "an error that cannot be printed")
        raise Refused from error


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors of ours that name the file, too."""
    with allowed():
        try:
            yield
        except M2N2Error as error:
            hold(path.name in str(error), f"an error that does not name its file: {error}")
            raise


def one(target: str, seed: int, place: int, folder: Path) -> str:
    """Run one input in an empty folder: `read` or `refused`.

    Raises:
        Exception: the property does not hold.
    """
    draw = Draw(f"{target} {seed} {place}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            TARGETS[target](draw, folder)
        except Refused:
            return "refused"
    return "read"


def run(target: str, seed: int, places: range) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Many inputs: what became of them, and the places and traces of violations."""
    outcomes: Counter[str] = Counter()
    broken: list[tuple[int, str]] = []
    for place in places:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        began = time.perf_counter()
        try:
            outcomes[one(target, seed, place, folder)] += 1
        except Exception:
            outcomes["broken"] += 1
            broken.append((place, traceback.format_exc()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        outcomes["slow"] += time.perf_counter() - began > SLOW
    return outcomes, broken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="inputs, over all targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--first", type=int, default=0, help="the first place of every target")
    chosen = parser.parse_args()
    share = max(1, chosen.count // len(chosen.only))
    failed = 0
    for target in chosen.only:
        places = range(chosen.first, chosen.first + share)
        outcomes, broken = run(target, chosen.seed, places)
        failed += len(broken)
        print(
            f"{target}: {share} inputs, seed {chosen.seed}, from {chosen.first}: "
            + ", ".join(
                f"{outcomes[kind]} {kind}" for kind in ("read", "refused", "broken", "slow")
            ),
            flush=True,
        )
        kinds: set[str] = set()
        for place, trace in broken:
            last = trace.strip().splitlines()[-1][:160]
            if last not in kinds and len(kinds) < 12:
                kinds.add(last)
                again = f"--only {target} --seed {chosen.seed} --first {place} --count 1"
                told = trace.encode("ascii", "backslashreplace").decode("ascii")
                print(f"python -m benchmarks.fuzz {again}\n{told}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
