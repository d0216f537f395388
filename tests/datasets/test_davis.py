"""The layouts of DAVIS-2016 and DAVIS-2017."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.datasets.davis import davis_sequences
from m2n2v2.errors import DatasetError


def made_up(root: Path, name: str, labels: list[np.ndarray], *, palette: bool) -> None:
    images, masks = root / "JPEGImages/480p" / name, root / "Annotations/480p" / name
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for i, values in enumerate(labels):
        PILImage.new("RGB", values.shape[::-1]).save(images / f"{i:05d}.jpg")
        file = PILImage.fromarray(values.astype(np.uint8))
        if palette:
            file.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [9] * (3 * 253))
        file.save(masks / f"{i:05d}.png")


def test_2016_has_one_object_of_grey_masks(tmp_path: Path) -> None:
    made_up(tmp_path, "swan", [np.array([[0, 255], [0, 0]])] * 3, palette=False)
    (sequence,) = davis_sequences(tmp_path, year=2016)
    labels, void = sequence.labels(1)
    assert sequence.name == "swan"
    assert len(sequence.frames) == len(sequence.annotations) == 3
    assert labels.tolist() == [[0, 1], [0, 0]]
    assert not void.any()
    assert sequence.objects() == (1,)


def test_2017_numbers_objects_and_marks_void(tmp_path: Path) -> None:
    made_up(tmp_path, "dogs", [np.array([[0, 2], [1, 255]])], palette=True)
    (sequence,) = davis_sequences(tmp_path)
    labels, void = sequence.labels(0)
    assert labels.tolist() == [[0, 2], [1, 0]]
    assert void.tolist() == [[False, False], [False, True]]
    assert sequence.objects() == (1, 2)
    (together,) = davis_sequences(tmp_path, year=2016)
    assert together.labels(0)[0].tolist() == [[0, 1], [1, 1]]


def test_void_stays_void_where_all_objects_are_gone(tmp_path: Path) -> None:
    """What 255 means is known from the first frame, which shows an object."""
    frames = [np.array([[0, 1], [0, 255]]), np.array([[0, 0], [0, 255]])]
    made_up(tmp_path, "gone", frames, palette=True)
    (sequence,) = davis_sequences(tmp_path)
    labels, void = sequence.labels(1)
    assert not labels.any()
    assert void.tolist() == [[False, False], [False, True]]


def test_the_published_list_or_names_choose(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        made_up(tmp_path, name, [np.zeros((2, 2))], palette=False)
    assert [s.name for s in davis_sequences(tmp_path)] == ["a", "b", "c"]
    assert [s.name for s in davis_sequences(tmp_path, names=("c", "a"))] == ["c", "a"]
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("b\n")
    assert [s.name for s in davis_sequences(tmp_path)] == ["b"]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="JPEGImages"):
        davis_sequences(tmp_path)
    made_up(tmp_path, "a", [np.zeros((2, 2))] * 2, palette=False)
    with pytest.raises(DatasetError, match="no folder z"):
        davis_sequences(tmp_path, names=("z",))
    (tmp_path / "Annotations/480p/a/00001.png").unlink()
    with pytest.raises(DatasetError, match=r"00001\.jpg has no mask"):
        davis_sequences(tmp_path)


def test_the_benchmark_itself(shared: Path) -> None:
    sequences = davis_sequences(shared / "data" / "DAVIS16", year=2016)
    assert len(sequences) == 8
    assert sum(len(each.frames) for each in sequences) == 372
    labels, _ = sequences[0].labels(0)
    assert labels.shape == (480, 854)
