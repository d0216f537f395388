"""What trainings and tools themselves read from our exports; each where it is installed."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from m2n2v2.annotator.formats import export
from m2n2v2.annotator.formats.files import Photos
from tests.annotator.formats.samples import (
    BAR,
    CORNER,
    PARTS,
    PLAIN,
    RING,
    SIZE,
    labels,
    photographs,
)

MASKS = {"a.jpg": [PLAIN, RING, CORNER], "deep/a.png": [PARTS, BAR], "empty.png": []}
pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


def test_torchvision_reads_coco(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    from torchvision.datasets import CocoDetection

    folder = photographs(tmp_path / "photos")
    export(labels(), "coco", tmp_path / "out")
    with contextlib.redirect_stdout(io.StringIO()):
        found = CocoDetection(folder, tmp_path / "out/annotations.json")
    assert len(found) == 3
    for (photo, annotations), masks in zip(found, MASKS.values(), strict=True):
        assert photo.size == (SIZE.width, SIZE.height)
        for annotation, mask in zip(annotations, masks, strict=True):
            np.testing.assert_array_equal(found.coco.annToMask(annotation), mask)


def test_torchvision_reads_voc(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    from torchvision.datasets import VOCSegmentation

    folder = photographs(tmp_path / "photos")
    export(labels(), "voc", tmp_path / "VOCdevkit/VOC2012", Photos(folder))
    found = VOCSegmentation(tmp_path, year="2012", image_set="train")
    for (photo, classes), masks in zip(found, MASKS.values(), strict=True):
        assert photo.size == (SIZE.width, SIZE.height)
        np.testing.assert_array_equal(np.array(classes) > 0, sum(masks, np.zeros(SIZE.shape)) > 0)


def test_ultralytics_reads_yolo(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, polygon2mask

    larger = photographs(tmp_path / "photos", times=4)  # it refuses images under 10 pixels
    export(labels(times=4), "yolo", tmp_path / "out", Photos(larger))
    data = check_det_dataset(str(tmp_path / "out/data.yaml"))
    assert data["names"] == {0: "saucer: blue", 1: "cup", 2: "spare"}
    found = YOLODataset(
        img_path=data["train"], data=data, task="segment", imgsz=32, augment=False, rect=False
    )
    assert [each["cls"].ravel().tolist() for each in found.labels] == [[1, 0, 1], [0, 1], []]
    size = np.array([4 * SIZE.width, 4 * SIZE.height], np.float32)
    for each, masks in zip(found.labels, MASKS.values(), strict=True):
        for segment, mask in zip(each["segments"], masks, strict=True):
            drawn = polygon2mask(tuple(size[::-1].astype(int)), [(segment * size).reshape(-1)])
            wanted = np.kron(mask, np.ones((4, 4), bool))
            assert not (wanted & ~drawn.astype(bool)).any()
            if mask is not RING and mask is not PARTS:
                np.testing.assert_array_equal(drawn.astype(bool), wanted)


def test_labelme_reads_labelme(tmp_path: Path) -> None:
    pytest.importorskip("labelme")
    from labelme._label_file import LabelFile
    from labelme.utils import shapes_to_label

    folder = photographs(tmp_path / "photos")
    export(labels(), "labelme", tmp_path / "out", Photos(folder))
    for (name, masks), value in zip(MASKS.items(), ("a", "deep/a", "empty"), strict=True):
        file = LabelFile(str(tmp_path / f"out/{value}.json"))
        assert file.imagePath == Path(name).name
        known = {shape["label"]: 1 for shape in file.shapes}
        classes, _ = shapes_to_label(SIZE.shape, file.shapes, known)
        wanted = np.logical_or.reduce([np.zeros(SIZE.shape, bool), *masks])
        np.testing.assert_array_equal(classes > 0, wanted)
