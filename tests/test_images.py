"""The border for photographs: every kind that is taken, every kind that is refused; masks out."""

import base64
import io
import os
import stat
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image as PILImage

from m2n2v2.errors import ImageError, OutputError
from m2n2v2.grid import Size
from m2n2v2.images import (
    photographs,
    read_image,
    resized,
    resized_map,
    size_of,
    write_png,
)
from tests.areas import area_mean

ROW = np.array([[[0, 10, 20], [100, 110, 120], [255, 250, 245]]], np.uint8)  # 1 x 3


def grey(*values: int) -> list:
    return [[[v, v, v] for v in values]]


def test_rgb_bytes_are_taken_as_they_are():
    found = read_image(ROW)
    assert np.array_equal(found, ROW)
    assert found.dtype == np.uint8


def test_tensors_are_taken():
    assert np.array_equal(read_image(torch.from_numpy(ROW)), ROW)
    floats = (torch.from_numpy(ROW).float() / 255).requires_grad_()
    assert np.array_equal(read_image(floats), ROW)


def test_views_become_contiguous():
    found = read_image(ROW[:, ::-1, ::-1])
    assert found.flags.c_contiguous
    assert np.array_equal(found, ROW[:, ::-1, ::-1])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 7, 255]], np.uint8), grey(0, 7, 255)),
        (np.array([[[0], [7], [255]]], np.uint8), grey(0, 7, 255)),
        (np.array([[0, 7, 255]], np.int64), grey(0, 7, 255)),
        (np.array([[0, 7, 255]], np.uint16), grey(0, 7, 255)),
        (np.array([[1000, 2000, 3000]], np.uint16), grey(0, 128, 255)),
        (np.array([[0, 65535]], np.uint16), grey(0, 255)),
        (np.array([[1000, 1000]], np.uint16), grey(0, 0)),
        (np.array([[0, 0.5, 1]], np.float32), grey(0, 128, 255)),
        (np.array([[0, 0.5, 1]], np.float64), grey(0, 128, 255)),
        (np.array([[0, 0.5, 1]], np.float16), grey(0, 128, 255)),
        (np.array([[[0, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 51]]], np.uint8), grey(0, 255, 204)),
        (np.array([[[1, 0, 0, 1], [1, 0, 0, 0.2]]]), [[[255, 0, 0], [255, 204, 204]]]),
    ],
    ids=[
        "grey",
        "grey H W 1",
        "int64",
        "uint16 of bytes",
        "uint16 stretched",
        "uint16 full range",
        "uint16 constant",
        "float32",
        "float64",
        "float16",
        "RGBA over white",
        "float RGBA",
    ],
)
def test_arrays_by_hand(array, expected):
    found = read_image(array)
    assert found.tolist() == expected
    assert found.dtype == np.uint8


def test_a_float_image_in_0_1_is_not_divided_by_255_again():
    """Known defect of the official code."""
    assert read_image(np.full((2, 2, 3), 0.8)).tolist() == [[[204] * 3] * 2] * 2


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), "0x5x3 has no pixels"),
        (np.zeros((5, 0), np.uint8), "has no pixels"),
        (np.zeros((0,), np.uint8), "has no pixels"),
        (np.zeros((3, 20, 30), np.uint8), r"shape 3x20x30; move the channels last"),
        (torch.zeros(1, 20, 30), r"shape 1x20x30; move the channels last"),
        (np.zeros((20, 30, 2), np.uint8), "shape 20x30x2"),
        (np.zeros((20, 30, 7), np.uint8), "shape 20x30x7"),
        (np.zeros((1, 3, 20, 30), np.uint8), "shape 1x3x20x30"),
        (np.zeros((9,), np.uint8), "shape 9"),
        (np.uint8(3), "numpy.uint8|uint8"),
        (np.array(3, np.uint8), "shape scalar"),
        (np.array([[0.5, np.nan]]), "nan"),
        (np.array([[0.5, np.inf]]), "inf"),
        (np.array([[1j, 0]]), "complex"),
        (np.array([["a", "b"]]), "dtype"),
        (np.array([[object(), None]]), "object"),
        (None, "NoneType"),
        ([[1, 2], [3, 4]], "list"),
        (b"bytes", "not an image that Pillow can read"),
    ],
)
def test_what_is_no_image_is_refused(array, message):
    with pytest.raises(ImageError, match=message):
        read_image(array)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[-1000, 0, 3000]], np.int16),  # a CT slice
        np.array([[-1000, 0, 3000]], np.float32),
        np.array([[-0.1, 0.0, 0.3]]),
        np.array([[0, 250_000, 1_000_000]], np.uint32),
    ],
)
def test_numbers_of_other_ranges_are_stretched_from_their_own(array):
    assert read_image(array)[0, :, 0].tolist() == [0, 64, 255]


