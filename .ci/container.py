"""Carries out the Containerfile's own lines where there is no container engine.

    python .ci/container.py dist/m2n2v2-1.2.3-py3-none-any.whl

A folder stands for the container's root: every absolute path of a line is meant in it. What is
built there is started as the file's user, who is given one folder to write in (the container's
/tmp, /cache and /photographs), and with everything else mounted read-only where this system lets
root do that. Needs root, for `setpriv`. The base image is the one thing not tried: its `python`
and `pip` are those that run this.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "Containerfile"
WRITABLE = ("tmp", "cache", "photographs")
ABSOLUTE = re.compile(r"(?<![\w./:=-])/(?=[a-z])|(?<==)/(?=[a-z])")
SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|_KEY")
PHOTOGRAPH = """
import numpy as np
from PIL import Image
ground = np.random.default_rng(0).integers(90, 110, (120, 160, 3), np.uint8)
ground[30:90, 40:110] = (200, 60, 50)
Image.fromarray(ground).save("photo.png")
"""


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction and its arguments, continued lines joined and comments left out."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in kept.replace("\\\n", "").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            yield name, rest.strip()


class Container:
    """The root folder, and what the lines so far have set."""

    def __init__(self, home: Path, context: Path) -> None:
        self.root = home / "root"
        self.writable = home / "writable"
        self.context = context
        self.environment = {"PATH": f"{self.root}/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.arguments: dict[str, str] = {}
        self.user = ""
        self.folder = self.root
        self.entry: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []
        self.stages = 0
        self.port = 0
        base = self.root / "usr/local/bin"
        base.mkdir(parents=True)
        self.writable.mkdir()
        for name in WRITABLE:
            (self.writable / name).mkdir()
            (self.root / name).symlink_to(Path("../writable") / name)
        (self.writable / "tmp").chmod(0o1777)
        base.joinpath("python").symlink_to(sys.executable)
        base.joinpath("pip").write_text(f'#!/bin/sh\nexec {sys.executable} -m pip "$@"\n')
        base.joinpath("pip").chmod(0o755)

    def here(self, text: str) -> str:
        """A line with the container's absolute paths as paths of this system."""
        return ABSOLUTE.sub(f"{self.root}/", text)

    def carry_out(self, name: str, rest: str) -> None:
        step = getattr(self, f"_{name.lower()}", None)
        if step is None:
            raise SystemExit(f"{FILE.name}: {name} is not known here: add it to {__file__}")
        step(rest)

    def _from(self, rest: str) -> None:
        image = rest.split()[0]
        if not image.endswith("-slim"):
            raise SystemExit(f"{FILE.name}: the base {image} is not slim")
        if self.stages and self.folder != self.root:
            shutil.rmtree(self.folder)  # of the earlier stage only what COPY --from names stays
        self.stages += 1
        self.folder = self.root

    def _arg(self, rest: str) -> None:
        name, _, value = rest.partition("=")
        self._no_secret(name)
        self.arguments[name] = value

    def _env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            self._no_secret(name)
            value = self.here(value).replace("$PATH", self.environment["PATH"])
            self.environment[name] = value

    def _no_secret(self, name: str) -> None:
        if SECRET.search(name):
            raise SystemExit(f"{FILE.name}: {name} looks like a secret, and stays in the image")

    def _workdir(self, rest: str) -> None:
        self.folder = Path(self.here(rest))
        self.folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            if sources[1] != target or not Path(self.here(target)).is_dir():
                raise SystemExit(f"{FILE.name}: COPY {rest} copies to another place")
            return
        for pattern in sources:
            files = sorted(self.context.glob(pattern))
            if not files:
                raise SystemExit(f"{FILE.name}: COPY {pattern} matches nothing")
            for file in files:
                shutil.copy(file, self.folder / target)

    def _run(self, rest: str) -> None:
        words = ["/bin/sh", "-euc", self.here(rest)]
        environment = self.environment | self.arguments | _pip()
        done = subprocess.run(
            words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{FILE.name}: RUN {rest}\n{done.stdout}{done.stderr}")

    def _user(self, rest: str) -> None:
        self.user = rest

    def _expose(self, rest: str) -> None:
        self.port = int(rest)

    def _healthcheck(self, rest: str) -> None:
        self.health = json.loads(rest.partition("CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self.entry = json.loads(rest)

    def _cmd(self, rest: str) -> None:
        self.command = json.loads(rest)

    def words(self, command: list[str]) -> list[str]:
        """A command as the file's user, who may write in one folder."""
        user, _, group = self.user.partition(":")
        if not user.isdecimal() or not group.isdecimal() or "0" in (user, group):
            raise SystemExit(f"{FILE.name}: USER is {self.user!r}: name numbers other than 0")
        dropped = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        dropped += ["--no-new-privs", "--", *(self.here(word) for word in command)]
        return [*read_only(self.writable), *dropped]


def read_only(writable: Path) -> list[str]:
    """What to put before a command so that it sees all but a folder read-only; nothing where this
    system refuses."""
    kept = shlex.quote(str(writable))
    script = (
        f"mount --make-rprivate / && mount --bind {kept} {kept} && mount -o remount,bind,ro / && "
        f'mount -o remount,bind,rw {kept} && exec "$@"'
    )
    words = ["unshare", "--mount", "sh", "-euc", script, "sh"]
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if tried.returncode == 0 else []


def _pip() -> dict[str, str]:
    """Where pip looks, as this system says: the one thing that is not the container's."""
    return {k: v for k, v in os.environ.items() if k.startswith("PIP_")}


def check(wheel: Path) -> None:
    """Build, start, ask for its health, and segment; an error ends the program."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        print("the container's lines are not tried: that needs root and setpriv")
        return
    with tempfile.TemporaryDirectory(prefix="m2n2v2-container-") as name:
        home = Path(name)
        home.chmod(0o755)
        context = home / "context"
        (context / "dist").mkdir(parents=True)
        shutil.copy(wheel, context / "dist")
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        for pattern in [line[1:] for line in ignored if line.startswith("!")]:
            for file in ROOT.glob(pattern):
                if not (context / file.relative_to(ROOT)).exists() and file.suffix != ".whl":
                    shutil.copy(file, context / file.relative_to(ROOT))
        container = Container(home, context)
        for instruction, rest in instructions(FILE.read_text(encoding="utf-8")):
            container.carry_out(instruction, rest)
        _try(container)
        apart = "mounted read-only" if read_only(container.writable) else "not its user's to write"
        print(f"the container's lines pass; all but one folder was {apart}")


def _try(container: Container) -> None:
    python = container.root / "opt/m2n2v2/bin/python"
    photographs = container.writable / "photographs"
    environment = container.environment
    subprocess.run([python, "-c", PHOTOGRAPH], cwd=photographs, check=True)

    def done(command: list[str]) -> subprocess.CompletedProcess[str]:
        words = container.words(command)
        return subprocess.run(
            words,
            cwd=container.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    for place in ("/opt/m2n2v2/lib", "/usr/local/bin", "/"):
        if done(["touch", f"{place}/written"]).returncode == 0:
            raise SystemExit(f"the container's user can write in {place}")
    segment = ["segment", "/photographs/photo.png", "--preset", "offline", "--fg", "75,60"]
    result = done([*container.entry, *segment, "-o", "/photographs/mask.png"])
    if result.returncode or not (photographs / "mask.png").stat().st_size:
        raise SystemExit(f"segment fails in the container:\n{result.stdout}{result.stderr}")
    words = container.words([*container.entry, *container.command])
    with subprocess.Popen(
        words, cwd=container.folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            _ask(container, server, done)
        finally:
            server.terminate()


def _ask(
    container: Container,
    server: "subprocess.Popen[str]",
    done: Callable[[list[str]], subprocess.CompletedProcess[str]],
) -> None:
    """What a running server answers: its health to anybody, the rest to who has the token."""
    assert server.stdout is not None
    lines = iter(server.stdout.readline, "")
    token = next((line.partition("?token=")[2].strip() for line in lines if "http" in line), "")
    if not token:
        raise SystemExit("the server in the container printed no address with a token")
    for _ in range(30):
        health = done(container.health)
        if health.returncode == 0 or server.poll() is not None:
            break
        with suppress(subprocess.TimeoutExpired):
            server.wait(1)
    if health.returncode:
        raise SystemExit(f"the health check fails in the container:\n{health.stderr}")
    address = f"http://127.0.0.1:{container.port}"
    with urllib.request.urlopen(f"{address}/api/project?token={token}") as answer:
        counts = json.load(answer)["counts"]
    if counts["images"] < 1:
        raise SystemExit(f"the server in the container sees no image: {counts}")
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"{address}/api/project")
        raise SystemExit("the server in the container answers without its token")
    if not (container.writable / "photographs/.m2n2v2").is_dir():
        raise SystemExit("the server in the container keeps no annotations")


if __name__ == "__main__":
    check(Path(sys.argv[1]).resolve())
