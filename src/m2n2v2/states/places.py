"""Where photographs come from and states go: folders, or an object store by its address.

The one owner of both. A `Remote` is what `fsspec` can reach (`s3://bucket/photos`); its files are
worked on as copies in a temporary folder, and written whole or not at all.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m2n2v2.errors import BackendError, ImageError, M2N2Error, OutputError, PlaceError, needing
from m2n2v2.files import Listing
from m2n2v2.images import photographs, photographs_among

CURE = "pip install 'm2n2v2[remote]'"
WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Stores whose objects appear whole, under buckets that are made elsewhere; others get a file
under another name first, in folders that are made."""

SECRET = re.compile(r"(?<=//)[^/@]*@")


@dataclass(frozen=True)
class Remote:
    """A file or folder of a store; `str` shows the address without a password in it.

    Raises:
        PlaceError: the address is of several stores in one (`::`).
    """

    url: str

    def __post_init__(self) -> None:
        if "::" in self.url:
            raise PlaceError(f"{self} is a chain of stores", cure="give one address, as s3://a/b")

    def __truediv__(self, name: str) -> "Remote":
        return Remote(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return SECRET.sub("***@", self.url)

    @property
    def name(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]


Place = Path | Remote


def place_of(text: str) -> Place:
    """What a person names: an address with `://`, or else a path."""
    return Remote(text) if "://" in text else Path(text)


def photographs_in(folder: Place) -> Listing:
    """The photographs of a folder and its folders, and what it holds beside them.

    Raises:
        ImageError: there is no such folder.
        PlaceError: the store cannot be reached, or refuses.
        BackendError: what reaches it is not installed.
    """
    if isinstance(folder, Path):
        if not folder.is_dir():
            raise ImageError(f"{folder} is no folder", cure="give one that holds photographs")
        return photographs(folder)
    system, root = _system(folder)
    with _told(folder, "listed"):
        _check_bucket(system, root)
        paths: list[str] = system.find(root)
    names = [path.removeprefix(root).lstrip("/") for path in paths]
    if names == [""]:
        raise ImageError(f"{folder} is no folder", cure="give one that holds photographs")
    return photographs_among(names)


def check_states(folder: Place) -> None:
    """Refuse a place of states that cannot be asked, before anything is computed for it.

    Raises:
        PlaceError: its bucket is not there, the store cannot be reached, or refuses.
        BackendError: what reaches it is not installed.
    """
    if isinstance(folder, Remote):
        system, root = _system(folder)
        with _told(folder, "reached"):
            _check_bucket(system, root)


def size_of(file: Place) -> int | None:
    """Its bytes; None where there is no such file.

    Raises:
        PlaceError: the store cannot be reached, or refuses.
    """
    if isinstance(file, Path):
        return file.stat().st_size if file.exists() else None
    system, path = _system(file)
    with _told(file, "asked for"):
        try:
            return int(system.info(path)["size"])
        except FileNotFoundError:
            return None


@contextmanager
def reading(file: Place) -> Iterator[Path]:
    """A path to read the file at, while the block lasts.

    Raises:
        ImageError: it is gone.
        PlaceError: the store cannot be reached, or refuses.
    """
    if isinstance(file, Path):
        yield file
        return
    system, path = _system(file)
    with _copy(file) as local:
        with _told(file, "read"):
            try:
                system.get_file(path, str(local))
            except FileNotFoundError as error:
                raise ImageError(f"{file} is gone", cure="list the folder again") from error
        yield local


@contextmanager
def heading(state: Place, length: int) -> Iterator[Path]:
    """A path to read a state's header at: of a remote one the rest is a hole, and not fetched.

    Args:
        length: bytes of the whole file (`size_of`).

    Raises:
        PlaceError: the store cannot be reached, or refuses.
    """
    if isinstance(state, Path):
        yield state
        return
    system, path = _system(state)
    with _copy(state) as local:
        with _told(state, "read"):
            first = system.cat_file(path, start=0, end=min(8, length))
            end = min(length, 8 + int.from_bytes(first, "little"))  # as safetensors begin
            local.write_bytes(system.cat_file(path, start=0, end=min(end, 8 << 20)))
        os.truncate(local, length)
        yield local


@contextmanager
def writing(file: Place, *, edit: bool = False) -> Iterator[Path]:
    """A path to write the file at; a remote one is put in place when the block ends well.

    Args:
        edit: it is there, and is changed.

    Raises:
        OutputError: its folder cannot be made.
        PlaceError: the store cannot be reached, refuses, or broke off; what was there stays.
    """
    if isinstance(file, Path):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {file.parent} ({error.strerror})",
                cure="choose another with --out",
            ) from error
        yield file
        return
    system, path = _system(file)
    with _copy(file) as local:
        if edit:
            with _told(file, "read"):
                system.get_file(path, str(local))
        yield local
        with _told(file, "written"):
            _put(system, local, path)


def _put(system: Any, local: Path, path: str) -> None:
    if not WHOLE.isdisjoint(_protocols(system)):
        system.put_file(str(local), path)
        return
    folder, _, name = path.rpartition("/")
    system.makedirs(folder, exist_ok=True)
    part = f"{folder}/.{name}.{secrets.token_hex(8)}"
    try:
        system.put_file(str(local), part)
        system.mv(part, path)
    except BaseException:
        with suppress(Exception):
            system.rm_file(part)
        raise


@contextmanager
def _copy(file: Remote) -> Iterator[Path]:
    """A path of the file's suffix in a temporary folder; errors that name it name the file."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-") as folder:
        local = Path(folder) / f"copy{Path(file.name).suffix}"
        try:
            yield local
        except M2N2Error as error:
            if str(local) in error.what:
                raise type(error)(
                    error.what.replace(str(local), str(file)), cure=error.cure
                ) from error
            raise


def _system(place: Remote) -> tuple[Any, str]:
    """fsspec's file system of an address, and the path in it."""
    with needing("remote"):
        from fsspec.core import url_to_fs
    try:
        system, path = url_to_fs(place.url, use_listings_cache=False)
    except ImportError as error:
        cure = CURE if place.url.startswith("s3") else "install what it names"
        raise BackendError(f"{place} needs more than is installed ({error})", cure=cure) from error
    except ValueError as error:
        raise PlaceError(
            f"{place} is no address that is known ({error})", cure="check what is before ://"
        ) from error
    return system, path.rstrip("/")


def _protocols(system: Any) -> tuple[str, ...]:
    spoken: str | tuple[str, ...] = system.protocol
    return (spoken,) if isinstance(spoken, str) else tuple(spoken)


def _check_bucket(system: Any, root: str) -> None:
    """FileNotFoundError where a store has no such bucket."""
    if not WHOLE.isdisjoint(_protocols(system)):
        system.info(root.partition("/")[0])


@contextmanager
def _told(place: Remote, done: str) -> Iterator[None]:
    """Every store's own errors as one kind, with a cure."""
    try:
        yield
    except M2N2Error:
        raise
    except FileNotFoundError as error:
        raise PlaceError(
            f"{place} cannot be {done}: there is no such bucket or file",
            cure="check the name, or make the bucket first",
        ) from error
    except Exception as error:  # each store has its own
        said = SECRET.sub("***@", f"{type(error).__name__}: {error}")
        if "credential" in said.lower():
            raise PlaceError(
                f"{place} cannot be {done}: no credentials came ({said})",
                cure="set the store's variables (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE)",
            ) from error
        raise PlaceError(
            f"{place} cannot be {done} ({said})",
            cure="check the address, the network and what the credentials may do",
        ) from error
