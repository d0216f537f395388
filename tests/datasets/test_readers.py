"""Every reader on a tiny made-up set in its published layout, and what can be wrong with one."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from scipy import io

from m2n2v2.datasets import PUBLISHED, find, load
from m2n2v2.datasets.manifest import inventory
from m2n2v2.errors import DatasetError, DepthError, ImageError

SHAPE = (6, 8)


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.new("RGB", SHAPE[::-1], (10, 20, 30)).save(path)


def grey(path: Path, *values: int, mode: str = "L") -> None:
    """A mask whose columns from the left have these values; the rest is 0."""
    array = np.zeros(SHAPE, np.uint8)
    array[:, : len(values)] = values
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(array).convert(mode).save(path)


def columns(
    root: Path, name: str, convention: str = "field"
) -> dict[str, tuple[list[int], list[int]]]:
    """Object and void columns of every item."""
    found = {}
    for item in find(name, root, convention):
        sample = load(item)
        assert (sample.truth == sample.truth[0]).all()
        found[item.name] = (
            np.flatnonzero(sample.truth[0]).tolist(),
            np.flatnonzero(sample.void[0]).tolist(),
        )
    return found


@pytest.mark.parametrize(
    ("name", "images", "masks"),
    [("GrabCut", "data_GT", "boundary_GT"), ("Berkeley", "images", "masks")],
)
def test_trimaps(tmp_path: Path, name: str, images: str, masks: str) -> None:
    photo(tmp_path / name / images / "a.jpg")
    grey(tmp_path / name / masks / "a.bmp", 255, 128, 64, 0)
    assert columns(tmp_path, name) == {"a.jpg": ([0], [1])}
    assert columns(tmp_path, name, "m2n2") == {"a.jpg": ([0, 1], [])}  # 128 counts as object


@pytest.mark.parametrize(
    ("name", "images", "masks"),
    [("DAVIS", "img", "gt"), ("COCO_MVal", "img", "gt"), ("BraTS", "image", "annotation")],
)
def test_any_value_over_zero(tmp_path: Path, name: str, images: str, masks: str) -> None:
    for stem in ("b", "a"):
        photo(tmp_path / name / images / f"{stem}.jpg")
        grey(tmp_path / name / masks / f"{stem}.png", 255, 1, 128)
    assert columns(tmp_path, name) == {"a.jpg": ([0, 1, 2], []), "b.jpg": ([0, 1, 2], [])}


def test_coloured_masks_count_by_their_brightest_channel(tmp_path: Path) -> None:
    photo(tmp_path / "DAVIS/img/a.jpg")
    coloured = np.zeros((*SHAPE, 3), np.uint8)
    coloured[:, :2, 2] = 128
    (tmp_path / "DAVIS/gt").mkdir()
    PILImage.fromarray(coloured).save(tmp_path / "DAVIS/gt/a.png")
    assert columns(tmp_path, "DAVIS") == {"a.jpg": ([0, 1], [])}


def test_hqseg44k_has_four_parts(tmp_path: Path) -> None:
    root = tmp_path / "HQSeg44K"
    for images, masks in (
        ("DIS5K/DIS-VD/im", "DIS5K/DIS-VD/gt"),
        (
            "thin_object_detection/ThinObject5K/images_test",
            "thin_object_detection/ThinObject5K/masks_test",
        ),
        ("thin_object_detection/COIFT/images", "thin_object_detection/COIFT/masks"),
        ("thin_object_detection/HRSOD/images", "thin_object_detection/HRSOD/masks_max255"),
    ):
        photo(root / images / "same.jpg")
        grey(root / masks / "same.png", 7)
    assert list(columns(tmp_path, "HQSeg44K")) == [
        "DIS/same.jpg",
        "ThinObject/same.jpg",
        "COIFT/same.jpg",
        "HRSOD/same.jpg",
    ]


def test_sbd_by_instance_and_by_class(tmp_path: Path) -> None:
    root = tmp_path / "SBD"
    photo(root / "img/x.jpg")
    photo(root / "img/not_in_val.jpg")
    for folder, field, values in (("inst", "GTinst", (1, 2, 255)), ("cls", "GTcls", (9, 9, 255))):
        labels = np.zeros(SHAPE, np.uint8)
        labels[:, :3] = values
        (root / folder).mkdir()
        io.savemat(root / folder / "x.mat", {field: {"Segmentation": labels}})
    (root / "val.txt").write_text("x\n")
    assert columns(tmp_path, "SBD") == {"x:1": ([0], []), "x:2": ([1], [])}
    assert columns(tmp_path, "SBD", "m2n2") == {"x:9": ([0, 1], [])}


def test_oaizib_by_label_and_as_one(tmp_path: Path) -> None:
    photo(tmp_path / "OAIZIB/test/image/k.png")
    grey(tmp_path / "OAIZIB/test/annotations/k.png", 1, 3)
    assert columns(tmp_path, "OAIZIB") == {"k.png:1": ([0], []), "k.png:3": ([1], [])}
    assert columns(tmp_path, "OAIZIB", "m2n2") == {"k.png": ([0, 1], [])}


def test_dram_every_label_but_background(tmp_path: Path) -> None:
    photo(tmp_path / "DRAM/images/cubism/p.jpg")
    grey(tmp_path / "DRAM/labels/cubism/p.png", 4, 255, 2)
    assert columns(tmp_path, "DRAM") == {
        "cubism/p.jpg:2": ([2], [1]),
        "cubism/p.jpg:4": ([0], [1]),
    }


@pytest.mark.parametrize("place", ["images", "."])
def test_coco_json(tmp_path: Path, place: str) -> None:
    root = tmp_path / "TrashCan"
    photo(root / place / "f.jpg")
    polygon = [0, 0, 2, 0, 2, 6, 0, 6]
    runs = {"size": list(SHAPE), "counts": [18, 6, 24]}  # Fortran order: the fourth column
    annotations = [
        {"id": 5, "image_id": 1, "segmentation": [polygon], "iscrowd": 0},
        {"id": 6, "image_id": 1, "segmentation": runs, "iscrowd": 0},
        {"id": 7, "image_id": 1, "segmentation": runs, "iscrowd": 1},
    ]
    image = {"id": 1, "file_name": "f.jpg", "height": SHAPE[0], "width": SHAPE[1]}
    facts = {"images": [image], "annotations": annotations, "categories": []}
    (root / "annotations.json").write_text(json.dumps(facts))
    expected = {"f.jpg:5": ([0, 1], []), "f.jpg:6": ([3], [])}
    assert columns(tmp_path, "TrashCan") == expected
    assert columns(tmp_path, "TrashCan/annotations.json") == expected


def test_folder_by_stem_with_depth_and_start(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    photo(root / "images/a.jpg")
    grey(root / "masks/a.png", 255, 128)
    grey(root / "depth/a.png", 9, 3)
    grey(root / "start/a.png", 0, 0, 255)
    assert columns(tmp_path, "mine") == {"a.png": ([0], [1])}
    (item,) = find("mine", tmp_path)
    sample = load(item, depth=True, start=True)
    assert sample.depth is not None
    assert tuple(sample.depth.shape) == SHAPE
    assert sample.depth[0, 0] < sample.depth[0, 1]  # millimetres: smaller is nearer
    assert sample.start is not None
    assert np.flatnonzero(sample.start[0]).tolist() == [2]
    assert load(item).depth is None


def test_folder_by_pairs(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    photo(root / "images/a.jpg")
    grey(root / "masks/a_1.png", 1)
    grey(root / "masks/a_2.png", 0, 1)
    (root / "pairs.tsv").write_text("image\tmask\na.jpg\ta_1.png\na.jpg\ta_2.png\n")
    assert columns(tmp_path, "mine") == {"a_1.png": ([0], []), "a_2.png": ([1], [])}


def test_void_value_is_an_option(tmp_path: Path) -> None:
    photo(tmp_path / "mine/images/a.jpg")
    grey(tmp_path / "mine/masks/a.png", 255, 77)
    (item,) = find("mine", tmp_path, void=77)
    assert np.flatnonzero(load(item).void[0]).tolist() == [1]
    with pytest.raises(DatasetError, match=r"77, 255.*--mask-values"):
        load(find("mine", tmp_path)[0])
    with pytest.raises(DatasetError, match=r"77, 255"):
        load(find("mine", tmp_path, void=None)[0])


def test_any_set_may_have_depth(tmp_path: Path) -> None:
    photo(tmp_path / "DAVIS/img/a.jpg")
    grey(tmp_path / "DAVIS/gt/a.png", 1)
    grey(tmp_path / "DAVIS/depth/a.png", 9, 3)
    (item,) = find("DAVIS", tmp_path, depth_unit="relative")
    sample = load(item, depth=True)
    assert sample.depth is not None
    assert sample.depth[0, 0] == 0  # relative: larger is farther


class TestBroken:
    def mine(self, root: Path, *values: int) -> None:
        photo(root / "mine/images/a.jpg")
        grey(root / "mine/masks/a.png", *values)

    def test_missing_set_says_where_it_was_published(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"GrabCut does not exist.*data_GT/.*GrabCut\.zip"):
            find("GrabCut", tmp_path)
        with pytest.raises(DatasetError, match=r"nobodys.*images/ masks/"):
            find("nobodys", tmp_path)

    def test_missing_folder(self, tmp_path: Path) -> None:
        photo(tmp_path / "DAVIS/img/a.jpg")
        with pytest.raises(DatasetError, match="no folder gt"):
            find("DAVIS", tmp_path)

    def test_image_without_mask(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 255)
        photo(tmp_path / "mine/images/b.jpg")
        with pytest.raises(DatasetError, match=r"b\.jpg has no mask"):
            find("mine", tmp_path)

    def test_no_images(self, tmp_path: Path) -> None:
        (tmp_path / "mine/images").mkdir(parents=True)
        (tmp_path / "mine/masks").mkdir()
        with pytest.raises(DatasetError, match="no image"):
            find("mine", tmp_path)
        (tmp_path / "mine/pairs.tsv").write_text("image\tmask\n")
        with pytest.raises(DatasetError, match="0 objects"):
            find("mine", tmp_path)

    def test_sizes_differ(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 255)
        PILImage.new("RGB", (9, 6)).save(tmp_path / "mine/images/a.jpg")
        with pytest.raises(DatasetError, match=r"mask of a\.png is 8x6.*9x6"):
            load(find("mine", tmp_path)[0])

    def test_empty_object(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 128)
        with pytest.raises(DatasetError, match=r"a\.png has no object pixel"):
            load(find("mine", tmp_path)[0])

    def test_broken_mask_and_image(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 255)
        mask, image = tmp_path / "mine/masks/a.png", tmp_path / "mine/images/a.jpg"
        whole = mask.read_bytes()
        mask.write_bytes(whole[:40])
        with pytest.raises(DatasetError, match=r"masks/a\.png is not an image"):
            load(find("mine", tmp_path)[0])
        mask.write_bytes(whole)
        image.write_bytes(b"no image")
        with pytest.raises(ImageError, match=r"images/a\.jpg"):
            load(find("mine", tmp_path)[0])

    def test_pairs_without_columns(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 255)
        (tmp_path / "mine/pairs.tsv").write_text("photo,mask\na.jpg,a.png\n")
        with pytest.raises(DatasetError, match="columns"):
            find("mine", tmp_path)

    def test_labels_as_colours(self, tmp_path: Path) -> None:
        photo(tmp_path / "OAIZIB/test/image/k.png")
        photo(tmp_path / "OAIZIB/test/annotations/k.png")
        with pytest.raises(DatasetError, match="colours"):
            find("OAIZIB", tmp_path)

    def test_coco_without_annotations(self, tmp_path: Path) -> None:
        (tmp_path / "mine.json").write_text('{"images": []}')
        with pytest.raises(DatasetError, match="no COCO json"):
            find("mine.json", tmp_path)

    def test_several_coco_files(self, tmp_path: Path) -> None:
        for name in ("train.json", "val.json"):
            (tmp_path / "TrashCan").mkdir(exist_ok=True)
            (tmp_path / "TrashCan" / name).write_text("{}")
        with pytest.raises(DatasetError, match=r"train\.json, val\.json"):
            find("TrashCan", tmp_path)

    def test_depth_asked_for_and_not_there(self, tmp_path: Path) -> None:
        self.mine(tmp_path, 255)
        with pytest.raises(DatasetError, match="no measured depth"):
            load(find("mine", tmp_path)[0], depth=True)
        (tmp_path / "mine/depth").mkdir()
        (tmp_path / "mine/depth/a.png").write_bytes(b"nothing")
        with pytest.raises(DepthError):
            load(find("mine", tmp_path)[0], depth=True)


def test_inventory(tmp_path: Path) -> None:
    photo(tmp_path / "GrabCut/data_GT/a.jpg")
    grey(tmp_path / "GrabCut/boundary_GT/a.png", 255)
    (tmp_path / "DAVIS/img").mkdir(parents=True)
    photo(tmp_path / "mine/images/a.jpg")
    grey(tmp_path / "mine/masks/a.png", 255)
    states = {entry.name: entry.state for entry in inventory(tmp_path)}
    assert set(states) == {*PUBLISHED, "mine"}
    assert states["GrabCut"] == "1 objects of 50"
    assert states["DAVIS"].startswith("broken: ")
    assert states["SBD"] == "missing"
    assert states["mine"] == "1 objects"
    with pytest.raises(DatasetError, match="no folder"):
        inventory(tmp_path / "nowhere")


def test_names_with_dots_pair_in_full(tmp_path: Path) -> None:
    for k in (1, 2, 3):
        photo(tmp_path / f"set/images/frame.{k}.png")
        grey(tmp_path / f"set/masks/frame.{k}.png", *[0] * k, 255)
    assert columns(tmp_path, "set") == {f"frame.{k}.png": ([k], []) for k in (1, 2, 3)}


def test_a_shorter_name_pairs_where_it_is_the_only_one(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.rf.123.jpg")
    grey(tmp_path / "set/masks/a.mask.png", 255)
    assert columns(tmp_path, "set") == {"a.mask.png": ([0], [])}
    photo(tmp_path / "set/images/a.rf.456.jpg")
    with pytest.raises(DatasetError, match=r"a\.mask\.png could belong to either image"):
        find("set", tmp_path)


@pytest.mark.parametrize(
    ("folder", "message"),
    [("images", "two images of one name"), ("masks", "could belong to either file")],
)
def test_two_of_one_name_are_refused(tmp_path: Path, folder: str, message: str) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", 255)
    grey(tmp_path / f"set/{folder}/a.bmp", 255)
    with pytest.raises(DatasetError, match=message):
        find("set", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pairs_as_spreadsheets_write_them(tmp_path: Path, encoding: str, end: str) -> None:
    photo(tmp_path / "set/images/é.jpg")
    grey(tmp_path / "set/masks/m.png", 255)
    text = end.join(["image\tmask", "é.jpg\tm.png", ""])
    (tmp_path / "set/pairs.tsv").write_bytes(text.encode(encoding))
    assert columns(tmp_path, "set") == {"m.png": ([0], [])}


def test_what_a_table_and_its_folders_do_not_share_is_told(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(tmp_path / "set/images" / name)
    for name in ("a.png", "stray.png"):
        grey(tmp_path / "set/masks" / name, 255)
    gone = "".join(f"gone{k}.jpg\tlost{k}.png\n" for k in range(4))
    (tmp_path / "set/pairs.tsv").write_text(f"image\tmask\na.jpg\ta.png\n{gone}")
    told: list[str] = []
    items = find("set", tmp_path, tell=told.append)
    table = tmp_path / "set/pairs.tsv"
    assert told == [
        f"{table}: 4 of column image not in images/: gone0.jpg, gone1.jpg, gone2.jpg and 1 more",
        f"{tmp_path / 'set/images'}: 2 not named in pairs.tsv: b.jpg, c.jpg",
        f"{table}: 4 of column mask not in masks/: lost0.png, lost1.png, lost2.png and 1 more",
        f"{tmp_path / 'set/masks'}: 1 not named in pairs.tsv: stray.png",
    ]
    assert load(items[0]).truth[:, 0].all()
    with pytest.raises(ImageError, match=r"gone0\.jpg"):
        load(items[1])


def test_a_table_that_names_all_says_nothing(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", 255)
    (tmp_path / "set/pairs.tsv").write_text("image\tmask\na.jpg\ta.png\n")
    told: list[str] = []
    find("set", tmp_path, tell=told.append)
    assert not told


def test_one_broken_table_hides_no_other_set(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        photo(tmp_path / name / "images/a.jpg")
        grey(tmp_path / name / "masks/a.png", 255)
    (tmp_path / "bad/pairs.tsv").write_bytes(b"\xe9\xff")
    states = {entry.name: entry.state for entry in inventory(tmp_path)}
    assert states["good"] == "1 objects"
    assert "cannot be read" in states["bad"]


def test_one_mask_twice_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", 255)
    (tmp_path / "set/pairs.tsv").write_text("image\tmask\na.jpg\ta.png\na.jpg\ta.png\n")
    with pytest.raises(DatasetError, match=r"2 objects of the name 'a\.png'"):
        find("set", tmp_path)


def test_a_cut_out_is_its_transparency(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    white = np.full((*SHAPE, 4), 255, np.uint8)
    white[:, 2:, 3] = 0
    (tmp_path / "set/masks").mkdir()
    PILImage.fromarray(white).save(tmp_path / "set/masks/a.png")
    assert columns(tmp_path, "set") == {"a.png": ([0, 1], [])}


def test_a_palette_is_read_by_its_index_or_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    index = np.zeros(SHAPE, np.uint8)
    index[:, :2] = 1
    (tmp_path / "set/masks").mkdir()
    file = PILImage.fromarray(index).convert("P")
    file.putpalette([0, 0, 0, 128, 0, 0])
    file.save(tmp_path / "set/masks/a.png")
    assert columns(tmp_path, "set") == {"a.png": ([0, 1], [])}
    file.putpalette([255, 255, 255, 0, 0, 0])
    file.save(tmp_path / "set/masks/a.png")
    (item,) = find("set", tmp_path)
    with pytest.raises(DatasetError, match="palette in which index 0 is not black"):
        load(item)


def test_colours_and_transparency_that_disagree_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    both = np.zeros((*SHAPE, 4), np.uint8)
    both[:, :3, :3], both[:, 2:, 3] = 255, 255
    (tmp_path / "set/masks").mkdir()
    PILImage.fromarray(both).save(tmp_path / "set/masks/a.png")
    (item,) = find("set", tmp_path)
    with pytest.raises(DatasetError, match="both colours and transparency"):
        load(item)


@pytest.mark.parametrize("values", [(255, 200), (255, 128, 16), (200, 220, 240, 255)])
def test_soft_edges_need_a_word(tmp_path: Path, values: tuple[int, ...]) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", *values)
    (item,) = find("set", tmp_path)
    with pytest.raises(DatasetError, match=r"--mask-values"):
        load(item)
    (item,) = find("set", tmp_path, mask_values="half", void=None)
    assert load(item).truth[0].tolist()[: len(values)] == [value >= 128 for value in values]


def test_two_objects_in_one_mask_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", 1, 2)
    (item,) = find("set", tmp_path)
    with pytest.raises(DatasetError, match=r"values 1, 2, the numbers of 2 objects"):
        load(item)


def test_the_rule_of_a_set_is_told(tmp_path: Path) -> None:
    for name, masks in (
        ("DAVIS", "img gt"),
        ("GrabCut", "data_GT boundary_GT"),
        ("x", "images masks"),
    ):
        photo(tmp_path / name / masks.split()[0] / "a.jpg")
        grey(tmp_path / name / masks.split()[1] / "a.png", 255)
    rules = {name: find(name, tmp_path)[0].truth.rule for name in ("DAVIS", "GrabCut", "x")}
    assert rules == {
        "DAVIS": "every value over 0 is object",
        "GrabCut": "over half of the full scale is object, half itself is void",
        "x": "0 is background; what could be read in two ways is refused; 128 is not scored",
    }
    (item,) = find("DAVIS", tmp_path, mask_values="half")
    assert item.truth.rule == "half of the full scale and more is object"


def test_masks_stored_with_loss_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "DAVIS/img/a.jpg")
    grey(tmp_path / "DAVIS/gt/a.jpg", 255)
    with pytest.raises(DatasetError, match="stored with loss"):
        load(find("DAVIS", tmp_path)[0])


def test_values_of_masks_are_not_declared_for_json(tmp_path: Path) -> None:
    photo(tmp_path / "OAIZIB/test/image/k.png")
    grey(tmp_path / "OAIZIB/test/annotations/k.png", 1)
    with pytest.raises(DatasetError, match="leave --mask-values out"):
        find("OAIZIB", tmp_path, mask_values="half")


def coco_set(root: Path, annotations: list[object], **image: object) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    listed = {"id": 1, "file_name": "f.jpg", "height": SHAPE[0], "width": SHAPE[1], **image}
    path = root / "annotations.json"
    path.write_text(json.dumps({"images": [listed], "annotations": annotations}))
    return path


BOX = {"image_id": 1, "segmentation": [[0, 0, 2, 0, 2, 6, 0, 6]]}


@pytest.mark.parametrize(
    ("there", "called"),
    [
        ("f.jpg", "f.jpg"),
        ("images/f.jpg", "f.jpg"),
        ("train/f.jpg", "f.jpg"),
        ("train/f.jpg", "C:\\data\\train\\f.jpg"),
        ("images/my photo.jpg", "my%20photo.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("F.JPG", "f.jpg"),
        ("f.png", "images/cb0618f6-f.jpg"),
    ],
)
def test_photographs_of_a_json_by_what_it_calls_them(
    tmp_path: Path, there: str, called: str
) -> None:
    photo(tmp_path / "set" / there)
    coco_set(tmp_path / "set", [{"id": 3, **BOX}], file_name=called)
    (item,) = find("set/annotations.json", tmp_path)
    assert item.image == tmp_path / "set" / there
    assert load(item).truth[0].tolist() == [True, True, *[False] * 6]


def test_a_name_of_two_photographs_is_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        photo(tmp_path / "set" / folder / "f.jpg")
    coco_set(tmp_path / "set", [{"id": 3, **BOX}])
    with pytest.raises(DatasetError, match=r"'f.jpg' of .* may be 'a/f.jpg' or 'b/f.jpg'"):
        find("set/annotations.json", tmp_path)


def test_annotations_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    photo(tmp_path / "set/f.jpg")
    size = list(SHAPE)
    coco_set(
        tmp_path / "set",
        [
            {"id": 1, **BOX},
            {"id": 2, "image_id": 1, "bbox": [1, 1, 2, 2]},
            {"id": 3, "image_id": 1, "segmentation": []},
            {"id": 4, "image_id": 1, "segmentation": [[1, 1, 2, 2]]},
            {"id": 5, "image_id": 1, "segmentation": {"size": size, "counts": [1, 2]}},
            {"id": 6, "image_id": 1, "segmentation": {"size": [8, 6], "counts": [48]}},
            {"id": 7, "image_id": 1, "segmentation": "x"},
            {"id": 8, "image_id": 1, "segmentation": {"size": size, "counts": "??"}},
            {"id": "9", "image_id": "1", "segmentation": {"size": size, "counts": [0, 48]}},
            {"id": 10, **BOX, "iscrowd": 1},
            {"id": 11, **BOX, "iscrowd": "0"},
        ],
    )
    told: list[str] = []
    items = find("set/annotations.json", tmp_path, tell=told.append)
    assert [item.name for item in items] == ["f.jpg:1", "f.jpg:9", "f.jpg:11"]
    assert load(items[1]).truth.all()
    (line,) = told
    assert "8 annotations left out: 2 without a segmentation; 1 broken, as 4: a polygon" in line
    assert line.endswith("1 crowds")


def test_sizes_that_a_json_does_not_say(tmp_path: Path) -> None:
    photo(tmp_path / "set/f.jpg")
    coco_set(tmp_path / "set", [{"id": 3, **BOX}], height=None)
    assert load(find("set/annotations.json", tmp_path)[0]).truth.sum() == 12
    coco_set(tmp_path / "set", [{"id": 3, **BOX}], height="tall")
    with pytest.raises(DatasetError, match="its size is said to be"):
        find("set/annotations.json", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_json_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    photo(tmp_path / "set/f.jpg")
    path = coco_set(tmp_path / "set", [{"id": 3, **BOX}])
    path.write_bytes(path.read_text().encode(encoding))
    assert len(find("set/annotations.json", tmp_path)) == 1


def test_an_image_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    coco_set(tmp_path / "set", [{"id": 3, **BOX, "image_id": 2}])
    with pytest.raises(DatasetError, match=r"the image '2' of annotation 3 is not listed"):
        find("set/annotations.json", tmp_path)


def test_what_is_left_out_of_a_folder_is_told(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.jpg")
    grey(tmp_path / "set/masks/a.png", 255)
    grey(tmp_path / "set/masks/stray.png", 255)
    (tmp_path / "set/images/notes.txt").write_text("")
    told: list[str] = []
    find("set", tmp_path, tell=told.append)
    assert told == [
        f"{tmp_path / 'set/images'}: 1 file left out: notes.txt (not by their suffix)",
        f"{tmp_path / 'set/masks'}: 1 masks belong to no image",
    ]


def test_a_name_that_no_file_system_takes(tmp_path: Path) -> None:
    coco_set(tmp_path / "set", [{"id": 3, **BOX}], file_name="é" * 300)
    (item,) = find("set/annotations.json", tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        load(item)
