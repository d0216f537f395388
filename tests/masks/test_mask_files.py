"""Mask files of every convention and format: the same mask, or a refusal that says what to do."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator.formats.classes import voc_palette
from m2n2v2.errors import MaskError
from m2n2v2.masks.mask_files import FORMATS, read_mask

MARKS = np.zeros((6, 8), bool)
MARKS[1:4, 2:6] = True
GREY = MARKS.astype(np.uint8) * np.uint8(255)


def stored(image: PILImage.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture(values: np.ndarray, mode: str | None = None) -> PILImage.Image:
    image = PILImage.fromarray(values)
    return image if mode is None else image.convert(mode)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {}) for kind in ("PNG", "BMP", "DIB", "GIF", "PPM", "TIFF", "TGA", "PCX", "SGI")),
        ("QOI", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {"irreversible": False}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_every_format_without_loss(kind: str, options: dict[str, object], mode: str) -> None:
    if mode == "1" and kind in ("QOI", "WEBP", "JPEG2000", "SGI"):
        pytest.skip("the format has no such mode")
    assert kind in FORMATS
    image = picture(GREY, "RGB" if kind in ("QOI", "WEBP") else mode)
    found = read_mask(stored(image, kind, **options))
    np.testing.assert_array_equal(found.object, MARKS)
    assert not found.void.any()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 100}),
        ("WEBP", {"quality": 100}),
        ("AVIF", {"quality": 100}),
        ("JPEG2000", {"irreversible": True}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_formats_with_loss_are_refused(kind: str, options: dict[str, object]) -> None:
    if kind == "AVIF":
        pytest.importorskip("PIL._avif")
    with pytest.raises(MaskError, match="stored with loss"):
        read_mask(stored(picture(GREY, "RGB"), kind, **options), "half")


def test_a_file_of_several_pictures_is_refused(tmp_path: Path) -> None:
    pages = [picture(GREY), picture(GREY[::-1])]
    pages[0].save(tmp_path / "m.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(MaskError, match=r"m\.tif holds several pictures"):
        read_mask(tmp_path / "m.tif")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGB", "L", "I", "F", "1"])
def test_one_mask_in_every_mode(mode: str) -> None:
    values = picture(GREY, mode)
    kind = "TIFF" if mode in ("F", "I") else "PNG"
    np.testing.assert_array_equal(read_mask(stored(values, kind)).object, MARKS)


@pytest.mark.parametrize("peak", [1, 255, 65535])
def test_sixteen_bits(peak: int) -> None:
    values = MARKS.astype(np.uint16) * np.uint16(peak)
    np.testing.assert_array_equal(read_mask(stored(picture(values))).object, MARKS)


def test_numbers_in_sixteen_bits_of_three_channels_are_whole(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    values = np.repeat(MARKS.astype(np.uint16)[:, :, None], 3, 2) * np.uint16(3)
    values[0, 0] = 2
    cv2.imwrite(str(tmp_path / "m.png"), values)  # Pillow would cut them to 0
    assert read_mask(tmp_path / "m.png").present == [2, 3]


@pytest.mark.parametrize("bits", [2, 4])
def test_numbers_in_few_bits_are_not_scaled(bits: int) -> None:
    values = MARKS.astype(np.uint8)
    values[0, 0] = 2
    data = stored(PILImage.fromarray(values), bits=8)
    packed = _png_of_bits(values, bits)
    assert read_mask(packed).present == read_mask(data).present == [1, 2]


def _png_of_bits(values: np.ndarray, bits: int) -> bytes:
    """A grey PNG of 2 or 4 bits, which Pillow does not write."""
    import zlib

    height, width = values.shape
    rows = np.zeros((height, width * bits), np.uint8)
    for place in range(bits):
        rows[:, place::bits] = values >> (bits - 1 - place) & 1
    lines = b"".join(b"\0" + line.tobytes() for line in np.packbits(rows, axis=1))

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("most", [9, 255, 1000, 65535])
def test_numbers_of_a_pgm_are_not_scaled(plain: bool, most: int) -> None:
    values = MARKS.astype(int)
    values[0, 0] = 3
    if plain:
        body = " ".join(map(str, values.reshape(-1))).encode()
    else:
        body = values.astype(">u2" if most > 255 else "u1").tobytes()
    data = b"P%d 8 6 %d\n" % (2 if plain else 5, most) + body
    assert read_mask(data).present == [1, 3]


def test_palettes() -> None:
    index = picture(MARKS.astype(np.uint8) * np.uint8(3), "L").convert("P")
    index.putpalette(voc_palette())
    assert read_mask(stored(index)).present == [3]
    for name, colours in {
        "white background": [255, 255, 255, 9, 9, 9, 9, 9, 9, 1, 1, 1],
        "black object": [0, 0, 0, 9, 9, 9, 9, 9, 9, 0, 0, 0],
        "background in a colour": [9, 0, 0, 9, 9, 9, 9, 9, 9, 8, 8, 8],
    }.items():
        index.putpalette(colours)
        with pytest.raises(MaskError, match="palette in which index 0 is not black"):
            read_mask(stored(index), name=name)
        assert read_mask(stored(index), "index").present == [3]
    index.putpalette([0, 0, 0, 9, 9, 9, 9, 9, 9, 255, 255, 255])
    np.testing.assert_array_equal(read_mask(stored(index)).object, MARKS)


def test_void_of_a_palette_is_void() -> None:
    values = MARKS.astype(np.uint8)
    values[5] = 255
    image = picture(values, "P")
    image.putpalette(voc_palette())
    found = read_mask(stored(image))
    np.testing.assert_array_equal(found.object, MARKS)
    np.testing.assert_array_equal(found.void, values == 255)
    assert "255 is void" in found.rule


def test_a_cut_out_is_its_transparency() -> None:
    for colour in ((255, 255, 255), (9, 200, 3)):
        pixels = np.dstack([np.broadcast_to(np.uint8(colour), (6, 8, 3)), GREY])
        np.testing.assert_array_equal(read_mask(stored(picture(pixels))).object, MARKS)


def test_a_photograph_cut_out_needs_a_word() -> None:
    pixels = np.random.default_rng(0).integers(0, 9, (6, 8, 3)).astype(np.uint8)
    data = stored(picture(np.dstack([pixels, GREY])))
    with pytest.raises(MaskError, match=r"both colours and transparency.*--mask-values alpha"):
        read_mask(data)
    np.testing.assert_array_equal(read_mask(data, "alpha").object, MARKS)


def test_no_transparency_where_it_is_to_count() -> None:
    for mode in ("L", "RGB", "P"):
        with pytest.raises(MaskError, match="has no transparency"):
            read_mask(stored(picture(GREY, mode)), "alpha")


def test_soft_transparency_is_soft() -> None:
    soft = GREY.copy()
    soft[4, 2:6] = 100
    data = stored(picture(np.dstack([np.full((6, 8, 3), 255, np.uint8), soft])))
    with pytest.raises(MaskError, match="soft edges"):
        read_mask(data)
    np.testing.assert_array_equal(read_mask(data, "alpha").object, MARKS)


def test_colours() -> None:
    red = np.zeros((6, 8, 3), np.uint8)
    red[MARKS] = (200, 0, 0)
    np.testing.assert_array_equal(read_mask(stored(picture(red))).object, MARKS)
    red[0, 0] = (0, 9, 0)
    with pytest.raises(MaskError, match=r"in colours \(RGB\).*--mask-values any"):
        read_mask(stored(picture(red)))
    assert read_mask(stored(picture(red)), "any").object.sum() == MARKS.sum() + 1
    with pytest.raises(MaskError, match="colours of mode CMYK"):
        read_mask(stored(picture(red, "CMYK"), "TIFF"))


def test_a_turned_mask_is_turned_as_its_photograph_is() -> None:
    exif = PILImage.Exif()
    exif[0x0112] = 6
    found = read_mask(stored(picture(GREY), exif=exif))
    np.testing.assert_array_equal(found.object, np.rot90(MARKS, -1))


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", stored(picture(GREY))[:60]]
)
def test_damaged_files(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(data)
    with pytest.raises(MaskError, match=r"m\.png"):
        read_mask(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"none\.png does not exist"):
        read_mask(tmp_path / "none.png")
