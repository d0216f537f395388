"""A prepared image in a file: prepare here, click there, without the backbone.

A file is safetensors: arrays, and a header in JSON that says what they are of. The upsampling
operator is large and follows from the photograph, so the photograph at working size is kept in its
place, as a lossless PNG, and the operator is built again on opening.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float16, Float32, Shaped, UInt8
from PIL import Image as PILImage
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from m2n2v2.arrays import DepthMap, Image
from m2n2v2.attention.base import FLOOR
from m2n2v2.errors import DepthError, ImageError, M2N2Error, OutputError, StateError
from m2n2v2.files import whole_file
from m2n2v2.grid import Size, limited
from m2n2v2.method.settings import Settings
from m2n2v2.method.transition import Transition
from m2n2v2.method.values import ImageState, Provenance
from m2n2v2.method.walk import guided_upsampling
from m2n2v2.preparation import ready

FORMAT = 3
"""Of the file; a reader takes this one only."""

SUFFIX = ".safetensors"

DEPTH_STEPS = 65535
"""Depth is kept in so many steps between farthest and nearest."""

MAPPED = 1 << 25
"""Arrays of so many bytes stay in the file and are read when they are used."""

_HEADER, _CHECKSUM, _CODE = "m2n2v2", "sha256", "code"
_GUIDE, _DEPTH, _DEPTH_STEPS, _TRANSITION = "guide.png", "depth", "depth.png", "transition."
_DENSE = "dense.matrix"
_ROWS = 256
_AGAIN = "prepare the image again"


@dataclass(frozen=True)
class StateHeader:
    """What a state's file says about itself.

    Attributes:
        image_sha256: of the photograph's decoded pixels (`images.pixel_digest`).
        size: of the photograph.
        working_size: of the guide and the depth.
        provenance: the attention and the depth, each with its weights' revision, and the version
            of this library that prepared them.
        recipe: what was asked for (`preparing.Recipe`), so that a folder's preparation can go
            on; None where a state was written by itself.
        errors: how far the file's arrays are from those prepared, by name; 0 is exactly.
        chain_error: mean and 99 % of what the reduction before it costs (`ReducedAttention.error`);
            None where the chain was not reduced.
        code: digest of the code that prepared (`cache.preparing_code`); None where nobody noted it.
    """

    image_sha256: str
    size: Size
    working_size: Size
    settings: Settings
    provenance: Provenance
    recipe: str | None
    errors: dict[str, float]
    chain_error: tuple[float, float] | None = None
    code: str | None = None

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(
            values["image_sha256"],
            Size(**values["size"]),
            Size(**values["working_size"]),
            Settings.from_dict(values["settings"]),
            Provenance(**values["provenance"]),
            values["recipe"],
            values["errors"],
            values["chain_error"] and tuple(values["chain_error"]),
        )

    def to_json(self) -> str:
        values = {"format": FORMAT, **asdict(self)}
        del values["code"]  # beside it: a header is as format 3 has always had it
        return json.dumps(values, sort_keys=True)


def write_state(
    path: str | os.PathLike[str],
    state: ImageState,
    *,
    exact: bool = False,
    recipe: str | None = None,
    code: str | None = None,
) -> Path:
    """Write all that clicking on an image needs, whole or not at all.

    Args:
        path: ends in `.safetensors`.
        exact: keep every array as it is, whatever its size: reading gives the same state, bit for
            bit. Otherwise depth takes 16 bits, and so does the matrix of a dense attention; the
            header says what that costs.
        recipe: see `StateHeader`.
        code: see `StateHeader`.

    Raises:
        OutputError: the file cannot be written, or has another suffix.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise OutputError(f"cannot write a state as {path.name}", cure=f"end it in {SUFFIX}")
    arrays, errors = _packed(state, exact)
    header = StateHeader(
        state.image_sha256,
        state.size,
        state.working_size,
        state.settings,
        state.provenance,
        recipe,
        errors,
        getattr(state.transition.attention, "error", None),
        code,
    )
    return _written(path, header, arrays)


