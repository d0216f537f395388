"""Joint bilateral upsampling against the written sum, by hand, and its laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2n2v2.grid import Size
from m2n2v2.method.upsampling import JointBilateralUpsampling, joint_bilateral_upsampling

BLACK, WHITE = 0, 255


def bilinear(cells: np.ndarray, size: Size) -> np.ndarray:
    out = np.empty(size.shape)
    for y in range(size.height):
        for x in range(size.width):
            row = np.clip((y + 0.5) * cells.shape[0] / size.height - 0.5, 0, cells.shape[0] - 1)
            column = np.clip((x + 0.5) * cells.shape[1] / size.width - 0.5, 0, cells.shape[1] - 1)
            top, left = int(row), int(column)
            down, right = min(top + 1, cells.shape[0] - 1), min(left + 1, cells.shape[1] - 1)
            a, b = row - top, column - left
            out[y, x] = (
                (1 - a) * (1 - b) * cells[top, left]
                + (1 - a) * b * cells[top, right]
                + a * (1 - b) * cells[down, left]
                + a * b * cells[down, right]
            )
    return out


def written_sum(
    cells: np.ndarray,
    image: np.ndarray,
    depth: np.ndarray | None,
    spatial_sigma: float,
    range_sigma: float,
) -> np.ndarray:
    """Every pixel the weighted mean of those within three sigmas, pixel by pixel."""
    height, width = image.shape[:2]
    guide = image / 255
    if depth is not None:
        guide = np.dstack([guide, depth])
    down = spatial_sigma * height / cells.shape[0]
    across = spatial_sigma * width / cells.shape[1]
    smooth = bilinear(cells, Size(height, width))
    rows, columns = np.mgrid[:height, :width]
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            distance = ((rows - y) / down) ** 2 + ((columns - x) / across) ** 2
            near = distance <= 9 + 1e-7
            apart = ((guide - guide[y, x]) ** 2).sum(2) / range_sigma**2
            weight = np.exp(-0.5 * (distance + apart)) * near
            out[y, x] = (weight * smooth).sum() / weight.sum()
    return out


def random_case(seed: int, height: int, width: int, cells: Size, kind: str):
    rng = np.random.default_rng(seed)
    if kind == "noise":
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
    else:
        image = np.full((height, width, 3), 90, np.uint8) + rng.integers(
            0, 30, (height, width, 1), np.uint8
        )
        image[:, width // 2 :] += 60
    depth = rng.random((height, width), np.float32)
    return image, depth, rng.random(cells.shape, np.float32)


@given(
    st.integers(0, 1000),
    st.integers(1, 18),
    st.integers(1, 18),
    st.builds(Size, st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(["noise", "two halves"]),
    st.booleans(),
    st.sampled_from([0.3, 1.0, 1.7]),
    st.sampled_from([0.05, 0.1, 1.0]),
)
def test_agrees_with_the_written_sum(seed, height, width, cells, kind, rgbd, spatial, spread):
    image, depth, values = random_case(seed, height, width, cells, kind)
    operator = joint_bilateral_upsampling(
        image,
        cells,
        depth=torch.from_numpy(depth) if rgbd else None,
        spatial_sigma=spatial,
        range_sigma=spread,
    )
    (found,) = operator(torch.from_numpy(values)[None])
    expected = written_sum(values, image, depth if rgbd else None, spatial, spread)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.usefixtures("three_threads")
def test_threads_make_no_difference():
    """Enough rows for several bands, against the written sum at a few of them."""
    cells = Size(8, 6)
    image, _, values = random_case(0, 48, 40, cells, "noise")
    (found,) = joint_bilateral_upsampling(image, cells)(torch.from_numpy(values)[None])
    np.testing.assert_allclose(found, written_sum(values, image, None, 1.0, 0.1), rtol=2e-5)


def test_by_hand():
    """A flat image of two cells and two pixels: both pixels are one sigma apart, and weigh
    exp(-1/2) in each other's mean."""
    image = np.zeros((1, 2, 3), np.uint8)
    (found,) = joint_bilateral_upsampling(image, Size(1, 2))(torch.tensor([[[0.0, 1.0]]]))
    other = np.exp(-0.5) / (1 + np.exp(-0.5))
    np.testing.assert_allclose(found, [[other, 1 - other]], rtol=1e-5)


