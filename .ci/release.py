"""What a release must pass: `make release-check`, from a clean checkout.

Builds twice and compares, with and without Git; checks what is inside; installs the wheel into an
empty environment, uses it there, away from the repository, as somebody would who found it on an
index, and checks types from there; carries out the container's lines with it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import container

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 2 << 20

PHOTOGRAPH = """
import numpy as np
from PIL import Image
ground = np.random.default_rng(0).integers(90, 110, (120, 160, 3), np.uint8)
ground[30:90, 40:110] = (200, 60, 50)
Image.fromarray(ground).save("photo.png")
"""

OUTSIDE = Path(__file__).with_name("outside.py")
MISTAKES = (
    "Predictor.from_preset(3)",
    "Predictor.from_preset('offline').set_picture('photo.png')",
    "read_state('photo.m2n2').size.depth",
)
"""Lines that a type checker must refuse, which it only can where it sees our types."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="m2n2v2-release-") as name:
        home = Path(name)
        files = _built(home / "one")
        again = _built(home / "two")
        for path, other in zip(files, again, strict=True):
            one, two = (hashlib.sha256(p.read_bytes()).hexdigest() for p in (path, other))
            if one != two:
                raise SystemExit(f"two builds of {path.name} differ: {one} and {two}")
            print(f"{path.name}  {path.stat().st_size:,} bytes  sha256 {one}")
        _run(sys.executable, "-m", "twine", "check", "--strict", *files)
        archive, wheel = sorted(files, key=lambda path: path.suffix)
        version = wheel.name.split("-")[1]
        _check_version(version, archive, home)
        _run(sys.executable, "-m", "check_wheel_contents", "--ignore", "W002", wheel)
        _check_contents(wheel)
        _check_installed(home / "outside", wheel, version)
        container.check(wheel)
    print("the release passes")


def _check_version(version: str, archive: Path, home: Path) -> None:
    """A tag is the version; archives of source keep it; a copy that knows none has one, too."""
    tags = _said("git", "tag", "--points-at", "HEAD", "--list", "v[0-9]*").split()
    clean = not _said("git", "status", "--porcelain")
    if tags and clean and f"v{version}" not in tags:
        raise SystemExit(f"the tag is {tags[0]}, and the wheel's version {version}")
    if not tags and ".dev" not in version:
        raise SystemExit(f"no tag is here, and the wheel's version is {version}")
    copies = home / "copies"
    shutil.unpack_archive(archive, copies, filter="data")
    (source,) = copies.iterdir()
    without = {key: value for key, value in os.environ.items() if not key.startswith("SETUPTOOLS")}
    for file, expected in (("PKG-INFO", version), (None, "0.0")):
        if file is None:
            (source / "PKG-INFO").unlink()
        out = home / f"version-{expected}"
        _run(sys.executable, "-m", "build", "--wheel", "--outdir", out, source, env=without)
        (built,) = out.iterdir()
        if built.name.split("-")[1] != expected:
            raise SystemExit(f"without Git {built.name} is built, and not version {expected}")


def _built(out: Path) -> list[Path]:
    """The source archive and the wheel, of the date of the last commit."""
    date = _said("git", "log", "-1", "--format=%ct").strip()
    environment = os.environ | {"SOURCE_DATE_EPOCH": date}
    _run(sys.executable, "-m", "build", "--outdir", out, ROOT, env=environment)
    return sorted(out.iterdir())


def _check_contents(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    if wheel.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{wheel.name} is over {MOST_BYTES:,} bytes")
    if "m2n2v2/py.typed" not in names:
        raise SystemExit("m2n2v2/py.typed is missing, so its types are not seen")
    odd = [n for n in names if not n.startswith(("m2n2v2/", "m2n2v2-"))]
    if odd:
        raise SystemExit(f"the wheel holds {odd[0]}, which is no part of the package")


def _check_installed(home: Path, wheel: Path, version: str) -> None:
    """Install it and use it, with nothing of the repository in sight."""
    home.mkdir()
    _run(sys.executable, "-m", "venv", home / "env")
    scripts = home / "env" / ("Scripts" if os.name == "nt" else "bin")
    python, constraints = scripts / "python", ROOT / "constraints.txt"
    install = (python, "-m", "pip", "install", "--quiet", "--constraint", constraints)
    _run(*install, "torch")
    _run(*install, wheel)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if _said(scripts / "m2n2v2", "--version", cwd=home).strip() != f"m2n2v2 {version}":
        raise SystemExit("the installed command says another version")
    _run(python, "-c", PHOTOGRAPH, cwd=home, env=environment)
    command = (scripts / "m2n2v2", "segment", "photo.png", "--preset", "offline")
    _run(*command, "--fg", "75,60", "--no-cache", "-o", "mask.png", cwd=home, env=environment)
    if not (home / "mask.png").stat().st_size:
        raise SystemExit("segment wrote no mask")
    _check_types(home, python)
    refused = subprocess.run(
        [scripts / "m2n2v2", "annotate", "."], cwd=home, env=environment, capture_output=True
    )
    if b"pip install 'm2n2v2[annotator]'" not in refused.stderr + refused.stdout:
        raise SystemExit("without the extra the annotator does not say how to install it")


def _check_types(home: Path, python: Path) -> None:
    """A user's program passes `mypy --strict` and pyright; one with mistakes passes neither."""
    shutil.copy(OUTSIDE, home / "typed.py")
    lines = ["from m2n2v2 import Predictor, read_state", *MISTAKES]
    (home / "mistaken.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    strict = json.dumps({"typeCheckingMode": "strict", "reportUnusedExpression": False})
    (home / "pyrightconfig.json").write_text(strict, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull)
    for checker in (
        (*mypy, "--python-executable", python),
        (sys.executable, "-m", "basedpyright", "--pythonpath", python),
    ):
        _run(*checker, "typed.py", cwd=home)
        told = _said(*checker, "mistaken.py", cwd=home)
        for number, line in enumerate(MISTAKES, 2):
            if not re.search(rf"mistaken\.py:{number}:.*error", told):
                raise SystemExit(f"from outside {checker[2]} sees nothing wrong in {line}:\n{told}")


def _run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def _said(*command: object, cwd: Path = ROOT) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
