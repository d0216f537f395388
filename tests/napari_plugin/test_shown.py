"""Layers as they are shown: contrast limits, channels, colours as they are, and what is refused."""

from typing import Any

import numpy as np
import pytest

from m2n2v2.errors import FrameError, ImageError
from m2n2v2.napari_plugin.shown import Channel, current, shown
from tests.napari_plugin.pictures import picture

SIDE = np.linspace(0, 1, 40)
RAMP = np.add.outer(SIDE, SIDE) / 2


@pytest.fixture(autouse=True)
def _napari() -> None:
    pytest.importorskip("napari", reason="napari is not installed (docs/napari.md)")


def layer(data: Any, **options: Any) -> Any:
    from napari.layers import Image

    return Image(data, name="photo", **options)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(np.round(255 * values.clip(0, 1)).astype(np.uint8)[:, :, None], 3, axis=2)


def test_sixteen_bits_by_the_contrast_limits_and_without_gamma() -> None:
    data = (1000 + 1000 * RAMP).astype(np.uint16)
    data[0, 0] = 65535  # a hot pixel, by which nothing is stretched
    made = shown(layer(data, contrast_limits=(1200, 1800), gamma=3.0)).read(0)
    assert np.array_equal(made, grey((data - 1200.0) / 600))
    assert len(np.unique(made)) > 40


def test_floats_by_the_contrast_limits_and_holes_are_black() -> None:
    data = RAMP * 2e-4 - 1e-4
    data[3, 4], data[5, 6] = np.nan, np.inf
    made = shown(layer(data, contrast_limits=(-1e-4, 1e-4))).read(0)
    assert made[3, 4].tolist() == [0, 0, 0]
    assert made[5, 6].tolist() == [255, 255, 255]
    data[3, 4], data[5, 6] = -1, 1
    assert np.array_equal(made, grey((data + 1e-4) / 2e-4))


def test_truth_values_are_black_and_white() -> None:
    made = shown(layer(RAMP > 0.5)).read(0)
    assert np.array_equal(made, grey((RAMP > 0.5).astype(float)))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_rgb_is_as_it_is(kind: Any) -> None:
    data = picture() if kind == np.uint8 else picture().astype(kind) / 255
    assert np.array_equal(shown(layer(data, rgb=True, gamma=2.0)).read(0), picture())
    stack = np.stack([picture(), picture()[::-1]])
    made = shown(layer(stack, rgb=True))
    assert (made.count, made.shape) == (2, (2, 60, 90))
    assert np.array_equal(made.read(1), picture()[::-1])


def test_channels_in_one_place_are_one_picture() -> None:
    red = layer(RAMP, colormap="red", blending="additive", contrast_limits=(0, 1))
    green = layer(RAMP.T[::-1], colormap="green", blending="additive", contrast_limits=(0, 2))
    hidden = layer(RAMP, colormap="blue", blending="additive", visible=False)
    elsewhere = layer(RAMP, colormap="blue", blending="additive", translate=(0, 5))
    plain = layer(RAMP, colormap="blue")
    made = shown(red, [red, green, hidden, elsewhere, plain])
    pixels = made.read(0)
    assert len(made.channels) == 2
    assert np.array_equal(pixels[..., 0], grey(RAMP)[..., 0])
    assert np.array_equal(pixels[..., 1], grey(RAMP.T[::-1] / 2)[..., 0])
    assert not pixels[..., 2].any()
    assert np.array_equal(shown(plain, [red, green]).read(0), grey(RAMP))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((2, 3, 20, 20)), {}, r"photo has 4 axes \(2x3x20x20\); .*add_image\(data\[0\]\)"),
        (np.zeros((2, 3, 20, 20, 3)), {"rgb": True}, "photo has 4 axes"),
        (
            [np.zeros((40, 40)), np.zeros((20, 20))],
            {"multiscale": True},
            "photo is multiscale; add",
        ),
    ],
)
def test_what_is_refused(data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        shown(layer(data, **options))


def turn(first: int, second: int) -> np.ndarray:
    """A third of a right angle, in the plane of two axes."""
    out = np.eye(3)
    out[[first, second], [first, second]] = np.sqrt(0.75)
    out[first, second], out[second, first] = -0.5, 0.5
    return out


def test_slices_turned_in_their_own_plane_are_taken_and_oblique_ones_refused() -> None:
    stack = np.zeros((3, 20, 20))
    assert shown(layer(stack, rotate=turn(1, 2), scale=(4, 1, 1))).count == 3
    with pytest.warns(UserWarning, match="Non-orthogonal"):
        oblique = layer(stack, rotate=turn(0, 1))
    with pytest.raises(ImageError, match="photo is turned or sheared across its slices; resample"):
        shown(oblique)


def test_values_that_are_no_numbers_and_files_that_cannot_be_read() -> None:
    channel = Channel(RAMP, (0.0, 1.0))
    with pytest.raises(ImageError, match="the layer has values of complex64; convert them"):
        channel.read(RAMP.astype(np.complex64))

    class Lost:
        def __getitem__(self, at: Any) -> Any:
            if at == 1:
                raise OSError("the share is gone")
            return np.zeros((20, 20), np.uint8)

    lost = shown(layer(np.zeros((3, 20, 20), np.uint8)))
    object.__setattr__(lost.channels[0], "data", Lost())
    assert not lost.read(0).any()
    with pytest.raises(FrameError, match=r"slice 1 cannot be read \(the share is gone\)"):
        lost.read(1)


def test_only_slices_of_the_last_two_axes_are_clicked() -> None:
    from napari.components import ViewerModel

    viewer = ViewerModel()
    stack = viewer.add_image(np.zeros((4, 20, 20)), scale=(2.0, 1, 1), name="photo")
    viewer.dims.set_point(0, 5.2)
    assert current(stack, viewer) == 3
    viewer.dims.ndisplay = 3
    with pytest.raises(ImageError, match="the viewer shows a volume; switch it to 2-D"):
        current(stack, viewer)
    viewer.dims.ndisplay = 2
    viewer.dims.order = (1, 0, 2)
    with pytest.raises(ImageError, match="the viewer shows axes 0, 2; roll its axes back"):
        current(stack, viewer)
    viewer.dims.order = (0, 2, 1)
    viewer.add_image(np.zeros((9, 20, 20)), scale=(2.0, 1, 1))
    viewer.dims.set_point(0, 14)
    with pytest.raises(ImageError, match="the viewer is at slice 7, and photo has 4; go to"):
        current(stack, viewer)
