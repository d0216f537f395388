"""An image layer as it is segmented: its slices in the greys or colours in which napari shows it.

Layers are napari's, and are read in the viewer's own thread; what is made of them here may be read
in any other.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from m2n2v2.arrays import Image
from m2n2v2.errors import FrameError, ImageError
from m2n2v2.grid import Size
from m2n2v2.images import read_image

SHEARED = 1e-6
"""By how much, relative to its length, the axis of a stack may lean into its slices."""


@dataclass(frozen=True, eq=False)
class Channel:
    """One layer's values and how they are shown.

    Attributes:
        data: the layer's array, whole; lazy ones are read slice by slice.
        limits: the contrast limits: values that are black and full; None for colours as they are.
        colours: of 256 steps between them, RGB; None for grey.
    """

    data: Any
    limits: tuple[float, float] | None
    colours: UInt8[np.ndarray, "256 3"] | None = None

    def read(self, plane: Shaped[np.ndarray, "..."]) -> Image:
        """The pixels of one slice of `data`.

        Raises:
            ImageError: its values are no numbers that can be shown.
        """
        if self.limits is None:
            return read_image(plane)
        if plane.dtype.kind not in "biuf":
            raise ImageError(
                f"the layer has values of {plane.dtype}", cure="convert them to real numbers"
            )
        low, high = self.limits
        with np.errstate(invalid="ignore"):
            steps = (plane.astype(np.float64) - low) * (255 / ((high - low) or 1.0))
        steps = np.nan_to_num(steps, nan=0.0, posinf=255.0, neginf=0.0)
        grey = np.round(steps.clip(0, 255)).astype(np.uint8)
        return (
            np.repeat(grey[:, :, None], 3, axis=2) if self.colours is None else self.colours[grey]
        )


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture or a stack of slices, as `tracking.frames.Frames` are.

    Attributes:
        name: of the layer.
        size: of every slice.
        stacked: has the layer an axis of slices?
        count: of slices; 1 for a picture.
        channels: layers shown together; their colours add up.
    """

    name: str
    size: Size
    stacked: bool
    count: int
    channels: tuple[Channel, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of labels for it."""
        return (self.count, *self.size.shape) if self.stacked else self.size.shape

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(index) for index in range(self.count))

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def identity(self) -> str:
        return hashlib.sha256(f"{self.name} {self.shape}".encode()).hexdigest()

    def seconds(self, index: int) -> float | None:
        return None

    def read(self, index: int) -> Image:
        """One slice as it is shown.

        Raises:
            FrameError: it cannot be read.
        """
        total = np.zeros((*self.size.shape, 3), np.uint16)
        for channel in self.channels:
            try:
                data = channel.data[index] if self.stacked else channel.data
                total += channel.read(np.asarray(data))
            except ImageError as error:
                raise FrameError(f"slice {index}: {error.what}", cure=error.cure) from error
            except Exception as error:  # a lazy array raises whatever its file's reader does
                raise FrameError(
                    f"slice {index} cannot be read ({error})", cure="look at the layer's file"
                ) from error
        return np.minimum(total, 255).astype(np.uint8)


def shown(layer: Any, others: Iterable[Any] = ()) -> Shown:
    """A layer as napari shows it now, by its contrast limits, and without its gamma.

    RGB is taken as it is. A layer that is blended additively is one channel of a picture: visible
    ones among `others`, of the same shape and place, are its other channels, each in the colours
    of its colormap.

    Raises:
        ImageError: it is multiscale, has more axes than a stack, or its slices are oblique.
    """
    _check(layer)
    together = [layer]
    if layer.blending == "additive" and not layer.rgb:
        together += [other for other in others if other != layer and _channel_of(other, layer)]
    coloured = len(together) > 1
    shape = layer.data.shape[: layer.ndim]
    return Shown(
        layer.name,
        Size(*shape[-2:]),
        layer.ndim == 3,
        shape[0] if layer.ndim == 3 else 1,
        tuple(_channel(channel, coloured) for channel in together),
    )


def current(layer: Any, viewer: Any) -> int:
    """Which slice of a layer a viewer shows; 0 of a picture.

    Raises:
        ImageError: it shows a volume, other axes, or lies outside the stack.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        raise ImageError("the viewer shows a volume", cure="switch it to 2-D, and click in slices")
    if set(dims.displayed) != {dims.ndim - 2, dims.ndim - 1}:
        raise ImageError(
            f"the viewer shows axes {', '.join(map(str, dims.displayed))}",
            cure="roll its axes back, so that it shows the last two",
        )
    if layer.ndim == 2:
        return 0
    index = nearest(layer.world_to_data(dims.point)[0])
    if not 0 <= index < layer.data.shape[0]:
        raise ImageError(
            f"the viewer is at slice {index}, and {layer.name} has {layer.data.shape[0]}",
            cure=f"go to slice 0 to {layer.data.shape[0] - 1}",
        )
    return index


def nearest(coordinate: float) -> int:
    """The pixel or slice in which a coordinate of napari's lies: pixel i reaches from i - 1/2."""
    return int(np.floor(coordinate + 0.5))


def _check(layer: Any) -> None:
    if layer.multiscale:
        raise ImageError(
            f"{layer.name} is multiscale",
            cure="add one of its levels as a layer, such as viewer.add_image(layer.data[1])",
        )
    if layer.ndim not in (2, 3):
        shape = "x".join(map(str, layer.data.shape))
        raise ImageError(
            f"{layer.name} has {layer.ndim} axes ({shape})",
            cure="add a picture or one stack of slices of it, such as viewer.add_image(data[0])",
        )
    if 0 in layer.data.shape:
        raise ImageError(f"{layer.name} has no pixels", cure="choose another layer")
    if layer.ndim == 3 and _oblique(layer):
        raise ImageError(
            f"{layer.name} is turned or sheared across its slices",
            cure="resample it along its axes, or leave that transform out",
        )


def _oblique(layer: Any) -> bool:
    """Does a slice of the viewer cut several slices of the layer?"""
    start = np.array(layer.data_to_world((0, 0, 0)))
    axes: Float[np.ndarray, "3 3"] = np.stack(
        [np.array(layer.data_to_world(row)) - start for row in np.eye(3)]
    )
    lean = max(np.abs(axes[0, 1:]).max(), np.abs(axes[1:, 0]).max())
    return bool(lean > SHEARED * np.abs(axes).max())


def _channel_of(other: Any, layer: Any) -> bool:
    """Is another image layer shown in the same place, and added to this one?"""
    return bool(
        other.visible
        and other.blending == "additive"
        and not (other.rgb or other.multiscale)
        and other.data.shape == layer.data.shape
        and all(
            np.allclose(other.data_to_world(row), layer.data_to_world(row))
            for row in np.vstack([np.zeros(layer.ndim), np.eye(layer.ndim)])
        )
    )


def _channel(layer: Any, coloured: bool) -> Channel:
    if layer.rgb:
        return Channel(layer.data, None)
    low, high = (float(limit) for limit in layer.contrast_limits)
    if not coloured:
        return Channel(layer.data, (low, high))
    steps = np.asarray(layer.colormap.map(np.linspace(0, 1, 256)))
    return Channel(layer.data, (low, high), np.round(steps[:, :3] * 255).astype(np.uint8))