def set_clicking(path: str | os.PathLike[str], settings: Settings) -> None:
    """Let a state be clicked with other settings from here on; its arrays stay as they are.

    Args:
        settings: whose preparing half is that of the state.

    Raises:
        StateError: it is no state, damaged, or prepared with settings of another preparing half.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    with _opened(path) as (header, checksum, file):
        refuse(path, header, settings=settings)
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        if _checksum(header.to_json(), arrays) != checksum:
            raise StateError(f"{path} is damaged: its checksum is wrong", cure=_AGAIN)
    _written(path, replace(header, settings=settings), arrays)


def _written(path: Path, header: StateHeader, arrays: dict[str, Tensor]) -> Path:
    """The file, whole or not at all."""
    text = header.to_json()
    metadata = {_HEADER: text, _CHECKSUM: _checksum(text, arrays)}
    if header.code is not None:
        metadata[_CODE] = header.code
    with whole_file(path, lasting=True) as temporary:
        try:
            save_file(arrays, temporary, metadata)
        except SafetensorError as error:
            raise OutputError(
                f"cannot write {path} ({error})", cure="make room on the disk"
            ) from error
    return path


def read_header(path: str | os.PathLike[str]) -> StateHeader:
    """What a state is of, without reading its arrays.

    Raises:
        StateError: it is no state, cut off, or of another format.
    """
    with _opened(Path(path)) as (header, _, _):
        return header


def read_state(
    path: str | os.PathLike[str],
    *,
    image_sha256: str | None = None,
    settings: Settings | None = None,
    device: torch.device | str = "cpu",
) -> ImageState:
    """The state in a file, checked; its large arrays are mapped from there, not copied.

    Args:
        image_sha256: of the photograph it must be of (`images.pixel_digest`); None for any.
        settings: to click with; their preparing half must be what it was prepared with. None for
            those it was written with.
        device: where the chain runs.

    Raises:
        StateError: it is no state, damaged, of another format, image or settings.
    """
    path = Path(path)
    with _opened(path) as (header, checksum, file):
        refuse(path, header, image_sha256=image_sha256, settings=settings)
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        if _checksum(header.to_json(), arrays) != checksum:
            raise StateError(f"{path} is damaged: its checksum is wrong", cure=_AGAIN)
        header = replace(header, settings=settings or header.settings)
        return _unpacked(header, {n: _aligned(value) for n, value in arrays.items()}, device)


def refuse(
    path: Path,
    header: StateHeader,
    *,
    image_sha256: str | None = None,
    settings: Settings | None = None,
) -> None:
    """Raise the reason why a state does not fit; do nothing if it does.

    Raises:
        StateError: it is of another image, or was prepared with settings of another preparing half.
    """
    if image_sha256 is not None and image_sha256 != header.image_sha256:
        raise StateError(
            f"{path} is of another image ({header.size}, sha256 {header.image_sha256[:12]}, "
            f"and not {image_sha256[:12]})",
            cure="give the photograph that was prepared, or prepare this one",
        )
    if settings is not None and (different := settings.unlike(header.settings, "preparing")):
        raise StateError(f"{path} was prepared with {different}", cure=_AGAIN)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[StateHeader, str, Any]]:
    """A state's header, checksum and arrays; what is wrong with it as one kind of error."""
    if not path.is_file():
        raise StateError(f"there is no file {path}", cure="check the path")
    try:
        file: Any = safe_open(path, framework="pt")
        metadata = file.metadata() or {}
        header = replace(_header(path, metadata.get(_HEADER, "")), code=metadata.get(_CODE))
        yield header, metadata.get(_CHECKSUM, ""), file
    except (SafetensorError, OSError) as error:
        raise StateError(f"{path} is cut off or no state ({error})", cure=_AGAIN) from error
    except StateError:
        raise
    except M2N2Error as error:
        raise StateError(f"{path} holds no state: {error.what}", cure=_AGAIN) from error


def _header(path: Path, text: str) -> StateHeader:
    if not text:
        raise StateError(
            f"{path} is no state of m2n2v2", cure="write one with `m2n2v2 prepare` or write_state"
        )
    try:
        version = json.loads(text)["format"]
        if version != FORMAT:
            raise StateError(
                f"{path} has format {version}, and this version reads {FORMAT}",
                cure="prepare the image again with this version, or use the one that wrote it",
            )
        return StateHeader.from_json(text)
    except StateError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateError(f"{path} has a header without sense ({error!r})", cure=_AGAIN) from error


def _packed(state: ImageState, exact: bool) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The arrays of the file, and how far they are from the state's own."""
    matrices, errors = state.transition.arrays(), {"transition_row": 0.0, "depth": 0.0}
    if not exact and _DENSE in matrices:
        matrices, errors["transition_row"] = _halved(matrices)
    arrays = {_TRANSITION + name: value for name, value in matrices.items()}
    arrays[_GUIDE] = _png(state.guide)
    if state.depth is not None and exact:
        arrays[_DEPTH] = state.depth
    elif state.depth is not None:
        depth = state.depth.cpu().to(torch.float64)
        steps = (depth * DEPTH_STEPS).round()
        arrays[_DEPTH_STEPS] = _png(steps.numpy().astype(np.uint16))
        errors["depth"] = float((steps / DEPTH_STEPS - depth).abs().max())
    return {name: value.cpu().contiguous() for name, value in arrays.items()}, errors


