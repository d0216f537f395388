"""Cut-outs: the photograph's own pixels, with the mask as alpha."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.annotator.formats import export
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.errors import FormatError, ImageError
from tests.annotator.formats.samples import RING, SIZE, labels, photographs


def test_objects_in_their_boxes(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    losses = export(labels(), "cutouts", tmp_path / "out", Photos(folder))
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    ring = manifest["images"][0]["objects"][1]
    assert ring == {
        "file": "cutouts/a/002_saucer__blue.png",
        "class": "saucer: blue",
        "bbox": [0, 0, 7, 5],
    }
    with PILImage.open(tmp_path / "out" / ring["file"]) as file:
        pixels = np.array(file)
        assert file.mode == "RGBA"
    with PILImage.open(folder / "a.jpg") as file:
        photo = np.array(file)[:5, :7]
    inside = RING[:5, :7]
    np.testing.assert_array_equal(pixels[:, :, 3], inside * 255)
    np.testing.assert_array_equal(pixels[inside][:, :3], photo[inside])
    assert not pixels[~inside].any()
    assert dict(losses.counts) == {"clicks": 6, "outside": 5}


def test_they_need_the_photographs(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="need the photographs"):
        export(labels(), "cutouts", tmp_path / "out")


def test_another_photograph_than_the_one_labelled(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    PILImage.new("RGB", (9, 9)).save(folder / "a.jpg")
    with pytest.raises(ImageError, match=f"a.jpg is now 9x9, and was labelled at {SIZE}"):
        export(labels(), "cutouts", tmp_path / "out", Photos(folder))
    assert not (tmp_path / "out").exists()
