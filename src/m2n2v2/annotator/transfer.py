"""Exports to download and imports that were sent: zips, guarded, around `formats`.

What is sent is unpacked into a temporary folder, where nothing but files of labels gets, each
under a plain name, up to a number and a size. Messages name no path of this machine.
"""

import io
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from m2n2v2.annotator import formats
from m2n2v2.annotator.exchange import Added, Sizes, add_labels, labels_of
from m2n2v2.annotator.formats import coco, png, voc
from m2n2v2.annotator.formats.files import LOSSES, Photos
from m2n2v2.annotator.formats.outlines import Outlines
from m2n2v2.annotator.guard import TooLargeError
from m2n2v2.annotator.project import Project
from m2n2v2.errors import BusyError, FormatError, M2N2Error, OutputError, StoreError
from m2n2v2.images import is_photograph
from m2n2v2.masks.cleaning import Cleaning
from m2n2v2.masks.conventions import Convention
from m2n2v2.masks.mask_files import SUFFIXES as MASKS

MAX_IMPORT = 128 << 20
"""Bytes of what is sent."""

MAX_UNPACKED = 1 << 30
"""Bytes of the files in a zip."""

MAX_MEMBERS = 50_000
"""Files in a zip."""

WANTED = {
    "coco": frozenset({".json"}),
    "labelme": frozenset({".json", ".tsv"}),
    "png": MASKS | {".json", ".tsv", ".txt"},
    "voc": MASKS | {".tsv", ".txt"},
}
"""Suffixes of the files in a zip that a format reads; others are not unpacked."""

NEED_PHOTOS = frozenset({"yolo", "voc"})
"""Formats of which a training wants the photographs in the same folders."""

STORED = frozenset({".png", ".jpg"})
"""Compressed already."""

CHUNK = 1 << 20
ZIP = b"PK\x03\x04"
NO_DATE = (1980, 1, 1, 0, 0, 0)
"""The same labels give the same zip."""

_busy = threading.Lock()


@dataclass(frozen=True)
class Download:
    """A file to send, in a folder to be removed afterwards."""

    path: Path
    media_type: str
    losses: tuple[str, ...]

    def remove(self) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)


@dataclass(frozen=True)
class Imported:
    """What an import brought, and what was left out, in words."""

    added: Added
    skipped: tuple[str, ...]


def download(
    project: Project,
    form: str,
    *,
    only_done: bool = False,
    photos: bool | None = None,
    zipped: bool = False,
    outlines: Outlines | None = None,
    cleaning: Cleaning = formats.KEPT,
) -> Download:
    """The labels of a folder in a format: COCO's json, a zip for every other.

    Args:
        photos: with the photographs; None where the format needs them.
        zipped: a zip for COCO too, so that `losses.txt` comes with it.
        outlines, cleaning: as of `formats.export`.

    Raises:
        FormatError: no such format, or one that cannot hold these labels.
        StoreError: there is no room for it.
    """
    formats.format_named(form)
    wanted = form in NEED_PHOTOS if photos is None else photos
    taken = labels_of(project, only_done=only_done)
    beside = Photos(project.folder.root) if wanted or form == "cutouts" else None
    home = Path(tempfile.mkdtemp(prefix="m2n2v2-"))
    try:
        with _on_disk():
            losses = formats.export(
                taken.labels, form, home / "labels", beside, outlines=outlines, cleaning=cleaning
            )
            left_out = tuple(f"left out: {line}" for line in taken.skipped)
            if form == "coco" and not zipped:
                path, media_type = home / "annotations.json", "application/json"
                (home / "labels" / coco.FILE).rename(path)
            else:
                path, media_type = home / f"{form}.zip", "application/zip"
                _pack(home / "labels", path, left_out)
            shutil.rmtree(home / "labels")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return Download(path, media_type, (*losses.lines, *left_out))


