"""The model hub: its cache, and downloads into it, checked against the checksums it gives."""

import errno
import os
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from m2n2v2.errors import BackendError, WeightsError, needing
from m2n2v2.weights.catalogue import Model, Source
from m2n2v2.weights.checks import as_stated

LOOK_UP_SECONDS = 5
"""For the hub's address; resolvers without a network wait for most of a minute."""


def no_address() -> str | None:
    """Why the hub cannot be asked at all; None if it can, or if a proxy is there to ask.

    The hub's client tries each file of each source six times, for minutes, before it gives up.
    """
    hub = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    if getproxies():
        return None
    answer: queue.Queue[OSError | None] = queue.Queue()
    threading.Thread(
        target=_look_up, args=(hub.hostname, hub.port or 443, answer), daemon=True
    ).start()
    try:
        error = answer.get(timeout=LOOK_UP_SECONDS)
    except queue.Empty:
        return f"the hub {hub.hostname} has no address here (no answer in {LOOK_UP_SECONDS} s)"
    if error is None:
        return None
    return f"the hub {hub.hostname} has no address here ({error.strerror})"


def _look_up(host: str | None, port: int, answer: "queue.Queue[OSError | None]") -> None:
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        answer.put(error)
    else:
        answer.put(None)


class NotThereError(Exception):
    """One source does not give the files; the next one may."""


def download(wanted: Model, source: Source) -> Path:
    """All files of a model from one source, through the hub's own cache, checked."""
    hub, errors = _hub(), import_module("huggingface_hub.errors")
    revision, folder = source.revision, Path()
    for file in wanted.files:
        with _as_not_there(errors, source, file):
            known = hub.try_to_load_from_cache(
                source.repo, file, cache_dir=_cache_dir(), revision=revision
            )
            path = hub.hf_hub_download(
                source.repo,
                file,
                revision=revision,
                cache_dir=_cache_dir(),
                endpoint=os.environ.get("HF_ENDPOINT") or None,
            )
        if path != known:
            _refuse_damaged(Path(path), file)
        folder = Path(path).parents[file.count("/")]
        revision = folder.name
    return folder


@contextmanager
def _as_not_there(errors: Any, source: Source, file: str) -> Iterator[None]:
    """Turn the hub's errors into reasons to try the next source, and the disk's into ours."""
    try:
        yield
    except errors.GatedRepoError as error:
        raise NotThereError(
            f"gated; accept its licence at https://huggingface.co/{source.repo} and set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NotThereError("not found, or private (401 or 404)") from error
    except errors.RevisionNotFoundError as error:
        raise NotThereError(f"has no revision {source.revision}") from error
    except errors.LocalEntryNotFoundError as error:
        raise NotThereError(f"no answer ({_cause(error)})") from error
    except errors.EntryNotFoundError as error:
        raise NotThereError(f"has no file {file}") from error
    except errors.HfHubHTTPError as error:
        raise NotThereError(f"answered {error.response.status_code}") from error
    except OSError as error:
        if error.errno in _DISK:
            raise WeightsError(
                f"cannot write {file} to the cache {cache_folder()} ({error.strerror})",
                cure="free some space, or set HF_HOME to a folder you may write to",
            ) from error
        raise NotThereError(f"broke off ({_cause(error)})") from error
    except _network_errors() as error:
        raise NotThereError(f"broke off ({_cause(error)})") from error


_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENOENT),
)


def _network_errors() -> tuple[type[Exception], ...]:
    """The HTTP library's base error, whichever library this hub client uses."""
    libraries = []
    for name in ("httpx2", "httpx", "requests"):
        try:
            libraries.append(import_module(name))
        except ImportError:
            continue
    return tuple(
        error
        for library in libraries
        for error in (getattr(library, "HTTPError", None), getattr(library, "StreamError", None))
        if error is not None
    )


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".splitlines()[0]


def _refuse_damaged(path: Path, file: str) -> None:
    """Remove a download that does not have the checksum the hub gave for it."""
    if as_stated(path) is False:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise NotThereError(f"sent a damaged {file} (its checksum differs); it was removed")


def cached_snapshot(wanted: Model, repo: str, revision: str) -> Path | None:
    try:
        hub = _hub()
    except BackendError:
        return None
    folder = None
    for file in wanted.files:
        path = hub.try_to_load_from_cache(repo, file, cache_dir=_cache_dir(), revision=revision)
        if not isinstance(path, str):
            return None
        folder = Path(path).parents[file.count("/")]
    return folder


def cache_folder() -> Path:
    """The hub's cache, as its environment variables say."""
    return Path(_cache_dir() or import_module("huggingface_hub.constants").HF_HUB_CACHE)


def _cache_dir() -> str | None:
    """Read now: the hub reads its variables once, when it is imported."""
    if os.environ.get("HF_HUB_CACHE"):
        return os.environ["HF_HUB_CACHE"]
    home = os.environ.get("HF_HOME")
    return os.path.join(home, "hub") if home else None


def environment_says_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _hub() -> Any:
    with needing("backbones"):
        return import_module("huggingface_hub")
