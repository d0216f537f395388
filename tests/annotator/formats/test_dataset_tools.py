"""What supervision, datumaro and fiftyone read from our exports, where they are installed.

Compared are the number of images and objects, their classes, boxes, and every pixel of the masks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from m2n2v2.annotator.formats import export
from m2n2v2.annotator.formats.files import Photos
from m2n2v2.arrays import Mask
from m2n2v2.masks.runs import Runs
from tests.annotator.formats.samples import BAR, CORNER, PARTS, PLAIN, RING, labels, photographs

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

Objects = list[tuple[str, Mask]]
OBJECTS: Mapping[str, Objects] = {
    "a": [("cup", PLAIN), ("saucer: blue", RING), ("cup", CORNER)],
    "deep/a": [("saucer: blue", PARTS), ("cup", BAR)],
    "empty": [],
}
CLASSES = ["saucer: blue", "cup", "spare"]
SEEN: Mapping[str, Objects] = {
    "a": [
        ("cup", PLAIN & ~(RING | CORNER)),
        ("saucer_ blue", RING & ~CORNER),
        ("cup", CORNER),
    ],
    "deep_a": [("saucer_ blue", PARTS & ~BAR), ("cup", BAR)],
    "empty": [],
}
"""What VOC keeps: the uppermost object at each pixel, and no colon."""


def flat(objects: Mapping[str, Objects]) -> dict[str, Objects]:
    """By names without folders."""
    return {name.replace("/", "_"): each for name, each in objects.items()}


def box(mask: Mask) -> list[float]:
    """x, y, width and height of a mask."""
    return [float(number) for number in Runs.of(mask).bbox]


def corners(mask: Mask) -> list[float]:
    x, y, width, height = box(mask)
    return [x, y, x + width, y + height]


def supervised(dataset: Any) -> dict[str, tuple[list[str], Any]]:
    """What supervision holds: for each file's stem its classes and its detections."""
    return {
        Path(path).stem: ([dataset.classes[n] for n in detections.class_id], detections)
        for path, _, detections in dataset
    }


