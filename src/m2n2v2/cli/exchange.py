"""`m2n2v2 export` and `m2n2v2 import`: the labels of a folder in other tools' formats."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m2n2v2.cli import options

if TYPE_CHECKING:
    from m2n2v2.annotator.project import Project

Folder = Annotated[Path, typer.Argument(help="The folder of images that was annotated.")]


def export(
    folder: Folder,
    form: Annotated[
        str, typer.Option("--format", help="coco, yolo, labelme, voc, png, cutouts or mot.")
    ],
    out: Annotated[
        Path, typer.Option(help="A new folder, or one with an earlier export, which is replaced.")
    ],
    only_done: Annotated[
        bool, typer.Option("--only-done", help="Only images marked as done.")
    ] = False,
    polygons: Annotated[
        bool, typer.Option("--polygons", help="COCO: polygons for objects without holes.")
    ] = False,
    simplify: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS",
            help="coco, yolo, labelme: polygons of few corners, that outlines lie no farther from.",
        ),
    ] = None,
    single_ring: Annotated[
        bool,
        typer.Option(
            "--single-ring", help="coco, labelme: holes joined to the outline by bridges."
        ),
    ] = False,
    clean: options.Clean = None,
    photos: Annotated[
        bool,
        typer.Option("--photos/--no-photos", help="Copy photographs where the format has them."),
    ] = True,
) -> None:
    """Write the labels of a folder for training or another tool, and say what is lost."""
    with _project(folder, needs_annotations=True) as project:
        from m2n2v2.annotator import formats
        from m2n2v2.annotator.exchange import labels_of
        from m2n2v2.annotator.formats.files import Photos
        from m2n2v2.annotator.formats.outlines import Outlines
        from m2n2v2.cli.outlines import read_cleaning

        formats.format_named(form)
        drawn = simplify is not None or single_ring
        _check_outside(folder, form, out, photos)
        taken = labels_of(project, only_done=only_done)
        copied = Photos(project.folder.root) if photos or form == "cutouts" else None
        losses = formats.export(
            taken.labels,
            form,
            out,
            copied,
            polygons=polygons,
            outlines=Outlines(simplify or 0.0, single_ring) if drawn else None,
            cleaning=read_cleaning(clean),
        )
    for line in taken.skipped:
        print(f"left out: {line}")
    print(f"{out}: {len(taken.labels.images)} images, {taken.labels.objects} objects as {form}")
    for line in losses.lines:
        print(f"lost: {line}")


def import_(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="The file or folder of labels.")],
    form: Annotated[str, typer.Option("--format", help="coco, labelme, png or voc.")],
    skip: Annotated[
        bool, typer.Option("--skip", help="Leave out what does not match, instead of everything.")
    ] = False,
    mask_values: options.MaskValues = "auto",
) -> None:
    """Add labels made elsewhere to a folder; they can be corrected by clicks and undone."""
    with _project(folder, needs_annotations=False) as project:
        from m2n2v2.annotator import formats
        from m2n2v2.annotator.exchange import Sizes, add_labels
        from m2n2v2.masks.conventions import checked_convention

        sizes = Sizes(project)
        values = checked_convention(mask_values)
        read = formats.read(form, file, sizes, skip=skip, mask_values=values)
        added = add_labels(project, sizes, read.labels)
    for line in read.skipped:
        print(f"left out or changed: {line}")
    print(f"{added.objects} objects on {added.images} images, {added.classes} new classes")


@contextmanager
def _project(folder: Path, *, needs_annotations: bool) -> Iterator["Project"]:
    from m2n2v2.errors import StoreError, needing
    from m2n2v2.files import OURS

    with needing("annotator"):
        from m2n2v2.annotator.project import open_project
    if needs_annotations and folder.is_dir() and not (folder / OURS).is_dir():
        raise StoreError(
            f"{folder} was never annotated", cure=f"run `m2n2v2 annotate {folder}` first"
        )
    project = open_project(folder)
    try:
        yield project
    finally:
        project.store.close()


def _check_outside(folder: Path, form: str, out: Path, photos: bool) -> None:
    """PNGs and photographs in the folder would be listed as images to annotate."""
    from m2n2v2.errors import OutputError

    writes_images = form in ("png", "cutouts", "voc") or (photos and form in ("yolo", "labelme"))
    if writes_images and out.resolve().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{out} lies in the annotated folder, and its images would be listed there",
            cure="name a folder elsewhere",
        )