def _unpacked(
    header: StateHeader, arrays: Mapping[str, Tensor], device: torch.device | str
) -> ImageState:
    """The state again: the operator is built, everything else is in the arrays."""
    if _GUIDE not in arrays:
        raise ImageError("the photograph is missing", cure=_AGAIN)
    settings, size = header.settings, header.working_size
    if limited(header.size, settings.max_short_side) != size:
        raise ImageError(f"{size} is no working size of {header.size}", cure=_AGAIN)
    guide: Image = _pixels(arrays[_GUIDE], size, "RGB")
    depth: DepthMap | None = None
    if _DEPTH_STEPS in arrays:
        steps = _pixels(arrays[_DEPTH_STEPS], size, "I;16").astype(np.float64)
        depth = torch.from_numpy((steps / DEPTH_STEPS).astype(np.float32))
    elif _DEPTH in arrays:
        depth = arrays[_DEPTH]
        in_range = tuple(depth.shape) == size.shape and bool(((depth >= 0) & (depth <= 1)).all())
        if not in_range:  # NaN is not
            raise DepthError(f"the depth is no map of {size} in [0, 1]", cure=_AGAIN)
    transition = Transition.from_arrays(
        {
            name.removeprefix(_TRANSITION): _as_computed_with(name, value).to(device)
            for name, value in arrays.items()
            if name.startswith(_TRANSITION)
        }
    )
    upsampling = guided_upsampling(guide, transition.cells, depth, settings).to(device)
    state = ImageState(
        header.size,
        size,
        transition,
        depth,
        upsampling,
        settings,
        header.provenance,
        guide,
        header.image_sha256,
    )
    return ready(state)


def _aligned(value: Tensor) -> Tensor:
    """A copy of a small array, in memory as it was computed: a file keeps no alignment, and sums
    are rounded according to it. Large ones stay where they are."""
    return value.clone() if value.numel() * value.element_size() < MAPPED else value


def _halved(arrays: dict[str, Tensor]) -> tuple[dict[str, Tensor], float]:
    """A dense transition in 16 bits, its rows summing to 1 again.

    Returns also the largest total variation between a row and what it was: the share of
    probability that one step from one cell moves elsewhere.
    """
    matrix, rows, columns = (arrays[name] for name in (_DENSE, "rows", "columns"))
    half = torch.empty(matrix.shape, dtype=torch.float16, device=matrix.device)
    scaled, sums = torch.empty_like(rows), torch.zeros_like(columns)
    worst = 0.0
    for first in range(0, len(rows), _ROWS):
        some = slice(first, first + _ROWS)
        half[some] = matrix[some].to(torch.float16)
        step = _widened(half[some]).to(matrix.dtype) * columns
        scaled[some] = 1 / step.sum(1)
        step *= scaled[some, None]
        sums += step.sum(0)
        step -= rows[some, None] * matrix[some] * columns
        worst = max(worst, float(step.abs_().sum(1).max()) / 2)
    residual = (sums - 1).abs().max().to(torch.float64)
    return arrays | {_DENSE: half, "rows": scaled, "residual": residual}, worst


def _widened(half: Float16[Tensor, "..."]) -> Float32[Tensor, "..."]:
    """As it is computed with: what 16 bits cannot hold is the floor that every attention has."""
    return half.to(torch.float32).clamp_min_(FLOOR)


def _as_computed_with(name: str, value: Tensor) -> Tensor:
    return (
        _widened(value) if name == _TRANSITION + _DENSE and value.dtype == torch.float16 else value
    )


def _png(pixels: Shaped[np.ndarray, "H W *C"]) -> UInt8[Tensor, " b"]:
    """Pixels, compressed without loss."""
    stream = io.BytesIO()
    PILImage.fromarray(pixels).save(stream, format="PNG")
    return torch.frombuffer(bytearray(stream.getvalue()), dtype=torch.uint8)


def _pixels(png: UInt8[Tensor, " b"], size: Size, mode: str) -> Shaped[np.ndarray, "H W *C"]:
    """What `_png` was given; its size is looked at before anything is decoded."""
    try:
        with PILImage.open(io.BytesIO(png.numpy().tobytes()), formats=["PNG"]) as file:
            if file.size != (size.width, size.height) or file.mode != mode:
                raise ImageError(f"the header says {size}, and a picture is not", cure=_AGAIN)
            return np.array(file)
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"a picture in it cannot be decoded ({error})", cure=_AGAIN) from error


def _checksum(header: str, arrays: Mapping[str, Tensor]) -> str:
    """Over the header and every array's name, kind, shape and bytes."""
    digest = hashlib.sha256(header.encode())
    for name, value in sorted(arrays.items()):
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
