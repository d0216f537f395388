"""A detector's boxes into masks: a COCO json in, the same with masks out; resumable.

What is finished stands in a file beside the result, a line for each photograph, until all are.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from m2n2v2.errors import FormatError, M2N2Error, OutputError, PromptError, RunError
from m2n2v2.files import read_json, whole_file
from m2n2v2.images import read_image
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.coco import compressed
from m2n2v2.masks.runs import Runs
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, segment
from m2n2v2.prompts import Box, boxes_from_array
from m2n2v2.source_code import source_digest
from m2n2v2.states.preparing import Preparer

Entry = dict[str, Any]


@dataclass(frozen=True)
class Photograph:
    """What became of one photograph's boxes.

    Attributes:
        key: its id in the file, as JSON.
        annotations: those that have a mask now.
        problems: a line for every box left out.
    """

    key: str
    annotations: tuple[Entry, ...]
    problems: tuple[str, ...]

    @property
    def boxes(self) -> int:
        return len(self.annotations) + len(self.problems)


@dataclass(frozen=True)
class Detections:
    """A COCO json whose annotations have a `bbox`, and the folder of its photographs."""

    document: Entry
    folder: Path
    boxes: dict[str, list[Entry]]

    @classmethod
    def read(cls, source: Path, folder: Path) -> "Detections":
        """Read and check the file.

        Raises:
            FormatError: it is no COCO json, or has an annotation of no image listed.
        """
        document = read_json(source)
        lists = document if isinstance(document, dict) else {}
        tables = [lists.get(name) for name in ("images", "annotations")]
        if not all(
            isinstance(table, list) and all(isinstance(row, dict) for row in table)
            for table in tables
        ):
            raise FormatError(
                f"{source} is no COCO json with images and annotations",
                cure="give the detector's results together with the images they are of",
            )
        images, annotations = tables
        boxes: dict[str, list[Entry]] = {json.dumps(image.get("id")): [] for image in images or ()}
        for number, annotation in enumerate(annotations or ()):
            key = json.dumps(annotation.get("image_id"))
            if key not in boxes:
                raise FormatError(
                    f"annotation {number} of {source} is of image {key}, which is not listed",
                    cure="list it, or leave the annotation out",
                )
            boxes[key].append(annotation)
        return cls(lists, folder, boxes)

    @property
    def count(self) -> int:
        """Boxes in all."""
        return sum(map(len, self.boxes.values()))


@dataclass
class Job:
    """Masks for all boxes, or for those that are left.

    Attributes:
        out: the COCO json of masks.
        made_with: which segmenter, for the file of what is finished.
        cleaning: of every mask.

    Raises:
        RunError: what is finished was made of other boxes, or otherwise.
        OutputError: the folder cannot be written.
    """

    wanted: Detections
    out: Path
    made_with: str
    cleaning: Cleaning = field(default_factory=Cleaning)
    done: dict[str, Photograph] = field(default_factory=dict)

    def __post_init__(self) -> None:
        header = json.dumps(
            {
                "made_with": self.made_with,
                "cleaning": asdict(self.cleaning),
                "code": source_digest(__name__),
                "boxes": [self.wanted.boxes, [i.get("file_name") for i in self._images]],
            },
            sort_keys=True,
        )
        with self._writing():
            try:
                lines = self._beside.read_text("utf-8").splitlines(keepends=True)
            except FileNotFoundError:
                lines = []
        if lines and lines[0] != header + "\n":
            raise RunError(
                f"{self._beside} is of other boxes, or was made otherwise",
                cure="give another --out, or remove that file to begin anew",
            )
        whole = [line for line in lines[1:] if line.endswith("\n")]
        for line in whole:
            key, annotations, problems = json.loads(line)
            self.done[key] = Photograph(key, tuple(annotations), tuple(problems))
        with self._writing(), whole_file(self._beside) as temporary:
            temporary.write_text("".join([header + "\n", *whole]), "utf-8")

    @property
    def finished(self) -> int:
        """Boxes that were done before."""
        return sum(photograph.boxes for photograph in self.done.values())

    def run(self, prepare: Preparer) -> Iterator[Photograph]:
        """The photographs that are left, one by one, as they are finished."""
        for image in self._images:
            key = json.dumps(image.get("id"))
            if key in self.done or not self.wanted.boxes[key]:
                continue
            made = self._made(prepare, image, key)
            line = json.dumps([made.key, made.annotations, made.problems])
            with self._writing(), self._beside.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self.done[key] = made
            yield made

    def write(self) -> dict[str, int]:
        """Write the result, and remove the file beside it; the counts."""
        results = [self.done[key] for key in self.wanted.boxes if key in self.done]
        annotations = [entry for photograph in results for entry in photograph.annotations]
        with whole_file(self.out) as temporary:
            document = {**self.wanted.document, "annotations": annotations}
            temporary.write_text(json.dumps(document), "utf-8")
        self._beside.unlink(missing_ok=True)
        left_out = sum(len(photograph.problems) for photograph in results)
        return {"masks": len(annotations), "left_out": left_out}

    @property
    def _images(self) -> list[Entry]:
        images: list[Entry] = self.wanted.document["images"]
        return images

    @property
    def _beside(self) -> Path:
        return self.out.with_name(self.out.name + ".part")

    def _made(self, prepare: Preparer, image: Entry, key: str) -> Photograph:
        name, entries = image.get("file_name"), self.wanted.boxes[key]
        try:
            if not isinstance(name, str) or not name:
                raise FormatError(f"image {key} has no file_name", cure="name its file")
            state = prepare(read_image(self.wanted.folder / name))
        except M2N2Error as error:
            return Photograph(key, (), tuple(f"{name}: {error}" for _ in entries))
        annotations, problems = [], []
        for entry in entries:
            try:
                annotations.append({**entry, **_mask_of(state, entry, self.cleaning)})
            except M2N2Error as error:
                problems.append(f"{name}: {error}")
        return Photograph(key, tuple(annotations), tuple(problems))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of the disk, in our words."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write {self._beside} ({error.strerror})", cure="choose another --out"
            ) from error


def box_of(entry: Entry) -> Box:
    """An annotation's `bbox`, which COCO writes as x, y, width and height.

    Raises:
        PromptError: it has none, or it is no box.
    """
    corners = entry.get("bbox")
    if not (
        isinstance(corners, list)
        and len(corners) == 4
        and all(type(value) in (int, float) for value in corners)
    ):
        raise PromptError(f"bbox is {corners!r}", cure="give x, y, width and height in pixels")
    x, y, width, height = corners
    if not (width > 0 and height > 0):
        raise PromptError(f"bbox {corners} is empty", cure="give a width and height over 0")
    (box,) = boxes_from_array([x, y, x + width, y + height])
    return box


def _mask_of(state: ImageState, entry: Entry, cleaning: Cleaning) -> Entry:
    """What an annotation has of its mask."""
    size = state.size
    result = segment(state, empty(state), box_of(entry).inside(size))
    runs = Runs.of(cleaning.of(result.mask).mask)
    return {
        "segmentation": {"size": [size.height, size.width], "counts": compressed(runs)},
        "area": runs.area,
        "bbox": list(runs.bbox),
        "bbox_given": entry["bbox"],
        "mask_score": round(result.scales[0].score, 4),
        "iscrowd": 0,
    }
