"""Files written whole or not at all, and where the user's cache is."""

import codecs
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from m2n2v2.errors import OutputError


def user_cache() -> Path:
    """Our folder in the user's cache folder, as the system has it."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "m2n2v2"


def decoded_text(data: bytes) -> str:
    """The text of a file as editors and spreadsheets write it: UTF-8, with or without a
    byte-order mark, or UTF-16 with one.

    Raises:
        UnicodeDecodeError: it is in another encoding.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def proper_name(name: str) -> bool:
    """May a file or folder of this name be shown and stored? All but control characters and bytes
    that are no text: people's names hold spaces, joiners and marks of every script."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


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
                _confirm(temporary)
            os.replace(temporary, path)
            if lasting:
                with suppress(OSError):  # some systems open no folders
                    _confirm(path.parent)
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


def _confirm(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