def test_supervision_reads_coco(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    folder = photographs(tmp_path / "photos")
    (folder / "deep/a.png").rename(folder / "other.png")  # its dictionary is by stem here
    export(labels(), "coco", tmp_path / "out")
    text = (tmp_path / "out/annotations.json").read_text()
    (tmp_path / "coco.json").write_text(text.replace("deep/a.png", "other.png"))
    dataset = supervision.DetectionDataset.from_coco(str(folder), str(tmp_path / "coco.json"))
    assert dataset.classes == CLASSES
    read = supervised(dataset)
    assert sorted(read) == ["a", "empty", "other"]
    for stem, name in (("a", "a"), ("other", "deep/a"), ("empty", "empty")):
        classes, detections = read[stem]
        assert classes == [label for label, _ in OBJECTS[name]]
        assert len(detections) == len(OBJECTS[name])
        for (_, mask), drawn, edges in zip(
            OBJECTS[name], detections.mask if classes else [], detections.xyxy, strict=True
        ):
            np.testing.assert_array_equal(drawn, mask)
            assert edges.tolist() == corners(mask)


def test_supervision_reads_yolo_and_draws_one_pixel_more(tmp_path: Path) -> None:
    """It rounds our corners to the edge between pixels and paints the outline there, which adds
    pixels to the right and below; nothing is lost."""
    supervision = pytest.importorskip("supervision")
    folder = photographs(tmp_path / "photos", times=8)
    export(labels(times=8), "yolo", tmp_path / "out", Photos(folder))
    dataset = supervision.DetectionDataset.from_yolo(
        str(tmp_path / "out/images/train"),
        str(tmp_path / "out/labels/train"),
        str(tmp_path / "out/data.yaml"),
    )
    assert dataset.classes == CLASSES
    read = supervised(dataset)
    assert sorted(read) == ["a", "deep_a", "empty"]
    for name, objects in flat(OBJECTS).items():
        classes, detections = read[name]
        assert classes == [label for label, _ in objects]
        for (_, small), drawn, edges in zip(
            objects, detections.mask if classes else [], detections.xyxy, strict=True
        ):
            mask = np.kron(small, np.ones((8, 8), bool))
            assert np.abs(edges - corners(mask)).max() <= 1 / 16 + 1e-5
            assert not (mask & ~drawn).any()
            if small is not RING and small is not PARTS:  # their bridges are painted, too
                right_and_below = ndimage.binary_dilation(mask, np.ones((2, 2)), origin=-1)
                np.testing.assert_array_equal(drawn & ~right_and_below, np.zeros_like(mask))


def test_supervision_reads_the_boxes_of_voc(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    export(labels(), "voc", tmp_path / "out", Photos(photographs(tmp_path / "photos")))
    dataset = supervision.DetectionDataset.from_pascal_voc(
        str(tmp_path / "out/JPEGImages"), str(tmp_path / "out/Annotations")
    )
    assert sorted(dataset.classes) == ["cup", "saucer_ blue"]  # those that are met
    read = supervised(dataset)
    assert sorted(read) == sorted(SEEN)
    for name, objects in SEEN.items():
        classes, detections = read[name]
        assert classes == [label for label, _ in objects]
        assert detections.xyxy.tolist() == [corners(mask) for _, mask in objects]


def annotated(datumaro: Any, dataset: Any, kind: str) -> dict[str, list[tuple[str, Any]]]:
    """What datumaro holds of a kind: by the item's name the classes and annotations, in order."""
    names = [each.name for each in dataset.categories()[datumaro.AnnotationType.label]]
    return {
        item.id: [
            (names[each.label], each)
            for each in sorted(item.annotations, key=lambda each: each.group)
            if each.type == getattr(datumaro.AnnotationType, kind)
        ]
        for item in dataset
    }


def test_datumaro_reads_coco(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    photographs(tmp_path / "images/train")
    export(labels(), "coco", tmp_path / "out")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "out/annotations.json").rename(tmp_path / "annotations/instances_train.json")
    dataset = datumaro.Dataset.import_from(str(tmp_path), "coco_instances")
    assert [each.name for each in dataset.categories()[datumaro.AnnotationType.label]] == CLASSES
    read = annotated(datumaro, dataset, "mask")
    assert sorted(read) == sorted(OBJECTS)
    for name, objects in OBJECTS.items():
        assert [label for label, _ in read[name]] == [label for label, _ in objects]
        for (_, mask), (_, drawn) in zip(objects, read[name], strict=True):
            np.testing.assert_array_equal(drawn.image, mask)
            assert list(drawn.get_bbox()) == box(mask)
    assert all(item.media.data.shape == (*PLAIN.shape, 3) for item in dataset)


def test_datumaro_reads_masks_and_boxes_of_voc(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    export(labels(), "voc", tmp_path / "out", Photos(photographs(tmp_path / "photos")))
    masks = datumaro.Dataset.import_from(str(tmp_path / "out"), "voc_instance_segmentation")
    named = [each.name for each in masks.categories()[datumaro.AnnotationType.label]]
    assert named == ["background", "saucer_ blue", "cup", "spare"]
    drawn = annotated(datumaro, masks, "mask")
    assert sorted(drawn) == sorted(SEEN)
    boxes = annotated(
        datumaro,
        datumaro.Dataset.import_from(
            str(tmp_path / "out"), "voc_detection", coordinate_mode="voc-one-based"
        ),
        "bbox",
    )
    for name, objects in SEEN.items():
        for read in (drawn, boxes):
            assert [label for label, _ in read[name]] == [label for label, _ in objects]
        for (_, mask), (_, theirs) in zip(objects, drawn[name], strict=True):
            np.testing.assert_array_equal(theirs.image, mask)
        assert [list(each.get_bbox()) for _, each in boxes[name]] == [box(m) for _, m in objects]


def test_datumaros_reader_of_yolo_takes_boxes_only(tmp_path: Path) -> None:
    """What docs/formats.md says; once it reads polygons, this fails and the page changes."""
    datumaro = pytest.importorskip("datumaro")
    export(labels(), "yolo", tmp_path / "out", Photos(photographs(tmp_path / "photos")))
    dataset = datumaro.Dataset.import_from(str(tmp_path / "out"), "yolo")
    assert [each.name for each in dataset.categories()[datumaro.AnnotationType.label]] == CLASSES
    assert [(item.id, item.annotations) for item in dataset] == [("empty", [])]


def test_fiftyone_reads_coco(tmp_path: Path) -> None:
    """By its importer, which needs no database; its data sets do."""
    coco = pytest.importorskip("fiftyone.utils.coco")
    folder = photographs(tmp_path / "photos")
    export(labels(), "coco", tmp_path / "out")
    importer = coco.COCODetectionDatasetImporter(
        data_path=str(folder),
        labels_path=str(tmp_path / "out/annotations.json"),
        label_types=["segmentations"],
        include_id=False,
    )
    with importer:
        assert [each["name"] for each in importer.get_dataset_info()["categories"]] == CLASSES
        read = {
            Path(path).relative_to(folder).with_suffix("").as_posix(): (metadata, instances)
            for path, metadata, instances in importer
        }
    assert sorted(read) == sorted(OBJECTS)
    for name, objects in OBJECTS.items():
        metadata, instances = read[name]
        assert (metadata.height, metadata.width) == PLAIN.shape
        detections = instances.detections if instances else []
        assert [each.label for each in detections] == [label for label, _ in objects]
        for (_, mask), theirs in zip(objects, detections, strict=True):
            x, y, width, height = map(int, box(mask))
            np.testing.assert_array_equal(theirs.mask, mask[y : y + height, x : x + width])
            scale = np.array([8, 6, 8, 6])
            np.testing.assert_allclose(theirs.bounding_box * scale, box(mask))


def test_fiftyone_reads_yolo(tmp_path: Path) -> None:
    yolo = pytest.importorskip("fiftyone.utils.yolo")
    export(labels(), "yolo", tmp_path / "out", Photos(photographs(tmp_path / "photos")))
    importer = yolo.YOLOv5DatasetImporter(
        dataset_dir=str(tmp_path / "out"),
        yaml_path="data.yaml",
        split="train",
        label_type="polylines",
    )
    with importer:
        read = {Path(path).stem: polylines for path, _, polylines in importer}
    assert sorted(read) == sorted(flat(OBJECTS))
    for name, objects in flat(OBJECTS).items():
        polylines = read[name].polylines if objects else []
        assert [each.label for each in polylines] == [label for label, _ in objects]
        for (_, mask), theirs in zip(objects, polylines, strict=True):
            (ring,) = theirs.points
            points = np.array(ring) * (8, 6)
            edges = [*points.min(axis=0), *points.max(axis=0)]
            assert np.abs(np.array(edges) - corners(mask)).max() <= 1 / 16 + 1e-5