def test_premultiplied_grey_is_grey_with_transparency():
    values = np.array([[[200, 255], [90, 128], [7, 0]]], np.uint8)
    image = PILImage.fromarray(values)
    assert image.mode == "LA"
    held = read_image(image.convert("La"))
    assert np.abs(held.astype(int) - read_image(image)).max() <= 1


def test_truth_values_are_black_and_white():
    assert read_image(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_floating_tensors_of_every_width(kind):
    assert read_image(torch.tensor([[0.0, 1.0]], dtype=kind))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("kind", [torch.complex64, torch.complex128])
def test_complex_tensors_are_refused(kind):
    with pytest.raises(ImageError, match="complex"):
        read_image(torch.zeros(2, 2, dtype=kind))


def png16(array: np.ndarray) -> bytes:
    """A PNG of 16 bits, which Pillow does not write in several channels."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    kind = {2: 4, 3: 2, 4: 6}[array.shape[2]]
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def tiff16(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric="rgb", **options)
    return file.getvalue()


@pytest.mark.parametrize("write", [png16, tiff16, partial(tiff16, byteorder=">")])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("most", [255, 4095, 65535])
def test_16_bits_in_several_channels_are_read_as_their_array_is(write, channels, most):
    array = np.random.default_rng(0).integers(0, most, (7, 5, channels)).astype(np.uint16)
    array[0, 0], array[0, 1] = 0, most
    assert (read_image(write(array)) == read_image(array)).all()


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bits_that_are_to_be_turned_are(compression):
    array = np.random.default_rng(0).integers(0, 4095, (7, 5, 3)).astype(np.uint16)
    turned = tiff16(array, compression=compression, extratags=[(0x0112, "H", 1, 6, True)])
    expected = read_image(np.ascontiguousarray(np.rot90(array, -1)))
    assert (read_image(turned) == expected).all()


def test_16_bits_of_grey_and_transparency():
    grey = np.arange(6, dtype=np.uint16).reshape(2, 3) * 800
    opaque = np.full_like(grey, 65535)
    found = read_image(png16(np.stack([grey, opaque], 2)))
    expected = read_image(np.stack([grey, grey, grey, opaque], 2))
    assert (found == expected).all()


def saved(image: PILImage.Image, path, **options) -> str:
    image.save(path, **options)
    return str(path)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("through", ["file", "object"])
def test_every_pillow_mode_of_a_white_image_beside_black(mode, through, tmp_path):
    """Two white rows and a black one, as each mode stores them; files are TIFFs."""
    pixels = np.full((3, 4, 3), 255, np.uint8)
    pixels[2] = 0
    if mode == "I;16":
        image = PILImage.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = PILImage.fromarray(pixels[:, :, 0].astype(np.float32) / 255)
    else:
        image = PILImage.fromarray(pixels).convert(mode)
    assert image.mode == mode
    if through == "file":
        image = saved(image, tmp_path / "image.tif")
    assert np.array_equal(read_image(image), pixels)


def test_cmyk_colours_become_rgb():
    image = PILImage.new("CMYK", (2, 1), (0, 255, 255, 0))  # magenta and yellow ink: red
    assert read_image(image).tolist() == [[[255, 0, 0]] * 2]


def palette_image() -> PILImage.Image:
    image = PILImage.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    return image


def test_palettes_are_looked_up(tmp_path):
    expected = [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    assert read_image(saved(palette_image(), tmp_path / "p.png")).tolist() == expected


def test_transparent_palette_entries_are_laid_over_white(tmp_path):
    path = saved(palette_image(), tmp_path / "p.png", transparency=1)
    assert read_image(path).tolist() == [[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]


def test_sixteen_bit_png_is_stretched_from_its_own_range(tmp_path):
    image = PILImage.fromarray(np.array([[1000, 2000, 3000]], np.uint16))
    assert read_image(saved(image, tmp_path / "deep.png")).tolist() == grey(0, 128, 255)


UPRIGHT = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
STORED = {  # what a camera held in each way writes for an upright photograph
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.transpose(1, 0, 2),
    6: UPRIGHT.transpose(1, 0, 2)[::-1],
    7: UPRIGHT.transpose(1, 0, 2)[::-1, ::-1],
    8: UPRIGHT.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize("orientation", STORED)
def test_photographs_are_turned_as_their_exif_says(orientation, tmp_path):
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    image = PILImage.fromarray(np.ascontiguousarray(STORED[orientation]))
    path = saved(image, tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_image(path), UPRIGHT)


def test_the_first_of_several_frames_is_read(tmp_path):
    frames = [PILImage.new("RGB", (2, 2), colour) for colour in ("white", "black")]
    frames[0].save(tmp_path / "film.tif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "film.tif").min() == 255


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.4, 0.7, 0.9])
@pytest.mark.filterwarnings("ignore:.*(Truncated|truncated|Corrupt).*:UserWarning")
def test_truncated_files_are_refused(kind, share, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    PILImage.fromarray(noise).save(buffer, kind)
    path = tmp_path / "cut"
    path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))])
    with pytest.raises(ImageError, match="cut"):
        read_image(path)


def test_an_opened_image_that_turns_out_truncated_is_refused():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    PILImage.fromarray(noise).save(buffer, "JPEG")
    half = PILImage.open(io.BytesIO(buffer.getvalue()[: len(buffer.getvalue()) // 2]))
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(half)


def test_files_that_are_no_images_are_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no pixels here")
    with pytest.raises(ImageError, match=r"notes\.txt is not an image"):
        read_image(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"missing\.jpg does not exist"):
        read_image(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        read_image("null\0byte.png")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    """A header that announces 30000 x 30000 pixels."""
    PILImage.new("1", (1, 1)).save(tmp_path / "b.bmp")
    header = bytearray((tmp_path / "b.bmp").read_bytes())
    header[18:22] = header[22:26] = (30_000).to_bytes(4, "little")
    (tmp_path / "b.bmp").write_bytes(header)
    with pytest.raises(ImageError, match=r"more than 178,956,970 pixels"):
        read_image(tmp_path / "b.bmp")


@pytest.mark.slow
def test_a_hundred_megapixels_are_read(tmp_path):
    path = saved(PILImage.new("L", (10_000, 10_000), 7), tmp_path / "large.png")
    found = read_image(path)
    assert found.shape == (10_000, 10_000, 3)
    assert found[-1, -1].tolist() == [7, 7, 7]


def test_reducing_averages_areas():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 1], image[:, 3] = 100, 200
    assert resized(image, Size(1, 2)).tolist() == [[[50] * 3, [100] * 3]]
    assert resized(image, Size(2, 4)) is image


@pytest.mark.parametrize(
    ("row", "expected"), [([0, 90], [0, 45, 90]), ([0, 90, 180], [30, 150]), ([0, 1], [1])]
)
def test_resizing_is_exact_area_overlap(row, expected):
    for turned in (False, True):
        image = np.array(grey(*row), np.uint8)
        size = Size(1, len(expected))
        if turned:
            image, size = image.transpose(1, 0, 2), Size(len(expected), 1)
        assert resized(image, size)[:, :, 0].flatten().tolist() == expected


SIDES = st.integers(1, 90)


def random_image(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_resizing_is_the_mean_over_areas(height, width, rows, columns, seed):
    image = random_image(height, width, seed)
    wanted = area_mean(image, rows, columns)
    assert np.abs(resized(image, Size(rows, columns)) - wanted).max() <= 0.5 + 1e-6


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_resizing_commutes_with_mirroring(height, width, rows, columns, seed):
    image, size = random_image(height, width, seed), Size(rows, columns)
    assert np.array_equal(resized(image[:, ::-1], size), resized(image, size)[:, ::-1])
    assert np.array_equal(resized(image[::-1], size), resized(image, size)[::-1])


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.booleans(), st.integers(0, 99))
@example((1, 1), (54, 82), True, 0)
def test_resizing_is_opencvs_inter_area(heights, widths, enlarged, seed):
    """Within rounding: OpenCV enlarges in fixed point. Both axes go the same way.

    Where a pixel of the result begins exactly where one of the photograph does, OpenCV's floats can
    put it into the one before: of 54 pixels made 82 the 41st is the 26th whole, not the 27th.
    """
    cv2 = pytest.importorskip("cv2")
    (height, rows), (width, columns) = (sorted(pair) for pair in (heights, widths))
    if not enlarged:
        height, rows, width, columns = rows, height, columns, width
    image = random_image(height, width, seed)
    wanted = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    found = resized(image, Size(rows, columns))
    apart = np.abs(found.astype(int) - wanted.reshape(found.shape))
    exact = [
        (np.arange(1, made) * side % made == 0) & (made > side)
        for made, side in ((rows, height), (columns, width))
    ]
    apart[1:][exact[0]] = 0
    apart[:, 1:][:, exact[1]] = 0
    assert apart.max() <= 1


@pytest.mark.usefixtures("three_threads")
def test_threads_make_no_difference_to_resizing():
    image = random_image(50, 30, 0)
    wanted = area_mean(image, 70, 20)
    assert np.abs(resized(image, Size(70, 20)) - wanted).max() <= 0.5 + 1e-6


def test_resizing_a_map_keeps_half_pixel_centres():
    values = torch.tensor([[0.0, 1.0]])
    np.testing.assert_allclose(resized_map(values, Size(1, 4)), [[0, 0.25, 0.75, 1]])
    np.testing.assert_allclose(
        resized_map(torch.ones(5, 7), Size(2, 3)), np.ones((2, 3)), rtol=1e-6
    )
    assert resized_map(values, Size(1, 2)) is values


@pytest.mark.parametrize(("height", "width"), [(2, 1), (5, 1), (5, 4), (1, 3)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 1), (4, 1), (3, 3), (9, 1), (1, 9)])
def test_resizing_a_map_commutes_with_turning_it(height, width, rows, columns):
    """To a single column torch resizes without interpolating."""
    values = torch.from_numpy(np.random.default_rng(0).random((height, width), np.float32))
    upright, lying = (
        resized_map(values, Size(rows, columns)),
        resized_map(values.T.contiguous(), Size(columns, rows)).T,
    )
    torch.testing.assert_close(upright, lying)


def test_a_column_is_interpolated():
    values = torch.tensor([[0.0], [1.0]])
    np.testing.assert_allclose(resized_map(values, Size(4, 1))[:, 0], [0, 0.25, 0.75, 1])


def test_masks_are_written_as_0_and_255(tmp_path):
    mask = np.array([[True, False, True]])
    path = write_png(tmp_path / "mask.png", mask)
    assert np.asarray(PILImage.open(path)).tolist() == [[255, 0, 255]]


def test_pictures_are_written_with_the_users_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_png(tmp_path / "picture.png", ROW)
    finally:
        os.umask(before)
    assert np.array_equal(np.asarray(PILImage.open(path)), ROW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*nowhere.mask\.png"):
        write_png(tmp_path / "nowhere" / "mask.png", ROW)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder"):
        write_png(tmp_path / "folder", ROW)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = write_png(tmp_path / "mask.png", ROW)
    before = path.read_bytes()

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PILImage.Image, "save", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write_png(path, 255 - ROW)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that takes no files")
def test_a_folder_that_takes_no_files_is_named():
    with pytest.raises(OutputError, match=r"cannot write /proc/self/mask\.png.*choose a folder"):
        write_png("/proc/self/mask.png", np.zeros((2, 2), bool))


HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAA"
    "AAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAANwAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABo"
    "dmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEA"
    "GEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAAD"
    "AIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAGAAAAAEA"
    "AAAQAAAAAf///9gAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAA5G1k"
    "YXQAAADYKAGvBjIfIkRQXUOIm+KP//+Vx7L2mWoXSP+ZTTb+2zPlyiXbTd/n5lJpFFDYq3x79gPbYx/Wt0A38hKNaR5e"
    "g++/wlaMTe7MsEJAyK1girH7OOK4iPWgEacEFiuJbHXGCiD+IDO3Ap7+q9/N7GVs3zRCpbwf/RphRWNBe8RRRkICX66V"
    "soQnI/r9/hU2+CZY1B9IUhKencezmFVKWOHPHnCZnzfbE6tyDaf8NO+5ecTyVz8GCnpKIvY1l04fUrhexNuxchnM3Bxc"
    "6FKryABbzUUKk18cLpWj"
)
"""24 x 16 pixels: red on the left, black above blue on the right."""


def test_a_photograph_of_a_telephone(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="the extra heif is not installed")
    (tmp_path / "a.HEIC").write_bytes(HEIC)
    image = read_image(tmp_path / "a.HEIC")
    assert image.shape == (16, 24, 3)
    assert np.abs(image[3, 3].astype(int) - (200, 30, 30)).max() < 8
    assert np.abs(image[12, 20].astype(int) - (30, 30, 200)).max() < 8
    np.testing.assert_array_equal(read_image(HEIC), image)
    assert photographs(tmp_path).names == ("a.HEIC",)


def test_without_the_extra_a_heic_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("m2n2v2.images.HEIF_READERS", ("no_such_module",))
    monkeypatch.setattr("PIL.Image.OPEN", {k: v for k, v in PILImage.OPEN.items() if k != "HEIF"})
    (tmp_path / "a.heic").write_bytes(HEIC)
    for source in (tmp_path / "a.heic", HEIC):
        with pytest.raises(ImageError, match=r"HEIC file; pip install 'm2n2v2\[heif\]'"):
            read_image(source)
    assert photographs(tmp_path).said == (
        "1 file left out: a.heic (pip install 'm2n2v2[heif]', or convert it to JPEG)"
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_file_is_that_of_its_picture(tmp_path: Path, orientation: int) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    PILImage.new("RGB", (5, 3)).save(tmp_path / "a.jpg", exif=exif)
    assert size_of(tmp_path / "a.jpg").shape == read_image(tmp_path / "a.jpg").shape[:2]


def test_a_file_that_claims_more_rows_than_it_holds_is_refused() -> None:
    """Pillow makes them black and says nothing."""
    out = io.BytesIO()
    PILImage.new("RGB", (5, 3), "red").save(out, "TIFF")
    data = bytearray(out.getvalue())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    for entry in range(first + 2, first + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry) == (257,):  # ImageLength
            struct.pack_into("<I", data, entry + 8, 300)
        if struct.unpack_from("<H", data, entry) == (278,):  # RowsPerStrip
            struct.pack_into("<I", data, entry + 8, 3)
    with pytest.raises(ImageError, match="holds 15 of the 1,500 pixels"):
        read_image(bytes(data))
