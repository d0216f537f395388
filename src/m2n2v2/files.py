"""Files written whole or not at all, and where the user's cache is."""

import codecs
import json
import os
import re
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m2n2v2.errors import FormatError, OutputError


def user_cache() -> Path:
    """Our folder in the user's cache folder, as the system has it."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "m2n2v2"
    except RuntimeError:  # a user without a home, as containers have
        return private_temporary_folder() or Path(os.devnull) / "m2n2v2"  # no folder can be made


def private_temporary_folder() -> Path | None:
    """A folder in the system's temporary one that only this user may enter, made if it is not
    there; None where it cannot be had, or one of its name belongs to another or is open to them."""
    try:
        own = "m2n2v2" if sys.platform == "win32" else f"m2n2v2-{os.geteuid()}"
        folder = Path(tempfile.gettempdir()) / own
        folder.mkdir(mode=0o700, exist_ok=True)
        here = folder.lstat()
    except OSError:
        return None
    if sys.platform == "win32":  # the temporary folder is the user's own there
        return folder if stat.S_ISDIR(here.st_mode) else None
    private = stat.S_ISDIR(here.st_mode) and here.st_mode & 0o077 == 0
    return folder if private and here.st_uid == os.geteuid() else None


def decoded_text(data: bytes) -> str:
    """The text of a file as editors and spreadsheets write it: UTF-8, with or without a
    byte-order mark, or UTF-16 with one.

    Raises:
        UnicodeDecodeError: it is in another encoding.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def read_json(path: Path) -> Any:
    """What a JSON file holds; messages say its name, not its path.

    Raises:
        FormatError: it is not there, or no JSON.
    """
    try:
        return json.loads(decoded_text(path.read_bytes()))
    except FileNotFoundError as error:
        raise FormatError(f"{path.name} does not exist", cure="check the path") from error
    except OSError as error:
        raise FormatError(
            f"{path.name} cannot be read ({error.strerror})", cure="check it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is no JSON ({error})", cure="export it again") from error


def proper_name(name: str) -> bool:
    """May a file or folder of this name be shown and stored? All but control characters and bytes
    that are no text: people's names hold spaces, joiners and marks of every script."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def is_file(path: Path) -> bool:
    """Is there such a file? A name that no file system takes is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Listing:
    """The files of a folder that are taken, and those that are not.

    Attributes:
        names: paths in the folder, with forward slashes, in the order people count in (`9.jpg`
            before `10.jpg`).
        left_out: what is there and not taken, by the reason; names that cannot be shown are
            escaped.
    """

    names: tuple[str, ...]
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def said(self) -> str:
        """What is left out, in words; empty if nothing is."""
        count = sum(len(names) for _, names in self.left_out)
        parts = [f"{first_names(names)} ({reason})" for reason, names in self.left_out]
        files = "file" if count == 1 else "files"
        return f"{count} {files} left out: {'; '.join(parts)}" if count else ""


SHOWN = 3
"""Names of files left out that are shown, for each reason."""


def first_names(names: Sequence[str]) -> str:
    """The first few of these names, as they can be shown, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(_visible, names[:SHOWN])) + more


FORBIDDEN = frozenset("\\\0:" if os.name == "nt" else "\\\0")
"""Characters that could make a name a path of another kind."""

OURS = ".m2n2v2"
"""Our own folder inside one of images: it is neither looked into nor told."""

HIDDEN = "hidden"
IMPROPER = "rename: control characters, backslashes or bytes in no encoding"
OTHER = "not by their suffix"
"""Why files are left out."""


def walk_files(
    root: Path,
    suffixes: Collection[str],
    *,
    deep: bool = True,
    links_out: bool = True,
    missing: Mapping[str, str] | None = None,
) -> Listing:
    """The one walk over a folder: files of these suffixes, in any case; hidden ones are left out.

    Args:
        suffixes: in lower case, with the dot.
        deep: look into its folders, too, whatever they are called; not through links to folders.
        links_out: take files that links outside the folder lead to.
        missing: suffixes that could be read if something were installed, and what to do.
    """
    names: list[str] = []
    left_out: dict[str, list[str]] = {}
    inside = root.resolve()

    def leave(reason: str, name: str) -> None:
        left_out.setdefault(reason, []).append(name)

    def look(folder: Path, prefix: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            leave(f"cannot be looked into, {error.strerror}", prefix or str(folder))
            return
        for entry in entries:
            name = prefix + entry.name
            suffix = os.path.splitext(entry.name)[1].lower()
            directory = entry.is_dir(follow_symlinks=False)
            if entry.name == OURS or (directory and not deep):
                continue
            if entry.name.startswith("."):
                if suffix in suffixes or directory:
                    leave(HIDDEN, name)
            elif not proper_name(entry.name) or set(entry.name) & FORBIDDEN:
                leave(IMPROPER, name)
            elif directory:
                look(Path(entry.path), f"{name}/")
            elif entry.is_dir():
                leave("links to folders", name)
            elif suffix not in suffixes:
                leave((missing or {}).get(suffix, OTHER), name)
            elif not entry.is_file():
                leave("broken links" if entry.is_symlink() else "no files", name)
            elif entry.is_symlink() and not links_out and not _leads_inside(entry.path, inside):
                leave("links that lead outside", name)
            else:
                names.append(name)

    look(root, "")
    ordered = tuple(sorted(names, key=counting))
    return Listing(ordered, tuple((reason, tuple(them)) for reason, them in left_out.items()))


def chosen_files(
    names: Iterable[str],
    suffixes: Collection[str],
    *,
    missing: Mapping[str, str] | None = None,
) -> Listing:
    """What `walk_files` takes and leaves out, of names that an object store lists.

    Args:
        names: paths in its folder, with forward slashes.
    """
    taken: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name in sorted(names):
        parts = name.split("/")
        suffix = os.path.splitext(parts[-1])[1].lower()
        if OURS in parts:
            continue
        if any(part.startswith(".") for part in parts):
            if suffix in suffixes:
                left_out.setdefault(HIDDEN, []).append(name)
        elif not all(map(_led_to_by, parts)):
            left_out.setdefault(IMPROPER, []).append(name)
        elif suffix not in suffixes:
            left_out.setdefault((missing or {}).get(suffix, OTHER), []).append(name)
        else:
            taken.append(name)
    ordered = tuple(sorted(taken, key=counting))
    return Listing(ordered, tuple((reason, tuple(them)) for reason, them in left_out.items()))


def _led_to_by(part: str) -> bool:
    """May a part of a path be called that? Object stores take what no file system does."""
    return bool(part) and proper_name(part) and not set(part) & FORBIDDEN


def counting(name: str) -> list[tuple[int, int, str]]:
    """Sorts names as people count."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def _leads_inside(path: str, root: Path) -> bool:
    return Path(path).resolve().is_relative_to(root)


def _visible(name: str) -> str:
    """A name in a message; the bytes of one in no encoding as `\\xe9`."""
    escaped = "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in name
    )
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in escaped)


@contextmanager
def whole_file(path: Path, *, lasting: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes the place of `path` at the end.

    Where the block raises, or the process dies, what was there before stays as it was.

    Args:
        lasting: have the disk confirm it first, so that it outlives a power cut, too.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    try:
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            if lasting:
                _confirm(temporary, os.O_RDWR)  # which Windows asks for
            os.replace(temporary, path)
            if lasting:
                with suppress(OSError):  # some systems open no folders
                    _confirm(path.parent, os.O_RDONLY)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path} ({error.strerror or error})",
            cure="choose a folder that exists and that you may write to",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _confirm(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