def take_in(
    project: Project,
    form: str,
    data: bytes,
    *,
    skip: bool = False,
    person: str | None = None,
    mask_values: Convention = "auto",
) -> Imported:
    """Add labels that were sent: a json (COCO, LabelMe), or a zip.

    Args:
        skip: leave out what does not match, instead of everything.
        person: who sent them.
        mask_values: what the values of mask files mean.

    Raises:
        FormatError: it is damaged, or does not match the images; nothing has changed.
        TooLargeError: the zip holds too much.
        BusyError: another import is going on.
    """
    formats.format_named(form, to_read=True)
    project.store.check_writable()
    if not _busy.acquire(blocking=False):
        raise BusyError("another import is going on", cure="try again when it is done")
    try:
        with _unpacked(data, form) as (path, unread):
            sizes = Sizes(project)
            read = formats.read(form, path, sizes, skip=skip, mask_values=mask_values)
            skipped = (*read.skipped, *_told(form, unread))
            return Imported(add_labels(project, sizes, read.labels, person), skipped)
    finally:
        _busy.release()


def _pack(folder: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """All files of a folder, in the order of their names; images left out are told, too."""
    with (folder / LOSSES).open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in left_out)
    with zipfile.ZipFile(target, "w") as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), NO_DATE)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            small = path.suffix not in STORED
            entry.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
            with path.open("rb") as source, packed.open(entry, "w") as to:
                shutil.copyfileobj(source, to)


@contextmanager
def _unpacked(data: bytes, form: str) -> Iterator[tuple[Path, list[str]]]:
    """What was sent, as the file or folder that the format reads; and what of it is not read."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-") as home, _on_disk():
        if not data.startswith(ZIP):
            if form not in ("coco", "labelme"):
                raise FormatError(
                    "what came is no zip", cure="send a zip of the masks, named as the images are"
                )
            path = Path(home) / "the file"
            path.write_bytes(data)
            yield path, []
            return
        root = Path(home) / "the zip"
        root.mkdir()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                unread = _unpack(packed, root, WANTED[form])
        except (M2N2Error, OSError):
            raise
        except Exception as error:  # unpacking what is hostile raises anything
            raise FormatError("the zip cannot be read", cure="pack it again") from error
        yield _inside(root), unread


def _told(form: str, unread: list[str]) -> tuple[str, ...]:
    """Pictures among masks that are no mask files, as those stored with loss."""
    pictures = [name for name in unread if is_photograph(name)]
    if not WANTED[form] >= MASKS or not pictures:
        return ()
    return (f"{len(pictures)} files of the zip are no masks: {', '.join(pictures[:3])}",)


def _unpack(packed: zipfile.ZipFile, root: Path, wanted: frozenset[str]) -> list[str]:
    unread = []
    members = packed.infolist()
    if len(members) > MAX_MEMBERS:
        raise TooLargeError(f"the zip holds over {MAX_MEMBERS:,} files", cure="send fewer at once")
    room = MAX_UNPACKED
    for member in members:
        name = member.filename
        path = PurePosixPath(name)
        hidden = any(part.startswith(".") and part != ".." for part in path.parts)
        if member.is_dir() or hidden or path.parts[0] == "__MACOSX":
            continue
        if path.suffix.lower() not in wanted:
            unread.append(name)
            continue
        linked = stat.S_ISLNK(member.external_attr >> 16)
        long = any(len(part.encode("utf-8", "replace")) > 255 for part in path.parts)
        leading = path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0")
        if linked or long or leading:
            raise FormatError(
                f"the zip holds {name[:80]!r}, which is no plain file name", cure="pack it again"
            )
        place = root.joinpath(*path.parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member) as source, place.open("xb") as target:
                while chunk := source.read(min(CHUNK, room + 1)):
                    room -= len(chunk)
                    if room < 0:
                        raise TooLargeError(
                            f"the zip unpacks to over {MAX_UNPACKED:,} bytes",
                            cure="send less at once",
                        )
                    target.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise FormatError(f"the zip holds {name[:80]!r} twice", cure="pack it again") from error
    return unread


def _inside(root: Path) -> Path:
    """The folder that was packed as a whole, if the zip holds nothing else."""
    every = list(root.iterdir())
    marks = (coco.FILE, png.MANIFEST, voc.OBJECTS)
    whole = len(every) == 1 and any((every[0] / mark).exists() for mark in marks)
    return every[0] if whole else root


@contextmanager
def _on_disk() -> Iterator[None]:
    """Trouble with temporary files, without their paths."""
    try:
        yield
    except OutputError as error:
        raise _no_room() from error
    except OSError as error:
        if hasattr(error, "cure"):
            raise
        raise _no_room() from error


def _no_room() -> StoreError:
    return StoreError(
        "temporary files cannot be written", cure="look at the disk's room, then try again"
    )