def test_an_edge_in_the_image_keeps_its_sides_apart():
    image = np.full((8, 8, 3), BLACK, np.uint8)
    image[:, 4:] = WHITE
    cells = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    sharp = joint_bilateral_upsampling(image, Size(2, 2))(cells)[0]
    smooth = joint_bilateral_upsampling(np.zeros_like(image), Size(2, 2))(cells)[0]
    assert float(sharp[0, 4] - sharp[0, 3]) > 4 * float(smooth[0, 4] - smooth[0, 3])


def test_an_edge_in_depth_keeps_its_sides_apart():
    grey = np.full((8, 8, 3), 128, np.uint8)
    depth = torch.zeros(8, 8)
    depth[:, 4:] = 1
    cells = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    guided = joint_bilateral_upsampling(grey, Size(2, 2), depth=depth)(cells)[0]
    plain = joint_bilateral_upsampling(grey, Size(2, 2))(cells)[0]
    assert float(guided[0, 4] - guided[0, 3]) > 4 * float(plain[0, 4] - plain[0, 3])


def operator(seed: int, size: tuple[int, int] = (13, 17), cells: Size | None = None):
    cells = cells or Size(4, 5)
    image, depth, _ = random_case(seed, *size, cells, "noise")
    return joint_bilateral_upsampling(image, cells, depth=torch.from_numpy(depth))


@given(st.integers(0, 1000))
def test_weights_are_a_mean(seed):
    weights = operator(seed).weights
    assert float(weights.min()) >= 0
    np.testing.assert_allclose(weights.sum((2, 3)), 1, rtol=1e-5)


@given(st.integers(0, 1000))
def test_it_is_linear_and_batches(seed):
    upsample = operator(seed)
    a, b = torch.rand(2, 4, 5)
    together = upsample(torch.stack([a, b, 2 * a - b]))
    torch.testing.assert_close(together[2], 2 * together[0] - together[1], rtol=1e-4, atol=1e-5)
    assert torch.equal(upsample(b[None])[0], together[1])


@given(st.integers(0, 1000), st.booleans())
def test_mirroring_commutes(seed, rgbd):
    cells = Size(4, 5)
    image, depth, values = random_case(seed, 13, 17, cells, "noise")
    guide = torch.from_numpy(depth) if rgbd else None
    mirrored_guide = guide.flip(0, 1) if guide is not None else None
    maps = torch.from_numpy(values)[None]
    found = joint_bilateral_upsampling(image, cells, depth=guide)(maps)
    mirrored = joint_bilateral_upsampling(
        np.ascontiguousarray(image[::-1, ::-1]), cells, depth=mirrored_guide
    )(maps.flip(1, 2))
    torch.testing.assert_close(mirrored.flip(1, 2), found, rtol=1e-4, atol=1e-5)


@given(
    st.integers(0, 1000),
    st.tuples(st.integers(1, 40), st.integers(1, 20)),
    st.builds(Size, st.integers(1, 9), st.integers(1, 9)),
)
def test_the_path_for_accelerators_agrees(seed, size, cells):
    upsample = operator(seed, size, cells)
    maps = torch.rand(3, *cells.shape)
    torch.testing.assert_close(upsample._gathered(maps), upsample._compiled(maps))


def test_the_device_decides_the_path(monkeypatch):
    calls = []
    for name in ("_compiled", "_gathered"):
        monkeypatch.setattr(
            JointBilateralUpsampling, name, lambda self, maps, name=name: calls.append(name) or maps
        )
    upsample = operator(0)
    for chosen in (upsample, upsample.to("meta")):
        chosen(torch.rand(1, 4, 5))
    assert calls == ["_compiled", "_gathered"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_maps_of_another_precision_are_taken(dtype):
    upsample, maps = operator(0), torch.rand(2, 4, 5).to(dtype)
    assert torch.equal(upsample(maps), upsample(maps.float()))


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (2, 3), (2, 140)])
def test_images_smaller_than_the_grid_and_rows_of_several_blocks(size):
    cells = Size(8, 8)
    image, _, values = random_case(0, *size, cells, "noise")
    (found,) = joint_bilateral_upsampling(image, cells)(torch.from_numpy(values)[None])
    np.testing.assert_allclose(found, written_sum(values, image, None, 1.0, 0.1), rtol=2e-5)
